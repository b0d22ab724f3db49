#ifndef COURIER_KNOCK_H
#define COURIER_KNOCK_H
/*
 * knock - an empty datagram to the receiver's port: nobody answers it, but the kernel says at once when it
 * may not leave
 *
 * TCP takes bytes into a dead link for a minute before it says so, and never says that a firewall of this
 * machine drops them. The socket has a peer, so it is no port that anybody could speak to.
 */
#include "courier/address.h"

struct knock {
    int fd; /* -1: none */
    struct address at;
    uint16_t port;
};

void knock_init(struct knock *k);

/* 0, or -errno when it may not leave. That nobody listens there is a sign of life. */
int knock_send(struct knock *k, const struct address *at, uint16_t port);

#endif
