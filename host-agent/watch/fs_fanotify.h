#ifndef WATCH_FS_FANOTIFY_H
#define WATCH_FS_FANOTIFY_H
/*
 * fs_fanotify - events of whole file systems, one mark each (Linux 5.9; CAP_SYS_ADMIN and
 * CAP_DAC_READ_SEARCH)
 *
 * The marks cover all of a file system; what is not guarded is dropped by path. Events of this process are
 * dropped too. Nothing of a file system is kept open between two reads, so that it can be unmounted.
 */
#include "watch/fs_source.h"

#define FS_FANOTIFY_MOUNTS 256
#define FS_FANOTIFY_DULL 256
#define FS_FANOTIFY_TEXT 32768

struct fs_fanotify_event;

/* A directory in which nothing matters. */
struct fs_dull {
    uint8_t fsid[8];
    int32_t type;
    uint8_t len; /* of the handle; 0: none */
    uint8_t handle[35];
};

struct fs_fanotify {
    int fd;      /* -1: not in use */
    bool pidfds; /* the kernel tells who did it (Linux 5.15) */
    uint64_t mask;
    unsigned mounts;
    struct fs_fanotify_mount {
        uint8_t fsid[8];
        uint64_t id; /* of the mount */
        uint64_t device;
        size_t path; /* in text: a directory in it, to open handles by */
        size_t path_len;
        int fd; /* of that directory, while events are told; -1 */
    } mount[FS_FANOTIFY_MOUNTS];
    size_t text_used;
    uint8_t text[FS_FANOTIFY_TEXT];
    struct fs_dull dull[FS_FANOTIFY_DULL]; /* forgotten whenever any directory is moved */
};

/* 0 or -errno. */
int fs_fanotify_open(struct fs_fanotify *f);

/*
 * Marks the file system that holds the path, or its nearest directory that exists. 0 or -errno. *fresh: there
 * was no mark on it before.
 */
int fs_fanotify_mark(struct fs_fanotify *f, const uint8_t *path, size_t len, bool *fresh);

/* Forgets the mounts, to mark anew: marks that are there stay. */
void fs_fanotify_unlist(struct fs_fanotify *f);

/* True when the open directory is in a file system that is marked. */
bool fs_fanotify_covers(const struct fs_fanotify *f, int dir_fd);

/* Reads once and tells what it got. */
void fs_fanotify_read(struct fs_fanotify *f, const struct fs_hear *hear);

/* Forgets what did not matter: something else matters now. */
void fs_fanotify_forget(struct fs_fanotify *f);

void fs_fanotify_close(struct fs_fanotify *f);

#endif
