#include "belfry/transcript/mark.h"

#include <stdio.h>

#define GAP (UINT64_C(1) << 63)
#define EVENT (UINT64_C(1) << 62)

static void
put_u64(uint8_t *out, uint64_t v)
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(v >> (8 * i));
    }
}

static uint64_t
get_u64(const uint8_t *src)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--) {
        v = v << 8 | src[i];
    }
    return v;
}

void
transcript_mark_write(uint8_t out[TRANSCRIPT_RECORD], const struct transcript_mark *m)
{
    uint64_t value = m->value;
    uint64_t kind = m->gap ? GAP : 0;

    if (m->event != TRANSCRIPT_NOTHING) {
        kind = EVENT;
        value = (uint64_t)m->event << 56 | (value < TRANSCRIPT_VALUE_MAX ? value : TRANSCRIPT_VALUE_MAX);
    }
    put_u64(out, kind | m->offset);
    put_u64(out + 8, value);
}

void
transcript_mark_read(const uint8_t src[TRANSCRIPT_RECORD], struct transcript_mark *out)
{
    uint64_t offset = get_u64(src);
    uint64_t value = get_u64(src + 8);
    uint64_t what = value >> 56;

    out->gap = (offset & GAP) != 0;
    out->event = TRANSCRIPT_NOTHING;
    if (!out->gap && (offset & EVENT) != 0) {
        out->event = what < TRANSCRIPT_EVENTS ? (enum transcript_event)what : TRANSCRIPT_UNKNOWN;
        value &= TRANSCRIPT_VALUE_MAX;
    }
    out->offset = offset & ~(GAP | EVENT);
    out->value = value;
}

bool
transcript_mark_is_time(const struct transcript_mark *m)
{
    return !m->gap && m->event == TRANSCRIPT_NOTHING;
}

const char *const transcript_line_name[TRANSCRIPT_LINES] = { "CTS", "DSR", "RI", "DCD" };

/* "CTS went on, DCD went off", or "CTS changed" when it is not known. */
static void
modem_text(uint64_t value, char out[TRANSCRIPT_TEXT])
{
    bool unseen = (value & TRANSCRIPT_UNSEEN) != 0;
    size_t n = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < TRANSCRIPT_LINES; i++) {
        if ((value >> 8 & 1U << i) != 0) {
            n += (size_t)snprintf(out + n, TRANSCRIPT_TEXT - n, "%s%s %s", n > 0 ? ", " : "",
                    transcript_line_name[i],
                    unseen                   ? "changed"
                    : (value & 1U << i) != 0 ? "went on"
                                             : "went off");
        }
    }
}

const char *
transcript_mark_text(const struct transcript_mark *m, char out[TRANSCRIPT_TEXT])
{
    static const char *const texts[TRANSCRIPT_EVENTS] = {
        [TRANSCRIPT_DROPPED] = "%llu bytes are missing here: the kernel had no room for them",
        [TRANSCRIPT_TAKEN] = "%llu bytes are missing here: another reader of the device has them",
        [TRANSCRIPT_OVERRUN] = "bytes are missing here: the UART overran %llu times",
        [TRANSCRIPT_FRAMING] = "%llu framing errors",
        [TRANSCRIPT_PARITY] = "%llu parity errors",
        [TRANSCRIPT_BREAK] = "%llu breaks",
        [TRANSCRIPT_RESET] =
                "another program changed the settings of the port %llu times; they were put back",
    };
    unsigned long long value = m->value;

    out[0] = '\0';
    if (m->gap) {
        (void)snprintf(out, TRANSCRIPT_TEXT, "%llu bytes are missing here: they could not be written", value);
    } else if (m->event == TRANSCRIPT_MODEM) {
        modem_text(m->value, out);
    } else if (m->event < TRANSCRIPT_EVENTS && texts[m->event] != NULL) {
        (void)snprintf(out, TRANSCRIPT_TEXT, texts[m->event], value);
    }
    return out;
}

uint64_t
transcript_join(enum transcript_event what, uint64_t first, uint64_t then)
{
    return what == TRANSCRIPT_MODEM ? (first & 0xFF00) | then : first + then;
}
