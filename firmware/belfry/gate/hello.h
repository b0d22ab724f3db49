#ifndef BELFRY_GATE_HELLO_H
#define BELFRY_GATE_HELLO_H
/*
 * hello - who a ClientHello claims to be: the first identity of its pre_shared_key extension (RFC 8446,
 * section 4.2.11)
 *
 * The key has to be asked for before the handshake goes on, and this is all that is needed to ask. OpenSSL
 * reads the same bytes again when it does.
 */
#include "wire/line.h"

/* True when the first identity is a host's alias, which is written to `host`. */
bool gate_hello_host(const uint8_t *extension, size_t len, char host[WIRE_HOST_MAX + 1]);

#endif
