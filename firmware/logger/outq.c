#include "logger/outq.h"

#include <string.h>

void
outq_init(struct outq *q)
{
    memset(q, 0, sizeof(*q));
}

static uint8_t *
bytes_of(struct outq *q, enum outq_rank rank, uint16_t *size)
{
    switch (rank) {
    case OUTQ_OWN:
        *size = OUTQ_OWN_BYTES;
        return q->own;
    case OUTQ_GRAVE:
        *size = OUTQ_GRAVE_BYTES;
        return q->grave;
    default:
        *size = OUTQ_OTHER_BYTES;
        return q->other;
    }
}

bool
outq_put(struct outq *q, enum outq_rank rank, const char *line, size_t len)
{
    struct outq_ring *r = &q->ring[rank];
    uint16_t size;
    uint8_t *bytes = bytes_of(q, rank, &size);
    uint16_t at = (uint16_t)((r->first + r->used) % size);
    uint16_t rest;

    if (len > WIRE_LINE_MAX || len + 1 > (size_t)(size - r->used)) {
        r->lost += r->lost < UINT32_MAX;
        return false;
    }
    bytes[at] = (uint8_t)len;
    at = (uint16_t)((at + 1) % size);
    rest = (uint16_t)(size - at);
    memcpy(bytes + at, line, len < rest ? len : rest);
    if (len > rest) {
        memcpy(bytes, line + rest, len - rest);
    }
    r->used = (uint16_t)(r->used + len + 1);
    return true;
}

static enum outq_rank
next_rank(struct outq *q)
{
    bool grave = q->ring[OUTQ_GRAVE].used > 0;
    bool other = q->ring[OUTQ_OTHER].used > 0;

    if (q->ring[OUTQ_OWN].used > 0) {
        return OUTQ_OWN;
    }
    if (grave && (!other || q->turn < OUTQ_TURN - 1)) {
        q->turn = (uint8_t)(q->turn + (q->turn < OUTQ_TURN - 1));
        return OUTQ_GRAVE;
    }
    q->turn = 0;
    return OUTQ_OTHER;
}

size_t
outq_take(struct outq *q, char line[WIRE_LINE_MAX])
{
    enum outq_rank rank;
    struct outq_ring *r;
    uint16_t size;
    uint8_t *bytes;
    uint16_t at;
    uint16_t len;
    uint16_t rest;

    if (outq_empty(q)) {
        return 0;
    }
    rank = next_rank(q);
    r = &q->ring[rank];
    bytes = bytes_of(q, rank, &size);
    len = bytes[r->first];
    at = (uint16_t)((r->first + 1) % size);
    rest = (uint16_t)(size - at);
    memcpy(line, bytes + at, len < rest ? len : rest);
    if (len > rest) {
        memcpy(line + rest, bytes, (size_t)(len - rest));
    }
    r->first = (uint16_t)((at + len) % size);
    r->used = (uint16_t)(r->used - len - 1);
    return len;
}

bool
outq_empty(const struct outq *q)
{
    return q->ring[OUTQ_OWN].used == 0 && q->ring[OUTQ_GRAVE].used == 0 && q->ring[OUTQ_OTHER].used == 0;
}
