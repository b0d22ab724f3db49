#ifndef WATCH_FS_PASS_H
#define WATCH_FS_PASS_H
/*
 * fs_pass - holds what is there against the baseline, tree by tree, in small steps
 *
 * Tree and baseline are in the same order, so that one pass through both finds everything. A step does at
 * most one directory list, one look or one chunk of reading. Big: keep it static.
 */
#include "watch/baseline.h"
#include "watch/fs_compare.h"
#include "watch/fs_look.h"
#include "watch/fs_roots.h"
#include "watch/fs_walk.h"
#include <stdbool.h>

/* `was` is NULL for FS_ADDED, `now` for FS_GONE. */
typedef void fs_told_fn(void *to, enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs);

struct fs_pass {
    const struct baseline *base; /* when none is loaded, everything is added */
    const struct fs_roots *roots;
    struct fs_walk *walk;
    bool read_all; /* also read what the comparison does not need: to make a baseline */
    fs_told_fn *told;
    void *told_to;
    /* progress */
    const struct fs_span *top;
    unsigned tops;
    unsigned at;
    uint64_t looked; /* entries */
    uint64_t bytes;  /* read */
    unsigned skipped;
    uint64_t unknown;             /* entries that were looked at where the baseline is damaged: not told */
    struct baseline_error damage; /* the first that was met; "" */
    bool walking;
    bool reading;
    bool held_valid;
    bool held_gap;
    struct baseline_iter iter;
    struct baseline_entry held; /* the baseline's next entry under the top, unless that is a gap */
    struct fs_look look;
};

/* Begins; the fields before "progress" are set. `top` stays the caller's, until the end. */
void fs_pass_begin(struct fs_pass *p, const struct fs_span *top, unsigned tops);

/* Goes on. False when the pass is over. */
bool fs_pass_step(struct fs_pass *p);

/* Gives up; nothing more is told. */
void fs_pass_abort(struct fs_pass *p);

#endif
