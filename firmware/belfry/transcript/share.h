#ifndef BELFRY_TRANSCRIPT_SHARE_H
#define BELFRY_TRANSCRIPT_SHARE_H
/*
 * share - who but belfry may read transcripts: a group, or nobody
 *
 * The directory says so, by its mode and group: whoever makes a file in it asks that, and nobody has to be
 * told.
 */
#include <stdbool.h>
#include <sys/types.h>

/* Opens a file in the directory and makes it if need be: openat(2) with O_CREAT, and its mode as the
 * directory has it. */
int share_create(int dir, const char *file, int flags);

/* From now on, and all files that are there. 0 or -errno (EPERM: we are not in the group). */
int share_with(int dir, gid_t group);
int share_with_nobody(int dir);

#endif
