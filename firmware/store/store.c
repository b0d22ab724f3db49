#include "store/store.h"

#include <string.h>

#include "store/state.h"

#define BOOT_MAX 0xFFFFu

struct store_self store_self;

static void
region_begin(struct region *r, uint16_t base, uint16_t count)
{
    r->base = base;
    r->count = count;
    r->active = NO_SECTOR;
    r->ahead = NO_SECTOR;
    r->slot = LAYOUT_SLOTS;
    r->wear_min = UINT32_MAX;
    r->wear_lap = UINT32_MAX;
}

int
store_open(void)
{
    struct store_self *s = &store_self;
    uint32_t sectors = hal_flash_size() / HAL_FLASH_SECTOR;
    uint32_t reserve = sectors / 2;

    memset(s, 0, sizeof(*s));
    if (reserve < REGION_MIN || sectors - reserve > LAYOUT_MAP_BITS) {
        return STORE_E_FLASH;
    }
    region_begin(&s->region[RESERVE], 0, (uint16_t)reserve);
    region_begin(&s->region[RING], (uint16_t)reserve, (uint16_t)(sectors - reserve));
    scan_all();
    s->boots++;
    s->open = true;
    return 0;
}

/* Where the queue's byte `at`, counted from its oldest, stands. At most one round: a division costs more. */
static size_t
queue_place(size_t at)
{
    size_t place = store_self.head + at;

    return place < QUEUE_SIZE ? place : place - QUEUE_SIZE;
}

static void
queue_put(const uint8_t *src, size_t len)
{
    struct store_self *s = &store_self;
    size_t place = queue_place(s->used);
    size_t straight = len < QUEUE_SIZE - place ? len : QUEUE_SIZE - place;

    memcpy(s->queue + place, src, straight);
    memcpy(s->queue, src + straight, len - straight);
    s->used = (uint16_t)(s->used + len);
}

static void
queue_get(size_t from, uint8_t *dst, size_t len)
{
    const struct store_self *s = &store_self;
    size_t place = queue_place(from);
    size_t straight = len < QUEUE_SIZE - place ? len : QUEUE_SIZE - place;

    memcpy(dst, s->queue + place, straight);
    memcpy(dst + straight, s->queue, len - straight);
}

static int
queue_add(uint8_t class, const uint8_t *src, size_t len)
{
    struct store_self *s = &store_self;
    uint8_t item[QUEUE_ITEM] = { class, (uint8_t)len };
    size_t spared = class == STORE_RING ? QUEUE_KEPT : 0;

    if (!s->open || s->last >= LAYOUT_NUMBER_MAX || s->used + sizeof(item) + len + spared > QUEUE_SIZE) {
        return STORE_E_BUSY;
    }
    queue_put(item, sizeof(item));
    queue_put(src, len);
    s->queued++;
    s->last++;
    return 0;
}

bool
queue_front(struct store_record *out)
{
    struct store_self *s = &store_self;
    uint8_t item[QUEUE_ITEM];

    if (s->queued == 0) {
        return false;
    }
    queue_get(0, item, sizeof(item));
    out->number = s->last - s->queued + 1;
    out->boot = (uint16_t)(s->boots < BOOT_MAX ? s->boots : BOOT_MAX);
    out->class = (enum store_class)item[0];
    out->len = item[1];
    queue_get(sizeof(item), out->bytes, out->len);
    return true;
}

void
queue_drop(void)
{
    struct store_self *s = &store_self;
    uint8_t item[QUEUE_ITEM];
    size_t len;

    queue_get(0, item, sizeof(item));
    len = sizeof(item) + (size_t)item[1];
    s->head = (uint16_t)queue_place(len);
    s->used = (uint16_t)(s->used - len);
    s->queued--;
}

int
store_append(enum store_class class, const void *src, size_t len)
{
    if (len == 0 || len > STORE_RECORD_MAX || (class != STORE_KEPT && class != STORE_RING)) {
        return STORE_E_RANGE;
    }
    return queue_add((uint8_t) class, src, len);
}

int
store_harvested(uint32_t upto)
{
    uint8_t mark[LAYOUT_MARK];

    if (upto > store_committed()) {
        return STORE_E_RANGE;
    }
    if (upto <= store_self.harvested) {
        return 0;
    }
#ifdef PLANT_STORE_MARK
    store_self.harvested = upto;
    scan_held();
#endif
    layout_u32_put(mark, upto);
    return queue_add(STORE_CLASSES, mark, sizeof(mark));
}

bool
store_idle(void)
{
    return store_self.open && store_self.settled && store_self.queued == 0 &&
           store_self.work.step == STEP_NONE;
}

uint32_t
store_waiting(void)
{
    return store_self.queued;
}

uint32_t
store_last(void)
{
    return store_self.last;
}

uint32_t
store_committed(void)
{
    return store_self.settled ? store_self.committed : 0;
}

void
store_counts(struct store_counts *out)
{
    const struct store_self *s = &store_self;
    const struct region *reserve = &s->region[RESERVE];
    const struct region *ring = &s->region[RING];
    uint32_t least = reserve->wear_min < ring->wear_min ? reserve->wear_min : ring->wear_min;

    *out = (struct store_counts){ .boots = s->boots,
        .harvested = s->harvested,
        .kept = s->kept,
        .ring = s->ring,
        .refused = s->refused,
        .lost = s->lost,
        .torn = s->torn,
        .reserve_slots = (reserve->count - region_retired(reserve)) * LAYOUT_SLOTS,
        .reserve_free = region_room(reserve),
        .ring_slots = (ring->count - region_retired(ring)) * LAYOUT_SLOTS,
        .bad_sectors = region_retired(reserve) + region_retired(ring),
        .wear_min = least == UINT32_MAX ? 0 : least,
        .wear_max = reserve->wear_max > ring->wear_max ? reserve->wear_max : ring->wear_max,
        .queued = s->used };
}
