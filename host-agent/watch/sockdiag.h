#ifndef WATCH_SOCKDIAG_H
#define WATCH_SOCKDIAG_H
/*
 * sockdiag - asks the kernel for its sockets (NETLINK_SOCK_DIAG), and is told of listeners that close
 *
 * Needs no rights. Missing where the kernel has no inet_diag module: then watch/procnet.h does the reading.
 */
#include "watch/sockets.h"
#include <stddef.h>

/* A socket for sockdiag_dump(), of the network namespace it is opened in. Or -errno. */
int sockdiag_open(void);

/*
 * Fills `out` anew. 0; -EAGAIN when the answer was cut (ask again), another -errno: -EPROTONOSUPPORT for what
 * is not asked here. The kernel may load its lister for a protocol that it has (tcp_diag), never a protocol.
 */
int sockdiag_dump(int fd, enum conf_proto proto, struct sockets *out);

enum sockdiag_more { SOCKDIAG_MORE, SOCKDIAG_DONE, SOCKDIAG_BAD };

/*
 * One datagram of an answer. SOCKDIAG_BAD with *error (-errno) for a refusal or bytes that are no answer to
 * request `seq`; messages of older requests are passed over.
 */
enum sockdiag_more sockdiag_parse(
        const uint8_t *src, size_t len, uint32_t seq, struct sockets *out, int *error);

/* A non-blocking socket that becomes readable when a TCP listener is destroyed, or -errno. */
int sockdiag_open_destroy(void);

/* Reads off what is waiting there. True when there was something, or something was lost. */
bool sockdiag_drain_destroy(int fd);

#endif
