#ifndef WATCH_MOUNTS_STAT_H
#define WATCH_MOUNTS_STAT_H
/*
 * mounts_stat - asks for single mounts whether they are as they were (statmount, Linux 6.8 and later)
 *
 * A tenth of what the text of all mounts costs: that is read when the answer is no. Asks nobody but the
 * kernel, so that a mount whose server is away stops nobody.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOUNTS_STATS 64
#define MOUNTS_STAT 1024 /* bytes of an answer: more is not kept */

struct mounts_stats {
    unsigned count;
    uint64_t id[MOUNTS_STATS]; /* of a mount, never used again */
    size_t len[MOUNTS_STATS];
    uint8_t answer[MOUNTS_STATS][MOUNTS_STAT];
};

/*
 * Takes the mounts with these numbers of mountinfo as they are now. 0; -ENOENT when one is not there, -E2BIG
 * for too many or too long an answer, another -errno for a kernel that cannot be asked.
 */
int mounts_stats_take(struct mounts_stats *s, const uint32_t *numbers, unsigned count);

/* Flags and options of each mount and its superblock, its root and its place are as they were taken. */
bool mounts_stats_same(const struct mounts_stats *s);

#endif
