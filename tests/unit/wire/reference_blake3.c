#include "reference_blake3.h"

#include <string.h>

#define BLOCK 64
#define CHUNK 1024

enum {
    CHUNK_START = 1,
    CHUNK_END = 2,
    PARENT = 4,
    ROOT = 8,
    KEYED_HASH = 16,
    DERIVE_KEY_CONTEXT = 32,
    DERIVE_KEY_MATERIAL = 64,
};

static const uint32_t iv[8] = { 0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C,
    0x1F83D9AB, 0x5BE0CD19 };

static uint32_t
rotate_right(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

static void
mix(uint32_t v[16], size_t a, size_t b, size_t c, size_t d, uint32_t x, uint32_t y)
{
    v[a] += v[b] + x;
    v[d] = rotate_right(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotate_right(v[b] ^ v[c], 12);
    v[a] += v[b] + y;
    v[d] = rotate_right(v[d] ^ v[a], 8);
    v[c] += v[d];
    v[b] = rotate_right(v[b] ^ v[c], 7);
}

static void
compress(const uint32_t cv[8], const uint32_t block[16], uint64_t counter, uint32_t len, uint32_t flags,
        uint32_t out[16])
{
    static const uint8_t order[16] = { 2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8 };
    uint32_t m[16];
    uint32_t v[16];

    memcpy(m, block, sizeof(m));
    memcpy(v, cv, 32);
    memcpy(v + 8, iv, 16);
    v[12] = (uint32_t)counter;
    v[13] = (uint32_t)(counter >> 32);
    v[14] = len;
    v[15] = flags;
    for (unsigned round = 0; round < 7; round++) {
        uint32_t next[16];

        for (size_t i = 0; i < 4; i++) {
            mix(v, i, 4 + i, 8 + i, 12 + i, m[2 * i], m[2 * i + 1]);
        }
        for (size_t i = 0; i < 4; i++) {
            mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[8 + 2 * i], m[9 + 2 * i]);
        }
        for (unsigned i = 0; i < 16; i++) {
            next[i] = m[order[i]];
        }
        memcpy(m, next, sizeof(m));
    }
    for (unsigned i = 0; i < 8; i++) {
        out[i] = v[i] ^ v[i + 8];
        out[i + 8] = v[i + 8] ^ cv[i];
    }
}

/* The last compression of a node, not yet done: it depends on whether the node is the root. */
struct output {
    uint32_t cv[8];
    uint32_t block[16];
    uint64_t counter;
    uint32_t len;
    uint32_t flags;
};

static void
load(const uint8_t *src, size_t len, uint32_t block[16])
{
    memset(block, 0, BLOCK);
    for (size_t i = 0; i < len; i++) {
        block[i / 4] |= (uint32_t)src[i] << 8 * (i % 4);
    }
}

static struct output
chunk(const uint32_t key[8], uint32_t flags, uint64_t counter, const uint8_t *src, size_t len)
{
    struct output o = { .counter = counter };
    uint32_t start = CHUNK_START;

    memcpy(o.cv, key, sizeof(o.cv));
    while (len > BLOCK) {
        uint32_t out[16];

        load(src, BLOCK, o.block);
        compress(o.cv, o.block, counter, BLOCK, flags | start, out);
        memcpy(o.cv, out, sizeof(o.cv));
        start = 0;
        src += BLOCK;
        len -= BLOCK;
    }
    load(src, len, o.block);
    o.len = (uint32_t)len;
    o.flags = flags | start | CHUNK_END;
    return o;
}

static struct output
node(const uint32_t key[8], uint32_t flags, uint64_t counter, const uint8_t *src, size_t len)
{
    struct output o = { .len = BLOCK, .flags = flags | PARENT };
    struct output child;
    uint32_t out[16];
    size_t left = CHUNK;

    if (len <= CHUNK) {
        return chunk(key, flags, counter, src, len);
    }
    while (left * 2 < len) {
        left *= 2;
    }
    memcpy(o.cv, key, sizeof(o.cv));
    child = node(key, flags, counter, src, left);
    compress(child.cv, child.block, child.counter, child.len, child.flags, out);
    memcpy(o.block, out, 32);
    child = node(key, flags, counter + left / CHUNK, src + left, len - left);
    compress(child.cv, child.block, child.counter, child.len, child.flags, out);
    memcpy(o.block + 8, out, 32);
    return o;
}

static void
hash(const uint32_t key[8], uint32_t flags, const uint8_t *src, size_t len, uint8_t *out, size_t out_len)
{
    struct output o = node(key, flags, 0, src, len);
    uint32_t words[16];

    for (size_t i = 0; i < out_len; i++) {
        if (i % BLOCK == 0) {
            compress(o.cv, o.block, i / BLOCK, o.len, o.flags | ROOT, words);
        }
        out[i] = (uint8_t)(words[i % BLOCK / 4] >> 8 * (i % 4));
    }
}

void
reference_blake3(
        const uint8_t *key, const char *context, const uint8_t *src, size_t len, uint8_t *out, size_t out_len)
{
    uint8_t context_key[32];
    uint32_t words[16];

    if (context != NULL) {
        hash(iv, DERIVE_KEY_CONTEXT, (const uint8_t *)context, strlen(context), context_key, 32);
        load(context_key, 32, words);
        hash(words, DERIVE_KEY_MATERIAL, src, len, out, out_len);
    } else if (key != NULL) {
        load(key, 32, words);
        hash(words, KEYED_HASH, src, len, out, out_len);
    } else {
        hash(iv, 0, src, len, out, out_len);
    }
}
