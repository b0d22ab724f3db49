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

#define LEDGER_VERSION 6
#define LEDGER_ERROR 600
#define LEDGER_PATIENCE_MS 2000

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

/* How long a write waits for another process that writes; LEDGER_PATIENCE_MS when it was opened. */
void ledger_patience(struct ledger *l, int ms);

const char *ledger_error(const struct ledger *l);

int ledger_begin(struct ledger *l);
int ledger_commit(struct ledger *l);
void ledger_rollback(struct ledger *l);

/* Sparing: what SQLite's log has of the disk is used again after a few pages instead of a thousand. */
void ledger_spare(struct ledger *l, bool sparing);

/* Changes whenever another process has committed. */
int64_t ledger_data_version(struct ledger *l);

/*
 * Keeps what a person did: pair, unpair, expect, ack or accept. All but pair keep it themselves. `detail` is
 * as in sealed lines, key=value.
 */
int ledger_act(struct ledger *l, const char *what, const char *host, const char *detail, const char *by,
        int64_t now_ms);

/* Hosts and their sessions. */

typedef void ledger_host_fn(void *to, const struct host_record *host);
typedef void ledger_session_fn(
        void *to, const struct wire_judge_session *session, const struct wire_hole *hole);

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

typedef void ledger_path_fn(void *to, const struct path_record *path);

/* The paths of a pairing, in the order in which they were heard first. */
int ledger_paths(struct ledger *l, const char *host, uint32_t pairing, ledger_path_fn *fn, void *to);
int ledger_path_save(struct ledger *l, const char *host, uint32_t pairing, const struct path_record *path);

/* LEDGER_E_NONE when it never had one. */
int ledger_connection(struct ledger *l, const char *host, uint32_t pairing, struct connection_record *out);
int ledger_connection_save(
        struct ledger *l, const char *host, uint32_t pairing, const struct connection_record *connection);

typedef void ledger_pin_fn(void *to, const struct pin_record *pin);

int ledger_pins(struct ledger *l, const char *host, uint32_t pairing, ledger_pin_fn *fn, void *to);

/*
 * Pins the value of `what` that was seen last, and ends the alarm about it. `out` gets the pin as it was. Who
 * did it and when stays on record. LEDGER_E_NONE when the host is not paired, or nothing of it differs.
 */
int ledger_accept(struct ledger *l, const char *host, const char *what, const char *by, int64_t now_ms,
        struct pin_record *out);

bool ledger_tag_of(struct ledger *l, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
        uint32_t number, char tag[WIRE_TAG_CHARS]);
bool ledger_key_of(struct ledger *l, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
        struct wire_key *key);

/* The key by which the host begins a session with us. False when it is not paired. */
bool ledger_psk(struct ledger *l, const char *host, struct wire_key *psk);

/* True when there were more holes in this session than can be followed. */
bool ledger_flooded(struct ledger *l, const char *host, uint32_t session);

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

/* `most` open ones after the first `skip`: the worst first, then the newest. */
int ledger_alarms_open(struct ledger *l, unsigned skip, unsigned most, ledger_alarm_fn *fn, void *to);

/* The `most` that were raised last for the first time, the newest first. */
int ledger_alarms_recent(struct ledger *l, unsigned most, ledger_alarm_fn *fn, void *to);

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

/*
 * Telling: each change of an alarm that is news makes a notice, in the same transaction. Each notifier has
 * its own place in the row of notices: all up to it are told, but those kept to be tried again, and those of
 * hosts that it is behind with.
 */

struct ledger_place {
    int64_t notices; /* the last that is told, or to be tried again, or of a host it is behind with */
    int64_t lines;   /* the last row of lines and of events that was published; for kinds that do */
    int64_t events;
    uint64_t told;
    uint64_t failed;
    int64_t last_ms; /* UTC when it told something last, 0 for never */
};

/* A notifier without a place begins behind the last notice. */
int ledger_place(struct ledger *l, const char *notifier, struct ledger_place *out);
int ledger_place_save(struct ledger *l, const char *notifier, const struct ledger_place *place);

typedef bool ledger_keep_fn(const void *to, const char *notifier);

/* Forgets the places of notifiers that are not to be kept. */
int ledger_places_forget(struct ledger *l, ledger_keep_fn *keep, const void *to);

/* LEDGER_E_NONE when there is none. */
int ledger_notice(struct ledger *l, int64_t seq, struct notice *out);
int ledger_notice_after(struct ledger *l, int64_t seq, struct notice *out);

