#ifndef BELFRY_GATE_TLS_H
#define BELFRY_GATE_TLS_H
/*
 * tls - the server's side of TLS 1.3 with external keys (wire/SPEC.md, section 9)
 *
 * The one file of belfry that knows OpenSSL. One context a process; an object a connection. Nothing waits.
 */
#include "belfry/gate/link.h"

enum tls_result {
    TLS_DONE,
    TLS_READ,  /* go on when the descriptor can be read */
    TLS_WRITE, /* go on when it can be written */
    TLS_WHO,   /* go on after tls_key() for tls->host */
    TLS_FIN,   /* the peer ended it in order */
    TLS_CUT,   /* the peer is gone without that */
    TLS_RESET,
    TLS_BAD, /* wrong key, another protocol, damaged records */
};

enum tls_state { TLS_HELLO, TLS_ASKING, TLS_ANSWERED };

struct tls {
    void *ssl;
    enum tls_state state;
    char host[WIRE_HOST_MAX + 1]; /* that the peer claims to be, from TLS_WHO on; proved after TLS_DONE */
    struct wire_key key;
};

/* Once, before all else. 0, or -ENOTSUP when this OpenSSL cannot do what is needed. */
int tls_start(void);

/* 0 or -ENOMEM. The descriptor stays the caller's. */
int tls_open(struct tls *t, int fd);

enum tls_result tls_handshake(struct tls *t);

/* How many bytes the peer has sent. */
uint64_t tls_received(const struct tls *t);

/*
 * The answer to TLS_WHO. NULL when nobody has that name: then the handshake fails like one with a wrong key,
 * so that names cannot be guessed.
 */
void tls_key(struct tls *t, const struct wire_key *key);

bool tls_export(struct tls *t, uint8_t out[GATE_EXPORT]);

/* TLS_DONE: *got bytes, at least 1. */
enum tls_result tls_read(struct tls *t, void *to, size_t size, size_t *got);

/* There is something to read that the descriptor does not tell. */
bool tls_has_more(const struct tls *t);

/* TLS_DONE: *put bytes, at least 1. */
enum tls_result tls_write(struct tls *t, const void *src, size_t len, size_t *put);

/* Says that nothing more comes. */
void tls_finish(struct tls *t);

void tls_close(struct tls *t);

#endif
