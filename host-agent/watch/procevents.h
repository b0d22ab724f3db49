#ifndef WATCH_PROCEVENTS_H
#define WATCH_PROCEVENTS_H
/*
 * procevents - the kernel tells of each exec() as it happens (the proc connector)
 *
 * Opening needs CAP_NET_ADMIN on most kernels, reading needs nothing. Works in the first pid namespace only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A non-blocking socket, or -errno. */
int procevents_open(void);

/*
 * The next process that began to run a program. Its pid, 0 when there is none, -1 when the kernel dropped
 * some.
 */
int32_t procevents_next(int fd);

/* One datagram: the pid of an exec event, else 0. */
int32_t procevents_parse(const uint8_t *src, size_t len);

#endif
