#ifndef WATCH_FS_LOOK_H
#define WATCH_FS_LOOK_H
/*
 * fs_look - what is at a name in a directory now, and what a regular file holds
 *
 * Only regular files are opened, never through a link, never so that it could block or change the access time
 * (where we may ask for that). A file that changes while it is read is read again, a few times. Relative to a
 * directory's descriptor throughout. No heap. One thread: all looks share one read buffer.
 */
#include "watch/baseline.h"
#include "watch/fs_read.h"
#include "watch/fs_xattrs.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define FS_LOOK_TRIES 4 /* to read a file that changes */

struct fs_look {
    struct baseline_entry now; /* path and own are left to the caller */
    struct stat st;
    uint32_t flags;
    bool exists;
    int error; /* when it does not: errno */
    /* while a file is being read */
    int dir_fd;
    const char *name;
    unsigned tries;
    bool log;
    uint64_t head;
    struct fs_read read;
    struct wire_hasher hash;
    char link[PATH_MAX];
    struct fs_xattrs xattrs;
};

/*
 * Looks at a name and its extended attributes; false when it is not there. What it points to and holds: a
 * link's target only, so a regular file is BASELINE_UNREAD.
 */
bool fs_look(struct fs_look *l, int dir_fd, const char *name);

/* The same for what statx(2) told of already: no second call. */
void fs_look_known(struct fs_look *l, int dir_fd, const char *name, const struct stat *st, uint32_t flags);

/* Before the first chunk of a log: not more than its first `head` bytes are read, and it may grow meanwhile.
 */
void fs_look_log(struct fs_look *l, uint64_t head);

/*
 * Reads one chunk of a regular file that fs_look() found. True when all is done: l->now and l->exists then
 * tell the whole truth, which may be that it is no regular file any more.
 */
bool fs_look_step(struct fs_look *l);

/* Gives up a read that has begun. */
void fs_look_abort(struct fs_look *l);

/* Gives the read buffer's pages back until they are used again. */
void fs_look_rest(void);

/*
 * The directory at an absolute path of any length, followed through no link; O_PATH. -1 with errno. Only the
 * descriptor is given.
 */
int fs_open_dir(const uint8_t *path, size_t len);

/* True when this errno of a name says that nothing is there, and not only that we could not look. */
bool fs_is_gone(int error);

/* True when it says that we could not look: a dying disk, no descriptor or memory left. What is forbidden,
 * and a mount that does not answer, is told as such elsewhere. */
bool fs_is_unknown(int error);

#endif
