/* The store over a flash in memory, without loss of power (that is tests/powercut). */
#include <stdlib.h>

#include "hal/flash.h"
#include "hal/linux/flash_faults.h"
#include "hal/linux/sim/sim.h"
#include "hal/result.h"
#include "store/store.h"
#include "support/check.h"

#define SMALL (16u * HAL_FLASH_SECTOR) /* 8 sectors a region */
#define LARGE (256u * HAL_FLASH_SECTOR)
#define SLOTS 27u
#define MOST 5000

struct listing {
    unsigned count;
    uint32_t number[MOST];
    uint32_t value[MOST]; /* what was appended as the record's content */
    enum store_class class[MOST];
    unsigned damaged;
};

static struct listing list;

static void
blank_of(uint32_t size)
{
    struct flash_setup setup = { .size = size };

    CHECK_INT(flash_fit(&setup), HAL_OK);
    CHECK_INT(hal_flash_start(), HAL_OK);
    flash_faults_begin(1);
    CHECK_INT(store_open(), 0);
}

static void
settle(void)
{
    for (unsigned i = 0; i < 1000000 && !store_idle(); i++) {
        store_poll();
    }
    CHECK(store_idle());
    for (unsigned i = 0; i < 100; i++) { /* erases ahead */
        store_poll();
    }
}

static void
again(void)
{
    flash_power_on();
    CHECK_INT(hal_flash_start(), HAL_OK);
    CHECK_INT(store_open(), 0);
    settle();
}

static size_t
content(uint32_t value, char *dst, size_t size)
{
    int n = snprintf(dst, size, "value=%u %.*s", value, (int)(value % 100),
            "................................................................................................"
            "....");

    return (size_t)n;
}

static void
append(enum store_class class, uint32_t value)
{
    char text[STORE_RECORD_MAX + 1];
    size_t len = content(value, text, sizeof(text));

    while (store_append(class, text, len) == STORE_E_BUSY) {
        store_poll();
    }
}

static void
append_many(enum store_class class, uint32_t from, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        append(class, from + i);
    }
    settle();
}

static void
read_from(uint32_t after)
{
    struct store_cursor c;
    struct store_record r;
    int got;

    store_seek(&c, after);
    list.count = 0;
    for (unsigned turns = 0; turns < 100000 && list.count < MOST; turns++) {
        char text[STORE_RECORD_MAX + 1];
        unsigned value = 0;

        got = store_next(&c, &r);
        if (got == 0) {
            break;
        }
        if (got != 1) {
            store_poll();
            continue;
        }
        CHECK_MEM(r.bytes, "value=", 6);
        value = (unsigned)strtoul((const char *)r.bytes + 6, NULL, 10);
        CHECK_INT(r.len, content(value, text, sizeof(text)));
        CHECK_MEM(r.bytes, text, r.len);
        list.number[list.count] = r.number;
        list.value[list.count] = value;
        list.class[list.count] = r.class;
        list.count++;
    }
    list.damaged = c.damaged;
    for (unsigned i = 1; i < list.count; i++) {
        CHECK(list.number[i] > list.number[i - 1]);
    }
}

static bool
listed(uint32_t value)
{
    for (unsigned i = 0; i < list.count; i++) {
        if (list.value[i] == value) {
            return true;
        }
    }
    return false;
}

static void
rules_are_kept(void)
{
    struct flash_counts counts;

    flash_counts(&counts);
    CHECK_INT(counts.violations, 0);
    CHECK_INT(counts.busy, 0);
    CHECK_INT(flash_weak_programmed(), 0);
}

static void
an_empty_flash_opens_as_an_empty_log(void)
{
    blank_of(SMALL);
    CHECK_INT(store_last(), 0);
    CHECK_INT(store_committed(), 0);
    settle();
    read_from(0);
    CHECK_INT(list.count, 0);
    rules_are_kept();
}

static void
what_is_appended_is_read_back_in_order(void)
{
    blank_of(SMALL);
    append(STORE_RING, 7);
    append(STORE_KEPT, 8);
    append(STORE_RING, 9);
    CHECK_INT(store_last(), 3);
    CHECK_INT(store_committed(), 0);
    settle();
    CHECK_INT(store_committed(), 3);
    for (unsigned life = 0; life < 3; life++) {
        read_from(0);
        CHECK_INT(list.count, 3);
        for (unsigned i = 0; i < 3; i++) {
            CHECK_INT(list.number[i], i + 1);
            CHECK_INT(list.value[i], 7 + i);
        }
        CHECK_INT(list.class[1], STORE_KEPT);
        read_from(2);
        CHECK_INT(list.count, 1);
        again();
    }
    rules_are_kept();
}

