#include "sinks/descriptor.h"
#include "sinks/sink.h"
#include <errno.h>

/*
 * The seed stands where a serial channel has its speed: the same seed gives the same faults. Of 16 writes
 * about 8 are whole, 5 short, 2 refused and 1 fails as if the device had gone.
 */
#define FAULT_FAIL 1
#define FAULT_REFUSE 3
#define FAULT_SHORT 8

static uint32_t
fault_draw(struct sink *s)
{
    s->fault_seed = s->fault_seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(s->fault_seed >> 33);
}

static int
fault_open(struct sink *s)
{
    if (s->fault_seed == 0) {
        s->fault_seed = (uint64_t)s->channel->baud + 1;
    }
    return sink_fd_open_raw(s, 0);
}

static int
fault_write(struct sink *s, const char *src, size_t len)
{
    uint32_t draw = fault_draw(s);
    uint32_t kind = draw % 16;

    if (kind < FAULT_FAIL) {
        return -EIO;
    }
    if (kind < FAULT_REFUSE) {
        return 0;
    }
    if (kind < FAULT_SHORT) {
        len = 1 + (draw / 16) % len;
    }
    return sink_fd_write(s, src, len);
}

const struct sink_ops sink_fault_ops = {
    .scheme = "fault",
    .open = fault_open,
    .write = fault_write,
    .queued = sink_fd_none_queued,
    .close = sink_fd_close,
};
