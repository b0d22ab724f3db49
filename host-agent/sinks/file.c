#include "sinks/descriptor.h"
#include <errno.h>
#include <fcntl.h>

static int
file_open(const struct conf_channel *channel)
{
    int fd = open(channel->device, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);

    return fd < 0 ? -errno : fd;
}

const struct sink_ops sink_file_ops = {
    .scheme = "file",
    .open = file_open,
    .write = sink_fd_write,
    .queued = sink_fd_none_queued,
    .close = sink_fd_close,
};