static void
numbers_go_on_over_boots(void)
{
    struct store_counts counts;

    blank_of(SMALL);
    for (uint32_t boot = 1; boot <= 100; boot++) {
        store_counts(&counts);
        CHECK_INT(counts.boots, boot);
        append(boot % 3 == 0 ? STORE_KEPT : STORE_RING, boot);
        settle();
        CHECK_INT(store_committed(), boot);
        again();
        CHECK_INT(store_last(), boot);
    }
    read_from(0);
    CHECK(listed(100) && listed(99) && listed(60));
    rules_are_kept();
}

static void
a_record_of_any_length_fits_and_no_other(void)
{
    uint8_t bytes[STORE_RECORD_MAX + 1];
    struct store_cursor c;
    struct store_record r;

    blank_of(SMALL);
    memset(bytes, 0xFF, sizeof(bytes));
    CHECK_INT(store_append(STORE_RING, bytes, 0), STORE_E_RANGE);
    CHECK_INT(store_append(STORE_RING, bytes, sizeof(bytes)), STORE_E_RANGE);
    CHECK_INT(store_append(STORE_CLASSES, bytes, 1), STORE_E_RANGE);
    for (size_t len = 1; len <= STORE_RECORD_MAX; len++) {
        while (store_append(len % 2 ? STORE_RING : STORE_KEPT, bytes, len) != 0) {
            store_poll();
        }
    }
    settle();
    store_seek(&c, 0);
    for (size_t len = 1; len <= STORE_RECORD_MAX; len++) {
        CHECK_INT(store_next(&c, &r), 1);
        CHECK_INT(r.len, len);
        CHECK_MEM(r.bytes, bytes, len);
    }
    CHECK_INT(store_next(&c, &r), 0);
    rules_are_kept();
}

static void
the_ring_has_the_newest(void)
{
    blank_of(SMALL);
    append_many(STORE_RING, 1, 2000);
    read_from(0);
    CHECK(list.count >= 6 * SLOTS);
    CHECK_INT(list.value[list.count - 1], 2000);
    CHECK_INT(list.value[0], 2000 - (list.count - 1));
    again();
    read_from(0);
    CHECK_INT(list.value[list.count - 1], 2000);
    CHECK_INT(list.value[0], 2000 - (list.count - 1));
    rules_are_kept();
}

static void
the_reserve_keeps_the_first_and_says_when_it_is_full(void)
{
    struct store_counts counts;

    blank_of(SMALL);
    append_many(STORE_KEPT, 1, 1000);
    store_counts(&counts);
    CHECK_INT(counts.reserve_slots, 8 * SLOTS);
    CHECK_INT(counts.reserve_free, 0);
    CHECK_INT(counts.kept, 8 * SLOTS);
    CHECK_INT(counts.refused, 1000 - 8 * SLOTS);
    CHECK_INT(counts.lost, 0);
    again();
    read_from(0);
    for (uint32_t v = 1; v <= 8 * SLOTS; v++) {
        CHECK(listed(v));
    }
    CHECK(listed(1000));
    store_counts(&counts);
    CHECK_INT(counts.reserve_free, 0);
    CHECK(counts.refused > 1000 - 10 * SLOTS);
    rules_are_kept();
}

static void
a_flood_does_not_take_the_first_alarm(void)
{
    blank_of(SMALL);
    append(STORE_KEPT, 424242);
    for (uint32_t i = 0; i < 20000; i++) {
        append(i % 2 ? STORE_KEPT : STORE_RING, i);
    }
    settle();
    read_from(0);
    CHECK_INT(list.value[0], 424242);
    rules_are_kept();
}

static void
what_was_harvested_makes_room_again(void)
{
    struct store_counts counts;

    blank_of(SMALL);
    append_many(STORE_KEPT, 1, 8 * SLOTS + 5);
    CHECK_INT(store_harvested(store_committed() + 1), STORE_E_RANGE);
    CHECK_INT(store_harvested(store_committed()), 0);
    settle();
    store_counts(&counts);
    CHECK_INT(counts.harvested, 8 * SLOTS + 5);
    CHECK_INT(counts.reserve_free, 7 * SLOTS);
    again();
    store_counts(&counts);
    CHECK_INT(counts.harvested, 8 * SLOTS + 5);
    CHECK_INT(counts.reserve_free, 7 * SLOTS);
    append_many(STORE_KEPT, 5000, 7 * SLOTS + 20);
    store_counts(&counts);
    CHECK_INT(counts.reserve_free, 0);
    read_from(counts.harvested);
    for (uint32_t v = 5000; v < 5000 + 7 * SLOTS; v++) {
        CHECK(listed(v));
    }
    rules_are_kept();
}

