#ifndef WATCH_FS_HEARD_H
#define WATCH_FS_HEARD_H
/*
 * fs_heard - places that events have told of lately, so that a pass that looked before does not tell what was
 *
 * A pass knows a place from when it listed, looked or began to read, and may tell it seconds later; an event
 * in between is newer. Two sets of hashed paths, this sweep's and the one's before. It may say yes for a
 * place that nobody told of, which costs one more look; it never forgets one before two sweeps have begun.
 * One thread. No heap.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FS_HEARD_BITS 32768u /* 4 KiB a set */

struct fs_heard {
    uint8_t set[2][FS_HEARD_BITS / 8];
    unsigned now; /* the set that is added to */
};

/* Nothing was heard yet. Takes the memory now: what is first written sweeps later is a process that grows. */
void fs_heard_begin(struct fs_heard *h);

/* A sweep begins. */
void fs_heard_turn(struct fs_heard *h);

void fs_heard_note(struct fs_heard *h, const uint8_t *path, size_t len);

/* The place itself, or a directory above it: that was told of with all below. */
bool fs_heard_of(const struct fs_heard *h, const uint8_t *path, size_t len);

#endif
