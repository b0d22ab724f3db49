#include "sinks/descriptor.h"
#include <errno.h>
#include <stdio.h>

/*
 * Any other sink, with faults around it: the same seed gives the same ones. Of 16 writes about 8 are whole, 5
 * short, 2 refused and 1 fails as if the device had gone; of 16 openings 2 fail; of 64 looks 1 says that it
 * was tampered with, 2 that it takes nothing for now and 1 that it is gone.
 */
#define WRITE_FAIL 1
#define WRITE_REFUSE 3
#define WRITE_SHORT 8
#define OPEN_FAIL 2
#define CHECK_TAMPERED 1
#define CHECK_WAITS 3
#define CHECK_FAIL 4

static uint64_t state; /* 0: not seeded */

static uint32_t
draw(const struct conf_channel *channel)
{
    if (state == 0) {
        state = (uint64_t)channel->seed + 1;
    }
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static const struct sink_ops *
inner(const struct conf_channel *channel)
{
    return sink_ops_of(conf_channel_kind(channel));
}

static int
fault_open(const struct conf_channel *channel)
{
    return inner(channel)->open(channel);
}

static void
fault_prepare(struct sink *s)
{
    if (inner(s->channel)->prepare != NULL) {
        inner(s->channel)->prepare(s);
    }
}

static int
fault_adopt(struct sink *s)
{
    if (draw(s->channel) % 16 < OPEN_FAIL) {
        return -ENODEV;
    }
    return inner(s->channel)->adopt != NULL ? inner(s->channel)->adopt(s) : 0;
}

static int
fault_write(struct sink *s, const char *src, size_t len)
{
    uint32_t drawn = draw(s->channel);
    uint32_t kind = drawn % 16;

    if (kind < WRITE_FAIL) {
        return -EIO;
    }
    if (kind < WRITE_REFUSE) {
        return 0;
    }
    if (kind < WRITE_SHORT) {
        len = 1 + (drawn / 16) % len;
    }
    return inner(s->channel)->write(s, src, len);
}

static int
fault_queued(struct sink *s)
{
    return inner(s->channel)->queued(s);
}

static int
fault_check(struct sink *s, char word[SINK_WORD])
{
    uint32_t kind = draw(s->channel) % 64;

    if (kind < CHECK_FAIL) {
        snprintf(word, SINK_WORD, "fault");
        return kind < CHECK_TAMPERED ? SINK_TAMPERED : kind < CHECK_WAITS ? SINK_WAITS : -EIO;
    }
    return inner(s->channel)->check != NULL ? inner(s->channel)->check(s, word) : 0;
}

static void
fault_settings(struct sink *s, char out[SINK_SETTINGS])
{
    if (inner(s->channel)->settings != NULL) {
        inner(s->channel)->settings(s, out);
    }
}

static void
fault_close(struct sink *s)
{
    inner(s->channel)->close(s);
}

const struct sink_ops sink_fault_ops = {
    .scheme = "fault",
    .open = fault_open,
    .prepare = fault_prepare,
    .adopt = fault_adopt,
    .write = fault_write,
    .queued = fault_queued,
    .changes = true,
    .check = fault_check,
    .settings = fault_settings,
    .close = fault_close,
};
