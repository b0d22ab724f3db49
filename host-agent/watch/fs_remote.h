#ifndef WATCH_FS_REMOTE_H
#define WATCH_FS_REMOTE_H
/*
 * fs_remote - mounts whose server does not answer, so that nobody waits for them
 *
 * A look at a path on such a mount (a dead NFS server, a hung FUSE program) can take for ever. Each mount of
 * a network or user-space file system is asked by a thread of its own; who has not answered in time is
 * silent, and nothing at or below it is touched until it does. One list a process; the main thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FS_REMOTE_SILENT \
    8 /* silent mounts that are told apart; more are one: "/" is then not touched either */
#define FS_REMOTE_WAIT_MS 500 /* for each mount, and six times that for all */

/* Reads which mounts there are and asks each that is remote. */
void fs_remote_look(void);

/* True when the path is at or below a silent mount. Costs nothing while there is none. */
bool fs_remote_silent(const uint8_t *path, size_t len);

/* The silent mounts' points, from 0; NULL behind the last. */
const char *fs_remote_at(unsigned i);

#endif
