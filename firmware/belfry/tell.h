#ifndef BELFRY_TELL_H
#define BELFRY_TELL_H
/*
 * tell - has the notifiers tell alarms: their processes, and the place of each in the row of notices
 *
 * One object a process, in struct run. Each notifier goes through the notices by itself, NOTIFY_ROOM at a
 * time, so one that is slow or dead delays no other and not the loop. One that is behind tells the first
 * notice of a quiet host at once and the others host by host in turn. What it has told is on the disk with
 * the next commit.
 */
#include "belfry/beside.h"
#include "belfry/judge/bench.h"
#include "belfry/ledger/ledger.h"
#include "belfry/notify/kinds.h"
#include "belfry/notify/link.h"

#define TELL_NOTIFIERS (CONF_NOTIFIERS + 2) /* OnAlarm and Syslog are the names `hook` and `syslog` */

#define TELL_TROUBLE "belfry.notify" /* the code of the alarm about one that cannot tell */

struct run;

enum tell_state {
    TELL_WAITS, /* to be sent */
    TELL_SENT,
    TELL_DONE,   /* told or given up; the ledger is to know */
    TELL_FAILED, /* to be kept and tried again */
    TELL_LATER,  /* to be kept: an earlier notice of the same alarm is not through */
};

struct tell_notice {
    enum tell_state state;
    bool kept;  /* in the ledger, to be tried again: the place is behind it */
    bool ahead; /* nothing else of its host was under way or waited */
    bool given_up;
    unsigned tries;
    int64_t seq;
    int64_t alarm;
    char host[WIRE_HOST_MAX + 1]; /* of one that is not kept */
};

#define TELL_LANES (BENCH_HOSTS + 16)      /* with belfry's own, and hosts that were paired once */
#define TELL_TURNS_ROOM (NOTIFY_ROOM - 32) /* the rest is for hosts of which nothing else waits */

/* A host that a notifier is behind with: its notices are told in turn with those of other such hosts. */
struct tell_lane {
    char host[WIRE_HOST_MAX + 1]; /* "" for belfry's own */
    int64_t next;                 /* all before it are told or under way */
    int64_t last;                 /* that was passed over; before `next` when none waits */
    int64_t waiting;              /* notices from `next` to `last` */
    int64_t saved;                /* the first that is not told, as the disk has it; 0 for nothing */
    int64_t saving;               /* as the commit under way makes it */
};

enum tell_row_kind { TELL_LINES, TELL_EVENTS, TELL_ROWS };

#define TELL_GONE 4 /* that have left and still finish what runs */

#define TELL_FLIGHT (NOTIFY_ROWS / TELL_ROWS)

struct tell_row {
    int64_t row;
    bool done;
};

/* The rows of one table that a notifier publishes. */
struct tell_rows {
    int64_t sent;    /* the last that it was given */
    int64_t reached; /* all up to there are published */
    unsigned count;
    struct tell_row flight[TELL_FLIGHT]; /* given to it, in their order */
};

struct tell_one {
    struct conf_notify conf;
    const struct notify_kind_row *kind;
    struct beside process;
    uint64_t files;  /* what those that its options name were like when it was started */
    int64_t part_ms; /* until then it finishes what runs, to be started anew; 0 when it is not to */
    int64_t begun_ms;
    int64_t start_ms; /* when it is started again */
    int64_t wait_ms;  /* before that, the next time */

    struct ledger_place place;  /* as it is on the disk */
    struct ledger_place saving; /* as the commit under way makes it */
    int64_t reached;            /* the last notice that was looked at: told, under way, or passed over */
    struct tell_notice notice[NOTIFY_ROOM];
    unsigned notices;
    unsigned lanes;
    unsigned turn; /* of the lanes */
    struct tell_lane lane[TELL_LANES];
    struct tell_rows rows[TELL_ROWS];
    bool rows_ready;    /* there may be rows to send, and room for them */
    uint64_t rows_told; /* since the last commit */
    uint64_t rows_failed;
    bool standing; /* it is being told what is open, up to alarm `stood` */
    int64_t stood;
    int64_t trouble_ms; /* since when it waits for its target or is not running; 0 for all is well */
    bool trouble_told;
    char why[NOTIFY_WHY];
};

/* A process whose notifier is no longer configured. */
struct tell_gone {
    pid_t pid; /* 0 for none */
    int64_t kill_ms;
};

