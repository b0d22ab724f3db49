#include "sinks/descriptor.h"
#include "sinks/sink.h"
#include <errno.h>
#include <fcntl.h>

static int
file_open(struct sink *s)
{
    s->fd = open(s->channel->device, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    return s->fd < 0 ? -errno : 0;
}

const struct sink_ops sink_file_ops = {
    .scheme = "file",
    .open = file_open,
    .write = sink_fd_write,
    .queued = sink_fd_none_queued,
    .close = sink_fd_close,
};
