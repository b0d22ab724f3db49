#ifndef BELFRY_BESIDE_H
#define BELFRY_BESIDE_H
/*
 * beside - a program of belfry's own that runs beside it: belfry-gate, belfry-page
 *
 * Each has nothing of belfry's but one end of a socket pair, at BESIDE_FD, and standard error; no
 * environment. It is started before the ledger is opened, so that no key is in its memory, and it ends when
 * the link does.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BESIDE_FD 3
#define BESIDE_LEAVING 32

struct beside {
    int fd; /* of the link, non-blocking; -1 while none runs */
    pid_t pid;
    bool absent; /* it could not be run when it was started last, and that was told */
};

/*
 * Runs `program` from the directory of this program; argv[0] is its name, the last is NULL. `type` is
 * SOCK_SEQPACKET or SOCK_STREAM. 0 or -errno; that it cannot be run is told on standard error, once until it
 * can be, and shows as its end. Before the first start all of `b` is zero but the -1s.
 */
int beside_start(struct beside *b, const char *program, char *const argv[], int type);

/* Closes the link and kills it. One that the kernel holds is left behind. */
void beside_stop(struct beside *b);

/* Once a second: those that were left behind and have ended since. */
void beside_reap(void);

#endif
