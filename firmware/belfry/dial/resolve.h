#ifndef BELFRY_DIAL_RESOLVE_H
#define BELFRY_DIAL_RESOLVE_H
/*
 * resolve - addresses of host names, each looked up by a process of its own
 *
 * getaddrinfo(3) may take as long as it likes. Lines of the same host share one lookup, and what it gave for
 * a few seconds.
 */
#include "belfry/conf.h"

#include <sys/socket.h>

#define RESOLVE_ADDRESSES 8

struct address {
    socklen_t len;
    struct sockaddr_storage at;
};

struct addresses {
    unsigned count;
    int error; /* errno when there are none */
    struct address address[RESOLVE_ADDRESSES];
};

/* Called when a lookup has ended. */
void resolve_init(void (*ended)(void));

/* 0, -EINPROGRESS: ask again when a lookup has ended, or -errno. Ports are 0. */
int resolve(const char *host, struct addresses *out);

#endif
