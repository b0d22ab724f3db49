#ifndef WATCH_FS_PASS_H
#define WATCH_FS_PASS_H
/*
 * fs_pass - holds what is there against the baseline, tree by tree, in small steps
 *
 * Tree and baseline are in the same order, so that one pass through both finds everything. A step does at
 * most one directory list, one look or one chunk of reading. Big: keep it static.
 */
#include "watch/baseline.h"
#include "watch/fs_look.h"
#include "watch/fs_roots.h"
#include "watch/fs_walk.h"
#include <stdbool.h>

enum fs_verdict { FS_SAME, FS_CHANGED, FS_ADDED, FS_GONE };

/* In what an entry differs. */
#define FS_TYPE 0x01u
#define FS_MODE 0x02u
#define FS_OWNER 0x04u
#define FS_SIZE 0x08u
#define FS_LINK 0x10u
#define FS_DATA 0x20u
#define FS_STATE 0x40u
#define FS_DEVICE 0x80u

/* A file of another size than the baseline's is known to have changed; above this it is not read as well. */
#define FS_READ_WHEN_RESIZED ((uint64_t)64 << 20)

/* `was` is NULL for FS_ADDED, `now` for FS_GONE. */
typedef void fs_told_fn(void *to, enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs);

struct fs_pass {
    const struct baseline *base; /* without bytes: everything is added */
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
    bool walking;
    bool reading;
    bool held_valid;
    struct baseline_iter iter;
    struct baseline_entry held; /* the baseline's next entry under the top */
    struct fs_look look;
};

/* Begins; the fields before "progress" are set. `top` stays the caller's, until the end. */
void fs_pass_begin(struct fs_pass *p, const struct fs_span *top, unsigned tops);

/* Goes on. False when the pass is over. */
bool fs_pass_step(struct fs_pass *p);

/* Gives up; nothing more is told. */
void fs_pass_abort(struct fs_pass *p);

/* True when the content is needed to compare: it may be equal, or it is cheap to say how it differs. */
bool fs_needs_content(const struct baseline_entry *was, const struct baseline_entry *now);

/* FS_* bits; `read` says that now's content was read. */
unsigned fs_compare(const struct baseline_entry *was, const struct baseline_entry *now, bool read);

#endif
