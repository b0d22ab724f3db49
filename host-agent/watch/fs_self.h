#ifndef WATCH_FS_SELF_H
#define WATCH_FS_SELF_H
/*
 * fs_self - whether the programs that run are those the baseline knows: the agent's own, and its courier's
 *
 * The files on disk are guarded like every other file. Only this sees that what runs is not that file: an
 * agent that was started from somewhere else, or not started again after it was replaced.
 */
#include "watch/baseline.h"
#include "watch/detector.h"
#include "watch/fs_roots.h"
#include <sys/stat.h>

/* A file that runs. */
struct fs_image {
    struct stat st;
    uint8_t digest[WIRE_HASH_SIZE]; /* BLAKE3 */
    int error;                      /* -errno: why there is no digest */
    bool open;                      /* a finding is */
};

struct fs_self {
    struct fs_image agent;
    struct fs_image courier;
};

/* Reads /proc/self/exe: the sealed copy that every role runs from. */
void fs_self_init(struct fs_self *self);

/*
 * Tells what differs, or that it does no more. Silent where the baseline knows no program of ours; of the
 * courier where none runs beside us, or we may not see what it runs.
 */
void fs_self_tell(struct fs_self *self, const struct baseline *base, const struct fs_roots *roots,
        const struct detector_env *env);

#endif
