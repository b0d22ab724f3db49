#ifndef BELFRY_RECORD_H
#define BELFRY_RECORD_H
/*
 * record - what the parts of belfry hand to each other
 *
 * The judge makes records, the ledger keeps them, alarms come out of it and go to the notifier. Fixed size,
 * no pointers. All text in a record is printable ASCII: proved bytes of a sealed line, or escaped when it was
 * made.
 */
#include "belfry/conf.h"
#include "wire/judge.h"

#define RECORD_CODE 32
#define RECORD_DETAIL 400
#define RECORD_SUBJECT 160

enum record_kind {
    RECORD_LINE,  /* a line proved for the first time: verdict OK, REPAIRED or LATE */
    RECORD_EVENT, /* another verdict */
    RECORD_LOCAL, /* something of belfry's own: a lost device, a transcript that cannot be written */
};

struct record {
    int64_t seen_us; /* UTC since 1970, when the bytes were read */
    int64_t value;
    uint64_t utc_s; /* RECORD_LINE: as the line claims */
    enum record_kind kind;
    enum wire_verdict verdict;
    enum wire_severity severity;
    uint32_t mono_s;  /* RECORD_LINE */
    uint32_t pairing; /* which pairing of the host proved it, from 1 */
    uint32_t session;
    uint32_t first; /* the line's number, or the first of several */
    uint32_t last;
    bool bad;
    bool over; /* RECORD_LOCAL: the trouble is over */
    bool life; /* RECORD_LINE: a sign of life, which ends a silence */
    char nonce[WIRE_NONCE_CHARS + 1];
    char line[CONF_NAME];
    char host[WIRE_HOST_MAX + 1]; /* "" when it is about no host */
    char code[RECORD_CODE];
    char detail[RECORD_DETAIL];
    char bytes[WIRE_LINE_MAX + 1]; /* RECORD_LINE: the whole line */
    char tag[WIRE_TAG_CHARS + 1];  /* RECORD_LINE */
};

/* What is kept of a paired host beside its judge. */
struct host_record {
    char host[WIRE_HOST_MAX + 1];
    uint32_t pairing; /* counts pairings of this host, from 1 */
    int64_t paired_ms;
    struct wire_key root;
    uint32_t root_session;
    uint32_t next_s;
    bool alive;
    int64_t last_ms;         /* UTC of the last new line, 0 for none */
    int64_t expect_until_ms; /* UTC until when silence is expected; may be long over; 0 for never */
    char last_line[CONF_NAME];
    uint64_t proved;
    uint64_t repaired;
    uint64_t copies;
    uint64_t forged;
};

struct alarm {
    int64_t id;
    char host[WIRE_HOST_MAX + 1]; /* "" for belfry's own */
    enum wire_severity severity;
    char code[RECORD_CODE];
    char subject[RECORD_SUBJECT];
    char detail[RECORD_DETAIL];
    char line[CONF_NAME];
    char verdict[24];
    uint32_t session; /* of the line that raised it last; nonce "" when there is none */
    char nonce[WIRE_NONCE_CHARS + 1];
    uint32_t number;
    bool open;
    int64_t opened_ms; /* UTC since 1970; 0 for not yet */
    int64_t closed_ms;
    int64_t acked_ms;
    char acked_by[CONF_NAME];
    uint32_t count;
};

#endif
