#ifndef WATCH_FS_ROTATED_H
#define WATCH_FS_ROTATED_H
/*
 * fs_rotated - logs that became shorter, another file or gone because they were rotated, as logrotate(8) does
 * it
 *
 * Taken for rotated is a log of which the baseline's beginning is still there: in the file that it was, under
 * another name in the same directory, or, where that file itself was emptied, in a copy that is named after
 * it and is not shorter than the log was ever seen. Whoever destroys what was logged is told; who moves it
 * away is told as an event.
 *
 * From then on the new file is the log, for the next rotation as well: it may only grow, too, and its
 * beginning, up to FS_ROTATED_HEAD, must stay. It has half a second to get its owner and mode. Remembered
 * until the process ends or the baseline is another.
 * What is rotated and compressed before anybody looked cannot be told from what was destroyed.
 *
 * One per process, one thread. No heap: tables of fixed size.
 */
#include "watch/fs_compare.h"
#include <limits.h>

#define FS_ROTATED_LOGS 256
#define FS_ROTATED_HEAD 65536
/* Longer beginnings would hold up events while they are read. */
#define FS_ROTATED_MOST ((uint64_t)64 << 20)

enum fs_rotated {
    FS_ROTATED_NOT,  /* it is to be told as it is */
    FS_ROTATED_NEWS, /* it was just now, to what `name` is */
    FS_ROTATED_KNOWN /* it was before, and goes on as it should */
};

/* Of a difference under a rule with these attributes; `name` gets a name in the log's directory. */
enum fs_rotated fs_rotated_look(const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs, uint32_t attrs, char name[NAME_MAX + 1]);

/* The baseline is another. */
void fs_rotated_forget(void);

#endif
