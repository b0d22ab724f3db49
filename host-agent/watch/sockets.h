#ifndef WATCH_SOCKETS_H
#define WATCH_SOCKETS_H
/*
 * sockets - the sockets of one protocol that wait for anybody to speak to them, as the kernel lists them
 *
 * TCP: listening. UDP: bound and not connected. IPv4 and IPv6 alike, of the reader's own network namespace.
 */
#include "conf/conf.h"
#include <stdbool.h>
#include <stdint.h>

#define SOCKETS_MAX 16384

struct socket_row {
    uint64_t key;   /* who the socket is: never used twice, while an inode number is */
    uint64_t inode; /* what links in /proc/PID/fd say */
    uint32_t uid;   /* of who made it */
    uint16_t port;
    uint8_t family; /* AF_INET or AF_INET6 */
    uint8_t spare;
    uint8_t address[16];
};

struct sockets {
    uint32_t count;
    bool cut; /* there were more than SOCKETS_MAX */
    struct socket_row row[SOCKETS_MAX];
};

/* Empty, without touching the rows. */
void sockets_clear(struct sockets *s);

/* One more; beyond SOCKETS_MAX it sets `cut`. */
void sockets_add(struct sockets *s, const struct socket_row *row);

/* True when both list the same sockets in the same order: nothing has changed. */
bool sockets_same(const struct sockets *a, const struct sockets *b);

/* "0.0.0.0", "[::1]"; returns `out`. */
#define SOCKETS_ADDRESS 56
const char *sockets_address(const struct socket_row *row, char out[SOCKETS_ADDRESS]);

#endif
