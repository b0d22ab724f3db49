#include "store/layout.h"

#include <string.h>

#include "wire/crc32.h"

#define HEAD_SUMMED (LAYOUT_HEAD - 4)
#define MAP_SUMMED (LAYOUT_MAP - 4)

static const uint8_t magic[3] = { 'T', 'S', 1 };

uint32_t
layout_u32(const uint8_t *src)
{
    return (uint32_t)src[0] | (uint32_t)src[1] << 8 | (uint32_t)src[2] << 16 | (uint32_t)src[3] << 24;
}

void
layout_u32_put(uint8_t *dst, uint32_t v)
{
    dst[0] = (uint8_t)v;
    dst[1] = (uint8_t)(v >> 8);
    dst[2] = (uint8_t)(v >> 16);
    dst[3] = (uint8_t)(v >> 24);
}

static void
head_put(const struct layout_head *h, uint8_t *dst)
{
    memcpy(dst, magic, sizeof(magic));
    dst[3] = h->region;
    layout_u32_put(dst + 4, h->seq);
    layout_u32_put(dst + 8, h->wear);
    layout_u32_put(dst + 12, h->first);
    layout_u32_put(dst + 16, h->harvested);
    layout_u32_put(dst + 20, h->refused);
    layout_u32_put(dst + 24, h->lost);
    layout_u32_put(dst + 28, h->torn);
    layout_u32_put(dst + 32, h->boots);
    layout_u32_put(dst + HEAD_SUMMED, wire_crc32(dst, HEAD_SUMMED));
}

void
layout_header_put(
        const struct layout_head *h, const uint8_t map[LAYOUT_MAP_BITS / 8], uint8_t dst[LAYOUT_HEADER])
{
    uint8_t *at = dst + LAYOUT_MAPS;

    head_put(h, dst);
    memcpy(dst + LAYOUT_HEAD, dst, LAYOUT_HEAD);
    memcpy(at, map, MAP_SUMMED);
    layout_u32_put(at + MAP_SUMMED, wire_crc32(at, MAP_SUMMED));
    memcpy(at + LAYOUT_MAP, at, LAYOUT_MAP);
}

bool
layout_head_take(const uint8_t src[LAYOUT_HEAD], struct layout_head *out)
{
    struct layout_head h = { .region = src[3],
        .seq = layout_u32(src + 4),
        .wear = layout_u32(src + 8),
        .first = layout_u32(src + 12),
        .harvested = layout_u32(src + 16),
        .refused = layout_u32(src + 20),
        .lost = layout_u32(src + 24),
        .torn = layout_u32(src + 28),
        .boots = layout_u32(src + 32) };

    if (memcmp(src, magic, sizeof(magic)) != 0 ||
            layout_u32(src + HEAD_SUMMED) != wire_crc32(src, HEAD_SUMMED)) {
        return false;
    }
    if (h.seq == 0 || h.seq > LAYOUT_NUMBER_MAX || h.first > LAYOUT_NUMBER_MAX || h.harvested >= h.first) {
        return false;
    }
    *out = h;
    return true;
}

static bool
map_take(const uint8_t *src, uint8_t *out)
{
    if (layout_u32(src + MAP_SUMMED) != wire_crc32(src, MAP_SUMMED)) {
        return false;
    }
    memcpy(out, src, MAP_SUMMED);
    return true;
}

bool
layout_header_take(const uint8_t src[LAYOUT_HEADER], struct layout_head *h, uint8_t map[LAYOUT_MAP_BITS / 8])
{
    const uint8_t *maps = src + LAYOUT_MAPS;

    if (!layout_head_take(src, h) && !layout_head_take(src + LAYOUT_HEAD, h)) {
        return false;
    }
    if (!map_take(maps, map) && !map_take(maps + LAYOUT_MAP, map)) {
        memset(map, 0, MAP_SUMMED);
    }
    return true;
}

bool
layout_header_mend(uint8_t header[LAYOUT_HEADER])
{
    uint8_t want[LAYOUT_HEADER];
    uint8_t map[LAYOUT_MAP_BITS / 8];
    const uint8_t *maps = header + LAYOUT_MAPS;
    struct layout_head h;

    if (!layout_header_take(header, &h, map)) {
        return false;
    }
    layout_header_put(&h, map, want);
    if (!map_take(maps, map) && !map_take(maps + LAYOUT_MAP, map)) {
        memset(want + LAYOUT_MAPS, 0, sizeof(want) - LAYOUT_MAPS);
    }
    for (size_t i = 0; i < sizeof(want); i++) {
        header[i] &= want[i];
    }
    return true;
}

bool
layout_is_mark(const struct store_record *r)
{
    return r->class == STORE_CLASSES && r->len == LAYOUT_MARK && layout_u32(r->bytes) < r->number;
}

size_t
layout_slot_put(const struct store_record *r, uint8_t dst[LAYOUT_SLOT])
{
    size_t len = LAYOUT_SLOT_HEAD + (size_t)r->len;

    layout_u32_put(dst + 4, r->number);
    dst[8] = (uint8_t)r->boot;
    dst[9] = (uint8_t)(r->boot >> 8);
    dst[10] = (uint8_t)r->class;
    dst[11] = r->len;
    memcpy(dst + LAYOUT_SLOT_HEAD, r->bytes, r->len);
#ifdef PLANT_STORE_LENGTH
    layout_u32_put(dst, wire_crc32(dst + 4, 4));
#else
    layout_u32_put(dst, wire_crc32(dst + 4, len - 4));
#endif
    return len;
}

static bool
all(const uint8_t *src, uint8_t value)
{
    for (size_t i = 0; i < LAYOUT_SLOT; i++) {
        if (src[i] != value) {
            return false;
        }
    }
    return true;
}

enum layout_slot
layout_slot_take(const uint8_t src[LAYOUT_SLOT], struct store_record *out)
{
    uint32_t number = layout_u32(src + 4);
    size_t len = src[11];
#ifdef PLANT_STORE_LENGTH
    size_t summed = 4;
#else
    size_t summed = LAYOUT_SLOT_HEAD - 4 + len;
#endif

    if (all(src, 0xFF)) {
        return SLOT_BLANK;
    }
    if (all(src, 0)) {
        return SLOT_DEAD;
    }
#ifndef PLANT_STORE
    if (len > STORE_RECORD_MAX) {
        return SLOT_UNREADABLE;
    }
#endif
    if (len == 0 || src[10] > STORE_CLASSES || number == 0 || number > LAYOUT_NUMBER_MAX) {
        return SLOT_UNREADABLE;
    }
    if (layout_u32(src) != wire_crc32(src + 4, summed)) {
        return SLOT_UNREADABLE;
    }
    out->number = number;
    out->boot = (uint16_t)(src[8] | src[9] << 8);
    out->class = (enum store_class)src[10];
    out->len = (uint8_t)len;
    memcpy(out->bytes, src + LAYOUT_SLOT_HEAD, len);
    return SLOT_RECORD;
}
