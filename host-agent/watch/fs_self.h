#ifndef WATCH_FS_SELF_H
#define WATCH_FS_SELF_H
/*
 * fs_self - whether the program that runs is the one the baseline knows
 *
 * The file on disk is guarded like every other file. Only this sees that what runs is not that file: an agent
 * that was started from somewhere else, or not started again after it was replaced.
 */
#include "watch/baseline.h"
#include "watch/detector.h"
#include "watch/fs_roots.h"

struct fs_self {
    uint8_t digest[WIRE_HASH_SIZE]; /* BLAKE3 of the running program */
    int error;                      /* -errno: why there is no digest */
    bool open;                      /* a finding is */
};

/* Reads /proc/self/exe: the sealed copy that every role runs from. */
void fs_self_init(struct fs_self *self);

/* Tells what differs, or that it does no more. Silent where the baseline knows no program of ours. */
void fs_self_tell(struct fs_self *self, const struct baseline *base, const struct fs_roots *roots,
        const struct detector_env *env);

#endif
