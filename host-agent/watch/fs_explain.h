#ifndef WATCH_FS_EXPLAIN_H
#define WATCH_FS_EXPLAIN_H
/*
 * fs_explain - what the package manager does to watched files is told a package, not a file
 *
 * While dpkg holds its lock, and behind a step that it has just taken, differences that an upgrade could make
 * wait. When it has done, dpkg's new
 * records say which of them it explains: those are told as package.changed, all others as they are. Nothing
 * is cleared: the baseline stays as it is, and an explained file that changes once more is told.
 *
 * What never waits: a change of mode, owner, flags or extended attributes; what is new and is setuid,
 * writable for others or not root's; what no room is left for; and anything at all when dpkg has been still
 * for FS_EXPLAIN_STILL_MS, or the first has waited FS_EXPLAIN_LONGEST_MS, until the lock was free in between.
 * That findings wait is told at once (package.running).
 *
 * One per process. No heap: tables of fixed size.
 */
#include "watch/detector.h"
#include "watch/fs_compare.h"

#define FS_EXPLAIN_HELD 8192     /* findings that wait, and places that links point to */
#define FS_EXPLAIN_TEXT 524288   /* for their paths */
#define FS_EXPLAIN_KNOWN 16384   /* explained states that are remembered; twice the room */
#define FS_EXPLAIN_SINGLY 2      /* packages that get a line each; more share one */
#define FS_EXPLAIN_QUIET_MS 2000 /* the lock was free so long: dpkg has done */
#define FS_EXPLAIN_STILL_MS 60000
#define FS_EXPLAIN_LONGEST_MS 600000

/* Looks at a path again and reports what is there; fs_explain_takes() is asked meanwhile. */
typedef void fs_explain_look_fn(const uint8_t *path, size_t len);

/* `root` is "" but in a test. Ends what the core may still have from before. */
void fs_explain_open(const struct detector_env *env, const char *root, fs_explain_look_fn *look);

/* True when a difference needs no finding of its own: it waits, or was explained. */
bool fs_explain_takes(enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs);

/* A slice of what is to be done. When it wants to be called again, as detector_ops.work. */
int64_t fs_explain_work(int64_t now_ms);

/* True while findings wait: a pass has not told all it saw. */
bool fs_explain_waits(void);

/* The baseline is another: what was explained is in it, or is to be explained anew. */
void fs_explain_forget(void);

#endif
