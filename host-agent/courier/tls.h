#ifndef COURIER_TLS_H
#define COURIER_TLS_H
/*
 * tls - the courier's end of a TLS 1.3 session that both ends prove by a key they share (SPEC.md, section 9)
 *
 * No certificates, tickets, resumption or early data; X25519 in any case. One session at a time, over a
 * non-blocking socket that stays the caller's. The only file of the agent that knows OpenSSL.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TLS_KEY 32    /* bytes of the key that is shared */
#define TLS_EXPORT 32 /* bytes of tls_export() */
#define TLS_EXPORT_LABEL "EXPORTER-tocsin-rekey"

#define TLS_AGAIN 0     /* nothing now: wait for tls_events() */
#define TLS_ENDED (-1)  /* the peer closed in order */
#define TLS_CUT (-2)    /* closed without that, or reset */
#define TLS_FAILED (-3) /* of the socket: t->error is the errno */
#define TLS_KEY_REFUSED (-4)
#define TLS_PROTOCOL (-5) /* not what was agreed on: version, group, or bytes that are no TLS */

struct tls {
    struct ssl_ctx_st *context;
    struct ssl_st *ssl;   /* NULL: no session */
    const char *identity; /* the host's alias; the caller's */
    uint8_t key[TLS_KEY];
    short events; /* what the last call waits for */
    int error;
    bool shaken; /* the handshake is done */
};

/* 0, or -ENOMEM when OpenSSL cannot do what is asked for. */
int tls_init(struct tls *t, const char *identity, const uint8_t key[TLS_KEY]);

/* Begins a session on a connected socket. 0 or -ENOMEM. */
int tls_begin(struct tls *t, int fd);

/* Goes on with the handshake. 1 when it is done, TLS_AGAIN, or one of the above. */
int tls_shake(struct tls *t);

/* Bytes read or written, TLS_AGAIN, or one of the above. */
ssize_t tls_read(struct tls *t, void *out, size_t size);
ssize_t tls_write(struct tls *t, const void *src, size_t len);

/* What to poll() for before the call that said TLS_AGAIN is made again. */
short tls_events(const struct tls *t);

/* X of this session. False when there is none. */
bool tls_export(struct tls *t, uint8_t out[TLS_EXPORT]);

/* Ends the session; `in_order` says so to the peer, without waiting for it. */
void tls_end(struct tls *t, bool in_order);

/* The key is wiped. */
void tls_free(struct tls *t);

#endif
