#ifndef WATCH_FS_PENDING_H
#define WATCH_FS_PENDING_H
/*
 * fs_pending - what a pass has looked at and not told yet, in order, because a file before it is still read
 *
 * A ring of entries with copies of what they point to, long enough that the walk goes on while one large file
 * is read: 256 small files are about 3 ms, or 7 MB. Big, mostly untouched: keep it static. No heap.
 */
#include "watch/baseline.h"
#include "watch/fs_rules.h"
#include "watch/fs_seen.h"
#include "watch/fs_workers.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FS_PENDING 256
/* Any one entry and its counterpart fit, and some hundreds of usual length. */
#define FS_PENDING_ROOM ((size_t)6 * 65536 + ((size_t)128 << 10))
#define FS_PENDING_USUAL ((size_t)32 << 10) /* bytes of it, what waits mostly takes up */

struct fs_waiting {
    bool has_was;
    bool has_now;
    bool reading;  /* the rest of `now` comes from the job */
    bool unknown;  /* what is there now could not be looked at */
    uint32_t from; /* its place in the room */
    struct baseline_entry was;
    struct baseline_entry now;  /* its path ends with a NUL */
    const struct fs_rule *rule; /* of `now` */
    struct fs_sight sight;
    struct fs_job job;
};

struct fs_pending {
    unsigned first;
    unsigned count;
    size_t next; /* of the room */
    struct fs_waiting ring[FS_PENDING];
    uint8_t room[FS_PENDING_ROOM];
};

/*
 * A place behind the last with copies of the two, either of which may be NULL. NULL when there is no room
 * until some are gone; an empty ring has room for everything.
 */
struct fs_waiting *fs_pending_add(
        struct fs_pending *p, const struct baseline_entry *was, const struct baseline_entry *now);

/* By place, from the first; there must be so many. */
struct fs_waiting *fs_pending_at(struct fs_pending *p, unsigned place);

/* The first is told. */
void fs_pending_drop(struct fs_pending *p);

/* Forgets all. */
void fs_pending_clear(struct fs_pending *p);

#endif
