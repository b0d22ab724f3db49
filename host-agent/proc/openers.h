#ifndef PROC_OPENERS_H
#define PROC_OPENERS_H
/*
 * openers - the processes that open devices for the wires, one at a time for each. The warden's
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct openers_order {
    unsigned channel;
    int program;
    int conf;
    int wire; /* the control link of the wire, which gets a link to its opener */
};

/*
 * Starts one, unless the one before for this channel is still there: then that is killed, and the wire asks
 * again. 0 or -errno.
 */
int openers_start(const struct openers_order *order, int64_t now_ms);

/* True when it was one. */
bool openers_ended(pid_t pid);

void openers_kill(void);

#endif
