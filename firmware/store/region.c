#include "store/state.h"

bool
region_bit(const uint8_t *map, const struct region *r, uint16_t sector)
{
    unsigned at = (unsigned)(sector - r->base);

    return (map[at / 8] >> (at % 8) & 1) != 0;
}

void
region_set(uint8_t *map, const struct region *r, uint16_t sector)
{
    unsigned at = (unsigned)(sector - r->base);

    map[at / 8] = (uint8_t)(map[at / 8] | 1u << (at % 8));
}

static bool
free_to_erase(const struct region *r, uint16_t sector)
{
    return sector != r->active && !region_bit(r->retired, r, sector) && !region_bit(r->held, r, sector);
}

/* The next one behind the active sector: so all are erased equally often. */
uint16_t
region_free(const struct region *r)
{
    unsigned from = r->active == NO_SECTOR ? r->count - 1u : (unsigned)(r->active - r->base);

    for (unsigned i = 1; i <= r->count; i++) {
        uint16_t sector = (uint16_t)(r->base + (from + i) % r->count);

        if (free_to_erase(r, sector)) {
            return sector;
        }
    }
    return NO_SECTOR;
}

uint32_t
region_room(const struct region *r)
{
    uint32_t slots = (uint32_t)(LAYOUT_SLOTS - r->slot);

    if (r->doubtful && slots > 0) {
        slots--;
    }
    for (uint16_t s = r->base; s < r->base + r->count; s++) {
        slots += free_to_erase(r, s) ? LAYOUT_SLOTS : 0;
    }
    return slots;
}

uint32_t
region_retired(const struct region *r)
{
    uint32_t n = 0;

    for (uint16_t s = r->base; s < r->base + r->count; s++) {
        n += region_bit(r->retired, r, s);
    }
    return n;
}
