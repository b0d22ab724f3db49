#ifndef WATCH_FS_BYTES_H
#define WATCH_FS_BYTES_H
/*
 * fs_bytes - the cursor through which bytes from outside are read
 *
 * A take_* past the end gives 0 (or NULL) and sets short_read, which sticks: take everything, then ask once.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct fs_bytes {
    const uint8_t *at;
    const uint8_t *end;
    bool short_read;
};

static inline size_t
fs_bytes_left(const struct fs_bytes *c)
{
    return (size_t)(c->end - c->at);
}

static inline const uint8_t *
take_bytes(struct fs_bytes *c, size_t len)
{
    const uint8_t *p = c->at;

    if (c->short_read || fs_bytes_left(c) < len) {
        c->short_read = true;
        return NULL;
    }
    c->at += len;
    return p;
}

/* Little-endian, `size` 1 to 8 bytes: how the baseline stores numbers. */
static inline uint64_t
take_le(struct fs_bytes *c, unsigned size)
{
    const uint8_t *p = take_bytes(c, size);
    uint64_t v = 0;

    if (p == NULL) {
        return 0;
    }
    for (unsigned i = size; i > 0; i--) {
        v = v << 8 | p[i - 1];
    }
    return v;
}

/* The machine's own byte order: how the kernel hands out events. */
static inline uint32_t
take_host32(struct fs_bytes *c)
{
    const uint8_t *p = take_bytes(c, sizeof(uint32_t));
    uint32_t v = 0;

    if (p != NULL) {
        memcpy(&v, p, sizeof(v));
    }
    return v;
}

static inline uint16_t
take_host16(struct fs_bytes *c)
{
    const uint8_t *p = take_bytes(c, sizeof(uint16_t));
    uint16_t v = 0;

    if (p != NULL) {
        memcpy(&v, p, sizeof(v));
    }
    return v;
}

static inline uint64_t
take_host64(struct fs_bytes *c)
{
    const uint8_t *p = take_bytes(c, sizeof(uint64_t));
    uint64_t v = 0;

    if (p != NULL) {
        memcpy(&v, p, sizeof(v));
    }
    return v;
}

#endif
