#include "sinks/descriptor.h"
#include "hal/host/tty.h"
#include <errno.h>
#include <unistd.h>

int
sink_fd_open_raw(struct sink *s, uint32_t baud)
{
    int fd = hal_tty_open(s->channel->device);

    if (fd < 0) {
        return fd;
    }
    s->fd = fd;
    int error = hal_tty_raw(fd, baud, s->channel->frame[0] != '\0' ? s->channel->frame : "8n1");
    if (error < 0) {
        sink_fd_close(s);
    }
    return error;
}

int
sink_fd_write(struct sink *s, const char *src, size_t len)
{
    ssize_t n = write(s->fd, src, len);

    if (n >= 0) {
        return (int)n;
    }
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

int
sink_fd_none_queued(struct sink *s)
{
    (void)s;
    return 0;
}

int
sink_fd_tty_queued(struct sink *s)
{
    return hal_tty_queued(s->fd);
}

void
sink_fd_close(struct sink *s)
{
    if (s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
}
