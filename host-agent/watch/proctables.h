#ifndef WATCH_PROCTABLES_H
#define WATCH_PROCTABLES_H
/*
 * proctables - the descriptors of a process: a table that all of its threads share, unless one of them took a
 * copy of its own
 *
 * PID/fd shows that of the first thread alone, and nothing when that one has ended and others go on.
 */
#include "watch/procfs.h"

struct proctables {
    int proc;
    int32_t pid;
    int32_t last;              /* whose table was opened last */
    struct procfs_tasks tasks; /* once the first table was opened */
};

/* The first thread's table as a directory, or -errno: then there is nothing to end. */
int proctables_first(struct proctables *t, int proc, int32_t pid);

/* Another one that is not shared with the one before, nor with the first thread; -ENOENT behind the last. */
int proctables_next(struct proctables *t);

/* What the two above opened stays the caller's. */
void proctables_end(struct proctables *t);

#endif
