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
#include "watch/mounts_info.h"

/*
 * Compares what is mounted with what should be. True when something is wrong: then *f says what, the gravest
 * first: not there or covered, writable, other options, errors of the file system.
 */
bool mounts_judge(const struct mounts_table *t, const struct conf_mount *want,
        const struct mounts_device *device, struct finding *f);

/* About a mount that was not there before. */
void mounts_judge_added(const struct mount_line *m, struct finding *f);

#endif
