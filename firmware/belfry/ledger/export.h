#ifndef BELFRY_LEDGER_EXPORT_H
#define BELFRY_LEDGER_EXPORT_H
/*
 * export - the rows of the ledger as they are, for other programs
 *
 * Any number. Keys are never among the cells.
 */
#include "belfry/ledger/ledger.h"

#define EXPORT_CELLS 24

struct export_cell {
    const char *name;
    enum { EXPORT_NUMBER, EXPORT_TEXT, EXPORT_TIME } kind;
    int64_t number;   /* of EXPORT_TIME: ms since 1970, UTC; 0 for never */
    const char *text; /* any bytes but NUL; until the next row */
};

struct export_span {
    int64_t since_ms; /* UTC, from here */
    int64_t until_ms; /* to before here */
    const char *host; /* "" for all */
};

typedef void export_row_fn(void *to, const struct export_cell *cell, unsigned cells);

/* True for hosts, lines, events, alarms and acts. */
bool export_knows(const char *what);

/*
 * The `most` rows of `what` behind `cursor`, 0 at first, which is moved: how many there were, or LEDGER_E_*.
 * A span of hosts is ignored but for its host.
 */
int export_rows(struct ledger *l, const char *what, const struct export_span *span, int64_t *cursor,
        unsigned most, export_row_fn *fn, void *to);

/* Where one is in the lines of a pairing, in the order of sessions and numbers; before the first, number is
 * -1. */
struct export_place {
    uint32_t session;
    char nonce[WIRE_NONCE_CHARS + 1];
    int64_t number;
};

struct export_line {
    struct export_place at;
    int64_t seen_ms;
    char bytes[WIRE_LINE_MAX + 1];
};

/* The next line of the pairing. LEDGER_E_NONE behind the last. */
int export_line_after(struct ledger *l, const char *host, uint32_t pairing, const struct export_place *after,
        struct export_line *out);

/* The highest number of a session that was proved or told of. */
uint32_t export_top(struct ledger *l, const char *host, uint32_t pairing, const struct export_place *at);

#endif
