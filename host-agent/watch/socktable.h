#ifndef WATCH_SOCKTABLE_H
#define WATCH_SOCKTABLE_H
/*
 * socktable - the sockets of a network namespace, by whichever way of asking works
 *
 * TCP and UDP by sock_diag, and by the text of /proc/net where that is missing; UDP-Lite, raw, packet and
 * SCTP by text, so that nothing is loaded into the kernel for the asking; vsock by sock_diag, and only while
 * the kernel has vsock at all.
 */
#include "watch/procnet.h"

enum socktable_vsock { SOCKTABLE_VSOCK_ABSENT, SOCKTABLE_VSOCK_LISTED, SOCKTABLE_VSOCK_UNLISTED };

struct socktable {
    int diag;           /* a socket of the namespace, or -errno */
    unsigned text_only; /* out: a bit for each protocol about which sock_diag did not answer */
    struct procnet text;
    enum socktable_vsock vsock;
    bool retry; /* ask once more whether vsock can be listed */
};

/* Opens what it needs in the namespace that the thread is in; `vsock` is absent. `net` stays the caller's. */
void socktable_open(struct socktable *t, int proc, const char *net);

void socktable_close(struct socktable *t);

/* Looks whether the kernel has vsock now. */
void socktable_refresh(struct socktable *t);

/* Fills `out` anew. 0 or -errno. */
int socktable_dump(struct socktable *t, enum conf_proto proto, struct sockets *out);

#endif
