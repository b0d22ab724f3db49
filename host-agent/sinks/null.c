#include "sinks/descriptor.h"
#include <errno.h>
#include <fcntl.h>

static int
null_open(const struct conf_channel *channel)
{
    int fd = open("/dev/null", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    (void)channel;
    return fd < 0 ? -errno : fd;
}

const struct sink_ops sink_null_ops = {
    .scheme = "null",
    .open = null_open,
    .write = sink_fd_write,
    .queued = sink_fd_none_queued,
    .close = sink_fd_close,
};
