/* One operation of the flash at a time, and what it was for. */
#include <string.h>

#include "hal/result.h"
#include "store/state.h"

#define AHEAD_AT \
    13 /* free slots at which the next sector is erased: half of them, so that an alarm seldom waits */

static uint32_t
address(uint16_t sector, size_t at)
{
    return (uint32_t)sector * HAL_FLASH_SECTOR + (uint32_t)at;
}

static void
program_on(struct work *w)
{
    uint32_t at = address(w->sector, (size_t)w->at + w->done);
    size_t len = (size_t)(w->len - w->done);
    size_t page = HAL_FLASH_PAGE - at % HAL_FLASH_PAGE;

    if (len > page) {
        len = page;
    }
    (void)hal_flash_program(at, w->image + w->done, len); /* what was written is known by reading it */
    w->done = (uint16_t)(w->done + len);
}

/* w->image, of w->len bytes, goes to w->at of the region's sector. */
static void
program(enum purpose purpose, enum region_of region, uint16_t sector)
{
    struct work *w = &store_self.work;

    w->step = STEP_PROGRAM;
    w->purpose = purpose;
    w->region = region;
    w->sector = sector;
    w->done = 0;
    program_on(w);
}

static void
program_slot(enum purpose purpose, enum region_of region, uint8_t slot)
{
    store_self.work.at = (uint16_t)(LAYOUT_SLOTS_AT + slot * LAYOUT_SLOT);
    program(purpose, region, store_self.region[region].active);
}

static void
program_dead(enum purpose purpose, enum region_of region, uint8_t slot)
{
    memset(store_self.work.image, 0, LAYOUT_SLOT);
    store_self.work.len = LAYOUT_SLOT;
    program_slot(purpose, region, slot);
}

static bool
programmed_well(const struct work *w)
{
    uint8_t back[LAYOUT_HEADER];

#ifdef PLANT_STORE_VERIFY
    return true;
#endif
    return hal_flash_read(address(w->sector, w->at), back, w->len) == HAL_OK &&
           memcmp(back, w->image, w->len) == 0;
}

/* Not to be written any more. What stands in it is still read. */
static void
retire(struct region *r, uint16_t sector)
{
    region_set(r->retired, r, sector);
    if (sector == r->active) {
        r->slot = LAYOUT_SLOTS;
        r->doubtful = false;
        r->tail = TAIL_SOLID;
    }
    if (sector == r->ahead) {
        r->ahead = NO_SECTOR;
    }
}

static void
count_wear(struct region *r, uint16_t sector, uint32_t wear)
{
    if (r->active != NO_SECTOR && sector < r->active && r->wear_lap != UINT32_MAX) {
        r->wear_min = r->wear_lap;
        r->wear_lap = UINT32_MAX;
    }
    if (wear < r->wear_min) {
        r->wear_min = wear;
    }
    if (wear < r->wear_lap) {
        r->wear_lap = wear;
    }
    if (wear > r->wear_max) {
        r->wear_max = wear;
    }
}

static void
begun(struct region *r, enum region_of which)
{
    count_wear(r, r->ahead, r->ahead_wear);
    r->active = r->ahead;
    r->ahead = NO_SECTOR;
    r->slot = 0;
    r->doubtful = false;
    if (which == RESERVE) {
        region_set(r->held, r, r->active);
    }
}

static void
mark(uint32_t upto)
{
    if (upto > store_self.harvested) {
        store_self.harvested = upto;
        scan_held();
    }
}

static void
recorded(struct region *r, enum region_of which)
{
    struct store_self *s = &store_self;
    struct store_record record;

    if (!queue_front(&record)) {
        return;
    }
    r->slot++;
    queue_drop();
    s->committed = record.number;
    if (record.class == STORE_CLASSES) {
        mark(layout_u32(record.bytes));
        return;
    }
    s->kept += which == RESERVE;
    s->ring += which == RING;
    s->refused += which == RING && record.class == STORE_KEPT;
}

/* What stands at the end of the region cannot change any more. A mark counts from here on. */
static void
settled(struct region *r, const struct work *w)
{
    struct store_record record;

    if (r->tail == TAIL_RECORD && layout_slot_take(w->image, &record) == SLOT_RECORD &&
            layout_is_mark(&record)) {
        mark(layout_u32(record.bytes));
    }
    r->tail = TAIL_SOLID;
}

static void
programmed(struct work *w)
{
    struct region *r = &store_self.region[w->region];

    w->step = STEP_NONE;
    if (!programmed_well(w)) {
        retire(r, w->sector);
        return;
    }
    switch (w->purpose) {
    case FOR_RECORD:
        recorded(r, w->region);
        break;
    case FOR_HEADER:
        begun(r, w->region);
        break;
    case FOR_TAIL:
        settled(r, w);
        break;
    case FOR_DOUBT:
        r->doubtful = false;
        r->slot++;
        break;
    }
}

static void
blank_on(struct work *w)
{
    struct region *r = &store_self.region[w->region];
    bool well = hal_flash_read(address(w->sector, w->done), w->image, sizeof(w->image)) == HAL_OK;

    for (size_t i = 0; i < sizeof(w->image); i++) {
        well = well && w->image[i] == 0xFF;
    }
    w->done = (uint16_t)(w->done + sizeof(w->image));
    if (!well) {
        w->step = STEP_NONE;
        retire(r, w->sector);
    } else if (w->done == HAL_FLASH_SECTOR) {
        w->step = STEP_NONE;
        r->ahead = w->sector;
        r->ahead_wear = w->wear;
    }
}

