#ifndef WATCH_FS_CODES_H
#define WATCH_FS_CODES_H
/*
 * fs_codes - which differences have a code of their own: those that let somebody in or make somebody root
 */
#include "alarm/finding.h"
#include "watch/fs_compare.h"

/* `was` is NULL for FS_ADDED, `now` for FS_GONE. */
enum finding_code fs_code(
        enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now);

#endif
