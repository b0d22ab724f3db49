/*
 * The first byte says how the rest is cut into reads, and behind how many bytes the kernel dropped some. Each
 * read has a block of its own size to go to; places never go back; bytes, breaks and what the kernel accepted
 * add up; and cut otherwise the same comes out.
 */
#include "hal/host/serial_stream.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
    size_t place; /* of the read that is looked at */
    size_t len;   /* of what it may be told about */
    uint64_t breaks;
    uint64_t dropped;
    uint64_t damaged;
};

static void
take(void *arg, enum hal_serial_event what, uint64_t value, size_t at)
{
    struct sum *s = arg;

    if (at < s->place || at > s->len) {
        abort();
    }
    s->place = at;
    s->breaks += what == HAL_SERIAL_BREAK ? value : 0;
    s->dropped += what == HAL_SERIAL_DROPPED ? value : 0;
    s->damaged += what == HAL_SERIAL_FRAMING || what == HAL_SERIAL_PARITY ? value : 0;
}

/* Bytes put to `all`. */
static size_t
run(const uint8_t *src, size_t size, size_t step, uint8_t *all, struct sum *s, uint64_t dropped_at)
{
    struct hal_serial_stream stream = { .marks = true, .dropped = 7, .dropped_at = dropped_at };
    const struct hal_serial_teller teller = { take, s };
    size_t len = 0;

    for (size_t i = 0; i < size; i += step) {
        size_t n = size - i < step ? size - i : step;
        uint8_t *out = malloc(n + 1);

        if (out == NULL) {
            abort();
        }
        s->place = 0;
        s->len = n + 1;
        n = hal_serial_unmark(&stream, &teller, src + i, n, out);
        memcpy(all + len, out, n);
        len += n;
        free(out);
    }
    s->place = 0;
    hal_serial_tell_dropped(&stream, &teller, 0);
    if (s->dropped != 7 || stream.seen.accepted != len + s->breaks || s->breaks != stream.seen.brk ||
            s->damaged != stream.seen.frame) {
        abort();
    }
    return len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sum one = { .place = 0 };
    struct sum two = { .place = 0 };

    if (size < 1 || size > 4096) {
        return 0;
    }
    uint8_t *first = malloc(2 * size);
    uint8_t *second = malloc(2 * size);
    if (first == NULL || second == NULL) {
        abort();
    }
    size_t n = run(data + 1, size - 1, 1 + data[0] % 16, first, &one, data[0]);
    size_t m = run(data + 1, size - 1, size, second, &two, data[0]);

    if (n != m || memcmp(first, second, n) != 0 || one.breaks != two.breaks || one.damaged != two.damaged) {
        abort();
    }
    free(first);
    free(second);
    return 0;
}
