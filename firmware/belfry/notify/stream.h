#ifndef BELFRY_NOTIFY_STREAM_H
#define BELFRY_NOTIFY_STREAM_H
/*
 * stream - a connection to a server, TCP or TLS over it
 *
 * Opening and sending wait at most NOTIFY_WAIT_MS, but for the resolver. `why` gets a text for people when
 * something fails; NOTIFY_WHY bytes.
 */
#include "belfry/notify/kinds.h"
#include "belfry/notify/link.h"

struct stream {
    int fd;    /* -1 while there is none; to poll for its end */
    void *tls; /* NULL for TCP alone */
};

/* A socket that is connected to the first address of `url` that takes it; `type` is SOCK_STREAM or
 * SOCK_DGRAM. -1 when none does. Non-blocking. */
int stream_socket(const struct notify_url *url, uint16_t port, int type, char *why);

/* `name` is who the server has to be, NULL for TCP alone. 0 or -1. */
int stream_open(struct stream *s, const struct notify_url *url, uint16_t port, const char *name, char *why);

/* All of it. 0 or -1. */
int stream_send(struct stream *s, const void *bytes, size_t len, char *why);

/* False when the peer has ended it, `why` says how it put it. What it says else is thrown away. */
bool stream_alive(struct stream *s, char *why);

/* True when the peer's kernel has all that was sent. Its program may not have read it yet. */
bool stream_arrived(const struct stream *s);

/* In order: TLS says that nothing more comes. */
void stream_close(struct stream *s);

#endif
