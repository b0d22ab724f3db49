#include "sinks/descriptor.h"
#include "sinks/sink.h"

static int
null_open(struct sink *s)
{
    (void)s;
    return 0;
}

static int
null_write(struct sink *s, const char *src, size_t len)
{
    (void)s;
    (void)src;
    return (int)len;
}

const struct sink_ops sink_null_ops = {
    .scheme = "null",
    .open = null_open,
    .write = null_write,
    .queued = sink_fd_none_queued,
    .close = sink_fd_close,
};
