#ifndef WATCH_PIDINFO_H
#define WATCH_PIDINFO_H
/*
 * pidinfo - the kernel's own word on a process that a pidfd holds, without a text to read
 */
#include <stdbool.h>
#include <stdint.h>

struct pidinfo {
    uint32_t uid;   /* the effective one */
    uint64_t group; /* its control group of version 2, by a number that is never used again */
};

/* False before Linux 6.13, and for a process that has ended. */
bool pidinfo_read(int pidfd, struct pidinfo *out);

#endif
