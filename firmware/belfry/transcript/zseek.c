#include "belfry/transcript/zseek.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC_SKIPPABLE UINT32_C(0x184D2A5E)
#define MAGIC_SEEKABLE UINT32_C(0x8F92EAB1)
#define HAS_CHECKSUM 0x80
#define RESERVED 0x7C

static uint32_t
get_u32(const uint8_t *src)
{
    return src[0] | (uint32_t)src[1] << 8 | (uint32_t)src[2] << 16 | (uint32_t)src[3] << 24;
}

static void
put_u32(uint8_t *out, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(v >> (8 * i));
    }
}

static size_t
entry_size(uint8_t descriptor)
{
    return (descriptor & HAS_CHECKSUM) != 0 ? 12 : 8;
}

size_t
zseek_table_size(const uint8_t footer[ZSEEK_FOOTER])
{
    uint32_t frames = get_u32(footer);

    if (get_u32(footer + 5) != MAGIC_SEEKABLE || (footer[4] & RESERVED) != 0 || frames > ZSEEK_FRAMES_MAX) {
        return 0;
    }
    return ZSEEK_HEADER + frames * entry_size(footer[4]) + ZSEEK_FOOTER;
}

static bool
is_table(const uint8_t *src, size_t len, uint64_t file_size)
{
    return len >= ZSEEK_HEADER + ZSEEK_FOOTER && file_size >= len &&
           zseek_table_size(src + len - ZSEEK_FOOTER) == len && get_u32(src) == MAGIC_SKIPPABLE &&
           get_u32(src + 4) == len - ZSEEK_HEADER;
}

int
zseek_parse(const uint8_t *src, size_t len, uint64_t file_size, struct zseek *out)
{
    const uint8_t *at = src + ZSEEK_HEADER;
    struct zseek z = { .frames = 0 };
    size_t step;

    if (!is_table(src, len, file_size)) {
        return -EBADMSG;
    }
    z.frames = get_u32(src + len - ZSEEK_FOOTER);
    step = entry_size(src[len - ZSEEK_FOOTER + 4]);
#ifdef PLANT_TRANSCRIPT_ZSEEK
    z.packed = calloc((size_t)z.frames, sizeof *z.packed);
#else
    z.packed = calloc((size_t)z.frames + 1, sizeof *z.packed);
#endif
    z.plain = calloc((size_t)z.frames + 1, sizeof *z.plain);
    if (z.packed == NULL || z.plain == NULL) {
        zseek_free(&z);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < z.frames; i++, at += step) {
        uint32_t plain = get_u32(at + 4);

        z.packed[i + 1] = z.packed[i] + get_u32(at);
        z.plain[i + 1] = z.plain[i] + plain;
        if (plain == 0 || plain > ZSEEK_FRAME) {
            zseek_free(&z);
            return -EBADMSG;
        }
    }
    if (z.packed[z.frames] != file_size - len) {
        zseek_free(&z);
        return -EBADMSG;
    }
    *out = z;
    return 0;
}

void
zseek_free(struct zseek *z)
{
    free(z->packed);
    free(z->plain);
    memset(z, 0, sizeof *z);
}

uint32_t
zseek_find(const struct zseek *z, uint64_t at)
{
    uint32_t low = 0;
    uint32_t high = z->frames;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (z->plain[middle] <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t
zseek_write(uint8_t *out, const uint32_t (*size)[2], uint32_t frames)
{
    size_t len = ZSEEK_HEADER + (size_t)frames * 8 + ZSEEK_FOOTER;
    uint8_t *at = out + ZSEEK_HEADER;

    put_u32(out, MAGIC_SKIPPABLE);
    put_u32(out + 4, (uint32_t)(len - ZSEEK_HEADER));
    for (uint32_t i = 0; i < frames; i++, at += 8) {
        put_u32(at, size[i][0]);
        put_u32(at + 4, size[i][1]);
    }
    put_u32(at, frames);
    at[4] = 0;
    put_u32(at + 5, MAGIC_SEEKABLE);
    return len;
}
