#ifndef WATCH_FS_SOURCES_H
#define WATCH_FS_SOURCES_H
/*
 * fs_sources - where the file detector's events come from
 *
 * fanotify for whole file systems; inotify, directory by directory, for those that fanotify refuses (an
 * overlay without nfs_export) or where it is not allowed; and the table of mounts, so that a file system that
 * comes is watched from then on and looked at, and one that goes gives way to what it hid.
 */
#include "watch/fs_fanotify.h"
#include "watch/fs_inotify.h"
#include "watch/fs_places.h"
#include <poll.h>

struct fs_sources {
    struct fs_fanotify fanotify;
    struct fs_inotify inotify;
    int refused;   /* -errno: why fanotify does not cover every root; 0 when it does */
    int mountinfo; /* -1: mounts that change are not noticed */
    bool cut;      /* there are more mounts than are noticed */
    unsigned current;
    struct fs_places places[2];
    const struct fs_roots *roots;
};

/* Opens what there is; may be called again. `roots` stays the caller's. */
void fs_sources_open(struct fs_sources *s, const struct fs_roots *roots);

int fs_sources_fds(const struct fs_sources *s, struct pollfd *fds, int max);

/* Reads what is ready and tells it. */
void fs_sources_ready(struct fs_sources *s, const struct pollfd *fds, int count, const struct fs_hear *hear);

/* True when something is to be read. */
bool fs_sources_wait(const struct fs_sources *s);

/* True when an event source reports changes of files. */
bool fs_sources_any(const struct fs_sources *s);

/* Mounts or roots may be others now: marks what came and, with `hear`, tells what changed. */
void fs_sources_follow(struct fs_sources *s, const struct fs_hear *hear);

/* A walk enters a directory: it is watched from now on. The cookie is for what the walk finds in it. */
uint32_t fs_sources_enter(struct fs_sources *s, uint32_t cookie, int dir_fd, const uint8_t *path, size_t len);

#endif
