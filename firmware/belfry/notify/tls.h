#ifndef BELFRY_NOTIFY_TLS_H
#define BELFRY_NOTIFY_TLS_H
/*
 * tls - the client's side of TLS with certificates
 *
 * The one file of belfry-notify that knows OpenSSL. One context a process. What waits, waits until a deadline
 * (clock_ms()). `why` gets a text for people when something fails; NOTIFY_WHY bytes.
 */
#include "belfry/notify/kinds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was not given is NULL or 0. */
struct notify_tls {
    const char *ca; /* PEM files */
    const char *cert;
    const char *key;
    unsigned fingerprints; /* the server's certificate has to have one of them */
    struct notify_fingerprint fingerprint[NOTIFY_FINGERPRINTS];
};

/* Without `ca` the system's are trusted; with fingerprints and no `ca`, whoever has such a certificate,
 * whatever it says (RFC 5425, section 5.2). 0 or -1. */
int notify_tls_start(const struct notify_tls *options, char *why);

/* Shakes hands over a connected non-blocking socket with a server that has to be `name` (or that address).
 * NULL when it does not come to that. */
void *notify_tls_open(int fd, const char *name, int64_t until_ms, char *why);

/* 0 or -1. */
int notify_tls_send(void *tls, const void *bytes, size_t len, int64_t until_ms, char *why);

/* False when the peer has ended it, `why` says how it put it. What it says else is thrown away. */
bool notify_tls_alive(void *tls, char *why);

/* Says that nothing more comes, as well as it can without waiting. The socket stays the caller's. */
void notify_tls_close(void *tls);

#endif
