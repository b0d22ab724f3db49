#include "hal/host/tty.h"
#include "sinks/descriptor.h"
#include "sinks/sink.h"

#define DEFAULT_BAUD 115200

static int
open_raw(struct sink *s, uint32_t baud)
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

static int
serial_open(struct sink *s)
{
    return open_raw(s, s->channel->baud != 0 ? s->channel->baud : DEFAULT_BAUD);
}

/* A baud rate of 0 leaves the speed as it is. */
static int
tty_open(struct sink *s)
{
    return open_raw(s, s->channel->baud);
}

const struct sink_ops sink_serial_ops = {
    .scheme = "serial",
    .open = serial_open,
    .write = sink_fd_write,
    .queued = sink_fd_tty_queued,
    .close = sink_fd_close,
};

const struct sink_ops sink_tty_ops = {
    .scheme = "tty",
    .open = tty_open,
    .write = sink_fd_write,
    .queued = sink_fd_tty_queued,
    .close = sink_fd_close,
};
