#include "wire/hash.h"

#include <blake3.h>
#include <string.h>

#include "wire/keys.h"

_Static_assert(sizeof(struct wire_hasher) >= sizeof(blake3_hasher), "struct wire_hasher is too small");
_Static_assert(
        _Alignof(struct wire_hasher) >= _Alignof(blake3_hasher), "struct wire_hasher is aligned too loosely");
_Static_assert(WIRE_HASH_SIZE == BLAKE3_OUT_LEN, "BLAKE3 gives 32 bytes");
_Static_assert(WIRE_HASH_SIZE == BLAKE3_KEY_LEN, "BLAKE3 has 32-byte keys");

/* What a hasher holds of a short input lies in front of its stack of subtrees, which stays unused. */
#define SHORT_STATE offsetof(blake3_hasher, cv_stack)

void
wire_hash_init(struct wire_hasher *h)
{
    blake3_hasher_init((blake3_hasher *)h);
}

void
wire_hash_update(struct wire_hasher *h, const void *src, size_t len)
{
    blake3_hasher_update((blake3_hasher *)h, src, len);
}

void
wire_hash_final(const struct wire_hasher *h, uint8_t out[WIRE_HASH_SIZE])
{
    blake3_hasher_finalize((const blake3_hasher *)h, out, WIRE_HASH_SIZE);
}

void
wire_hash(const void *src, size_t len, uint8_t out[WIRE_HASH_SIZE])
{
    blake3_hasher h;

    blake3_hasher_init(&h);
    blake3_hasher_update(&h, src, len);
    blake3_hasher_finalize(&h, out, WIRE_HASH_SIZE);
}

void
wire_hash_derive_init(struct wire_hasher *h, const char *context)
{
    blake3_hasher_init_derive_key((blake3_hasher *)h, context);
}

void
wire_hash_derive_with(struct wire_hasher *h, const void *material, size_t len, uint8_t *out, size_t out_len)
{
    blake3_hasher_reset((blake3_hasher *)h);
    blake3_hasher_update((blake3_hasher *)h, material, len);
    blake3_hasher_finalize((const blake3_hasher *)h, out, out_len);
}

void
wire_hash_derive(const char *context, const void *material, size_t len, uint8_t *out, size_t out_len)
{
    struct wire_hasher h;

    wire_hash_derive_init(&h, context);
    wire_hash_derive_with(&h, material, len, out, out_len);
    wire_wipe(&h, len <= BLAKE3_CHUNK_LEN ? SHORT_STATE : sizeof(h));
}

void
wire_hash_keyed(const uint8_t key[WIRE_HASH_SIZE], const void *src, size_t len, uint8_t *out, size_t out_len)
{
    blake3_hasher h;

    blake3_hasher_init_keyed(&h, key);
    blake3_hasher_update(&h, src, len);
    blake3_hasher_finalize(&h, out, out_len);
    wire_wipe(&h, len <= BLAKE3_CHUNK_LEN ? SHORT_STATE : sizeof(h));
}

const char *
wire_hash_library(void)
{
    return blake3_version();
}
