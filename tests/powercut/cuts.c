/*
 * cuts: the power goes in every operation of the flash, torn at every byte of it
 *
 * A long workload fills the reserve, wraps the ring, harvests and finds two bad sectors. Each of its
 * operations is cut at each of its bytes. Then the log must hold what was committed and
 * nothing that was not appended, take three records, and hold those too after another start. On a short
 * workload the power goes again in each operation that follows upon a cut. TOCSIN_POWERCUT_SEED (1) is where
 * all chance begins.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/flash.h"
#include "hal/linux/sim/sim.h"
#include "powercut/world.h"

#define SAVED (2 * WORLD_SECTORS * HAL_FLASH_SECTOR)
#define MOMENTS_MOST 2000u
#define LONG 600u
#define AGAIN 3u /* cuts of each operation behind a cut */

/* All that is needed to cut one operation. */
struct moment {
    struct flash_op op;
    uint8_t src[HAL_FLASH_PAGE];
    struct world world;
    uint8_t saved[SAVED];
};

struct moments {
    struct moment **at;
    unsigned count;
};

#define RECORDS_A_LIFE 40u
#define LOGS 60u

static struct moments *filming;
static uint64_t lives;
static uint64_t seed = 1;
static uint64_t cuts;
static uint64_t pairs;

/* xorshift64: Marsaglia, "Xorshift RNGs" */
static uint64_t
draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

static void
film(const struct flash_op *op)
{
    struct moment *m = malloc(sizeof(*m));

    if (m == NULL || filming->count == MOMENTS_MOST) {
        world_failed("too many moments", filming->count, 0);
    }
    m->op = *op;
    if (!op->is_erase) {
        memcpy(m->src, op->src, op->len);
        m->op.src = m->src;
    }
    m->world = world;
    flash_save(m->saved);
    filming->at[filming->count++] = m;
}

static void
film_to(struct moments *into)
{
    filming = into;
    if (into->at == NULL) {
        into->at = calloc(MOMENTS_MOST, sizeof(struct moment *));
    }
    world_also = film;
}

static void
forget(struct moments *m)
{
    for (unsigned i = 0; i < m->count; i++) {
        free(m->at[i]);
    }
    m->count = 0;
}

static void
cut(const struct moment *m, uint32_t torn, uint64_t chance)
{
    world = m->world;
    flash_load(m->saved);
    flash_cut_now(&m->op, torn, chance);
}

static void
append_some(void)
{
    world_append(STORE_KEPT);
    world_append(STORE_RING);
    world_append(STORE_RING);
    world_settle();
}

static void
check_rules(void)
{
    struct flash_counts counts;

    flash_counts(&counts);
    if (counts.violations != 0 || counts.busy != 0 || flash_weak_programmed() != 0) {
        world_failed("the rules of flash are broken: violations, weak",
                (uint32_t)(counts.violations + counts.busy), (uint32_t)flash_weak_programmed());
    }
}

/* From the moment power is back. */
static void
check_life(void)
{
    world_power_on();
    world_settle();
    world_check();
    append_some();
    world_power_on();
    world_settle();
    world_check();
    check_rules();
}

static void
say_where(const char *name, const struct moment *m, unsigned i, uint32_t torn)
{
    (void)snprintf(world_where, sizeof(world_where),
            "%s: operation %u, %s of %" PRIu32 " bytes at %" PRIu32 ", torn at %" PRIu32, name, i,
            m->op.is_erase ? "erase" : "program", m->op.len, m->op.at, torn);
}

static void
cut_everywhere(struct moments *m, uint32_t step)
{
    for (unsigned i = 0; i < m->count; i++) {
        for (uint32_t torn = (i + (uint32_t)seed) % step; torn <= m->at[i]->op.len; torn += step) {
            say_where("long", m->at[i], i, torn);
            cut(m->at[i], torn, seed + cuts);
            check_life();
            cuts++;
        }
    }
}

/* Round both regions, two harvests of a full reserve, two bad sectors. */
static void
long_workload(struct moments *m)
{
    world_begin(true, seed);
    film_to(m);
    for (unsigned i = 0; i < LONG; i++) {
        world_append(i % 2 == 0 ? STORE_KEPT : STORE_RING);
        if (i % 8 == 7) {
            world_settle();
        }
        if (i == 300 || i == 540) {
            world_harvest(i == 300 ? 0 : 40);
            world_settle();
        }
    }
    world_settle();
    world_also = NULL;
    world_check();
    check_rules();
}

/* What comes when the power is back: it is filmed, so that it can be cut too. */
static void
film_life(struct moments *m)
{
    film_to(m);
    world_power_on();
    world_settle();
    world_check();
    append_some();
    world_also = NULL;
}

