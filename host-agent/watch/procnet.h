#ifndef WATCH_PROCNET_H
#define WATCH_PROCNET_H
/*
 * procnet - the same sockets as watch/sockdiag.h, from the text of /proc/net: slower, always there; and those
 * of the protocols that are few and have no lister in every kernel
 *
 * A row's key is the inode, which can be used again: an exchange between two looks is seen by the owner only.
 */
#include "watch/procfs.h"
#include "watch/sockets.h"
#include <stddef.h>

/*
 * The files of one network namespace. They stay open from the first look on, and in the namespace that they
 * were opened in. All else is zero at first.
 */
struct procnet {
    int proc;        /* /proc */
    const char *net; /* the folder below it, as "self/net" or "812/net" */
    struct procfs_kept file[CONF_PROTOS][2];
    struct procfs_kept counts[2];
};

/* How many sockets of the namespace have a local port (UDP) or a protocol (raw), of IPv4 and IPv6. */
struct procnet_counts {
    uint64_t udp[2];
    uint64_t raw[2];
};

/*
 * Fills `out` anew. 0 or -errno. What the kernel does not have (no IPv6, no SCTP) has no sockets; vsock has
 * no file and is -EPROTONOSUPPORT.
 */
int procnet_dump(struct procnet *p, enum conf_proto proto, struct sockets *out);

/*
 * From sockstat and sockstat6, which cost a tenth of a look at the sockets. 0 or -errno; -EPROTO when they
 * say something else.
 */
int procnet_count(struct procnet *p, struct procnet_counts *out);

void procnet_close(struct procnet *p);

/* One line without its end. False for the heading and whatever else is no socket of the kind asked for. */
bool procnet_parse(
        const char *src, size_t len, uint8_t family, enum conf_proto proto, struct socket_row *out);

/* The number behind "PROTOCOL: inuse " in the text of sockstat. False without one. */
bool procnet_inuse(const char *src, size_t len, const char *protocol, uint64_t *out);

/* Does the text of /proc/net/protocols name this one? A protocol whose module is not loaded is not in it. */
bool procnet_has(const char *src, size_t len, const char *protocol);

#endif