/* False: there is no sector to erase. */
static bool
erase(enum region_of which)
{
    struct region *r = &store_self.region[which];
    struct work *w = &store_self.work;
    uint16_t sector = region_free(r);
    struct layout_head h;

    if (sector == NO_SECTOR) {
        return false;
    }
    if (which == RESERVE &&
            scan_above(sector, store_self.harvested)) { /* its head was lost, its records not */
        region_set(r->held, r, sector);
        return true;
    }
    w->step = STEP_ERASE;
    w->region = which;
    w->sector = sector;
    w->done = 0;
    w->wear = scan_head(sector, &h) ? h.wear + 1 : r->wear_max; /* all are worn alike: at most one less */
    w->wear = w->wear == 0 ? 1 : w->wear;
    (void)hal_flash_erase(address(sector, 0));
    return true;
}

static void
begin_sector(enum region_of which, uint32_t first)
{
    struct store_self *s = &store_self;
    struct region *r = &s->region[which];
    struct layout_head h = {
        .seq = ++r->seq, /* a header that fails may still be read: no second one has its number */
        .wear = r->ahead_wear,
        .first = first,
        .harvested = s->harvested,
        .refused = s->refused,
        .lost = s->lost,
        .torn = s->torn,
        .boots = s->boots,
        .region = (uint8_t)which
    };

    layout_header_put(&h, r->retired, s->work.image);
    s->work.at = 0;
    s->work.len = LAYOUT_HEADER;
    program(FOR_HEADER, which, r->ahead);
}

static bool
region_takes(enum region_of which)
{
    const struct region *r = &store_self.region[which];

    return r->slot < LAYOUT_SLOTS || r->ahead != NO_SECTOR || region_free(r) != NO_SECTOR;
}

/* Each class has the region it belongs to, and the other one may help out the reserve, or take a mark. */
static enum region_of
region_for(const struct store_record *record)
{
    if (record->class == STORE_KEPT) {
        return region_takes(RESERVE) ? RESERVE : RING;
    }
    return record->class == STORE_CLASSES && !region_takes(RING) ? RESERVE : RING;
}

static void
serve(void)
{
    struct store_self *s = &store_self;
    struct store_record record;
    enum region_of which;
    struct region *r;

    if (!queue_front(&record)) {
        return;
    }
    which = region_for(&record);
    r = &s->region[which];
    if (r->slot < LAYOUT_SLOTS && r->doubtful) {
        program_dead(FOR_DOUBT, which, r->slot);
    } else if (r->slot < LAYOUT_SLOTS) {
        s->work.len = (uint16_t)layout_slot_put(&record, s->work.image);
        program_slot(FOR_RECORD, which, r->slot);
#ifdef PLANT_STORE_EARLY
        s->committed = record.number;
#endif
    } else if (r->ahead != NO_SECTOR) {
        begin_sector(which, record.number);
    } else if (!erase(which)) {
        s->lost++;
        queue_drop();
    }
}

static void
settle_header(enum region_of which)
{
    struct region *r = &store_self.region[which];
    struct work *w = &store_self.work;

    if (hal_flash_read(address(r->active, 0), w->image, LAYOUT_HEADER) == HAL_OK &&
            layout_header_mend(w->image)) {
        w->at = 0;
        w->len = LAYOUT_HEADER;
        program(FOR_TAIL, which, r->active);
        return;
    }
    r->slot = LAYOUT_SLOTS; /* it cannot be read any more: the next sector, then */
    r->tail = TAIL_SOLID;
}

/*
 * The last program of an earlier life may have been cut short and yet read well, this time. To program the
 * same bits again makes them last; what cannot be read any more is zeroed.
 */
static void
settle(enum region_of which)
{
    struct region *r = &store_self.region[which];
    struct work *w = &store_self.work;
    struct store_record record;
    uint8_t slot;

#ifdef PLANT_STORE_TAIL
    r->tail = TAIL_SOLID;
    return;
#endif
    if (r->tail == TAIL_HEADER) {
        settle_header(which);
        return;
    }
    slot = (uint8_t)(r->slot - 1);
    if (r->tail == TAIL_RECORD && scan_slot(r->active, slot, &record) == SLOT_RECORD) {
        w->len = (uint16_t)layout_slot_put(&record, w->image);
        program_slot(FOR_TAIL, which, slot);
    } else {
        r->tail = TAIL_DEAD;
        program_dead(FOR_TAIL, which, slot);
    }
}

static bool
wants_ahead(enum region_of which)
{
    const struct region *r = &store_self.region[which];

    return r->ahead == NO_SECTOR && LAYOUT_SLOTS - r->slot <= AHEAD_AT;
}

static void
next_work(void)
{
    struct store_self *s = &store_self;

    for (unsigned i = 0; i < REGIONS; i++) {
        if (s->region[i].tail != TAIL_SOLID) {
            settle((enum region_of)i);
            return;
        }
    }
    s->settled = true;
    if (wants_ahead(RESERVE) && erase(RESERVE)) {
        return;
    }
    if (s->queued > 0) {
        serve();
    } else if (wants_ahead(RING)) {
        (void)erase(RING);
    }
}

void
store_poll(void)
{
    struct work *w = &store_self.work;
    int r = store_self.open ? hal_flash_poll() : HAL_E_BUSY;

    if (r == HAL_E_BUSY) {
        return;
    }
    switch (w->step) {
    case STEP_NONE:
        next_work();
        break;
    case STEP_PROGRAM:
        if (w->done < w->len) {
            program_on(w);
        } else {
            programmed(w);
        }
        break;
    case STEP_ERASE:
        w->step = STEP_BLANK;
        break;
    case STEP_BLANK:
        blank_on(w);
        break;
    }
}
