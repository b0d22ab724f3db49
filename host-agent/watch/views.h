#ifndef WATCH_VIEWS_H
#define WATCH_VIEWS_H
/*
 * views - runs views that should agree: each asks for one thing in two ways, or for what a rule can judge
 *
 * A detector has a few of them, one file and one const table each. The engine looks when a view is due or
 * its descriptor is ready, keeps what it found, and tells the core what is new and what is over.
 */
#include "watch/detector.h"

#define VIEWS_MAX 12
#define VIEWS_OPEN 512
#define VIEW_OPEN 64 /* of each view: nobody who can provoke one kind takes the room of the others */
#define VIEW_DONE INT64_MAX
#define VIEWS_BOOT_MS 180000 /* after a boot: what services and devices bring up is no news */

struct views;

struct view_ops {
    enum conf_view view;
    bool slow; /* a whole look takes many minutes: `tocsin check` leaves it out, and no pass waits for it */

    /* NULL when there is nothing to open. -errno when it cannot look at all. */
    int (*open)(struct views *v);

    /* What to wait for, and how; NULL when there is none. A descriptor below 0 is left out. */
    int (*fd)(short *events);

    /* Takes what is waiting there. True when a look is due at once. */
    bool (*ready)(struct views *v);

    /*
     * A look, or a slice of a few milliseconds of one, between view_begin() and view_end(). Returns when it
     * goes on (CLOCK_BOOTTIME), or VIEW_DONE.
     */
    int64_t (*look)(struct views *v, int64_t now_ms);

    /* How long after a look that is done the next one is due. NULL: as long as is configured. */
    int64_t (*pause_ms)(const struct views *v);
};

struct view_state {
    bool open;
    bool looked; /* once to the end */
    int64_t due_ms;
    int64_t last_ms;
};

/* Apart from the findings: memory that is never touched costs nothing. */
struct view_mark {
    bool used;
    bool seen; /* since view_begin() */
    uint8_t view;
};

struct view_table {
    enum finding_source source;
    unsigned count;
    const struct view_ops *ops[VIEWS_MAX];
};

/* A detector's own. */
struct views {
    const struct view_table *table;
    struct detector_env env;
    struct view_state state[VIEWS_MAX];
    bool quiet; /* findings are told in the pass only */
    bool full;
    int64_t next_pass_ms;
    int64_t passed_ms; /* when the last pass was told; 0: never */
    struct view_mark mark[VIEWS_OPEN];
    struct finding open[VIEWS_OPEN];
};

/* For the detector's table. */
void views_open(struct views *v, const struct view_table *table, const struct detector_env *env);
int views_fds(const struct views *v, struct pollfd *fds, int max);
void views_ready(struct views *v, const struct pollfd *fds, int count);
int64_t views_work(struct views *v, int64_t now_ms);
void views_status(const struct views *v, struct detector_status *out);
int views_check(struct views *v, const struct view_table *table, const struct detector_env *env);

/* For a view: what it finds between these two is open, what it found before and not again is over. */
void view_begin(struct views *v, enum conf_view view);
void view_found(struct views *v, enum conf_view view, const struct finding *f);
void view_end(struct views *v, enum conf_view view);

/* Happened once. */
void view_event(struct views *v, struct finding *f);

/* Tells of a source that is not as it should be, when `now` is different from *told. */
void view_self(struct views *v, bool *told, bool now, const char *source, const char *state);

/* The view is due, whatever time it gave. */
void view_hurry(struct views *v, enum conf_view view);

/* The seconds between two of its looks, in milliseconds. */
int64_t view_every_ms(const struct views *v, enum conf_view view);

/*
 * Text of a file, in one place for all views: it lasts until the next call. The length, or -errno; -EFBIG
 * for more than VIEWS_TEXT bytes, -EINVAL for what is no regular file.
 */
#define VIEWS_TEXT (1u << 20)
ssize_t views_read(int dir, const char *path, const char **text);

#endif
