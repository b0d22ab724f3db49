#ifndef ALARM_OPEN_H
#define ALARM_OPEN_H
/*
 * open - the findings that are open now, and which of them to tell
 *
 * One per core. A finding is told when it opens, told again when its text changes (at most each
 * OPEN_UPDATE_MS), and told when it closes. Above OPEN_RATE a second findings wait their turn, the most
 * severe first and the sources in turn, and agent.flood tells how many do. A source that was quiet waits for
 * no other's.
 *
 * Findings of a kind that folds (finding_folds()) are told singly as long as they are few. The others are
 * gathered until it is quiet, and then told as folds: one line a directory says how many it stands for. Each
 * stays a finding of its own; the fold is over when the last of them is.
 */
#include "alarm/finding.h"

#define OPEN_FINDINGS 8192
#define OPEN_RATE 10      /* told a second ... */
#define OPEN_BURST 20     /* ... after this many at once */
#define OPEN_CALM_MS 1000 /* a source that told nothing for so long need not wait for its turn */
#define OPEN_UPDATE_MS 5000
#define OPEN_SHARE 3584 /* entries that one source may have: floods of two leave room for the others */
#define OPEN_SHARE_FOLDING 3072 /* ... for such as fold: none of them takes the place of a graver one */
#define OPEN_EVENTS 256 /* with as many of its source, an event takes the place of one like it that waits */
#define OPEN_BUCKETS 1024
#define OPEN_LISTED 8 /* numbers in al= of a beat */

#define OPEN_SINGLES 6             /* told singly before they are gathered ... */
#define OPEN_SINGLE_MS 500         /* ... and one more for each of these in which none is gathered */
#define OPEN_FOLDS 64              /* directories that can stand for others at a time */
#define OPEN_FOLD_LINES 12         /* new ones at a time */
#define OPEN_FOLD_QUIET_MS 2000    /* gathered until none came for so long ... */
#define OPEN_FOLD_LONGEST_MS 10000 /* ... or the first has waited so long */
#define OPEN_FOLD_AGAIN_MS 20000   /* from one folding to the next */
#define OPEN_FOLD_LESS_MS 60000    /* between two lines of a fold that only say that it has become smaller */

enum open_state { OPEN_FREE, OPEN_UNTOLD, OPEN_GATHERED, OPEN_TOLD, OPEN_UPDATED, OPEN_CLOSED };

struct open_entry {
    struct finding finding;
    uint8_t state; /* enum open_state */
    bool event;    /* told once, then gone */
    bool over;     /* closed before it was told: both are told, in order */
    bool many;     /* the entry of a fold */
    uint16_t next; /* in its bucket: index + 1, or 0 */
    uint16_t fold; /* that stands for it, or whose entry it is: index + 1, or 0 */
    uint32_t pass;
    uint32_t number; /* of the line that told it last; 0 while its fold has not */
    uint64_t order;  /* age: lower came first */
    int64_t told_ms;
    int64_t since_ms; /* when it was told first; 0: not yet */
};

/* Stands for findings under a directory. Its entry is told like any other. */
struct open_fold {
    struct open_entry entry;
    bool less; /* it has become smaller since it was told */
    unsigned members;
    unsigned brief;         /* over before they were told: told with the next line */
    uint8_t brief_severity; /* the gravest of those */
};

struct open_table {
    struct open_entry entry[OPEN_FINDINGS];
    struct open_fold fold[OPEN_FOLDS];
    uint16_t bucket[OPEN_BUCKETS]; /* index + 1, or 0 */
    uint16_t free;                 /* first entry used before and free now: index + 1, or 0 */
    unsigned high;                 /* entries ever used */
    unsigned waiting;              /* UNTOLD, UPDATED and CLOSED entries and folds */
    unsigned gathered;             /* GATHERED entries */
    unsigned singles;              /* that may be told singly now */
    int64_t singles_ms;            /* when that was last refilled */
    bool hurry;                    /* no more is to come: fold what is gathered */
    bool came;                     /* one was gathered since open_next() */
    int64_t came_ms;               /* when the last was */
    int64_t gather_ms;             /* when the first was; -1 when none is */
    int64_t fold_from_ms;          /* no folding before */
    uint32_t pass[FINDING_SOURCES];
    unsigned held[FINDING_SOURCES];     /* entries in use */
    uint64_t turn[FINDING_SOURCES];     /* when it last told one, in `turns` */
    int64_t source_ms[FINDING_SOURCES]; /* the same as a time */
    uint64_t turns;
    uint64_t order;
    int64_t tokens_ms;           /* when the rate's bucket was last filled */
    uint32_t tokens;             /* thousandths of a finding */
    uint32_t turned_away;        /* found no room, since open_take_turned_away() */
    uint32_t grave[OPEN_LISTED]; /* newest numbers of ERRO and worse, newest first */
    unsigned graves;
};

/* The object must be zero: memory that is never touched costs nothing. */
void open_init(struct open_table *t, int64_t now_ms);

/* One valid message of a detector. */
void open_take(struct open_table *t, const struct finding *f);

/*
 * The next entry to tell, or NULL when none waits or the rate is used up; *due_ms then gets when to ask
 * again. The caller tells it and calls open_told(). A CLOSED entry is told as over, with of= its number.
 */
struct open_entry *open_next(struct open_table *t, int64_t now_ms, int64_t *due_ms);

/* Told by line `number`: an event or a closed finding leaves the table. */
void open_told(struct open_table *t, struct open_entry *e, uint32_t number, int64_t now_ms);

/* The entry of the finding with this id that is open or is over and not told so; NULL when there is none. */
struct open_entry *open_find(struct open_table *t, const struct finding *f);

/* What is gathered is folded at the next open_next(): the end is near. */
void open_hurry(struct open_table *t);

/* Remembers a line of ERRO or worse for al=. */
void open_list_grave(struct open_table *t, uint32_t number);

/* Open findings; a fold is none, those it stands for are. */
unsigned open_count(const struct open_table *t);

/* Findings of which no line has told yet. */
unsigned open_untold(const struct open_table *t);

/* The first finding that is open, from entry `from` on; NULL when there is none. */
const struct open_entry *open_from(const struct open_table *t, unsigned from);

uint32_t open_take_turned_away(struct open_table *t);

#endif
