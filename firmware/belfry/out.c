#include "belfry/out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int
out_init(struct out *o, int fd, size_t size)
{
    memset(o, 0, sizeof *o);
    o->buffer = malloc(size);
    if (o->buffer == NULL) {
        return -ENOMEM;
    }
    o->fd = fd;
    o->size = size;
    return 0;
}

int
out_stdout(struct out *o, size_t size)
{
    struct stat st;
    int error = out_init(o, STDOUT_FILENO, size);
    int fd;

    if (error != 0) {
        return error;
    }
    if (fstat(STDOUT_FILENO, &st) != 0) {
        out_close(o);
        return 0;
    }
    o->is_socket = S_ISSOCK(st.st_mode);
    o->is_file = S_ISREG(st.st_mode);
    if (!o->is_socket && !o->is_file) {
        /* O_NONBLOCK on the descriptor itself would be felt by everybody who shares it, a shell for one. */
        fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0) {
            o->fd = fd;
            o->own = true;
        }
    }
    return 0;
}

int
out_socket(struct out *o, int fd, size_t size)
{
    int error = out_init(o, fd, size);

    if (error == 0) {
        o->is_socket = true;
        o->own = true;
    }
    return error;
}

void
out_close(struct out *o)
{
    if (o->own && o->fd >= 0) {
        (void)close(o->fd);
    }
    free(o->buffer);
    memset(o, 0, sizeof *o);
    o->fd = -1;
}

bool
out_put(struct out *o, const char *text, size_t len)
{
    if (o->fd < 0 || len > o->size - o->len) {
        o->dropped++;
        return false;
    }
    memcpy(o->buffer + o->len, text, len);
    o->len += len;
    return true;
}

static ssize_t
write_some(struct out *o)
{
    struct pollfd p = { .fd = o->fd, .events = POLLOUT };

    if (o->is_socket) {
        return send(o->fd, o->buffer, o->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (!o->own && !o->is_file && (poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0)) {
        errno = EAGAIN;
        return -1;
    }
    return write(o->fd, o->buffer, o->len);
}

int
out_flush(struct out *o)
{
    while (o->fd >= 0 && o->len > 0) {
        ssize_t n = write_some(o);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno == EAGAIN ? 0 : -errno;
        }
        o->len -= (size_t)n;
        memmove(o->buffer, o->buffer + n, o->len);
    }
    return 0;
}

uint64_t
out_dropped(struct out *o)
{
    uint64_t n = 0;

    if (o->dropped > 0 && o->len < o->size / 2) {
        n = o->dropped;
        o->dropped = 0;
    }
    return n;
}

void
out_warn(const char *format, ...)
{
    /* A pipe that is ready takes PIPE_BUF bytes at once: pipe(7). */
    struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
    char text[512];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0) {
        (void)dprintf(STDERR_FILENO, "belfry: %s\n", text);
    }
}
