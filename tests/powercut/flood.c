/*
 * flood: one alarm, and then a day of all the lines that two serial lines can bring, most of them forged
 * alarms
 *
 * The lines are as short as lines can be, so they are the most: 339 a second. The flash has a real one's
 * times and the log a real one's size. TOCSIN_POWERCUT_STEP divides the day.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/clock.h"
#include "hal/flash.h"
#include "hal/linux/flash.h"
#include "hal/linux/sim/sim.h"
#include "hal/result.h"
#include "store/store.h"
#include "support/check.h"

#define LOG_SIZE (256u * HAL_FLASH_SECTOR)
#define LINE 68u          /* with its line end */
#define LINES_RATE 23040u /* bytes a second, of both */
#define DAY_S 86400u
#define TURN_US 400u

static const char alarm[] = "the one true alarm";
static uint64_t refused_busy;

static void
turns(uint64_t until_us)
{
    while (hal_clock_us() < until_us) {
        store_poll();
        if (hal_flash_poll() == HAL_E_BUSY) {
            sim_clock_advance(TURN_US);
        } else if (store_idle()) {
            sim_clock_advance(until_us - hal_clock_us());
        }
    }
}

static void
finish(void)
{
    while (!store_idle()) {
        store_poll();
        sim_clock_advance(TURN_US);
    }
}

static bool
alarm_is_first(void)
{
    struct store_cursor c;
    struct store_record r;
    int got;

    store_seek(&c, 0);
    while ((got = store_next(&c, &r)) == STORE_E_BUSY) {
        store_poll();
        sim_clock_advance(TURN_US);
    }
    return got == 1 && r.number == 1 && r.len == sizeof(alarm) && memcmp(r.bytes, alarm, sizeof(alarm)) == 0;
}

static void
flood(uint64_t lines)
{
    char line[LINE];

    memset(line, 'x', sizeof(line));
    for (uint64_t n = 0; n < lines; n++) {
        memcpy(line, &n, sizeof(n));
        turns(n * LINE * 1000000u / LINES_RATE);
        refused_busy += store_append(n % 4 == 0 ? STORE_RING : STORE_KEPT, line, LINE - 1) != 0;
    }
    finish();
}

static void
the_first_alarm_outlives_a_day_of_flood(void)
{
    struct flash_setup setup = {
        .size = LOG_SIZE, .program_us = FLASH_PROGRAM_US, .erase_us = FLASH_ERASE_US
    };
    const char *step = getenv("TOCSIN_POWERCUT_STEP");
    uint64_t lines = (uint64_t)DAY_S * LINES_RATE / LINE / (step == NULL ? 1 : strtoull(step, NULL, 10));
    struct store_counts counts;

    CHECK_INT(flash_fit(&setup), HAL_OK);
    CHECK_INT(hal_flash_start(), HAL_OK);
    CHECK_INT(store_open(), 0);
    CHECK_INT(store_append(STORE_KEPT, alarm, sizeof(alarm)), 0);
    flood(lines);
    CHECK(alarm_is_first());
    flash_power_off();
    CHECK_INT(hal_flash_start(), HAL_OK);
    CHECK_INT(store_open(), 0);
    finish();
    CHECK(alarm_is_first());
    store_counts(&counts);
    CHECK_INT(counts.reserve_free, 0);
    CHECK_INT(counts.lost, 0);
    CHECK_INT(refused_busy, 0);
    printf("     %" PRIu64 " lines in %" PRIu64 " s, %" PRIu32 " refused by the reserve, wear %" PRIu32
           " to %" PRIu32 "\n",
            lines, hal_clock_us() / 1000000u, counts.refused, counts.wear_min, counts.wear_max);
}

int
main(void)
{
    sim_power_on();
    (void)hal_clock_start();
    CHECK_RUN(the_first_alarm_outlives_a_day_of_flood);
    return check_result();
}
