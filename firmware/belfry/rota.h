#ifndef BELFRY_ROTA_H
#define BELFRY_ROTA_H
/*
 * rota - which lines are served next
 *
 * One object a process, main loop only. A quiet line waits in epoll and is served as soon as it speaks. One
 * that goes on speaking is read by the clock: for a while soon again, then more and more seldom, so that what
 * a UART hands over in bursts of a few bytes is read by the kilobyte. When a look finds nothing, it waits in
 * epoll again. A line is known by its place, 0 to `count` - 1. Times are of a clock that never jumps.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROTA_FIRST_MS \
    5 /* from the first bytes of a line to the next look; quiet lines wake us no more often */
#define ROTA_LAST_MS 250   /* the longest between two looks at a line that speaks; part of a second */
#define ROTA_LITTLE 2048   /* bytes that one look may find for the next one to come later */
#define ROTA_MUCH 3072     /* bytes that make the next look come at once: there may be more */
#define ROTA_MEMORY_MS 300 /* a line that pauses for less goes on where it was */
#define ROTA_CREDIT 32     /* looks that may come soon, after a quiet time ... */
#define ROTA_EARN_MS 300   /* ... that earns one of them */

struct rota_line {
    int64_t fed_ms;  /* when bytes came last */
    int64_t paid_ms; /* until when its looks are paid for by time: credit while that is past */
    int32_t wait_ms; /* to the next look, while it speaks without credit */
};

struct rota {
    int epoll;
    unsigned count;
    unsigned woken;  /* quiet lines that spoke, and which */
    unsigned from;   /* whose turn it is among those that are due by the clock */
    int64_t look_ms; /* not before, quiet lines are asked for again */
    int64_t *due_ms; /* when each is served without being woken; INT64_MAX for never */
    uint32_t *wake;  /* of `woken` */
    struct rota_line *line;
};

/* 0 or -errno. */
int rota_init(struct rota *r);
void rota_free(struct rota *r);

#define ROTA_NEW UINT32_MAX

/*
 * So many lines from now on, all due at once. `from` is the place that each had until now, or ROTA_NEW; NULL
 * when all are new. 0, or -ENOMEM when nothing was changed.
 */
int rota_arrange(struct rota *r, unsigned count, const uint32_t *from);

/* The last ones do not come after all. */
void rota_cut(struct rota *r, unsigned count);

/* To poll for input: -1 while it is too early to ask for quiet lines. */
int rota_fd(const struct rota *r, int64_t now_ms);

/* After poll() said so: takes the quiet lines that spoke. */
void rota_wake(struct rota *r, int64_t now_ms);

/* When something is due that epoll will not tell. */
int64_t rota_due(const struct rota *r, int64_t now_ms);

/* A line was served and is up: what it gave, and when it wants to be looked at anyway. */
void rota_served(struct rota *r, unsigned place, int fd, size_t got, int64_t due_ms, int64_t now_ms);

/* It is not up: served again at that time. */
void rota_down(struct rota *r, unsigned place, int64_t due_ms);

#endif
