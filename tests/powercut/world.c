#include "powercut/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/flash.h"
#include "hal/result.h"

#define TURNS 20000u /* many more than any work takes */
#define RING_LEAST                                                                                           \
    30u                 /* records the ring has at any time: three sectors, but for slots given up at starts \
                         */
#define TURNS_AHEAD 60u /* enough for an erase */

struct world world;
char world_where[200];
void (*world_also)(const struct flash_op *op);

_Noreturn void
world_failed(const char *what, uint32_t a, uint32_t b)
{
    printf("%s (%" PRIu32 ", %" PRIu32 ")\n    %s\n", what, a, b, world_where);
    exit(1);
}

static void
open_store(void)
{
    if (hal_flash_start() != HAL_OK || store_open() != 0) {
        world_failed("the store does not open", 0, 0);
    }
}

static size_t
content(uint32_t value, uint8_t *dst)
{
    uint32_t state = value * 2654435761u + 1;
    size_t len = 4 + (state >> 8) % (STORE_RECORD_MAX - 3);

    for (size_t i = 0; i < len; i++) {
        state = state * 1664525u + 1013904223u;
        dst[i] = (uint8_t)(state >> 24);
    }
    memcpy(dst, &value, sizeof(value));
    return len;
}

static bool
is_in_ring(const struct known *k)
{
    return k->sector >= WORLD_RESERVE;
}

/* Of the ring the oldest, of the reserve what was harvested. */
static void
take(struct known *k)
{
    if (!is_in_ring(k)) {
        if (k->number > world.harvested) {
            world_failed("erased before it was harvested: record, mark", k->number, world.harvested);
        }
    } else {
        uint32_t newer = 0;

        for (uint32_t i = 0; i < world.count; i++) {
            newer += world.record[i].state == COMMITTED && is_in_ring(&world.record[i]) &&
                     world.record[i].number > k->number && world.record[i].sector != k->sector;
        }
        if (newer < RING_LEAST) {
            world_failed("the ring erased a new record: number, newer ones", k->number, newer);
        }
    }
    k->state = GONE;
}

/* An erase must take what may be taken. */
static void
saw(const struct flash_op *op)
{
    uint8_t sector = (uint8_t)(op->at / HAL_FLASH_SECTOR);

    if (!op->is_erase) {
        world.sector = sector;
    }
    for (uint32_t i = 0; op->is_erase && i < world.count; i++) {
        if (world.record[i].state == COMMITTED && world.record[i].sector == sector) {
            take(&world.record[i]);
        }
    }
    if (world_also != NULL) {
        world_also(op);
    }
}

void
world_begin(bool bad_sectors, uint64_t seed)
{
    struct flash_setup setup = { .size = WORLD_SECTORS * HAL_FLASH_SECTOR };

    memset(&world, 0, sizeof(world));
    if (flash_fit(&setup) != HAL_OK || hal_flash_start() != HAL_OK) {
        world_failed("no flash", 0, 0);
    }
    flash_faults_begin(seed);
    flash_watch(saw);
    if (bad_sectors) {
        flash_bad(2, FLASH_BAD_PROGRAM);
        flash_bad(WORLD_RESERVE + 3, FLASH_BAD_ERASE);
    }
    open_store();
}

/* One turn of the store, and what it has committed in it. */
static void
turn(void)
{
    struct store_counts counts;
    uint32_t committed;

    store_poll();
    if (flash_is_cut()) {
        return;
    }
    committed = store_committed();
    for (uint32_t i = world.count; i-- > 0 && world.record[i].state != COMMITTED;) {
        if (world.record[i].state == WAITING && world.record[i].number <= committed) {
            world.record[i].state = COMMITTED;
            world.record[i].sector = world.sector;
        }
    }
    store_counts(&counts);
    if (counts.harvested > world.mark) {
        world_failed("harvested what nobody asked for: mark, asked", counts.harvested, world.mark);
    }
    if (counts.lost != 0) {
        world_failed("lost with sectors left: count", counts.lost, 0);
    }
    if (committed >= world.mark_number) {
        world.harvested = counts.harvested;
    }
}

void world_append(enum store_class class)
{
    uint8_t bytes[STORE_RECORD_MAX];
    struct known *k = &world.record[world.count];
    size_t len = content(world.next_value, bytes);

    if (world.count == WORLD_RECORDS) {
        world_failed("too small a world", WORLD_RECORDS, 0);
    }
    while (store_append(class, bytes, len) != 0) {
        turn();
        if (flash_is_cut()) {
            return;
        }
    }
    *k = (struct known){
        .number = store_last(), .value = world.next_value, .class = (uint8_t) class, .state = WAITING
    };
    world.next_value++;
    world.count++;
}

void
world_harvest(uint32_t but)
{
    uint32_t upto = store_committed();
    uint32_t last = store_last();

    if (world.mark_number > upto) { /* one mark at a time, so that it is known which one counts */
        return;
    }
    upto = upto > but ? upto - but : 0;
    if (upto > world.mark) {
        world.mark = upto;
    }
    if (store_harvested(upto) != 0) {
        world_failed("a harvest is refused: up to", upto, 0);
    }
    if (store_last() > last) { /* there was something to mark */
        world.mark_number = store_last();
    }
}

void
world_settle(void)
{
    unsigned turns = 0;

    while (!store_idle() && !flash_is_cut()) {
        turn();
        if (++turns == TURNS) {
            world_failed(
                    "the store does not come to an end: last, committed", store_last(), store_committed());
        }
    }
    for (turns = 0; turns < TURNS_AHEAD && !flash_is_cut(); turns++) {
        turn();
    }
}

void
world_power_on(void)
{
    for (uint32_t i = 0; i < world.count; i++) {
        if (world.record[i].state == WAITING) {
            world.record[i].state = CUT;
            world.record[i].sector = world.sector;
        }
    }
    world.mark_number = 0;
    flash_power_on();
    flash_watch(saw);
    open_store();
}

/* Of several that had the number, as it was never committed, the newest. */
static struct known *
known(uint32_t number, const struct store_record *r)
{
    for (uint32_t i = world.count; i-- > 0;) {
        uint8_t bytes[STORE_RECORD_MAX];
        struct known *k = &world.record[i];

        if (k->number == number && k->class == r->class && content(k->value, bytes) == r->len &&
                memcmp(bytes, r->bytes, r->len) == 0) {
            return k;
        }
    }
    return NULL;
}

void
world_check(void)
{
    static bool found[WORLD_RECORDS];
    struct store_cursor c;
    struct store_record r;
    uint32_t before = 0;
    int got;

    memset(found, 0, sizeof(found));
    store_seek(&c, 0);
    for (unsigned turns = 0; (got = store_next(&c, &r)) != 0; turns++) {
        struct known *k = got == 1 ? known(r.number, &r) : NULL;

        if (got != 1) {
            if (turns > TURNS) {
                world_failed("reading comes to no end: after", c.after, 0);
            }
            turn();
            continue;
        }
        if (k == NULL) {
            world_failed("invented: number, length", r.number, r.len);
        }
        if (r.number <= before) {
            world_failed("out of order: number, behind", r.number, before);
        }
        before = r.number;
        found[k - world.record] = true;
    }
    for (uint32_t i = 0; i < world.count; i++) {
        if (world.record[i].state == CUT) {
            world.record[i].state = found[i] ? COMMITTED : GONE;
        }
        if (world.record[i].state == COMMITTED && !found[i]) {
            world_failed("lost: number, sector", world.record[i].number, world.record[i].sector);
        }
    }
}
