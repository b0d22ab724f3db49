#include "watch/fs_heard.h"
#include <string.h>

#define HASH_START UINT64_C(0xcbf29ce484222325) /* FNV-1a, 64 bits */
#define HASH_PRIME UINT64_C(0x100000001b3)

static uint64_t
hash_on(uint64_t hash, uint8_t byte)
{
    return (hash ^ byte) * HASH_PRIME;
}

static unsigned
bit_of(uint64_t hash)
{
    return (unsigned)((hash ^ hash >> 32) % FS_HEARD_BITS);
}

void
fs_heard_begin(struct fs_heard *h)
{
    memset(h, 0, sizeof(*h));
}

void
fs_heard_turn(struct fs_heard *h)
{
    h->now ^= 1;
    memset(h->set[h->now], 0, sizeof(h->set[h->now]));
}

void
fs_heard_note(struct fs_heard *h, const uint8_t *path, size_t len)
{
    uint64_t hash = HASH_START;

    for (size_t i = 0; i < len; i++) {
        hash = hash_on(hash, path[i]);
    }
    h->set[h->now][bit_of(hash) / 8] |= (uint8_t)(1u << bit_of(hash) % 8);
}

static bool
is_noted(const struct fs_heard *h, uint64_t hash)
{
    unsigned bit = bit_of(hash);

    return ((h->set[0][bit / 8] | h->set[1][bit / 8]) >> bit % 8 & 1) != 0;
}

bool
fs_heard_of(const struct fs_heard *h, const uint8_t *path, size_t len)
{
    uint64_t hash = HASH_START;

    for (size_t i = 0; i < len; i++) {
        if (path[i] == '/' && i > 0 && is_noted(h, hash)) {
            return true;
        }
        hash = hash_on(hash, path[i]);
    }
    return len > 0 && is_noted(h, hash);
}
