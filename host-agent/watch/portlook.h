#ifndef WATCH_PORTLOOK_H
#define WATCH_PORTLOOK_H
/*
 * portlook - one look at all open ports and all their holders, ready to be judged
 *
 * One of it in a process. How long a socket has lived is not known to a single look: a UDP socket with a port
 * of the kernel's own range, or a raw one for ICMP, is left out unless it is listed.
 */
#include "watch/portjudge.h"

struct portlook {
    struct book *book[CONF_PROTOS];
    struct portjudge judge; /* all set but `fault` and `to` */
    uint32_t denied;        /* processes that could not be looked at */
    bool netns_denied;      /* there are namespaces that could not be looked at, or not well */
};

/* `alive` may be NULL. 0 or -errno. `out` must not move: the judge points into it. */
int portlook_once(const struct conf *conf, struct portlook *out, void (*alive)(void *to), void *to);

#endif
