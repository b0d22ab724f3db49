/*
 * The log's flash with any content: headers and slots whose sums are right, and bytes that are not. The store
 * opens it with few reads, reads it to an end, and keeps what is appended then.
 */
#include <string.h>

#include "hal/clock.h"
#include "hal/flash.h"
#include "hal/linux/flash.h"
#include "store/layout.h"
#include "store/store.h"

#define SECTORS_MOST 16u
#define TURNS 20000u
#define NUMBERS_LEFT 0x10000u
#define RECORDS 6u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
    const uint8_t *at;
    size_t left;
};

static uint32_t sectors;
static bool extreme;     /* numbers that leave no room for others */
static uint32_t highest; /* of a record */

uint64_t
hal_clock_us(void)
{
    return 0;
}

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

static uint8_t
byte(struct source *s)
{
    if (s->left == 0) {
        return 0;
    }
    s->left--;
    return *s->at++;
}

/* Mostly small. */
static uint32_t
number(struct source *s)
{
    uint8_t kind = byte(s);
    uint32_t n = byte(s);

    if (kind < 200) {
        return n;
    }
    n = n << 8 | byte(s);
    n = n << 8 | byte(s);
    n = n << 8 | byte(s);
    extreme = extreme || n > LAYOUT_NUMBER_MAX - NUMBERS_LEFT;
    return n;
}

static uint8_t *
sector(struct source *s)
{
    return flash_bytes() + (size_t)(byte(s) % sectors) * HAL_FLASH_SECTOR;
}

static void
put_header(struct source *s)
{
    uint8_t *at = sector(s);
    uint8_t map[LAYOUT_MAP_BITS / 8] = { 0 };
    struct layout_head h = { .seq = number(s),
        .wear = number(s),
        .first = number(s),
        .harvested = number(s),
        .refused = number(s),
        .torn = number(s),
        .boots = number(s),
        .region = (size_t)(at - flash_bytes()) / HAL_FLASH_SECTOR >= sectors / 2 };

    map[0] = byte(s);
    map[1] = byte(s);
    layout_header_put(&h, map, at);
}

static void
put_slot(struct source *s)
{
    uint8_t *at = sector(s) + LAYOUT_SLOTS_AT + (size_t)(byte(s) % LAYOUT_SLOTS) * LAYOUT_SLOT;
    static uint8_t whole[LAYOUT_SLOT_HEAD + 255]; /* a length that is too great is summed all the same */
    size_t len;
    uint32_t sum;

    memset(whole, 0xFF, sizeof(whole));
    sum = number(s);
    highest = sum > highest ? sum : highest;
    layout_u32_put(whole + 4, sum);
    whole[8] = byte(s);
    whole[9] = 0;
    whole[10] = byte(s) % 4;
    whole[11] = byte(s);
    len = LAYOUT_SLOT_HEAD + (size_t)whole[11];
    for (size_t i = LAYOUT_SLOT_HEAD; i < len && s->left > 0 && i < LAYOUT_SLOT_HEAD + 8; i++) {
        whole[i] = byte(s);
    }
    sum = ~0u;
    for (size_t i = 4; i < len; i++) {
        sum ^= whole[i];
        for (unsigned b = 0; b < 8; b++) {
            sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320u : 0);
        }
    }
    layout_u32_put(whole, ~sum);
    memcpy(at, whole, LAYOUT_SLOT);
}

static void
put_bytes(struct source *s)
{
    uint8_t *at = sector(s) + ((size_t)byte(s) << 8 | byte(s)) % (HAL_FLASH_SECTOR - 256);
    size_t len = byte(s);
    uint8_t value = byte(s);

    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)(value & 1 ? value : value ^ byte(s));
    }
}

static void
settle(void)
{
    for (unsigned i = 0; i < TURNS && !store_idle(); i++) {
        store_poll();
    }
    check(store_idle());
}

static void
open_again(void)
{
    struct flash_counts before;
    struct flash_counts after;

    flash_power_off();
    check(hal_flash_start() == 0);
    flash_counts(&before);
    check(store_open() == 0);
    flash_counts(&after);
    check(after.reads - before.reads <= 5u * sectors + 3u * LAYOUT_SLOTS + 2);
    settle();
}

/* Returns how many of the appended ones are found; all of them are read in order. */
static unsigned
read_all(const uint32_t *appended)
{
    struct store_cursor c;
    struct store_record r;
    uint32_t before = 0;
    unsigned found = 0;
    unsigned turns = 0;
    int got;

    store_seek(&c, 0);
    while ((got = store_next(&c, &r)) != 0) {
        check(++turns < TURNS);
        if (got != 1) {
            store_poll();
            continue;
        }
        check(r.number > before && r.len >= 1 && r.len <= STORE_RECORD_MAX && r.class < STORE_CLASSES);
        before = r.number;
        for (unsigned i = 0; appended != NULL && i < RECORDS; i++) {
            found += r.number == appended[i] && r.len == 3 && r.bytes[0] == 'x' && r.bytes[1] == i;
        }
    }
    return found;
}

static void
fill(struct source *s)
{
    while (s->left > 0) {
        switch (byte(s) % 4) {
        case 0:
            put_header(s);
            break;
        case 1:
        case 2:
            put_slot(s);
            break;
        default:
            put_bytes(s);
            break;
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source s = { .at = data, .left = size };
    struct flash_setup setup;
    struct flash_counts counts;
    uint32_t appended[RECORDS] = { 0 };
    bool numbered_on;

    sectors = 8 + byte(&s) % (SECTORS_MOST - 7);
    extreme = false;
    highest = 0;
    setup = (struct flash_setup){ .size = sectors * HAL_FLASH_SECTOR };
    check(flash_fit(&setup) == 0 && hal_flash_start() == 0);
    fill(&s);
    open_again();
    (void)read_all(NULL);
    numbered_on = highest <= store_last(); /* else one that nobody wrote may hide others from a reader */
    for (uint8_t i = 0; i < RECORDS && !extreme; i++) {
        uint8_t record[3] = { 'x', i, 'y' };

        check(store_append(i % 2 == 0 ? STORE_KEPT : STORE_RING, record, sizeof(record)) == 0);
        appended[i] = store_last();
    }
    settle();
    check(extreme || store_committed() == appended[RECORDS - 1]);
    check(read_all(appended) == RECORDS || extreme || !numbered_on);
    open_again();
    check(read_all(appended) == RECORDS || extreme || !numbered_on);
    flash_counts(&counts);
    check(counts.violations == 0 && counts.busy == 0);
    return 0;
}
