#ifndef WATCH_FS_ROLLING_H
#define WATCH_FS_ROLLING_H
/*
 * fs_rolling - reads all content again and again, slowly, whatever the times of the files say
 *
 * Behind the sweeps, which read what looks different: a block that was written past the file system, a clock
 * that was turned back. One pass after the other, each spread over a given time, in short bursts by a thread
 * of low priority that together are never more than a given share. In the pauses nothing is held open, so
 * that file systems can be unmounted. Main thread only; big, mostly untouched: keep it static.
 */
#include "watch/fs_pass.h"
#include <stdbool.h>
#include <stdint.h>

struct fs_rolling {
    struct fs_pass pass;
    struct fs_walk walk;
    struct fs_workers workers;
    uint32_t every_s; /* from the start of a pass to the next */
    uint32_t share;   /* percent of one core, at most */
    bool mapped;
    bool running;
    int64_t began_ms;
    int64_t due_ms;    /* of the next pass */
    int64_t burst_us;  /* when the burst began that runs; 0 for none */
    int64_t pause_ms;  /* the pause between two bursts ends */
    int64_t worked_us; /* by this pass */
    int64_t busy_us;   /* by the last whole pass */
    int64_t ended_ms;
    unsigned paced;  /* thousandths in the pass that runs */
    uint64_t looked; /* by the last whole pass */
};

/* Maps the walk and starts the thread; the pass's fields are the caller's to set, behind it. 0 or -errno. May
 * be called again. */
int fs_rolling_open(struct fs_rolling *r, uint32_t every_s, uint32_t share);

/* Gives up the pass that runs, if any; the next is due at `now_ms`. */
void fs_rolling_restart(struct fs_rolling *r, int64_t now_ms);

/*
 * Some steps; true when one ended a whole pass. `*due_ms` gets when to call again, INT64_MAX: when the thread
 * has something.
 */
bool fs_rolling_work(
        struct fs_rolling *r, const struct fs_span *top, unsigned tops, int64_t now_ms, int64_t *due_ms);

#endif
