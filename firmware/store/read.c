/* Reading: of each region the sectors in the order of their begin; of both, the record with the lower number.
 */
#include <string.h>

#include "store/state.h"

#define SECTORS_A_CALL 2
#define HEADS_A_CALL 16 /* 2 ms at 1.5 MB/s and 48 MHz */

enum peek { PEEK_FOUND, PEEK_NONE, PEEK_LATER };

void
store_seek(struct store_cursor *c, uint32_t after)
{
    memset(c, 0, sizeof(*c));
    c->after = after;
}

/* Sectors in the order of their begin. No two have one sequence number, but for a flash nobody has written.
 */
static uint64_t
order(uint32_t seq, uint16_t sector)
{
    return (uint64_t)seq << 16 | sector;
}

/* Looks at one more sector: of those that begin at or below `after` the last is the place, else the first. */
static void
consider(struct store_cursor *c, enum region_of which, uint16_t s)
{
    struct layout_head h;
    uint64_t best = order(c->region[which].seq, c->region[which].sector);
    bool found = c->region[which].found;
    bool was_below = c->region[which].below;
    bool below;

    if (!scan_head(s, &h) || h.seq > store_self.region[which].seq) {
        return;
    }
    below = h.first <= c->after && c->after > 0;
    if (!found || (below && !was_below) || (below == was_below && (order(h.seq, s) > best) == below)) {
        c->region[which].found = true;
        c->region[which].below = below;
        c->region[which].seq = h.seq;
        c->region[which].sector = s;
    }
}

static bool
stands(const struct store_cursor *c, enum region_of which)
{
    struct layout_head h;

    return c->region[which].in && scan_head(c->region[which].sector, &h) && h.seq == c->region[which].seq;
}

/* Looks for the sector whose records go on from `after`, some in each call. */
static enum peek
find_place(struct store_cursor *c, enum region_of which)
{
    const struct region *r = &store_self.region[which];

    if (c->region[which].looked == r->count && c->region[which].seq != r->seq) {
        c->region[which].looked = 0; /* there was none; now one has been begun */
    }
    for (unsigned i = 0; i < HEADS_A_CALL && c->region[which].looked < r->count; i++) {
        consider(c, which, (uint16_t)(r->base + c->region[which].looked));
        c->region[which].looked++;
    }
    if (c->region[which].looked < r->count) {
        return PEEK_LATER;
    }
    if (!c->region[which].found) {
        c->region[which].seq = r->seq;
        return PEEK_NONE;
    }
    c->region[which].found = false;
    c->region[which].next = 0;
    c->region[which].slot = 0;
    c->region[which].in = true;
    return PEEK_FOUND;
}

/* The sector begun next after *seq; mostly the one behind. */
static bool
sector_after(enum region_of which, uint32_t *seq, uint16_t *sector)
{
    const struct region *r = &store_self.region[which];
    uint16_t behind = (uint16_t)(r->base + (*sector - r->base + 1) % r->count);
    uint64_t from = order(*seq, *sector);
    uint64_t best = UINT64_MAX;
    struct layout_head h;

    if (*sector == r->active) {
        return false;
    }
    if (scan_head(behind, &h) && h.seq == *seq + 1) {
        *seq = h.seq;
        *sector = behind;
        return true;
    }
    for (uint16_t s = r->base; s < r->base + r->count; s++) {
        if (scan_head(s, &h) && h.seq <= r->seq && order(h.seq, s) > from && order(h.seq, s) < best) {
            best = order(h.seq, s);
        }
    }
    if (best != UINT64_MAX) {
        *seq = (uint32_t)(best >> 16);
        *sector = (uint16_t)best;
    }
    return best != UINT64_MAX;
}

/* Puts the cursor on a sector that is still what it was when it was found. */
static enum peek
stand(struct store_cursor *c, enum region_of which)
{
    enum peek place;

    if (stands(c, which)) {
        return PEEK_FOUND;
    }
    if (c->region[which].in) {
        c->region[which].in = false;
        c->region[which].looked = 0;
    }
    place = find_place(c, which);
    return place == PEEK_FOUND && !stands(c, which) ? PEEK_LATER : place;
}

static bool
to_next_sector(struct store_cursor *c, enum region_of which)
{
    uint32_t seq = c->region[which].seq;
    uint16_t sector = c->region[which].sector;

    if (!sector_after(which, &seq, &sector)) {
        return false;
    }
    c->region[which].seq = seq;
    c->region[which].sector = sector;
    c->region[which].slot = 0;
    return true;
}

/* Goes on in the sector until a record waits to be read. False: none in it. */
static bool
peek_sector(struct store_cursor *c, enum region_of which)
{
    const struct region *r = &store_self.region[which];
    uint16_t sector = c->region[which].sector;
    uint8_t end = sector == r->active ? r->slot : LAYOUT_SLOTS;

    for (; c->region[which].slot < end; c->region[which].slot++) {
        struct store_record record;
        enum layout_slot is = scan_slot(sector, c->region[which].slot, &record);

        c->damaged += is == SLOT_UNREADABLE;
        if (is != SLOT_RECORD || record.number <= c->after || record.class >= STORE_CLASSES) {
            continue;
        }
        if (record.number <= store_self.committed) {
            c->region[which].next = record.number;
            return true;
        }
    }
    return false;
}

static enum peek
peek(struct store_cursor *c, enum region_of which)
{
    enum peek place = stand(c, which);

    if (place != PEEK_FOUND) {
        return place;
    }
    if (c->region[which].next > c->after) {
        return PEEK_FOUND;
    }
    for (unsigned i = 0; i < SECTORS_A_CALL; i++) {
        if (peek_sector(c, which)) {
            return PEEK_FOUND;
        }
        if (!to_next_sector(c, which)) {
            return PEEK_NONE;
        }
    }
    return PEEK_LATER;
}

int
store_next(struct store_cursor *c, struct store_record *out)
{
    enum peek reserve;
    enum peek ring;
    enum region_of from;

    if (!store_self.settled || store_self.work.step != STEP_NONE) {
        return STORE_E_BUSY;
    }
    reserve = peek(c, RESERVE);
    ring = peek(c, RING);
    if (reserve == PEEK_LATER || ring == PEEK_LATER) {
        return STORE_E_BUSY;
    }
    if (reserve == PEEK_NONE && ring == PEEK_NONE) {
        return 0;
    }
    from = reserve == PEEK_FOUND && (ring == PEEK_NONE || c->region[RESERVE].next <= c->region[RING].next)
                   ? RESERVE
                   : RING;
    c->after = c->region[from].next;
    return scan_slot(c->region[from].sector, c->region[from].slot, out) == SLOT_RECORD ? 1 : STORE_E_BUSY;
}
