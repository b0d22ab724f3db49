#include "courier/knock.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

void
knock_init(struct knock *k)
{
    *k = (struct knock){ .fd = -1 };
}

static void
put_away(struct knock *k)
{
    if (k->fd >= 0) {
        close(k->fd);
        k->fd = -1;
    }
}

static int
aim(struct knock *k, const struct address *at, uint16_t port)
{
    struct sockaddr_storage to;
    socklen_t len = address_socket(at, port, &to);

    put_away(k);
    k->fd = socket(at->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (k->fd < 0) {
        return -errno;
    }
    k->at = *at;
    k->port = port;
    if (connect(k->fd, (const struct sockaddr *)&to, len) < 0) {
        int error = -errno;
        put_away(k);
        return error;
    }
    return 0;
}

/* Who says that nobody listens there answers the datagram before, and keeps this one from being sent. */
static int
send_one(const struct knock *k)
{
    ssize_t n = send(k->fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno == ECONNREFUSED) {
        n = send(k->fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return n < 0 ? -errno : 0;
}

static bool
counts(int error)
{
    return error < 0 && error != -ECONNREFUSED && error != -EAGAIN && error != -ENOBUFS && error != -EINTR;
}

/*
 * An error may be an answer to the datagram before, and the socket may hold on to an address that this
 * machine no longer has: only what a new socket says again is how things are.
 */
int
knock_send(struct knock *k, const struct address *at, uint16_t port)
{
    bool aimed = k->fd >= 0 && k->port == port && k->at.family == at->family &&
                 memcmp(k->at.bytes, at->bytes, sizeof(at->bytes)) == 0;
    int error = aimed ? send_one(k) : -EDESTADDRREQ;

    if (counts(error)) {
        error = aim(k, at, port);
        if (error == 0) {
            error = send_one(k);
        }
    }
    return counts(error) ? error : 0;
}
