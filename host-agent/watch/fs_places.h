#ifndef WATCH_FS_PLACES_H
#define WATCH_FS_PLACES_H
/*
 * fs_places - where other file systems may come and go: the guarded roots, and the mounts below them
 *
 * A list is made anew when the kernel says that mounts have changed; what differs from the list before is to
 * be looked at. File systems of servers are left out: one that does not answer would stop us for good.
 */
#include "watch/fs_roots.h"

#define FS_PLACES 512
#define FS_PLACES_TEXT 65536

/* What a path leads to. All zero: nothing. */
struct fs_place_id {
    uint64_t mount;
    uint64_t device;
    uint64_t inode;
};

struct fs_place {
    size_t path; /* in text */
    size_t len;
    struct fs_place_id id;
    bool look; /* for whoever goes through the list */
};

struct fs_places {
    unsigned count;
    bool cut; /* there are more than fit */
    struct fs_place place[FS_PLACES];
    size_t used;
    uint8_t text[FS_PLACES_TEXT];
};

/* Lists and identifies; `mountinfo` is a descriptor of /proc/self/mountinfo, or -1. */
void fs_places_list(struct fs_places *p, const struct fs_roots *roots, int mountinfo);

const uint8_t *fs_places_path(const struct fs_places *p, const struct fs_place *place);

/* Sets `look` on what came or is another in `now`, and on what is in `before` only. */
void fs_places_compare(struct fs_places *now, struct fs_places *before);

/* The directory that holds the path, and the path's name in it ("." for "/"). -1 with errno. */
int fs_places_parent(const uint8_t *path, size_t len, char name[], size_t size);

/* What an open directory or file is. */
void fs_place_identify(int dir_fd, const char *name, struct fs_place_id *out);

#endif
