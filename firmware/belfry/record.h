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
#include "wire/talk.h"

#define RECORD_CODE 32
#define RECORD_DETAIL 400
#define RECORD_SUBJECT 160

enum record_kind {
    RECORD_LINE,   /* a line proved for the first time: verdict OK, REPAIRED or LATE */
    RECORD_EVENT,  /* another verdict */
    RECORD_LOCAL,  /* something of belfry's own: a lost device, a transcript that cannot be written */
    RECORD_NOTICE, /* what a rule found in ordinary console text: anybody can write that, nothing proves it */
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

/* "OK", "GAP" and so on; "LOCAL" and "NOTICE" for those of belfry's own. */
const char *record_verdict(const struct record *r);

/* What is kept of a paired host beside its judge. */
struct host_record {
    char host[WIRE_HOST_MAX + 1];
    uint32_t pairing; /* counts pairings of this host, from 1 */
    int64_t paired_ms;
    struct wire_key root;
    uint32_t root_session;
    bool rekeyed;
    struct wire_key next_root; /* when rekeyed */
    struct wire_judge_passed passed[WIRE_JUDGE_PASSED];
    struct wire_judge_rekey rekey;
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

#define PATH_NET CONF_NET /* the path that is no line */

/* A way on which a host is heard: a line of belfry.conf, or PATH_NET. */
struct path_record {
    char path[CONF_NAME];
    int64_t first_ms; /* UTC of the first and of the last sign of life */
    int64_t last_ms;
    uint32_t session; /* the highest line that was proved here */
    char nonce[WIRE_NONCE_CHARS + 1];
    uint32_t number;
    bool quiet;                            /* told as such, and not back */
    char token[WIRE_TALK_TOKEN_CHARS + 1]; /* the last of a connection that was said here */
    int64_t token_ms;                      /* when it was said first */
};

#define PIN_WHAT 8
#define PIN_DIGEST 24

/* What a host runs with, of one kind: bin, conf or base. */
struct pin_record {
    char what[PIN_WHAT];
    char digest[PIN_DIGEST]; /* 20 base32 characters, or "none" */
    int64_t pinned_ms;
    char pinned_by[CONF_NAME]; /* who accepted it, "" for its first sight */
    char seen[PIN_DIGEST];     /* the latest */
    int64_t seen_ms;
};

#define CONNECTION_TOKENS 4 /* a beat may have waited in a queue while the network came and went */
#define CONNECTION_PEER 80

/* The network connection of a host: the one there is, or the last one. */
struct connection_record {
    bool up;
    char peer[CONNECTION_PEER]; /* escaped */
    int64_t since_ms;           /* UTC since when it is up, or down */
    char how[16];               /* it ended; "" while it is up, and when belfry ended it */
    char token[CONNECTION_TOKENS][WIRE_TALK_TOKEN_CHARS + 1]; /* newest first; "" for none */
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

/* That an alarm was raised, changed or closed: what notifiers tell. */
struct notice {
    int64_t seq; /* from 1, in the order of the changes; 0 for what is in no ledger */
    int64_t made_ms;
    bool closed;
    enum wire_severity worst;   /* of all notices of this alarm up to this one */
    char first_line[CONF_NAME]; /* where the alarm was raised first */
    struct alarm alarm;         /* as it was then */
};

#endif
