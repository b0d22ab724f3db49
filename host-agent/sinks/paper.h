#ifndef SINKS_PAPER_H
#define SINKS_PAPER_H
/*
 * paper - how lines lie on paper: folded where they are wider than it, and with a form feed where a page ends
 *
 * One a printer. A line is folded as firmware/wire/SPEC.md says in section 6: before a blank, so that what
 * goes on begins with that blank, and a receiver that reads the bytes puts the line together again.
 */
#include "wire/line.h"
#include <stdbool.h>
#include <stddef.h>

#define PAPER_COLUMNS_MIN 80 /* at which a line takes three rows at most */
#define PAPER_ROWS 3
#define PAPER_ROOM (WIRE_LINE_MAX + 2 * PAPER_ROWS + 2) /* of a line: row ends, and a form feed before it */

struct paper {
    unsigned columns; /* PAPER_COLUMNS_MIN or more */
    unsigned page;    /* rows on a page; 0: it has no end */
    unsigned row;     /* of the page, from 0 */
    bool begun;       /* something was laid out: the form feed at the start is behind us */
};

/* Lays out a line of at most WIRE_LINE_MAX bytes, without its end. Returns how many bytes `out` has got. */
size_t paper_lay(struct paper *p, const char *line, size_t len, char out[PAPER_ROOM]);

#endif
