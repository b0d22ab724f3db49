#ifndef WATCH_FS_INOTIFY_H
#define WATCH_FS_INOTIFY_H
/*
 * fs_inotify - events of single directories, one watch each: where fanotify is not allowed or not supported
 *
 * Directories come in as a walk enters them, before they are listed, so that nothing falls between list and
 * watch. Each keeps its name and its parent, from which paths are made. All memory is mapped at open.
 */
#include "watch/fs_source.h"

#define FS_INOTIFY_DIRS 65536

struct fs_inotify_dir;

struct fs_inotify {
    int fd; /* -1: not in use */
    struct fs_inotify_dir *dir;
    uint32_t *table; /* watch descriptor -> directory, open addressing; 0 is free */
    uint32_t used;   /* dir[] up to here has been in use */
    uint32_t free;   /* head of the list of free ones */
    uint32_t watched;
    uint32_t refused; /* directories without a watch, by a limit of the system or of ours */
    uint8_t path[FS_SOURCE_PATH];
};

/* 0 or -errno. */
int fs_inotify_open(struct fs_inotify *in);

/* Watches one directory; `parent` is the cookie of the one that holds it, or FS_NO_COOKIE. Returns its
 * cookie. */
uint32_t fs_inotify_enter(
        struct fs_inotify *in, uint32_t parent, int dir_fd, const uint8_t *path, size_t len);

/* Reads once and tells what it got. */
void fs_inotify_read(struct fs_inotify *in, const struct fs_hear *hear);

void fs_inotify_close(struct fs_inotify *in);

#endif
