#ifndef BELFRY_JUDGE_BENCH_H
#define BELFRY_JUDGE_BENCH_H
/*
 * bench - all the judges of this receiver, one a paired host, and what they say as records
 *
 * One object a process, main loop only. A line selects its judge by the host it names, whatever input it came
 * from: inputs fill each other's holes by number. What is said of lines that prove nothing is limited in
 * rate, so that a flood of them fills neither the ledger nor the mailbox.
 */
#include "belfry/record.h"

#define BENCH_HOSTS 256
#define BENCH_TOLD_A_MINUTE 10 /* records of one such verdict on one host, then a count */

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

struct bench_host {
    struct bench *bench;
    struct host_record keep;
    struct wire_judge judge;
    struct bench_rate rate[BENCH_RATED];
    bool changed;    /* since the receiver saved it */
    bool listed;     /* by the ledger, when it was last read */
    bool stop_told;  /* that it said goodbye and nobody expects it to be away */
    int64_t stop_ms; /* when to tell that; 0 while it runs */
};

struct bench {
    const struct bench_ops *ops;
    void *to;
    unsigned hosts;
    struct bench_host *host[BENCH_HOSTS];
    struct bench_rate strangers; /* lines of hosts that are not paired */
    uint64_t unknown;
    uint64_t torn;
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

/* Silence of this host is expected until then, on the judge's clock. */
void bench_expect(struct bench_host *h, int64_t until_ms);

/* Before the ledger is read again, and after: whoever was not taken up meanwhile is forgotten. */
void bench_list_begin(struct bench *b);
void bench_list_end(struct bench *b);

/* since_ms of the holes is UTC. */
void bench_resume(struct bench_host *h, const struct wire_judge_session *session, int64_t utc_ahead_ms);

struct bench_host *bench_find(struct bench *b, const char *host);

/* One line whose check fits; true when it was proved. */
bool bench_line(
        struct bench *b, const struct wire_line *line, enum wire_seen seen, const struct bench_moment *at);

/* A head that lost its seal: counts for the hosts last seen on that line. */
void bench_torn(struct bench *b, const struct bench_moment *at);

/* At least once a second, and when bench_due() says so. */
void bench_tick(struct bench *b, const struct bench_moment *at);

int64_t bench_due(const struct bench *b);

#endif
