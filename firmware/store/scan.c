#include <string.h>

#include "hal/result.h"
#include "store/state.h"

static bool
read_at(uint16_t sector, size_t at, void *dst, size_t len)
{
    return hal_flash_read((uint32_t)sector * HAL_FLASH_SECTOR + (uint32_t)at, dst, len) == HAL_OK;
}

bool
scan_head(uint16_t sector, struct layout_head *out)
{
    uint8_t head[LAYOUT_HEAD];
    uint8_t region = sector < store_self.region[RING].base ? RESERVE : RING;

    for (size_t copy = 0; copy < 2; copy++) {
        struct layout_head h;

        if (read_at(sector, copy * LAYOUT_HEAD, head, sizeof(head)) && layout_head_take(head, &h) &&
                h.region == region) {
            *out = h;
            return true;
        }
    }
    return false;
}

enum layout_slot
scan_slot(uint16_t sector, uint8_t slot, struct store_record *out)
{
    uint8_t bytes[LAYOUT_SLOT];

    if (!read_at(sector, LAYOUT_SLOTS_AT + (size_t)slot * LAYOUT_SLOT, bytes, sizeof(bytes))) {
        return SLOT_UNREADABLE;
    }
    return layout_slot_take(bytes, out);
}

bool
scan_above(uint16_t sector, uint32_t upto)
{
    for (uint8_t slot = 0; slot < LAYOUT_SLOTS; slot++) {
        struct store_record r;

        if (scan_slot(sector, slot, &r) == SLOT_RECORD && r.number > upto) {
            return true;
        }
    }
    return false;
}

/*
 * By the heads: a sector's numbers begin at its `first` and end below that of the sector begun after it. So
 * of those that begin at or below the mark, only the one that begins highest can have a record above it.
 */
void
scan_held(void)
{
    struct region *r = &store_self.region[RESERVE];
    uint16_t mixed = NO_SECTOR;
    uint32_t mixed_first = 0;

    memset(r->held, 0, sizeof(r->held));
    for (uint16_t s = r->base; s < r->base + r->count; s++) {
        struct layout_head h;

        if (!scan_head(s, &h) ||
                h.seq > r->seq) { /* a weak header, that could not be read at the first look */
            continue;
        }
        if (h.first > store_self.harvested || s == r->active) {
            region_set(r->held, r, s);
        }
        if (h.first <= store_self.harvested && h.first >= mixed_first) {
            mixed = s;
            mixed_first = h.first;
        }
    }
    if (mixed != NO_SECTOR && scan_above(mixed, store_self.harvested)) {
        region_set(r->held, r, mixed);
    }
}

static void
most(uint32_t *of, uint32_t v)
{
    if (v > *of) {
        *of = v;
    }
}

static void
scan_heads(struct region *r)
{
    struct store_self *s = &store_self;

    for (uint16_t sector = r->base; sector < r->base + r->count; sector++) {
        struct layout_head h;

        if (!scan_head(sector, &h)) {
            continue;
        }
        if (r->active == NO_SECTOR || h.seq >= r->seq) {
            r->active = sector;
            r->seq = h.seq;
        }
        if (h.wear < r->wear_min) {
            r->wear_min = h.wear;
        }
        most(&r->wear_max, h.wear);
        most(&s->last, h.first == 0 ? 0 : h.first - 1);
        most(&s->harvested, h.harvested);
        most(&s->boots, h.boots);
        most(&s->refused, h.refused);
        most(&s->lost, h.lost);
        most(&s->torn, h.torn);
    }
}

static void
scan_map(struct region *r)
{
    uint8_t header[LAYOUT_HEADER];
    struct layout_head h;

    if (read_at(r->active, 0, header, sizeof(header)) && layout_header_take(header, &h, r->retired) &&
            region_retired(r) + REGION_MIN > r->count) {
        memset(r->retired, 0, sizeof(r->retired)); /* then rather try them again */
    }
}

/* Finds the end of the active sector. Returns how many slots at its end hold something that cannot be read.
 */
static uint32_t
scan_tail(struct region *r)
{
    struct store_self *s = &store_self;
    uint32_t unreadable = 0;
    uint32_t mark = 0;

    r->slot = 0;
    r->tail = TAIL_HEADER;
    for (uint8_t slot = 0; slot < LAYOUT_SLOTS; slot++) {
        struct store_record record;
        enum layout_slot is = scan_slot(r->active, slot, &record);

        if (is == SLOT_BLANK) {
            continue;
        }
        most(&s->harvested, mark); /* one at the very end counts when it is settled */
        r->slot = (uint8_t)(slot + 1);
        r->tail = is == SLOT_RECORD ? TAIL_RECORD : TAIL_DEAD;
        if (is == SLOT_UNREADABLE) {
            unreadable++;
        } else if (is == SLOT_RECORD) {
            unreadable = 0;
            most(&s->last, record.number);
            most(&s->boots, record.boot);
            mark = layout_is_mark(&record) ? layout_u32(record.bytes) : mark;
        }
    }
#ifndef PLANT_STORE_DOUBT
    r->doubtful = true;
#endif
    return unreadable;
}

void
scan_all(void)
{
    struct store_self *s = &store_self;
    uint32_t unreadable = 0;

    for (unsigned i = 0; i < REGIONS; i++) {
        struct region *r = &s->region[i];

        scan_heads(r);
        if (r->active != NO_SECTOR) {
            scan_map(r);
            unreadable += scan_tail(r);
        }
    }
    s->torn += unreadable;
    s->committed = s->last;
    s->last += unreadable; /* each may have had a number */
    scan_held();
}
