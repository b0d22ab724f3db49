#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H
/*
 * layout - what stands in a sector, byte by byte (SPEC.md, section 3); pure functions
 *
 *     0  40  80  116  152   208   352        3952  4096
 *     head head map map free  slot 0 slot 1 ... slot 26
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

#define LAYOUT_HEAD 40
#define LAYOUT_MAPS ((size_t)2 * LAYOUT_HEAD)
#define LAYOUT_MAP_BITS 256                  /* sectors of a region at most */
#define LAYOUT_MAP (LAYOUT_MAP_BITS / 8 + 4) /* and a sum */
#define LAYOUT_HEADER (LAYOUT_HEAD + LAYOUT_HEAD + LAYOUT_MAP + LAYOUT_MAP)
#define LAYOUT_SLOT 144
#define LAYOUT_SLOT_HEAD 12
#define LAYOUT_SLOTS 27
#define LAYOUT_SLOTS_AT 208

#define LAYOUT_MARK 4                 /* bytes of a mark: the number up to which all is harvested */
#define LAYOUT_NUMBER_MAX 0xFFFFFF00u /* no flash lives to see it; above it nothing is believed */

struct layout_head {
    uint32_t seq;   /* of the sector in its region, from 1 */
    uint32_t wear;  /* erases of this sector */
    uint32_t first; /* no record in the sector has a lower number */
    uint32_t harvested;
    uint32_t refused;
    uint32_t lost;
    uint32_t torn;
    uint32_t boots;
    uint8_t region;
};

enum layout_slot {
    SLOT_BLANK,
    SLOT_DEAD, /* programmed to zero: given up */
    SLOT_RECORD,
    SLOT_UNREADABLE,
};

/* Both copies of head and map. */
void layout_header_put(
        const struct layout_head *h, const uint8_t map[LAYOUT_MAP_BITS / 8], uint8_t dst[LAYOUT_HEADER]);

/* One copy of a head. False: not one, or damaged; *out is untouched. */
bool layout_head_take(const uint8_t src[LAYOUT_HEAD], struct layout_head *out);

/* False when no copy of the head is good. The map is all zero when no copy of it is. */
bool layout_header_take(
        const uint8_t src[LAYOUT_HEADER], struct layout_head *h, uint8_t map[LAYOUT_MAP_BITS / 8]);

/* Returns the bytes of the slot that are in use: LAYOUT_SLOT_HEAD and the record's. */
size_t layout_slot_put(const struct store_record *r, uint8_t dst[LAYOUT_SLOT]);

/* *out is written only for SLOT_RECORD. */
enum layout_slot layout_slot_take(const uint8_t src[LAYOUT_SLOT], struct store_record *out);

/*
 * Turns what was read of a header into what has to be programmed to make it last: both copies as the good
 * one, a map of which none is good zeroed. Bits that are 0 stay so. False when no copy of the head is good.
 */
bool layout_header_mend(uint8_t header[LAYOUT_HEADER]);

/* A record of the store's own: all up to the number it holds is harvested. */
bool layout_is_mark(const struct store_record *r);

uint32_t layout_u32(const uint8_t *src);
void layout_u32_put(uint8_t *dst, uint32_t v);

#endif
