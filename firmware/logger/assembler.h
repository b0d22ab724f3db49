#ifndef LOGGER_ASSEMBLER_H
#define LOGGER_ASSEMBLER_H
/*
 * assembler - finds the whole sealed lines in the bytes of one input
 *
 * One an input. Keeps at most one line's bytes, whatever comes; finds what wire/stream.h calls whole lines,
 * and mends nothing: a mended line is only as good as its tag, and who holds no keys cannot test it.
 */
#include "wire/line.h"

struct assembler_counts { /* each stops at its largest value */
    uint32_t bytes;       /* all that came */
    uint32_t lines;       /* whole lines */
    uint32_t torn;        /* begun with "!1 " and not ended by a seal */
    uint32_t bad;         /* ended by a seal, but of another form, or the check does not fit */
    uint32_t rubbish;     /* bytes that were no part of a whole line */
};

struct assembler {
    char bytes[WIRE_LINE_MAX];
    uint8_t len;  /* of the line that comes in; 0: waiting for a line's begin */
    uint8_t seal; /* how many characters of its seal are there */
    struct assembler_counts counts;
};

void assembler_init(struct assembler *a);

/*
 * Takes bytes until a line is whole or none are left; returns how many it took. *found says whether *line was
 * written; it points into `a` until the next call. At most one line is parsed for WIRE_LINE_MIN bytes.
 */
size_t assembler_feed(
        struct assembler *a, const uint8_t *src, size_t len, struct wire_line *line, bool *found);

#endif