struct tell {
    int fd; /* of epoll: readable when a notifier has answered or ended */
    unsigned count;
    struct tell_one *one[TELL_NOTIFIERS];
    struct tell_gone gone[TELL_GONE];
    int64_t pruned_ms;
};

/* What a reload did. */
struct tell_change {
    unsigned notifiers; /* in all */
    unsigned added;
    unsigned removed;
    unsigned changed;
    unsigned renewed; /* a file that it names is another */
    unsigned untold;  /* notices that waited for one that was removed */
};

/* Starts the processes; before there is a key in this one. 0 or -errno. */
int tell_start(struct run *run);

/* Takes up what the ledger says, once it is open. */
void tell_resume(struct run *run);

/* Answers that came, processes that ended, and what is to be told next. */
void tell_turn(struct run *run);

/* In a transaction: what was told since the last one. 0 or LEDGER_E_*. */
int tell_save(struct run *run);

/* It is on the disk. */
void tell_saved(struct run *run);

/* tell_reload.c: which notifiers there are. */

/* Of the configuration, none of them started. 0 or -ENOMEM. */
int tell_take(struct tell *tell, const struct conf *conf);

/* What the files are like that its options name: another number when one of them is. */
uint64_t tell_files(const struct conf_notify *conf);

/* On record: the troubles of notifiers that `next` does not have are over. */
void tell_leave(struct run *run, const struct conf *next);

/* The same at the start, of those that the configuration had before. */
void tell_left(struct run *run);

/*
 * Takes those of `next`: one that is as before is not touched, one that is not, or whose files are not, is
 * started anew and goes on at its place, one that is gone ends, and what waits for it is forgotten. False,
 * and nothing is changed, when the ledger cannot be written or there is no memory.
 */
bool tell_reload(struct run *run, const struct conf *next, struct tell_change *change);

/* Ends what is left of those that are gone. */
void tell_sweep(struct run *run);

/* Has all of them tell what is in no ledger, as well as they can. */
void tell_at_once(struct run *run, const struct notice *n);

/* The status of notifier `i` as one line of the answer (DESIGN.md, ctl); its length. */
size_t tell_status(const struct run *run, unsigned i, char *out, size_t size);

/* Whether it is told what is about this host and came in on this line. */
bool tell_is_for(const struct tell_one *t, const char *host, const char *line);

/* On record: it cannot tell, or can again. */
void tell_say_trouble(struct run *run, struct tell_one *t, bool bad);

/* tell_lanes.c: hosts that a notifier is behind with */

/* NULL when it is not behind with this one. */
struct tell_lane *tell_lane_find(struct tell_one *t, const char *host);

/* It waits for its host's turn. False when there is no room for one host more. */
bool tell_lane_add(struct tell_one *t, const struct notice *n);

/* The next one of the host whose turn it is; false when none waits. */
bool tell_lanes_next(struct run *run, struct tell_one *t, struct notice *out);

/* It was under way and waits again. */
void tell_lane_put_back(struct tell_lane *lane, int64_t seq);

/* Of each such host the last `by` that were told wait again. */
void tell_lanes_go_back(const struct run *run, struct tell_one *t, unsigned by);

/* From the ledger; t->reached is set. 0 or LEDGER_E_*. */
int tell_lanes_load(struct run *run, struct tell_one *t);

/* What a commit is to save of the lanes, and the place: all up to it are told, kept, or of a lane. */
int64_t tell_lanes_settle(struct tell_one *t);

/* In a transaction, 0 or LEDGER_E_*; after it. */
int tell_lanes_save(struct run *run, struct tell_one *t);
void tell_lanes_saved(struct tell_one *t);

/* Notices that it has not told. */
int64_t tell_waiting(const struct run *run, const struct tell_one *t);

/* tell_rows.c: lines and events, for notifiers that publish them. */

/* Its process has started: it is given again what is not on record as published. */
void tell_rows_begin(struct tell_one *t);

/* There are new ones. */
void tell_rows_made(struct run *run);

void tell_rows_answer(struct run *run, struct tell_one *t, const struct notify_answer *a);

/* False when there is more to send than there is room for, or time. */
bool tell_rows_send(struct run *run, struct tell_one *t);

/* Puts its places into t->saving. True when they have moved. */
bool tell_rows_save(struct tell_one *t);

/* They finish what runs, NOTIFY_PART_MS at most, and end by themselves. */
void tell_stop(struct run *run);

#endif
