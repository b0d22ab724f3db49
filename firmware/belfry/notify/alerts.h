#ifndef BELFRY_NOTIFY_ALERTS_H
#define BELFRY_NOTIFY_ALERTS_H
/*
 * alerts - what Alertmanagers have to be told, and which of them has been told what
 *
 * An Alertmanager keeps alerts in memory only, and forgets one that is not told again. So each instance is
 * told of every open alarm again and again, and of its end several times, whatever the others have got. It
 * is as one has accepted it that an alarm counts as told. An end that is still to come does not shorten what
 * an Alertmanager was told before (types.Alert.Merge), so an end is told when it is over. No input or output
 * here; times are given.
 *
 * JSON as in Alertmanager's API v2 (api/v2/openapi.yaml of its sources), POST /api/v2/alerts.
 */
#include "belfry/record.h"

#define ALERTS_MAX 1024 /* open, or closed and still to be said */
#define ALERTS_INSTANCES 4
#define ALERTS_BATCH 100
#define ALERTS_BODY 131072
#define ALERTS_RECEIVER 64 /* with the NUL */

#define ALERTS_AGAIN_MS 45000     /* an alert is told again after this time; 60 s at most on a busy machine */
#define ALERTS_CLOSED_TIMES 3     /* so often an end is accepted by an instance */
#define ALERTS_CLOSED_MS 3600000  /* longest that an end is kept for an instance that does not answer */
#define ALERTS_OPEN_MS 3600000    /* an alert stands so long in an Alertmanager that hears no more of it */
#define ALERTS_WATCHDOG_MS 180000 /* but the one that says that we are there */

enum alerts_result {
    ALERTS_ACCEPTED,
    ALERTS_REFUSED, /* the instance will never take this: it is broken, or we are */
    ALERTS_FAILED,  /* it did not answer, or cannot now */
};

struct alerts_instance {
    bool in_flight;
    unsigned singles;  /* it refused several at once: so many go one by one */
    unsigned failures; /* in a row */
    int64_t again_ms;  /* not before */
    int64_t watchdog_ms;
};

struct alerts_entry {
    bool used;
    bool closed;
    void *task;                       /* the caller's, waiting for its answer; NULL for none */
    uint32_t version;                 /* another one after each change */
    uint32_t sent[ALERTS_INSTANCES];  /* the version that was accepted last */
    uint8_t closes[ALERTS_INSTANCES]; /* accepted since it is closed */
    int64_t due_ms[ALERTS_INSTANCES];
    int64_t closed_ms; /* by the monotonic clock, when the end was known */
    int64_t over_ms;   /* by the same clock, when it ends for those who are told */
    int64_t ends_ms;   /* the same as UTC */
    int64_t taken_ms;  /* UTC when it was taken first */
    bool shown;        /* an instance has accepted it as open, first at */
    int64_t shown_ms;
    struct notice notice;
};

typedef void alerts_done_fn(void *task, bool told, const char *why);

struct alerts {
    unsigned instances;
    uint32_t versions;
    int64_t hold_ms; /* an alert ends no earlier than so long after it was shown: else nobody would hear of it
                      */
    char receiver[ALERTS_RECEIVER];
    alerts_done_fn *done;
    struct alerts_instance instance[ALERTS_INSTANCES];
    struct alerts_entry entry[ALERTS_MAX];
};

struct alerts_batch {
    unsigned count;
    bool watchdog;
    int64_t made_ms;
    uint16_t entry[ALERTS_BATCH];
    uint32_t version[ALERTS_BATCH];
    size_t len;
    char body[ALERTS_BODY];
};

/*
 * An alarm as it is now. `task` (may be NULL) is given back to `done` when an instance has it. False when
 * there is no room: then the task stays the caller's.
 */
bool alerts_take(struct alerts *a, const struct notice *n, void *task, int64_t now_ms, int64_t utc_ms);

/* When something is due for this instance; INT64_MAX while a batch is under way. */
int64_t alerts_due(const struct alerts *a, unsigned instance);

/* What is due. Returns how many (the watchdog counts); then the instance is under way until the answer. */
unsigned alerts_batch(
        struct alerts *a, unsigned instance, int64_t now_ms, int64_t utc_ms, struct alerts_batch *out);

void alerts_answer(struct alerts *a, unsigned instance, const struct alerts_batch *b,
        enum alerts_result result, const char *why, int64_t now_ms);

/* True while a task waits. */
bool alerts_busy(const struct alerts *a);

#endif
