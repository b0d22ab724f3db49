#ifndef BELFRY_TRANSCRIPT_MARK_H
#define BELFRY_TRANSCRIPT_MARK_H
/*
 * mark - one record of a transcript's index: 16 bytes, two little-endian numbers
 *
 *     offset, UTC in ns           the byte at `offset` arrived then
 *     2^63 + offset, count        `count` bytes are missing at `offset`: they could not be written
 *     2^62 + offset, what, value  something happened to the line before the byte at `offset`: in the highest
 * byte enum transcript_event, in the others its value Offsets count from the first byte of the file that the
 * index belongs to.
 */
#include <stdbool.h>
#include <stdint.h>

#define TRANSCRIPT_RECORD 16
#define TRANSCRIPT_VALUE_MAX ((UINT64_C(1) << 56) - 1)
#define TRANSCRIPT_TEXT 128

/* What can happen to a line beside bytes. On disk: a number keeps its meaning. */
enum transcript_event {
    TRANSCRIPT_NOTHING,
    TRANSCRIPT_DROPPED, /* bytes the kernel had no room for */
    TRANSCRIPT_TAKEN,   /* bytes that another reader of the device has */
    TRANSCRIPT_OVERRUN, /* times the UART was not read in time; each cost it a byte or more */
    TRANSCRIPT_FRAMING, /* bytes with a framing error; they are in the transcript, damaged */
    TRANSCRIPT_PARITY,  /* bytes with a parity error; likewise */
    TRANSCRIPT_BREAK,   /* breaks */
    TRANSCRIPT_MODEM, /* modem lines: TRANSCRIPT_CTS and its like that are on, and << 8 those that changed */
    TRANSCRIPT_RESET, /* times another program changed the port's settings, which were put back */
    TRANSCRIPT_BASE,  /* nothing: the first byte of the file is byte `value` of the line; the first record */
    TRANSCRIPT_EVENTS,
    TRANSCRIPT_UNKNOWN = TRANSCRIPT_EVENTS /* read, and of a later version */
};

#define TRANSCRIPT_LINES 4
#define TRANSCRIPT_CTS 1
#define TRANSCRIPT_DSR 2
#define TRANSCRIPT_RI 4
#define TRANSCRIPT_DCD 8
#define TRANSCRIPT_UNSEEN 128 /* it is not known which are on */

/* "CTS" and so on, in the order of their bits. */
extern const char *const transcript_line_name[TRANSCRIPT_LINES];

struct transcript_mark {
    bool gap;
    enum transcript_event event; /* TRANSCRIPT_NOTHING for a time and for a gap */
    uint64_t offset;             /* less than 2^62 */
    uint64_t value; /* UTC in ns, bytes missing, or the event's, which is cut at TRANSCRIPT_VALUE_MAX */
};

void transcript_mark_write(uint8_t out[TRANSCRIPT_RECORD], const struct transcript_mark *m);

/* Every 16 bytes are some record. */
void transcript_mark_read(const uint8_t src[TRANSCRIPT_RECORD], struct transcript_mark *out);

/* It says when a byte arrived. */
bool transcript_mark_is_time(const struct transcript_mark *m);

/* Two of a kind as one: the sum; of modem lines all that changed, and the later state. */
uint64_t transcript_join(enum transcript_event what, uint64_t first, uint64_t then);

/* "685184 bytes are missing here: the kernel had no room"; "" for what is no news. Returns `out`. */
const char *transcript_mark_text(const struct transcript_mark *m, char out[TRANSCRIPT_TEXT]);

#endif