/* How many follow. */
int64_t ledger_notices_after(struct ledger *l, int64_t seq);

/* Of one host, "" for belfry's own: the first from `from` to `last`. LEDGER_E_NONE when there is none. */
int ledger_notice_of(struct ledger *l, const char *host, int64_t from, int64_t last, struct notice *out);

/* How many of one host there are from `from` to `last`; `end` becomes the last of them, 0 for none. */
int64_t ledger_notices_of(struct ledger *l, const char *host, int64_t from, int64_t last, int64_t *end);

/* The one of this host that is `by` of its notices before `seq`, or the first. `seq` when there is none. */
int64_t ledger_notice_back(struct ledger *l, const char *host, int64_t seq, unsigned by);

/* This notifier is behind with a host: `seq` is the first notice of it that is not told. 0: not any more. */
int ledger_behind_save(struct ledger *l, const char *notifier, const char *host, int64_t seq);

typedef void ledger_behind_fn(void *to, const char *host, int64_t seq);

/* Each host that this notifier is behind with. 0 or LEDGER_E_*. */
int ledger_behind(struct ledger *l, const char *notifier, ledger_behind_fn *fn, void *to);

/*
 * The notice of the alarm with the next id that is open, or was closed after `since_ms` (UTC), as if it had
 * just been made (seq 0). LEDGER_E_NONE after the last.
 */
int ledger_standing_after(struct ledger *l, int64_t id, int64_t since_ms, struct notice *out);

/* The line, or the event, behind this row; `found` is its own row. LEDGER_E_NONE after the last. */
int ledger_line_after(struct ledger *l, int64_t row, struct record *out, int64_t *found);
int ledger_event_after(struct ledger *l, int64_t row, struct record *out, int64_t *found);

/* Keeps one to be told (again) from `next_ms` on (UTC). */
int ledger_again(
        struct ledger *l, const char *notifier, const struct notice *n, unsigned tries, int64_t next_ms);
int ledger_again_done(struct ledger *l, const char *notifier, const struct notice *n);

/* What waits of this alarm is due now, as if it had never failed: there is news. */
int ledger_again_now(struct ledger *l, const char *notifier, int64_t alarm, int64_t now_ms);

struct ledger_try {
    int64_t seq;
    int64_t alarm;
    unsigned tries; /* that failed */
};

/*
 * Those that are due, the first of each alarm, in the order in which they became due; at most `limit`.
 * Returns how many, or LEDGER_E_*.
 */
int ledger_again_due(
        struct ledger *l, const char *notifier, int64_t now_ms, struct ledger_try *out, unsigned limit);

/* True when an earlier notice of this alarm is kept to be tried again. */
bool ledger_again_before(struct ledger *l, const char *notifier, const struct notice *n);

/* When the next one will be due after now, UTC; INT64_MAX when none waits. */
int64_t ledger_again_at(struct ledger *l, const char *notifier, int64_t now_ms);

/* Drops notices of closed alarms from before `before_ms` that every notifier has told; some at a time. */
int ledger_notices_prune(struct ledger *l, int64_t before_ms);

/* What may go of what is older than `before_ms` (UTC). Begins all zero. */
struct ledger_forget {
    int64_t before_ms;
    int64_t told_lines; /* rows behind these are still to be published */
    int64_t told_events;
    int64_t lines; /* rows looked at so far */
    int64_t events;
    int64_t alarms;
    bool more;
};

/*
 * One step, a few milliseconds: drops lines, events and alarms that are over. Never what a notifier is still
 * to be told, lines of sessions that are followed or that raised what is open, nor the last row of a table.
 */
int ledger_forget(struct ledger *l, struct ledger_forget *f);

/* How many lines of a host were proved on a line in one minute. */
struct ledger_beat {
    char line[CONF_NAME];
    char host[WIRE_HOST_MAX + 1];
    int64_t minute; /* UTC, minutes since 1970 */
    unsigned count;
};

typedef void ledger_beat_fn(void *to, const struct ledger_beat *beat);

/*
 * Of the `most` rows before the row `before` (0: of the last ones). `next` gets the row to go on with, 0 when
 * there is none. The same minute may come in two pieces.
 */
int ledger_beats(
        struct ledger *l, int64_t before, unsigned most, ledger_beat_fn *fn, void *to, int64_t *next);

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
