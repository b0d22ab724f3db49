#ifndef WIRE_KEYS_H
#define WIRE_KEYS_H
/*
 * keys - from the pairing secret to the key of one line (SPEC.md, section 4)
 *
 *     secret -> root 0 -> session key -> tree -> one key a line
 *                  \-> root 1 -> ...
 *
 * Each step is one-way. Whoever uses a key wipes it.
 */
#include "wire/line.h"
#include <stddef.h>
#include <stdint.h>

#define WIRE_KEY_SIZE 32
#define WIRE_REKEY_ID 8 /* base32 characters */

struct wire_key {
    uint8_t bytes[WIRE_KEY_SIZE];
};

/* Overwrites memory in a way that the compiler keeps. */
void wire_wipe(void *at, size_t len);

/* Compares in constant time. */
int wire_key_equal(const struct wire_key *a, const struct wire_key *b);

/* `secret` is the canonical pairing text, WIRE_PAIR_CHARS characters (pair.h); `host` a valid alias (line.h).
 */
void wire_key_psk(const char *secret, const char *host, struct wire_key *psk);
void wire_key_root(const char *secret, const char *host, struct wire_key *root);

/* Key of session `session` from the root of the same number. */
void wire_key_session(const struct wire_key *root, uint32_t session, const char nonce[WIRE_NONCE_CHARS],
        const char *host, struct wire_key *key);

/* Root of the session after. `root` and `next` may be the same object. */
void wire_key_next_root(const struct wire_key *root, struct wire_key *next);

/* `root` with `x` mixed in, both ends' share of one TLS connection (section 9). `root` and `out` may be the
 * same. */
void wire_key_rekey(const struct wire_key *root, const struct wire_key *x, struct wire_key *out);

/*
 * The root `sessions` after `root`. What is not NULL changes the first step: `next` stands in its place, `x`
 * is mixed into it. `out` may be any of them.
 */
void wire_key_root_after(const struct wire_key *root, uint32_t sessions, const struct wire_key *next,
        const struct wire_key *x, struct wire_key *out);

/* What stands for `x` in the next rekey on the same connection. `x` and `next` may be the same. */
void wire_key_next_exporter(const struct wire_key *x, struct wire_key *next);

/* The name of `x`, which says nothing about it. Writes WIRE_REKEY_ID characters and a NUL. */
void wire_key_rekey_id(const struct wire_key *x, char id[WIRE_REKEY_ID + 1]);

#endif
