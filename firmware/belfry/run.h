#ifndef BELFRY_RUN_H
#define BELFRY_RUN_H
/*
 * run - the receiver at work: one loop that reads lines, has them judged, keeps the record and tells
 *
 * One object a process. intake.c turns bytes into records, net.c what comes over the network, commit.c makes
 * records durable and then tells them, answer.c what
 * is asked of it, run.c is the loop around them.
 */
#include "belfry/attach/attach.h"
#include "belfry/ctl/server.h"
#include "belfry/incident.h"
#include "belfry/judge/bench.h"
#include "belfry/keeper/start.h"
#include "belfry/ledger/ledger.h"
#include "belfry/ledger/reserve.h"
#include "belfry/line/line.h"
#include "belfry/net.h"
#include "belfry/notice/notice.h"
#include "belfry/out.h"
#include "belfry/page/link.h"
#include "belfry/rota.h"
#include "belfry/tell.h"

#define RUN_QUEUE_HIGH 640 /* records between two commits; with so many nothing is read */
#define RUN_QUEUE 8192     /* while another process has the ledger, reading goes on */
#define RUN_QUEUE_ROOM 384 /* one slice of a line, with what ticks find, makes no more */
#define RUN_BATCH 64       /* that many are committed before the next slice of a line that goes on speaking */
#define RUN_COMMIT_MS 20   /* longest wait of a record for its commit */
#define RUN_SAVE_MS 1000   /* longest wait of a place in a file or a counter, which nobody is told */
#define RUN_CHANGES (2 * RUN_QUEUE)
#define RUN_EVENTS_BUFFER 262144

struct run_line {
    struct run *run;
    unsigned place; /* in the order of the configuration */
    bool lost_told;
    bool link_told;
    bool log_told;
    struct incidents incidents;
    struct attach_lease lease;
    int64_t fed_ms;                   /* when bytes came last */
    bool unsettled;                   /* the stream may hold an unfinished line */
    const struct notice_set *notices; /* NULL for none */
    struct notice_watch notice_watch;
    struct line line; /* last, as its stream */
};

/* What is dropped of the ledger: a step a second, a pass an hour. */
struct forget {
    int64_t next_ms;
    bool due;
    struct ledger_forget at;
    struct ledger_forget saving; /* what the next commit makes of it */
};

struct run {
    const struct conf *conf; /* `own` */
    struct conf own;         /* a reload exchanges its lines */
    const char *config;      /* the file it came from; NULL for none */
    bool events;
    bool stop;
    bool reload;       /* SIGHUP came */
    bool hosts_looked; /* the ledger was asked for new hosts since this slice was read */
    struct ledger *ledger;
    struct reserve reserve; /* of the disk, for it */
    struct bench bench;
    struct tell tell;
    struct ctl_server ctl;
    struct page_link page;
    struct net *net; /* NULL without a Listen in the configuration */
    struct out out;
    int signals;
    int lock;
    unsigned lines;
    unsigned files; /* lines that are files: their places are saved */
    struct run_line *line[CONF_LINES];
    struct rota rota; /* of the same places */
    struct transcripts transcripts;
    struct keeper keeper;
    struct attach_roles roles;
    struct notice_sets *notices;
    struct forget forget;

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
    bool urgent;      /* one of them is more than a beat that came over the network */
    bool unsaved;     /* a place or counter changed */
    int64_t unsaved_ms;
    uint64_t dropped; /* records, while the ledger could not be written */

    struct ledger_change change[RUN_CHANGES]; /* of the commit under way */
    unsigned changes;

    bool stuck;      /* the ledger cannot be written */
    bool locked;     /* by another process */
    bool stuck_said; /* for longer than another process needs that writes something */
    bool stuck_told;
    int64_t stuck_ms;
    int64_t again_ms; /* when the commit is tried again */

    unsigned answers; /* of notifiers, for the next commit */
    int64_t tell_ms;  /* when to look for something to tell (UTC); INT64_MAX for not before the next commit */
};

/* The command `run`. Exit status. */
int run_belfry(const struct conf *conf, const char *config, bool events);

/* roster.c: the lines of the configuration */

struct roster_change {
    unsigned lines; /* in all */
    unsigned added;
    unsigned removed;
    unsigned changed;
    unsigned failed; /* of those that are new or changed: without a transcript they are not watched */
    const struct conf_errors *errors; /* valid until the next reload */
    struct tell_change notifiers;
    unsigned fixed;                      /* that take a restart */
    const struct conf_fixed *fixed_text; /* likewise */
};

/* All of them, at the start. 0 or -errno with the name of what failed. */
int roster_take(struct run *run, const char **failed);

/*
 * Reads the configuration again and takes what it says of lines, rules, operators and notifiers; those
 * that are as before are not touched.
 * False when it has errors, which are told, or the ledger cannot be written: then all is as it was.
 */
bool roster_reload(struct run *run, struct roster_change *change);

/* intake.c */

void intake_init(struct run *run);

/* Takes up hosts that were paired since. */
void intake_hosts(struct run *run);

/* Restores what an earlier life left for this line; opens its transcript. 0 or -errno. */
int intake_prepare(struct run_line *rl);

/* Writes what of transcripts has waited long enough. A turn of the loop. */
void intake_write(struct run *run);

/* One slice of a line, or its opening. Bytes read; LINE_SLICE or more when the line has more of them. */
size_t intake_serve(struct run_line *rl);

/* Once a second: what was found in the line's text and not told. */
void intake_notices(struct run_line *rl);

/* Once a second: whether the line's name still leads to it. */
void intake_mend(struct run_line *rl);

/* On record: something of belfry's own about this line. Of WARN or worse it is an alarm until it is `over`.
 */
void intake_tell(
        struct run_line *rl, const char *code, enum wire_severity severity, bool over, const char *detail);

/* forget.c: once a second; in a transaction, 0 or LEDGER_E_*; after it */

void forget_look(struct run *run);
int forget_save(struct run *run);
void forget_saved(struct run *run);

/* answer.c: what ctl_server and the page ask. `to` is a struct run. */
void answer(void *to, const struct ctl_request *request, struct out *out);

/* commit.c */

void commit_record(struct run *run, const struct record *r);

/* Makes everything durable and tells it. False when the ledger refused; it is tried again. */
bool commit_now(struct run *run);

/* Until it is called with false, another process that happens to write is waited for, for a moment: somebody
 * waits for what is to be committed. */
void commit_patient(struct run *run, bool patient);

/* Says how many events were dropped, as soon as there is room to say it. */
void commit_say_dropped(struct run *run);

#endif