static void
what_was_not_harvested_stays_when_a_part_was(void)
{
    struct store_counts counts;

    blank_of(SMALL);
    append_many(STORE_KEPT, 1, 8 * SLOTS);
    CHECK_INT(store_harvested(3 * SLOTS + 3), 0);
    settle();
    store_counts(&counts);
    CHECK_INT(counts.reserve_free, 3 * SLOTS);
    again();
    store_counts(&counts);
    CHECK_INT(counts.reserve_free, 3 * SLOTS);
    append_many(STORE_KEPT, 1000, 6 * SLOTS);
    read_from(3 * SLOTS + 3);
    for (uint32_t v = 3 * SLOTS + 4; v <= 8 * SLOTS; v++) {
        CHECK(listed(v));
    }
    for (uint32_t v = 1000; v < 1000 + 3 * SLOTS; v++) {
        CHECK(listed(v));
    }
    rules_are_kept();
}

static void
the_queue_holds_what_comes_in_an_erase_and_then_says_busy(void)
{
    char text[STORE_RECORD_MAX];
    size_t bytes = 0;

    blank_of(SMALL);
    memset(text, 'x', sizeof(text));
    while (store_append(STORE_RING, text, 70) == 0) {
        bytes += 71;
    }
    CHECK(bytes >= 2 * 11520 * 400 / 1000);
    CHECK_INT(store_append(STORE_KEPT, text, sizeof(text)), 0);
    settle();
    CHECK_INT(store_append(STORE_RING, text, 70), 0);
}

static void
wear_is_even_and_counted(void)
{
    struct store_counts counts;
    struct flash_counts flash;

    blank_of(SMALL);
    for (uint32_t round = 0; round < 40; round++) {
        append_many(STORE_KEPT, round * 1000, 4 * SLOTS);
        append_many(STORE_RING, round * 1000 + 500, 4 * SLOTS);
        CHECK_INT(store_harvested(store_committed()), 0);
        settle();
    }
    store_counts(&counts);
    flash_counts(&flash);
    CHECK(counts.wear_max <= counts.wear_min + 2);
    CHECK(16ull * counts.wear_max >= flash.erases);
    CHECK(16ull * counts.wear_min <= flash.erases);
    rules_are_kept();
}

static void
bad_sectors_go_out_of_use_and_cost_no_record(void)
{
    for (uint32_t first = 0; first < 16; first++) {
        struct store_counts counts;

        blank_of(SMALL);
        flash_bad(first, FLASH_BAD_PROGRAM);
        flash_bad((first + 3) % 16, FLASH_BAD_ERASE);
        append_many(STORE_KEPT, 1, 4 * SLOTS);
        append_many(STORE_RING, 1000, 12 * SLOTS);
        store_counts(&counts);
        CHECK_INT(counts.lost, 0);
        CHECK(counts.bad_sectors <= 2 && (counts.bad_sectors >= 1 || first == 4 || first == 7));
        again();
        read_from(0);
        for (uint32_t v = 1; v <= 4 * SLOTS; v++) {
            CHECK(listed(v));
        }
        for (uint32_t v = 1000 + 8 * SLOTS; v < 1000 + 12 * SLOTS; v++) {
            CHECK(listed(v));
        }
        rules_are_kept();
    }
}

static void
a_sector_that_goes_bad_keeps_what_it_has(void)
{
    struct store_counts counts;

    blank_of(SMALL);
    append_many(STORE_KEPT, 1, 10);
    flash_bad(0, FLASH_BAD_PROGRAM);
    append_many(STORE_KEPT, 11, 3 * SLOTS);
    store_counts(&counts);
    CHECK_INT(counts.bad_sectors, 1);
    again();
    store_counts(&counts);
    CHECK_INT(counts.bad_sectors, 1);
    read_from(0);
    for (uint32_t v = 1; v < 11 + 3 * SLOTS; v++) {
        CHECK(listed(v));
    }
    rules_are_kept();
}

static void
a_flash_with_no_sector_left_counts_what_it_loses(void)
{
    struct store_counts counts;

    blank_of(SMALL);
    for (uint32_t s = 0; s < 16; s++) {
        flash_bad(s, FLASH_BAD_ERASE);
    }
    append_many(STORE_KEPT, 1, 50);
    store_counts(&counts);
    CHECK_INT(counts.lost, 50);
    CHECK_INT(counts.bad_sectors, 16);
    CHECK_INT(counts.reserve_free, 0);
    again();
    CHECK_INT(store_append(STORE_KEPT, "x", 1), 0);
    settle();
}

