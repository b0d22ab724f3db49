#ifndef BELFRY_RUN_H
#define BELFRY_RUN_H
/*
 * run - the receiver at work: one loop that reads lines, has them judged, keeps the record and tells
 *
 * One object a process. intake.c turns bytes into records, commit.c makes records durable and then tells
 * them, run.c is the loop around both.
 */
#include "belfry/ctl/server.h"
#include "belfry/judge/bench.h"
#include "belfry/ledger/ledger.h"
#include "belfry/line/line.h"
#include "belfry/notify/notify.h"
#include "belfry/out.h"

#define RUN_QUEUE 1024 /* records between two commits */
#define RUN_QUEUE_HIGH \
    640 /* from here on nothing is read: one slice of a line cannot make more than the rest */
#define RUN_COMMIT_MS 20 /* longest wait of a record for its commit */
#define RUN_SAVE_MS 1000 /* longest wait of a place in a file or a counter, which nobody is told */
#define RUN_CHANGES (2 * RUN_QUEUE)
#define RUN_EVENTS_BUFFER 262144

struct run_line {
    struct run *run;
    struct line line;
    bool lost_told;
    bool link_told;
    bool log_told;
    int64_t fed_ms; /* when bytes came last */
    bool unsettled; /* the stream may hold an unfinished line */
};

struct run {
    const struct conf *conf;
    bool events;
    bool stop;
    struct ledger *ledger;
    struct bench bench;
    struct notify notify;
    struct ctl_server ctl;
    struct out out;
    int signals;
    int lock;
    unsigned lines;
    struct run_line *line;

    int64_t now_ms; /* of this turn of the loop */
    int64_t utc_us;
    int64_t started_ms; /* UTC */
    int64_t data_version;
    int64_t second_ms;   /* when the once-a-second work is due */
    int64_t turned_ms;   /* the last turn */
    int64_t catch_up_ms; /* until then, nothing is judged by the clock while there is something to read */
    int64_t watchdog_ms; /* interval systemd wants, 0 for none */

    struct record *queue;
    unsigned queued;
    int64_t first_ms; /* since when the oldest record waits */
    bool unsaved;     /* a place or counter changed */
    int64_t unsaved_ms;
    uint64_t dropped; /* records, while the ledger could not be written */

    struct ledger_change change[RUN_CHANGES]; /* of the commit under way */
    unsigned changes;

    bool stuck; /* the ledger cannot be written */
    bool stuck_told;
    int64_t stuck_ms;
    int64_t again_ms; /* when the commit is tried again */

    int64_t busy[NOTIFY_ROOM]; /* alarms that are being told */
    unsigned busy_count;
    struct notify_answer answer[NOTIFY_ROOM];
    unsigned answers;
    int64_t tell_ms; /* when to look for something to tell (UTC); INT64_MAX for not before the next commit */
};

/* The command `run`. Exit status. */
int run_belfry(const struct conf *conf, bool events);

/* intake.c */

void intake_init(struct run *run);

/* Takes up hosts that were paired since. */
void intake_hosts(struct run *run);

/* Restores what an earlier life left for this line; opens its transcript. 0 or -errno. */
int intake_prepare(struct run_line *rl, int lines_dir);

/* One slice of a line, or its opening. */
void intake_serve(struct run_line *rl, bool ready);

/* Once a second: whether the line's name still leads to it. */
void intake_mend(struct run_line *rl);

/* commit.c */

void commit_record(struct run *run, const struct record *r);

/* Makes everything durable and tells it. False when the ledger refused; it is tried again. */
bool commit_now(struct run *run);

/* Answers of the notifier, and what is to be told next. */
void commit_tell(struct run *run);

#endif
