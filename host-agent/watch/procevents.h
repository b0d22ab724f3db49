#ifndef WATCH_PROCEVENTS_H
#define WATCH_PROCEVENTS_H
/*
 * procevents - the kernel tells of what processes do as they do it (the proc connector)
 *
 * Opening needs CAP_NET_ADMIN on most kernels, reading needs nothing. Works in the first pid namespace only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum procevents_kind {
    PROCEVENTS_EXEC,  /* it began to run a program */
    PROCEVENTS_TRACE, /* somebody began to trace it, or ceased to */
};

/* A non-blocking socket that tells of one kind, or -errno; -EOPNOTSUPP where the kernel would never tell. */
int procevents_open(enum procevents_kind kind);

/* The next process. Its pid, 0 when there is none, -1 when the kernel dropped some. */
int32_t procevents_next(int fd);

/* True when nobody else can end it: since Linux 6.6 each socket has its own wish
 * (drivers/connector/cn_proc.c), before that root could take back another one's. */
bool procevents_lasting(void);

/* One datagram: the pid of an event of either kind, else 0. */
int32_t procevents_parse(const uint8_t *src, size_t len);

#endif
