#include "sinks/descriptor.h"
#include "sinks/sink.h"

#define DEFAULT_BAUD 115200

static int
serial_open(struct sink *s)
{
    return sink_fd_open_raw(s, s->channel->baud != 0 ? s->channel->baud : DEFAULT_BAUD);
}

static int
tty_open(struct sink *s)
{
    return sink_fd_open_raw(s, s->channel->baud);
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
