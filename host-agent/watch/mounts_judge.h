#ifndef WATCH_MOUNTS_JUDGE_H
#define WATCH_MOUNTS_JUDGE_H
/*
 * mounts_judge - is a mount as the configuration wants it
 *
 * Pure: everything it needs is handed to it.
 */
#include "alarm/finding.h"
#include "conf/conf.h"
#include "watch/mounts_device.h"
#include "watch/mounts_disk.h"
#include "watch/mounts_info.h"

/*
 * Compares what is mounted with what should be. True when something is wrong: then *f says what, the gravest
 * first: not there or covered, writable, other options, errors of the file system.
 */
bool mounts_judge(const struct mounts_table *t, const struct conf_mount *want,
        const struct mounts_device *device, struct finding *f);

/*
 * The same for a disk, at all places where it is mounted; `elsewhere` is what was seen in other namespaces.
 * Not to be mounted is right.
 */
bool mounts_judge_disk(const struct mounts_table *t, const struct conf_mount *want,
        const struct mounts_disk *disk, const struct mounts_device *device,
        const struct mounts_elsewhere *elsewhere, struct finding *f);

/* What was writable for rw_ms: within its window that is a note, and longer an alarm. */
void mounts_judge_window(const struct conf_mount *want, int64_t rw_ms, struct finding *f);

/* About a mount that was not there before. */
void mounts_judge_added(const struct mount_line *m, struct finding *f);

#endif
