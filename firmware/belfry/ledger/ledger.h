#ifndef BELFRY_LEDGER_LEDGER_H
#define BELFRY_LEDGER_LEDGER_H
/*
 * ledger - what was proved, what is missing, what is wrong: an SQLite file that survives kill -9 and power
 * cuts
 *
 * One object a process; one writer at a time, any number of readers. Functions return 0, or LEDGER_E_* with a
 * text in ledger_error(). Nothing counts before ledger_commit() has returned 0: then it is on the disk. The
 * schema is in DESIGN.md.
 */
#include "belfry/record.h"

#define LEDGER_VERSION 2
#define LEDGER_ERROR 600

#define LEDGER_E_IO (-1)     /* the disk, or SQLite, said no */
#define LEDGER_E_BUSY (-2)   /* another process is writing */
#define LEDGER_E_EXISTS (-3) /* the host is paired already */
#define LEDGER_E_NONE (-4)   /* no such row */

struct ledger;

enum ledger_mode {
    LEDGER_WRITE, /* made when it is not there */
    LEDGER_READ,
};

/*
 * Opens and checks the whole file (`check`). On failure `error` gets one line that names the file; a file
 * that is not a sound ledger of this version is left as it is.
 */
int ledger_open(
        const char *path, enum ledger_mode mode, bool check, struct ledger **out, char error[LEDGER_ERROR]);

void ledger_close(struct ledger *l);

const char *ledger_error(const struct ledger *l);

int ledger_begin(struct ledger *l);
int ledger_commit(struct ledger *l);
void ledger_rollback(struct ledger *l);

/* Changes whenever another process has committed. */
int64_t ledger_data_version(struct ledger *l);

/* Hosts and their sessions. */

typedef void ledger_host_fn(void *to, const struct host_record *host);
typedef void ledger_session_fn(void *to, const struct wire_judge_session *session);

/* A new pairing. LEDGER_E_EXISTS when there is one and `again` is not set. */
int ledger_pair(struct ledger *l, const char *host, const struct wire_key *psk, const struct wire_key *root,
        int64_t now_ms, bool again);

/* Forgets the keys and closes its alarms; alarms and lines stay on record. LEDGER_E_NONE when it is not
 * paired. */
int ledger_unpair(struct ledger *l, const char *host, const char *by, int64_t now_ms);

/*
 * Expects silence from now on until then; `until_ms` 0 ends what is declared. Who did it and when stays on
 * record. LEDGER_E_NONE when the host is not paired, or nothing was declared.
 */
int ledger_expect(struct ledger *l, const char *host, int64_t until_ms, const char *by, int64_t now_ms);

/* A window that was declared after `now_ms` is none: the clock was set back since, and it could last for
 * years. */
int ledger_hosts(struct ledger *l, int64_t now_ms, ledger_host_fn *fn, void *to);

/* The newest sessions of the current pairing, newest last, at most `limit`; since_ms of the holes is UTC. */
int ledger_sessions(struct ledger *l, const char *host, uint32_t pairing, unsigned limit,
        ledger_session_fn *fn, void *to);

/* What the judge has to find again after a restart. `utc_ahead_ms` is UTC minus the judge's clock. */
int ledger_host_save(struct ledger *l, const struct host_record *host, const struct wire_judge *judge,
        int64_t utc_ahead_ms);

bool ledger_tag_of(struct ledger *l, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
        uint32_t number, char tag[WIRE_TAG_CHARS]);
bool ledger_key_of(struct ledger *l, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
        struct wire_key *key);

/* How many numbers are missing in holes that were told, in all sessions of the pairing. */
uint64_t ledger_missing(struct ledger *l, const char *host, uint32_t pairing);

/* Records and the alarms that come of them. */

struct ledger_change {
    int64_t alarm;
    enum { LEDGER_RAISED, LEDGER_REPEATED, LEDGER_CLOSED } what;
};

#define LEDGER_CHANGES 6

struct ledger_changes {
    struct ledger_change at[LEDGER_CHANGES];
    unsigned count;
};

/* Keeps one record; adds what it did to alarms. */
int ledger_apply(struct ledger *l, const struct record *r, struct ledger_changes *changes);

/*
 * To be called after ledger_host_save() for a host that had LATE lines: closes the alarms about gaps that are
 * filled.
 */
int ledger_gaps_filled(struct ledger *l, const struct record *r, struct ledger_changes *changes);

struct ledger_filter {
    int64_t since_ms; /* 0 for all */
    const char *host; /* NULL for all */
    int severity;     /* this or worse; -1 for all */
    bool open_only;
};

typedef void ledger_alarm_fn(void *to, const struct alarm *alarm);

/* Open ones first, the worst first, then the newest. */
int ledger_alarms(struct ledger *l, const struct ledger_filter *filter, ledger_alarm_fn *fn, void *to);

int ledger_alarm(struct ledger *l, int64_t id, struct alarm *out);

/* True when an alarm of that host ("" for belfry's own), area and subject is open. */
bool ledger_standing(struct ledger *l, const char *host, const char *area, const char *subject);

/* Marks it as seen by a person; closes it when nothing else would. LEDGER_E_NONE when there is no such alarm.
 */
int ledger_ack(struct ledger *l, int64_t id, const char *by, int64_t now_ms, struct ledger_changes *changes);

struct ledger_count {
    unsigned open;
    unsigned acked; /* of the open ones */
    int worst;      /* severity of the open ones not acked, -1 when there is none */
};

/* Of one host, "" for belfry's own. */
int ledger_open_alarms(struct ledger *l, const char *host, struct ledger_count *out);

/* Telling: an alarm is told when it is raised and when it is closed, at least once each. */

struct ledger_tell {
    struct alarm alarm;
    bool closed;      /* what is told: that it was closed, or that it was raised */
    int64_t sequence; /* to be given back */
    unsigned tries;
};

/* The next to tell that is not among the `busy_count` ids in `busy`. LEDGER_E_NONE when there is none now. */
int ledger_tell_next(
        struct ledger *l, int64_t now_ms, const int64_t *busy, unsigned busy_count, struct ledger_tell *out);

/* When the next one that waits for another try will be due after now, in UTC ms; INT64_MAX when none waits.
 */
int64_t ledger_tell_due(struct ledger *l, int64_t now_ms);

/* `retry_ms` 0: it was told (or given up); else the UTC at which to try again. */
int ledger_told(struct ledger *l, int64_t id, bool closed, int64_t sequence, int64_t retry_ms);

/* Where a followed file stands. */

struct ledger_source {
    char path[CONF_PATH];
    uint64_t dev;
    uint64_t ino;
    uint64_t offset; /* all before it is judged */
    uint64_t back;   /* from here the stream has to be read again to have its memory */
    uint32_t print;  /* CRC of the first print_len bytes, to know the file again */
    uint32_t print_len;
    uint64_t raw; /* length of the transcript at `offset` */
};

/* LEDGER_E_NONE when the line has none. */
int ledger_source(struct ledger *l, const char *line, struct ledger_source *out);
int ledger_source_save(struct ledger *l, const char *line, const struct ledger_source *source);

#endif
