#ifndef ALARM_OPEN_H
#define ALARM_OPEN_H
/*
 * open - the findings that are open now, and which of them to tell
 *
 * One per core. A finding is told when it opens, told again when its text changes (at most each
 * OPEN_UPDATE_MS), and told when it closes. Above OPEN_RATE a second findings wait their turn, the most
 * severe first and the sources in turn, and agent.flood tells how many do.
 */
#include "alarm/finding.h"

#define OPEN_FINDINGS 8192
#define OPEN_RATE 10  /* told a second ... */
#define OPEN_BURST 20 /* ... after this many at once */
#define OPEN_UPDATE_MS 5000
#define OPEN_SHARE 3584 /* entries that one source may have: floods of two leave room for the others */
#define OPEN_BUCKETS 1024
#define OPEN_LISTED 8 /* numbers in al= of a beat */

enum open_state { OPEN_FREE, OPEN_UNTOLD, OPEN_TOLD, OPEN_UPDATED, OPEN_CLOSED };

struct open_entry {
    struct finding finding;
    uint8_t state; /* enum open_state */
    bool event;    /* told once, then gone */
    bool over;     /* closed before it was told: both are told, in order */
    uint16_t next; /* in its bucket: index + 1, or 0 */
    uint32_t pass;
    uint32_t number; /* of the line that told it last */
    uint64_t order;  /* age: lower came first */
    int64_t told_ms;
    int64_t since_ms; /* when it was told first; 0: not yet */
};

struct open_table {
    struct open_entry entry[OPEN_FINDINGS];
    uint16_t bucket[OPEN_BUCKETS]; /* index + 1, or 0 */
    uint16_t free;                 /* first entry used before and free now: index + 1, or 0 */
    unsigned high;                 /* entries ever used */
    unsigned waiting;              /* UNTOLD, UPDATED and CLOSED entries */
    uint32_t pass[FINDING_SOURCES];
    unsigned held[FINDING_SOURCES]; /* entries in use */
    uint64_t turn[FINDING_SOURCES]; /* when it last told one, in `turns` */
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

/* Remembers a line of ERRO or worse for al=. */
void open_list_grave(struct open_table *t, uint32_t number);

unsigned open_count(const struct open_table *t);

/* The first finding that is open, from entry `from` on; NULL when there is none. */
const struct open_entry *open_from(const struct open_table *t, unsigned from);

uint32_t open_take_turned_away(struct open_table *t);

#endif
