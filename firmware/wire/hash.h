#ifndef WIRE_HASH_H
#define WIRE_HASH_H
/*
 * hash - BLAKE3, the one primitive: hash, keyed hash and key derivation
 *
 * A thin face of the system's BLAKE3 (libblake3, or the C sources Debian packages); see
 * github.com/BLAKE3-team/BLAKE3-specs. No heap.
 */
#include <stddef.h>
#include <stdint.h>

#define WIRE_HASH_SIZE 32

/* Room for a blake3_hasher; hash.c asserts that it fits. */
struct wire_hasher {
    uint64_t opaque[240];
};

void wire_hash_init(struct wire_hasher *h);
void wire_hash_update(struct wire_hasher *h, const void *src, size_t len);
void wire_hash_final(const struct wire_hasher *h, uint8_t out[WIRE_HASH_SIZE]);

void wire_hash(const void *src, size_t len, uint8_t out[WIRE_HASH_SIZE]);

/* `context` is a constant string of this project, never data. */
void wire_hash_derive(const char *context, const void *material, size_t len, uint8_t *out, size_t out_len);

/*
 * The same derivation many times over: init once, then any number of derive_with. `h` holds the last
 * material; the caller wipes it.
 */
void wire_hash_derive_init(struct wire_hasher *h, const char *context);
void wire_hash_derive_with(
        struct wire_hasher *h, const void *material, size_t len, uint8_t *out, size_t out_len);

void wire_hash_keyed(
        const uint8_t key[WIRE_HASH_SIZE], const void *src, size_t len, uint8_t *out, size_t out_len);

/* The version of the library, as "1.3.1". */
const char *wire_hash_library(void);

#endif
