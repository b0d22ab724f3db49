#ifndef WATCH_FS_PASS_H
#define WATCH_FS_PASS_H
/*
 * fs_pass - holds what is there against the baseline, tree by tree, in small steps
 *
 * Tree and baseline are in the same order, so that one pass through both finds everything. A step does at
 * most one directory list, one look or one chunk of reading. Files are read by the workers, many at a time;
 * what is told stays in tree order. Big, mostly untouched: keep it static.
 */
#include "watch/baseline.h"
#include "watch/fs_compare.h"
#include "watch/fs_look.h"
#include "watch/fs_pending.h"
#include "watch/fs_roots.h"
#include "watch/fs_walk.h"
#include "watch/fs_workers.h"
#include <stdbool.h>

/* `was` is NULL for FS_ADDED, `now` for FS_GONE and FS_UNLOOKED, which is told for `read_all` alone. */
typedef void fs_told_fn(void *to, enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs);

struct fs_pass {
    const struct baseline *base; /* when none is loaded, everything is added */
    const struct fs_roots *roots;
    struct fs_walk *walk;
    struct fs_workers *workers; /* this pass's alone; NULL: a step reads a chunk itself */
    unsigned alone;             /* which fs_workers_none() then */
    bool read_all;              /* also read what the comparison does not need: to make a baseline */
    const struct fs_seen *seen; /* kept up to date; NULL for none */
    bool trust_seen;            /* what looks as it was seen is not looked at closer, nor told */
    fs_told_fn *told;
    void *told_to;
    /* progress */
    const struct fs_span *top;
    unsigned tops;
    unsigned at;
    uint64_t looked; /* entries */
    uint64_t bytes;  /* read */
    unsigned skipped;
    uint64_t unread;              /* files whose content is not compared though their rule asks for it */
    uint64_t unknown;             /* entries that were looked at where the baseline is damaged: not told */
    struct baseline_error damage; /* the first that was met; "" */
    bool unlooked; /* something is on a mount that does not answer, or cannot be listed, and was left out */
    size_t unlisted_len; /* of the first directory, or name, whose list or look failed; 0: none */
    bool walking;
    bool draining;  /* for fs_pass_let_go() */
    bool full;      /* nothing more is taken on until something was told */
    bool rereading; /* the first that is pending changed while it was read */
    bool held_valid;
    bool held_gap;
    bool item_valid;
    bool closed_before; /* the item is a directory that we may not list, as the baseline has it */
    uint64_t number;    /* of the held entry, through all tops */
    struct baseline_iter iter;
    struct baseline_entry held; /* the baseline's next entry under the top, unless that is a gap */
    struct fs_item item;        /* the walk's */
    struct fs_sight sight;      /* of it */
    struct fs_look look;        /* at it */
    struct fs_look again;
    int again_fd;
    struct fs_pending pending;
    uint8_t unlisted[BASELINE_PATH_MAX];
};

enum fs_pass_step {
    FS_PASS_OVER,
    FS_PASS_MORE,
    FS_PASS_WAITS /* for workers in the background: go on when their `ready_fd` is readable */
};

/* Begins; the fields before "progress" are set. `top` stays the caller's, until the end. */
void fs_pass_begin(struct fs_pass *p, const struct fs_span *top, unsigned tops);

/* Goes on. */
enum fs_pass_step fs_pass_step(struct fs_pass *p);

/*
 * True when nothing is open any more, so that the pass can rest without holding a mount; else the steps after
 * it bring it there.
 */
bool fs_pass_let_go(struct fs_pass *p);

/* What is told next, once its content has been read; NULL when that is no content or nothing is told. */
const struct baseline_entry *fs_pass_awaited(struct fs_pass *p);

/* Gives the pages of a pass that is over back until they are used again. */
void fs_pass_rest(struct fs_pass *p);

/* Gives up; nothing more is told. */
void fs_pass_abort(struct fs_pass *p);

#endif