/* Every bit of a full flash, one at a time: the header's, the records', what is blank. */
static void
a_flipped_bit_costs_at_most_its_record(void)
{
    static uint8_t saved[2 * SMALL];

    blank_of(SMALL);
    append_many(STORE_KEPT, 1, 60);
    append_many(STORE_RING, 1000, 60);
    flash_save(saved);
    for (uint32_t at = 0; at < 11 * HAL_FLASH_SECTOR; at += at % 4096 < 160 ? 1 : 37) {
        if (at == 3 * HAL_FLASH_SECTOR) {
            at = 8 * HAL_FLASH_SECTOR;
        }
        flash_load(saved);
        flash_flip(at, at % 8);
        again();
        read_from(0);
        CHECK(list.count >= 119);
        CHECK(list.count == 120 || list.damaged == 1 || at % 4096 > 160);
        append(STORE_KEPT, 5000);
        append(STORE_RING, 5001);
        settle();
        again();
        read_from(0);
        CHECK(list.count >= 121 && listed(5000) && listed(5001));
    }
}

static void
a_large_log_is_opened_with_few_reads(void)
{
    struct flash_counts before;
    struct flash_counts after;
    uint64_t us;

    blank_of(LARGE);
    append_many(STORE_KEPT, 1, 3000);
    append_many(STORE_RING, 5000, 8000);
    flash_power_on();
    CHECK_INT(hal_flash_start(), HAL_OK);
    flash_counts(&before);
    CHECK_INT(store_open(), 0);
    flash_counts(&after);
    us = (after.bytes_read - before.bytes_read) * 10 / 15 + (after.reads - before.reads) * 13;
    printf("     open: %" PRIu64 " reads, %" PRIu64 " bytes, %" PRIu64 " us of SPI and its calls\n",
            after.reads - before.reads, after.bytes_read - before.bytes_read, us);
    CHECK(us < 50000);
}

static void
a_flash_that_is_too_small_or_absent_is_refused(void)
{
    struct flash_setup setup = { .size = 7 * HAL_FLASH_SECTOR };

    CHECK_INT(flash_fit(&setup), HAL_OK);
    CHECK_INT(store_open(), STORE_E_FLASH);
    CHECK_INT(hal_flash_start(), HAL_OK);
    CHECK_INT(store_open(), STORE_E_FLASH);
    store_poll();
    CHECK_INT(store_append(STORE_KEPT, "x", 1), STORE_E_BUSY);
    CHECK(!store_idle());
}

static void
a_reader_follows_while_the_ring_runs_away(void)
{
    struct store_cursor c;
    struct store_record r;
    uint32_t last = 0;
    unsigned seen = 0;

    blank_of(SMALL);
    append_many(STORE_RING, 1, 100);
    store_seek(&c, 0);
    for (uint32_t i = 0; i < 5000; i++) {
        append(STORE_RING, 1000 + i);
        store_poll();
        if (i % 7 == 0 && store_next(&c, &r) == 1) {
            CHECK(r.number > last);
            last = r.number;
            seen++;
        }
    }
    settle();
    for (int got = 1; got != 0;) {
        got = store_next(&c, &r);
        CHECK(got != 1 || r.number > last);
        last = got == 1 ? r.number : last;
        seen += got == 1;
    }
    CHECK_INT(last, 5100);
    CHECK(seen > 300);
    rules_are_kept();
}

int
main(void)
{
    sim_power_on();
    CHECK_RUN(an_empty_flash_opens_as_an_empty_log);
    CHECK_RUN(what_is_appended_is_read_back_in_order);
    CHECK_RUN(numbers_go_on_over_boots);
    CHECK_RUN(a_record_of_any_length_fits_and_no_other);
    CHECK_RUN(the_ring_has_the_newest);
    CHECK_RUN(the_reserve_keeps_the_first_and_says_when_it_is_full);
    CHECK_RUN(a_flood_does_not_take_the_first_alarm);
    CHECK_RUN(what_was_harvested_makes_room_again);
    CHECK_RUN(what_was_not_harvested_stays_when_a_part_was);
    CHECK_RUN(the_queue_holds_what_comes_in_an_erase_and_then_says_busy);
    CHECK_RUN(wear_is_even_and_counted);
    CHECK_RUN(bad_sectors_go_out_of_use_and_cost_no_record);
    CHECK_RUN(a_sector_that_goes_bad_keeps_what_it_has);
    CHECK_RUN(a_flash_with_no_sector_left_counts_what_it_loses);
    CHECK_RUN(a_flipped_bit_costs_at_most_its_record);
    CHECK_RUN(a_large_log_is_opened_with_few_reads);
    CHECK_RUN(a_flash_that_is_too_small_or_absent_is_refused);
    CHECK_RUN(a_reader_follows_while_the_ring_runs_away);
    return check_result();
}
