#ifndef TESTS_UNIT_COURIER_PEER_H
#define TESTS_UNIT_COURIER_PEER_H
/*
 * peer - the far end of a connection, as OpenSSL serves it: what the courier talks to in the tests
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_TEXT 65536

enum peer_kind {
    PEER_AS_AGREED,
    PEER_CERTIFICATE, /* knows no key, shows a certificate */
    PEER_TLS12,
    PEER_OTHER_GROUP,
};

struct peer {
    struct ssl_ctx_st *context;
    struct ssl_st *ssl;
    int fd;
    bool shaken;
    bool failed;
    bool ended; /* the courier closed in order */
    size_t len;
    char heard[PEER_TEXT]; /* NUL-terminated */
};

/* One at a time. `fd` is the peer's, non-blocking. */
void peer_begin(struct peer *p, enum peer_kind kind, int fd, const char *identity, const uint8_t key[32]);

/* Shakes hands, then reads all there is. */
void peer_pump(struct peer *p);

void peer_say(struct peer *p, const char *text);

void peer_export(struct peer *p, uint8_t out[32]);

/* Says that it ends when `in_order`, and closes. */
void peer_end(struct peer *p, bool in_order);

#endif
