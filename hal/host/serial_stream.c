#include "hal/host/serial_stream.h"

#include <string.h>

#define MARK 0xFF

static void
report(const struct hal_serial_teller *t, enum hal_serial_event what, uint64_t value, size_t at)
{
    t->tell(t->arg, what, value, at);
}

void
hal_serial_tell_dropped(struct hal_serial_stream *s, const struct hal_serial_teller *t, size_t at)
{
    if (s->dropped > 0) {
        report(t, HAL_SERIAL_DROPPED, s->dropped, at);
        s->dropped = 0;
    }
}

/* So many that the kernel had accepted are given on, from out[at] on: that many bytes, or one break. */
static void
pass(struct hal_serial_stream *s, const struct hal_serial_teller *t, size_t n, size_t at)
{
    uint64_t ahead = s->dropped_at > s->seen.accepted ? s->dropped_at - s->seen.accepted : 0;

#ifdef PLANT_SERIAL_STREAM
    if (s->dropped > 0) {
#else
    if (s->dropped > 0 && ahead < n) {
#endif
        hal_serial_tell_dropped(s, t, at + (size_t)ahead);
    }
    s->seen.accepted += n;
}

static size_t
take_damaged(
        struct hal_serial_stream *s, const struct hal_serial_teller *t, uint8_t c, uint8_t *out, size_t at)
{
    pass(s, t, 1, at);
    if (c == 0) {
        s->seen.brk++;
        report(t, HAL_SERIAL_BREAK, 1, at);
        return 0;
    }
    if (s->parity) {
        s->seen.parity++;
    } else {
        s->seen.frame++;
    }
    report(t, s->parity ? HAL_SERIAL_PARITY : HAL_SERIAL_FRAMING, 1, at);
    out[at] = c;
    return 1;
}

/* The byte behind MARK, or behind MARK 0. */
static size_t
take_marked(
        struct hal_serial_stream *s, const struct hal_serial_teller *t, uint8_t c, uint8_t *out, size_t at)
{
    if (s->behind == HAL_SERIAL_DAMAGE) {
        s->behind = HAL_SERIAL_PLAIN;
        return take_damaged(s, t, c, out, at);
    }
    if (c == 0) {
        s->behind = HAL_SERIAL_DAMAGE;
        return 0;
    }
    s->behind = HAL_SERIAL_PLAIN;
    out[at] = MARK;
    if (c == MARK) {
        pass(s, t, 1, at);
        return 1;
    }
    /* A single one: somebody else has changed the settings. */
    pass(s, t, 2, at);
    out[at + 1] = c;
    return 2;
}

static size_t
plain_run(const struct hal_serial_stream *s, const uint8_t *src, size_t n)
{
    const uint8_t *mark = s->marks ? memchr(src, MARK, n) : NULL;

    return mark != NULL ? (size_t)(mark - src) : n;
}

size_t
hal_serial_unmark(struct hal_serial_stream *s, const struct hal_serial_teller *t, const uint8_t *src,
        size_t n, uint8_t *out)
{
    size_t len = 0;
    size_t i = 0;

    while (i < n) {
        if (s->behind != HAL_SERIAL_PLAIN) {
            len += take_marked(s, t, src[i++], out, len);
            continue;
        }
        size_t run = plain_run(s, src + i, n - i);

        pass(s, t, run, len);
        memcpy(out + len, src + i, run);
        len += run;
        i += run;
        if (i < n) {
            s->behind = HAL_SERIAL_MARK;
            i++;
        }
    }
    if (s->dropped_at <= s->seen.accepted) {
        hal_serial_tell_dropped(s, t, len);
    }
    return len;
}
