#ifndef WATCH_SOCKETS_H
#define WATCH_SOCKETS_H
/*
 * sockets - the sockets of one protocol that wait for anybody to speak to them, as the kernel lists them
 *
 * TCP, SCTP, vsock: listening. UDP, UDP-Lite: bound and not connected. Raw and packet: all that receive. IPv4
 * and IPv6 alike, of one network namespace or of several.
 */
#include "conf/conf.h"
#include <stdbool.h>
#include <stdint.h>

#define SOCKETS_MAX 16384

struct socket_row {
    uint64_t key;   /* who the socket is: never used twice, while an inode number is */
    uint64_t inode; /* what links in /proc/PID/fd say */
    uint32_t uid;   /* of who made it; SOCKETS_NO_UID where the kernel does not tell */
    uint32_t port;
    uint8_t family; /* AF_INET, AF_INET6, AF_PACKET, AF_VSOCK */
    uint8_t net;    /* which network namespace: 0 for the agent's own */
    uint16_t spare;
    uint8_t address[16]; /* of a vsock socket its context id */
    uint32_t device;     /* the interface it is bound to, 0 for any */
    uint32_t spare2;
};

#define SOCKETS_NO_UID UINT32_MAX

struct sockets {
    uint32_t count;
    uint8_t net; /* what sockets_add() writes into the rows */
    bool cut;    /* there were more than SOCKETS_MAX */
    struct socket_row row[SOCKETS_MAX];
};

/* Empty, without touching the rows or `net`. */
void sockets_clear(struct sockets *s);

/* One more; beyond SOCKETS_MAX it sets `cut`. */
void sockets_add(struct sockets *s, const struct socket_row *row);

/* All rows of `part` behind those that are there; to be done in the order of the namespaces. */
void sockets_append(struct sockets *s, const struct sockets *part);

/*
 * `now` with the rows of one namespace, that of `part`, exchanged for those of `part`, into `out`: a list's
 * rows are in the order of their namespaces. False, and `out` untouched, when they are the same.
 */
bool sockets_exchange(struct sockets *out, const struct sockets *now, const struct sockets *part);

/* "0.0.0.0", "[::1]", "[fe80::1]%2", for packets "*%2" (an interface's number), "cid:3"; returns `out`. */
#define SOCKETS_ADDRESS 64
const char *sockets_address(const struct socket_row *row, char out[SOCKETS_ADDRESS]);

#endif
