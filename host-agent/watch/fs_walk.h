#ifndef WATCH_FS_WALK_H
#define WATCH_FS_WALK_H
/*
 * fs_walk - goes through a tree in tree order, one item a call
 *
 * Relative to directory descriptors, through no link, at any depth (few descriptors are kept open), with any
 * number of names in a directory (a list too long for the arena is taken in several rounds). Paths end at
 * BASELINE_PATH_MAX bytes. Directories of the kernel's own file systems are items, what is in them is not;
 * the same goes for network file systems that begin below the top, and for those that a rule excludes. All
 * memory is mapped by fs_walk_map().
 */
#include "watch/baseline.h"
#include "watch/fs_roots.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define FS_WALK_ARENA ((size_t)16 << 20)
#define FS_WALK_FDS 32 /* directories kept open */
#define FS_NO_COOKIE UINT32_MAX

struct fs_frame; /* a directory on the way down */

/* One thing in the tree. Valid until the next call. */
struct fs_item {
    const uint8_t *path;
    size_t path_len;
    int dir_fd;       /* of the directory that holds it */
    const char *name; /* in that directory */
    struct stat st;
    uint32_t flags;
    const struct fs_rule
            *rule;   /* that guards it; NULL: a directory on the way to what is guarded, or no roots */
    bool unreadable; /* a directory that we may not list */
};

struct fs_walk {
    struct fs_frame *frame;
    uint8_t *path;
    uint8_t *arena;
    uint8_t *dents;
    size_t arena_size;
    size_t arena_used;
    unsigned depth;
    unsigned skipped; /* items whose path is too long */
    /*
     * Of what the last call passed by, the outermost place where it is not known what is at and below it:
     * a directory that cannot be listed whole, or a name that cannot be looked at. At the end it stays.
     */
    uint8_t *unlisted;
    size_t unlisted_len; /* 0: none */
    bool shut;           /* the directory just given could not be opened */
    int top_fd;          /* of the directory that holds the top */
    int next_fd;         /* the directory just given, to be gone into; -1 for none */
    struct stat next_st;
    size_t next_len;
    bool at_top;
    const struct fs_roots *roots;
    struct fs_match next_beyond; /* of the directory to be gone into */
    bool next_kept;
    /* Called with each directory before it is listed; what it returns is handed to its subdirectories. */
    uint32_t (*enter)(void *to, uint32_t cookie, int dir_fd, const uint8_t *path, size_t len);
    void *enter_to;
    uint32_t top_cookie; /* what the top's own directory is to `enter` */
    /* Called now and then while a long list is read. */
    void (*alive)(void *to);
    void *alive_to;
    struct fs_rules_cursor cursor; /* the last: its pages come into being when they are used */
};

/* Maps the memory; pages come into being when they are used. 0 or -errno. */
int fs_walk_map(struct fs_walk *w, size_t arena_size);

/* Begins at a top; `roots` (may be NULL) tells what is guarded: nothing else is given but what leads to it. A
 * walk that has begun is ended first. */
void fs_walk_begin(struct fs_walk *w, const uint8_t *path, size_t len, const struct fs_roots *roots);

/* The next item; false at the end. */
bool fs_walk_next(struct fs_walk *w, struct fs_item *item);

/*
 * Closes what is open without ending: the walk goes on by the paths, and holds no mount meanwhile. Not
 * between a directory's being given and the next call.
 */
void fs_walk_let_go(struct fs_walk *w);

/* Closes what is open. */
void fs_walk_end(struct fs_walk *w);

/* Gives the memory's pages back until they are used again. */
void fs_walk_rest(struct fs_walk *w);

#endif
