#ifndef BELFRY_CTL_PROVE_H
#define BELFRY_CTL_PROVE_H
/*
 * prove - proves lines of one paired host that somebody recorded
 *
 * A record has no clock, and it may begin and end anywhere, so there is no judge here: each line is proved by
 * itself, and what is missing is what lies between the first and the last number of a session. One object a
 * host.
 */
#include "belfry/ledger/ledger.h"
#include "wire/stream.h"

struct prove_session {
    uint32_t number;
    char nonce[WIRE_NONCE_CHARS + 1];
    struct wire_key key;
    uint32_t first; /* and last number that was proved */
    uint32_t last;
    uint64_t count;     /* of numbers that were */
    size_t room;        /* in `mark` */
    uint8_t (*mark)[8]; /* by number: the beginning of its tag; all 0 when it was not seen */
};

#define PROVE_SESSIONS 1024

struct prove {
    struct ledger *ledger;
    struct host_record host;
    bool no_memory; /* for more sessions or lines: the counts are too low */
    uint64_t verdicts[WIRE_VERDICTS];
    unsigned sessions;
    struct prove_session session[PROVE_SESSIONS];
};

/* `p` is zero. The ledger stays the caller's, open as long as `p` is used. */
void prove_begin(struct prove *p, struct ledger *l, const struct host_record *host);

/* One line of that host whose check fits: WIRE_OK, _REPAIRED, _DUP, _CLONE, _FORGED, or _UNKNOWN when there
 * is no key for its session. Nothing is counted of a mended line that does not prove. */
enum wire_verdict prove_line(struct prove *p, const struct wire_line *line, enum wire_seen seen);

/* True for what prove_line() says of a line that this host sealed. */
bool prove_is_true(enum wire_verdict v);

/* Numbers between the first and the last that were not seen. */
uint64_t prove_missing(const struct prove_session *s);

/* These, as "5-7,9", on standard output. */
void prove_print_holes(const struct prove_session *s);

/* Frees what was taken and wipes the keys. */
void prove_end(struct prove *p);

#endif
