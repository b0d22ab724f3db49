#include "wire/keys.h"

#include <string.h>

#include "wire/base32.h"
#include "wire/hash.h"
#include "wire/pair.h"

_Static_assert(WIRE_KEY_SIZE == WIRE_HASH_SIZE, "a key is a hash");

void
wire_wipe(void *at, size_t len)
{
    memset(at, 0, len);
    /* The compiler has to believe that somebody looks at the zeros. */
    __asm__ volatile("" : : "r"(at) : "memory");
}

int
wire_key_equal(const struct wire_key *a, const struct wire_key *b)
{
    unsigned differ = 0;

    for (unsigned i = 0; i < WIRE_KEY_SIZE; i++) {
        differ |= (unsigned)(a->bytes[i] ^ b->bytes[i]);
    }
    return differ == 0;
}

static void
derive_from_secret(const char *context, const char *secret, const char *host, struct wire_key *out)
{
    uint8_t material[WIRE_PAIR_CHARS + WIRE_HOST_MAX];
    size_t host_len = strnlen(host, WIRE_HOST_MAX);

    memcpy(material, secret, WIRE_PAIR_CHARS);
    memcpy(material + WIRE_PAIR_CHARS, host, host_len);
    wire_hash_derive(context, material, WIRE_PAIR_CHARS + host_len, out->bytes, WIRE_KEY_SIZE);
    wire_wipe(material, sizeof(material));
}

void
wire_key_psk(const char *secret, const char *host, struct wire_key *psk)
{
    derive_from_secret("tocsin 2026 v1 tls psk", secret, host, psk);
}

void
wire_key_root(const char *secret, const char *host, struct wire_key *root)
{
    derive_from_secret("tocsin 2026 v1 root", secret, host, root);
}

void
wire_key_session(const struct wire_key *root, uint32_t session, const char nonce[WIRE_NONCE_CHARS],
        const char *host, struct wire_key *key)
{
    uint8_t material[WIRE_KEY_SIZE + 4 + WIRE_NONCE_CHARS + WIRE_HOST_MAX];
    size_t host_len = strnlen(host, WIRE_HOST_MAX);
    uint8_t *p = material;

    memcpy(p, root->bytes, WIRE_KEY_SIZE);
    p += WIRE_KEY_SIZE;
    for (unsigned i = 0; i < 4; i++) {
        *p++ = (uint8_t)(session >> 8 * i);
    }
    memcpy(p, nonce, WIRE_NONCE_CHARS);
    p += WIRE_NONCE_CHARS;
    memcpy(p, host, host_len);
    p += host_len;
    wire_hash_derive("tocsin 2026 v1 session", material, (size_t)(p - material), key->bytes, WIRE_KEY_SIZE);
    wire_wipe(material, sizeof(material));
}

void
wire_key_next_root(const struct wire_key *root, struct wire_key *next)
{
    wire_hash_derive("tocsin 2026 v1 next root", root->bytes, WIRE_KEY_SIZE, next->bytes, WIRE_KEY_SIZE);
}

void
wire_key_rekey(const struct wire_key *root, const struct wire_key *x, struct wire_key *out)
{
    uint8_t material[2 * WIRE_KEY_SIZE];

    memcpy(material, root->bytes, WIRE_KEY_SIZE);
    memcpy(material + WIRE_KEY_SIZE, x->bytes, WIRE_KEY_SIZE);
    wire_hash_derive("tocsin 2026 v1 rekey", material, sizeof(material), out->bytes, WIRE_KEY_SIZE);
    wire_wipe(material, sizeof(material));
}

void
wire_key_root_after(const struct wire_key *root, uint32_t sessions, const struct wire_key *next,
        const struct wire_key *x, struct wire_key *out)
{
    struct wire_key at = *root;

    for (uint32_t n = 0; n < sessions; n++) {
        if (n == 0 && next != NULL) {
            at = *next;
        } else {
            wire_key_next_root(&at, &at);
        }
        if (n == 0 && x != NULL) {
            wire_key_rekey(&at, x, &at);
        }
    }
    *out = at;
    wire_wipe(&at, sizeof(at));
}

void
wire_key_next_exporter(const struct wire_key *x, struct wire_key *next)
{
    wire_hash_derive("tocsin 2026 v1 next exporter", x->bytes, WIRE_KEY_SIZE, next->bytes, WIRE_KEY_SIZE);
}

void
wire_key_rekey_id(const struct wire_key *x, char id[WIRE_REKEY_ID + 1])
{
    uint8_t hash[WIRE_HASH_SIZE];

    wire_hash(x->bytes, WIRE_KEY_SIZE, hash);
    wire_base32(hash, WIRE_REKEY_ID, id);
    id[WIRE_REKEY_ID] = '\0';
}
