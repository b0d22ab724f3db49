#ifndef WATCH_FS_SOURCE_H
#define WATCH_FS_SOURCE_H
/*
 * fs_source - what the event sources of the file detector tell: where something may have happened
 *
 * They say where to look, not what is to be seen there: the look decides.
 */
#include "watch/fs_look.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FS_SOURCE_PATH 8192 /* longest path a source can name; beyond, it says `unclear` */

struct fs_news {
    int dir_fd;          /* what the path's directory is now */
    const char *name;    /* in it; "." for the directory itself */
    const uint8_t *path; /* in full */
    size_t len;
    bool tree;             /* a directory came, went or was moved: all below may be concerned */
    bool mount;            /* another file system is there now, or none any more */
    uint32_t cookie;       /* the source's own name for the directory */
    int32_t pid;           /* who did it; 0 when the source does not know */
    int pidfd;             /* of the same; -1: it has ended */
    const char *other_key; /* "from" or "to": */
    const uint8_t *other;  /* the path at the other end of a rename, or NULL */
    size_t other_len;
};

struct fs_hear {
    /* Something happened at a place. */
    void (*entry)(void *to, const struct fs_news *news);
    /* Whether anything in a directory can matter; asked where the answer is kept for a while. */
    bool (*cares)(void *to, const uint8_t *dir, size_t len);
    /* Events were lost, or one has a place that cannot be told: everything is to be looked at. */
    void (*lost)(void *to, const char *why);
    void *to;
};

/* A directory of which an event told could not be opened, by this errno. True when that is told: of one that
 * is gone its parent's event tells. */
static inline bool
fs_not_opened(int error, const struct fs_hear *hear)
{
    bool unknown = fs_is_unknown(error);

    if (unknown) {
        hear->lost(hear->to, "unopened");
    }
    return unknown;
}

#endif
