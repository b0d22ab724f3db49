#ifndef WATCH_FS_REMOTE_H
#define WATCH_FS_REMOTE_H
/*
 * fs_remote - mounts whose server does not answer, so that nobody waits for them
 *
 * A look at a path on such a mount (a dead NFS server, a hung FUSE program) can take for ever. Each mount of
 * a network or user-space file system is asked by a thread of its own; who has not answered in time is
 * silent, and nothing at or below it is touched until it does. Who was not asked since it was mounted counts
 * as silent. One list a process; the main thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FS_REMOTE_WAIT_MS 500 /* for all of them together: they are asked at the same time */
#define FS_REMOTE_THREADS 16  /* so many at a time; one that never comes back keeps its place */

/* A network or user-space file system, by its type in mountinfo. */
bool fs_remote_type(const char *type);

/* Reads which mounts there are and begins to ask. What was found before holds until fs_remote_end(). */
void fs_remote_begin(void);

/* Goes on asking; true when all have answered. To be called when fs_remote_fd() can be read. */
bool fs_remote_poll(void);

/* Readable when somebody has answered; -1 before the first fs_remote_begin(). */
int fs_remote_fd(void);

/* Whoever has not answered by now is silent. */
void fs_remote_end(void);

/* True while a thread waits for an answer. */
bool fs_remote_waits(void);

/* All three, for those who may wait FS_REMOTE_WAIT_MS. */
void fs_remote_look(void);

/* True when the path is at or below a silent mount. Costs nothing while there is none. */
bool fs_remote_silent(const uint8_t *path, size_t len);

/* The same by what is mounted at this moment: for who comes to a mount, or goes by a path. */
bool fs_remote_silent_now(const uint8_t *path, size_t len);

/* The silent mounts' points, from 0; NULL behind the last. */
const char *fs_remote_at(unsigned i);

#endif