static void
cut_again(struct moments *second, const char *first)
{
    char where[sizeof(world_where)];

    (void)snprintf(where, sizeof(where), "%s", first);
    for (unsigned j = 0; j < second->count; j++) {
        for (uint32_t t = 0; t < AGAIN; t++) {
            uint32_t torn = (uint32_t)((seed + pairs) * 2654435761u >> 4) % (second->at[j]->op.len + 1);

            (void)snprintf(world_where, sizeof(world_where), "%.120s; then operation %u, torn at %" PRIu32,
                    where, j, torn);
            cut(second->at[j], torn, seed + pairs);
            check_life();
            pairs++;
        }
    }
}

/* Starts where the ring and the reserve are about to erase, and harvests. */
static void
short_workload(struct moments *m)
{
    world_begin(false, seed);
    for (unsigned i = 0; i < 6 * 27; i++) {
        world_append(STORE_KEPT);
    }
    for (unsigned i = 0; i < 6 * 27 + 12; i++) {
        world_append(STORE_RING);
    }
    world_settle();
    film_to(m);
    world_append(STORE_RING);
    world_append(STORE_RING);
    world_append(STORE_RING);
    world_settle();
    world_harvest(100);
    world_settle();
    world_append(STORE_KEPT);
    world_settle();
    world_also = NULL;
}

static void
cut_in_pairs(struct moments *m, uint32_t step)
{
    struct moments second = { 0 };

    for (unsigned i = 0; i < m->count; i++) {
        const struct moment *at = m->at[i];
        uint32_t stride = (at->op.is_erase ? 64 : 1) * step;

        for (uint32_t torn = 0; torn <= at->op.len; torn += stride) {
            say_where("pairs", at, i, torn);
            cut(at, torn, seed + torn);
            film_life(&second);
            cut_again(&second, world_where);
            forget(&second);
        }
    }
    free(second.at);
}

/* Many lives of one log, each ended by a cut wherever it comes, also before it has settled. */
static void
live_on(bool bad_sectors, uint64_t chance)
{
    world_begin(bad_sectors, chance);
    while (world.count < WORLD_RECORDS - RECORDS_A_LIFE) {
        (void)snprintf(world_where, sizeof(world_where), "chance %" PRIu64 ", life %" PRIu64, chance, lives);
        flash_cut_at(1 + draw(&chance) % 50, draw(&chance));
        for (unsigned i = 0; i < RECORDS_A_LIFE && !flash_is_cut(); i++) {
            world_append(draw(&chance) % 3 == 0 ? STORE_KEPT : STORE_RING);
            if (draw(&chance) % 4 == 0) {
                world_settle();
            }
            if (draw(&chance) % 64 == 0 && !flash_is_cut()) {
                world_harvest((uint32_t)(draw(&chance) % 30));
            }
        }
        if (!flash_is_cut()) {
            world_settle();
        }
        world_power_on();
        if (draw(&chance) % 4 != 0) { /* else cut again before it has settled */
            world_settle();
            world_check();
        }
        lives++;
    }
    check_rules();
}

static unsigned
erases(const struct moments *m)
{
    unsigned n = 0;

    for (unsigned i = 0; i < m->count; i++) {
        n += m->at[i]->op.is_erase;
    }
    return n;
}

static uint32_t
setting(const char *name)
{
    const char *set = getenv(name);
    unsigned long n = set != NULL ? strtoul(set, NULL, 10) : 0;

    return n == 0 ? 1 : (uint32_t)n;
}

int
main(void)
{
    uint32_t step = setting("TOCSIN_POWERCUT_STEP");
    struct moments m = { 0 };

    seed = setting("TOCSIN_POWERCUT_SEED");
    sim_power_on();
    (void)snprintf(world_where, sizeof(world_where), "before any cut");
    long_workload(&m);
    printf("%u operations\n", m.count);
    cut_everywhere(&m, step);
    forget(&m);
    printf("%" PRIu64 " cuts: nothing lost, nothing invented, writable after each\n", cuts);
    fflush(stdout);
    short_workload(&m);
    cut_in_pairs(&m, step);
    printf("%" PRIu64 " pairs of cuts (%u operations, %u of them erases): the same\n", pairs, m.count,
            erases(&m));
    forget(&m);
    free(m.at);
    for (uint64_t log = 0; log < LOGS / (step < LOGS ? step : LOGS); log++) {
        live_on(log % 2 == 0, (seed + log) * 0x9E3779B97F4A7C15u);
    }
    printf("%" PRIu64 " lives of logs that are cut again and again: the same\n", lives);
    return 0;
}
