#include "belfry/line/remote.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
unix_open(struct line *l, int64_t now_ms)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd;
    int error;

    (void)now_ms;
    if ((size_t)snprintf(at.sun_path, sizeof at.sun_path, "%s", l->conf->path) >= sizeof at.sun_path) {
        return -ENAMETOOLONG;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    /* At once or not at all: EAGAIN when the server's queue is full. */
    if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        error = -errno;
        (void)close(fd);
        return error;
    }
    l->is.remote.fd = fd;
    return 0;
}

const struct line_ops line_unix_ops = {
    .kind = "unix",
    .open = unix_open,
    .close = remote_close,
    .fd = remote_fd,
    .read = remote_read,
    .write = remote_write,
};
