#ifndef WATCH_FS_SOURCE_H
#define WATCH_FS_SOURCE_H
/*
 * fs_source - what the event sources of the file detector tell: where something may have happened
 *
 * They say where to look, not what is to be seen there: the look decides.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FS_SOURCE_PATH 8192 /* longest path a source can name; beyond, it says `unclear` */

struct fs_hear {
    /*
     * Something happened to `name` ("." for the directory itself) in the directory; `path` is the full path.
     * `tree`: a directory came, went or was moved, so that all below may be concerned. `cookie` is the
     * source's own name for the directory.
     */
    void (*entry)(void *to, int dir_fd, const char *name, const uint8_t *path, size_t len, bool tree,
            uint32_t cookie);
    /* Whether anything in a directory can matter; asked where the answer is kept for a while. */
    bool (*cares)(void *to, const uint8_t *dir, size_t len);
    /* Events were lost, or one has a place that cannot be told: everything is to be looked at. */
    void (*lost)(void *to, const char *why);
    void *to;
};

#endif
