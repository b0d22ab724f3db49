#include "belfry/line/remote.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int
remote_dial(struct line *l, int64_t now_ms)
{
    struct line_remote *r = &l->is.remote;
    enum dial_why why;
    int error;

    if (r->call == 0) {
        error = dial_call(l->conf, now_ms, &r->call);
        /* Many lines at once: belfry-dial has not read all of them yet. */
        return error == 0 || error == -EAGAIN ? -EINPROGRESS : error;
    }
    error = dial_answer(r->call, now_ms, &r->fd, &why);
    if (error != 0 && error != -EINPROGRESS) {
        r->call = 0;
        l->why = dial_why_name(why);
    }
    return error;
}

void
remote_close(struct line *l)
{
    struct line_remote *r = &l->is.remote;

    if (l->up) {
        (void)close(r->fd);
    }
    if (r->call != 0) {
        dial_end(r->call);
        r->call = 0;
    }
}

int
remote_fd(const struct line *l)
{
    return l->is.remote.fd;
}

/* Others may hold the same socket, and what they set holds for us: so nothing here rests on O_NONBLOCK. */
static bool
is_socket(const struct line *l)
{
    return l->conf->kind != CONF_COMMAND;
}

int
remote_read(struct line *l, uint8_t *to, size_t size, bool ready, int64_t now_ms)
{
    ssize_t n;

    (void)now_ms;
    if (!ready && !l->more) {
        return 0;
    }
    n = is_socket(l) ? recv(l->is.remote.fd, to, size, MSG_DONTWAIT) : read(l->is.remote.fd, to, size);
    if (n > 0) {
        l->more = n == (ssize_t)size;
        return (int)n;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    /* EIO: the command that had the pseudo-terminal is gone. */
    return n == 0 || errno == EIO ? -ENOTCONN : -errno;
}

int
remote_write(struct line *l, const uint8_t *src, size_t len)
{
    int fd = l->is.remote.fd;
    ssize_t n = is_socket(l) ? send(fd, src, len, MSG_DONTWAIT | MSG_NOSIGNAL) : write(fd, src, len);

    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    return (int)n;
}

/* The kinds that are no more than that: what differs is belfry-dial's. */
const struct line_ops line_tcp_ops = {
    .kind = "tcp",
    .wait_first_ms = REMOTE_WAIT_FIRST_MS,
    .wait_max_ms = REMOTE_WAIT_MAX_MS,
    .well_ms = REMOTE_WELL_MS,
    .open = remote_dial,
    .close = remote_close,
    .fd = remote_fd,
    .read = remote_read,
    .write = remote_write,
};

const struct line_ops line_tls_ops = {
    .kind = "tls",
    .wait_first_ms = REMOTE_WAIT_FIRST_MS,
    .wait_max_ms = REMOTE_WAIT_MAX_MS,
    .well_ms = REMOTE_WELL_MS,
    .open = remote_dial,
    .close = remote_close,
    .fd = remote_fd,
    .read = remote_read,
    .write = remote_write,
};

const struct line_ops line_command_ops = {
    .kind = "command",
    .wait_first_ms = REMOTE_WAIT_FIRST_MS,
    .wait_max_ms = REMOTE_WAIT_MAX_MS,
    .well_ms = REMOTE_WELL_MS,
    .open = remote_dial,
    .close = remote_close,
    .fd = remote_fd,
    .read = remote_read,
    .write = remote_write,
};
