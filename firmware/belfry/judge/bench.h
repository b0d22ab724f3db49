#ifndef BELFRY_JUDGE_BENCH_H
#define BELFRY_JUDGE_BENCH_H
/*
 * bench - all the judges of this receiver, one a paired host, and what they say as records
 *
 * One object a process, main loop only. A line selects its judge by the host it names, whatever input it came
 * from: inputs fill each other's holes by number. What is said of lines that prove nothing is limited in
 * rate, so that a flood of them fills neither the ledger nor the mailbox.
 */
#include "belfry/judge/paths.h"
#include "belfry/record.h"

#define BENCH_HOSTS 1024
#define BENCH_TOLD_A_MINUTE 10 /* records of one such verdict on one host, then a count */
#define BENCH_TICK_MS 250      /* how often all hosts are looked at when none is due */
#define BENCH_LASTED_MS 15000  /* a connection that has lasted: some that were cut before it are forgotten */

struct bench_ops {
    void (*record)(void *to, const struct record *r);
    bool (*tag_of)(void *to, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
            uint32_t number, char tag[WIRE_TAG_CHARS]);
    bool (*key_of)(void *to, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
            struct wire_key *key);
};

/* One verdict in one minute. */
struct bench_rate {
    int64_t from_ms;
    uint32_t told;
    uint32_t held; /* not told */
};

enum bench_rated { BENCH_FORGED, BENCH_CLONE, BENCH_UNKNOWN, BENCH_RATED };

struct bench;

#define BENCH_REKEY_MS 10000 /* a network that comes and goes makes little work for disks */

/* Of a rekey that began in this life of the receiver. */
enum bench_rekey { BENCH_REKEY_NONE, BENCH_REKEY_BEGUN, BENCH_REKEY_SAVED };

struct bench_host {
    struct bench *bench;
    struct host_record keep;
    struct bench_rate rate[BENCH_RATED];
    bool changed; /* since the receiver saved it */
    enum bench_rekey rekey;
    int64_t rekey_ms; /* none begins before */
    bool vouched;     /* a proved beat has said the token of the connection there is */
    bool listed;      /* by the ledger, when it was last read */
    bool stop_told;   /* that it said goodbye and nobody expects it to be away */
    int64_t stop_ms;  /* when to tell that; 0 while it runs */
    struct paths paths;
    struct connection_record net;
    int64_t net_ms;                       /* when it came up, on the judge's clock */
    uint32_t net_session;                 /* who holds it, by its =hello */
    char net_nonce[WIRE_NONCE_CHARS + 1]; /* "" before that */
    bool net_changed;                     /* since the receiver saved it */
    bool cut_told;   /* that a connection ended without a goodbye, and the host has not registered since */
    bool cut_often;  /* more than one in a minute: it is over when a connection has lasted */
    int64_t cut_ms;  /* the last one; 0 for none */
    bool token_told; /* that a beat said a token which nobody gave to this host */
    struct wire_judge judge; /* last: its end, room for holes, is mostly untouched */
};

struct bench {
    const struct bench_ops *ops;
    void *to;
    unsigned hosts;
    struct bench_host *host[BENCH_HOSTS];
    char name[BENCH_HOSTS][WIRE_HOST_MAX + 1]; /* theirs: together, as each line looks for its host */
    struct bench_rate strangers;               /* lines of hosts that are not paired */
    uint64_t unknown;
    uint64_t torn;
    int64_t ticked_ms; /* the last look at all of them */
    int64_t due_ms;    /* of the one that is due first, or earlier */
};

/* When and on which input bytes were read. */
struct bench_moment {
    const char *line;
    int64_t now_ms; /* a clock that never jumps */
    int64_t utc_us;
};

void bench_init(struct bench *b, const struct bench_ops *ops, void *to);
void bench_free(struct bench *b);

/*
 * Takes up a host, or a new pairing of one that is there. NULL when there is no room, or when this pairing is
 * followed already. Its sessions are given to bench_resume() next.
 */
struct bench_host *bench_take(struct bench *b, const struct host_record *host, int64_t now_ms);

/* A path of its earlier life. */
void bench_resume_path(struct bench_host *h, const struct path_record *path, int64_t now_ms);

/* No host is waited for on this path any more: its line was taken away. */
void bench_forget_path(struct bench *b, const char *path);

/* Silence of this host is expected until then, on the judge's clock. */
void bench_expect(struct bench_host *h, int64_t until_ms);

/* Before the ledger is read again, and after: whoever was not taken up meanwhile is forgotten. */
void bench_list_begin(struct bench *b);
void bench_list_end(struct bench *b);

/* session->holes of `hole`, whose since_ms is UTC. */
void bench_resume(struct bench_host *h, const struct wire_judge_session *session,
        const struct wire_hole *hole, int64_t utc_ahead_ms);

/* All of it is on the disk. */
void bench_saved(struct bench_host *h);

struct bench_host *bench_find(struct bench *b, const char *host);

/* One line whose check fits; true when it was proved. */
bool bench_line(
        struct bench *b, const struct wire_line *line, enum wire_seen seen, const struct bench_moment *at);

/*
 * True for a line that nobody can prove any more: its session was passed over, so that it is not on record
 * and the root is beyond it. The SKIPPED-SESSION that was told then names it.
 */
bool bench_passed_over(struct bench *b, const struct wire_line *line);

/*
 * A network connection of this host has proved its key: who is at its other end, and the token that was given
 * to it ("" for none). It takes the place of the one before, whose end is not told. at->line is PATH_NET here
 * and for its lines.
 */
void bench_path_up(struct bench *b, const char *host, const char *peer, const char *token,
        const struct bench_moment *at);

/* Which session of its agent holds the connection that came up last. */
void bench_path_hello(struct bench *b, const struct wire_talk *hello);

/*
 * It is over: `how` in a word ("fin", "cut", "reset", "timeout", "form", "limit", "unproved"), NULL when
 * belfry ended it, or lost its gate, and nobody has to be told. Not for one whose place another took. All of
 * its lines have been judged before.
 */
void bench_path_down(struct bench *b, const char *host, const char *how, const struct bench_moment *at);

/*
 * Rekeys (wire/SPEC.md, section 9). `hello` is what began the connection. What it says counts, and a rekey
 * may begin, once the host is vouched for: whoever has copied the key for the network could say as much.
 * First what an earlier connection may have left is settled.
 */
bool bench_vouched(struct bench *b, const char *host);
void bench_rekey_settle(struct bench *b, const struct wire_talk *hello);

/*
 * A rekey with `x`, the connection's exporter, begins. False: not now, as the newest line proved is not of
 * the session that speaks here yet, one is pending, or the last one began less than BENCH_REKEY_MS ago.
 */
bool bench_rekey_begin(
        struct bench *b, const struct wire_talk *hello, const uint8_t x[WIRE_KEY_SIZE], int64_t now_ms);

/* True once, when what began with `x` is on the disk: say =rekey. */
bool bench_rekey_due(struct bench *b, const struct wire_talk *hello, const uint8_t x[WIRE_KEY_SIZE]);

/* A head that lost its seal: counts for the hosts that are heard on that line. */
void bench_torn(struct bench *b, const struct bench_moment *at);

/* At least once a second, and when bench_due() says so; more often does no harm. */
void bench_tick(struct bench *b, const struct bench_moment *at);

int64_t bench_due(const struct bench *b);

#endif
