/* The port that tests run firmware on. */
#include "hal/clock.h"
#include "hal/linux/sim/sim.h"
#include "hal/random.h"
#include "hal/result.h"
#include "hal/watchdog.h"
#include "support/check.h"

#define SECOND_US 1000000u

static int lives;

static void
time_moves_only_when_it_is_moved(void)
{
    sim_power_on();
    CHECK_INT(hal_clock_start(), HAL_OK);
    CHECK_INT(hal_clock_us(), 0);
    CHECK_INT(hal_clock_us(), 0);
    sim_clock_advance(5);
    CHECK_INT(hal_clock_us(), 5);
    hal_clock_wait(3);
    CHECK_INT(hal_clock_us(), 5);
    hal_clock_wait(100);
    CHECK_INT(hal_clock_us(), 100);
    hal_clock_wait(SECOND_US);
    CHECK_INT(hal_clock_us(), 1100);
}

static void
fed_bytes_arrive_at_the_line_s_pace(void)
{
    uint8_t got[64];

    sim_power_on();
    CHECK_INT(hal_uart_start(HAL_UART_SERVER, 115200), HAL_OK);
    CHECK_INT(sim_uart_feed(HAL_UART_SERVER, "hello tocsin", 12), 12);
    CHECK_INT(hal_uart_read(HAL_UART_SERVER, got, sizeof got), 0);
    sim_clock_advance(435);
    CHECK_INT(hal_uart_read(HAL_UART_SERVER, got, sizeof got), 5);
    CHECK_MEM(got, "hello", 5);
    CHECK_INT(sim_uart_coming(HAL_UART_SERVER), 7);
    sim_clock_advance(SECOND_US);
    CHECK_INT(hal_uart_read(HAL_UART_SERVER, got, sizeof got), 7);
    CHECK_INT(sim_uart_coming(HAL_UART_SERVER), 0);
}

static void
a_loop_that_looks_away_too_long_overruns(void)
{
    static uint8_t junk[4096];
    struct hal_uart_counts counts;

    sim_power_on();
    CHECK_INT(hal_uart_start(HAL_UART_SERVER, 115200), HAL_OK);
    CHECK_INT(sim_uart_feed(HAL_UART_SERVER, junk, sizeof junk), sizeof junk);
    sim_clock_advance(SECOND_US);
    hal_uart_count(HAL_UART_SERVER, &counts);
    CHECK_INT(counts.received, HAL_UART_RING);
    CHECK_INT(counts.overruns, sizeof junk - HAL_UART_RING);
}

static void
the_console_sends_at_the_line_s_pace_and_the_server_s_line_never(void)
{
    uint8_t got[64];

    sim_power_on();
    CHECK_INT(hal_uart_start(HAL_UART_CONSOLE, 115200), HAL_OK);
    CHECK_INT(hal_uart_start(HAL_UART_SERVER, 115200), HAL_OK);
    CHECK_INT(hal_uart_write(HAL_UART_SERVER, (const uint8_t *)"x", 1), 0);
    CHECK_INT(hal_uart_room(HAL_UART_SERVER), 0);
    CHECK_INT(hal_uart_write(HAL_UART_CONSOLE, (const uint8_t *)"hello", 5), 5);
    sim_clock_advance(174);
    CHECK_INT(sim_uart_sent(HAL_UART_CONSOLE, got, sizeof got), 2);
    sim_clock_advance(SECOND_US);
    CHECK_INT(sim_uart_sent(HAL_UART_CONSOLE, got, sizeof got), 3);
    CHECK_MEM(got, "llo", 3);
}

static void
live_and_hang(void)
{
    lives++;
    (void)hal_clock_start();
    CHECK_INT(hal_watchdog_start(100), HAL_OK);
    hal_gpio_start();
    hal_gpio_set(HAL_GPIO_LAMP, true);
    for (int i = 0; i < 10; i++) {
        hal_watchdog_feed();
        hal_clock_wait(UINT64_MAX);
    }
    for (;;) {
        hal_clock_wait(UINT64_MAX);
    }
}

static void
a_watchdog_that_is_not_fed_bites_and_says_so(void)
{
    lives = 0;
    sim_power_on();
    CHECK_INT(hal_reset_cause(), HAL_RESET_POWER);
    CHECK_INT(sim_live(live_and_hang), HAL_RESET_WATCHDOG);
    CHECK_INT(lives, 1);
    CHECK_INT(sim_now_us(), 9 * 1000 + 100 * 1000);
    CHECK_INT(hal_reset_cause(), HAL_RESET_WATCHDOG);
    CHECK_INT(sim_live(live_and_hang), HAL_RESET_WATCHDOG);
    CHECK(!hal_reset_note(&(struct hal_reset_note){ 0 }));
}

static void
live_and_give_up(void)
{
    hal_reset_now(&(struct hal_reset_note){ .what = 7, .where = 8, .from = 9 });
}

static void
return_at_once(void)
{
}

static void
a_note_is_found_once_by_the_next_life(void)
{
    struct hal_reset_note note = { 0 };

    sim_power_on();
    CHECK_INT(sim_live(live_and_give_up), HAL_RESET_FAULT);
    CHECK_INT(hal_reset_cause(), HAL_RESET_FAULT);
    CHECK(hal_reset_note(&note));
    CHECK(note.what == 7 && note.where == 8 && note.from == 9);
    CHECK(!hal_reset_note(&note));
    CHECK_INT(sim_live(return_at_once), SIM_RETURNED);
    CHECK_INT(sim_live(live_and_give_up), HAL_RESET_FAULT);
    sim_power_on();
    CHECK(!hal_reset_note(&note));
    CHECK_INT(hal_reset_cause(), HAL_RESET_POWER);
}

static void
pins_are_what_either_end_makes_them(void)
{
    sim_power_on();
    hal_gpio_start();
    for (int role = 0; role < HAL_GPIO_OUTS; role++) {
        CHECK(!sim_gpio_out((enum hal_gpio_out)role));
        hal_gpio_set((enum hal_gpio_out)role, true);
        hal_gpio_set((enum hal_gpio_out)role, true);
        CHECK(sim_gpio_out((enum hal_gpio_out)role));
        CHECK_INT(sim_gpio_changes((enum hal_gpio_out)role), 1);
    }
    for (int role = 0; role < HAL_GPIO_INS; role++) {
        CHECK(!hal_gpio_get((enum hal_gpio_in)role));
        sim_gpio_in((enum hal_gpio_in)role, true);
        CHECK(hal_gpio_get((enum hal_gpio_in)role) && hal_gpio_fitted((enum hal_gpio_in)role));
        sim_gpio_fit((enum hal_gpio_in)role, false);
        CHECK(!hal_gpio_get((enum hal_gpio_in)role) && !hal_gpio_fitted((enum hal_gpio_in)role));
    }
    CHECK_INT(sim_live(return_at_once), SIM_RETURNED);
    CHECK(!sim_gpio_out(HAL_GPIO_LAMP));
}

static void
random_bytes_follow_from_the_seed(void)
{
    uint8_t one[32];
    uint8_t two[32];

    sim_power_on();
    CHECK_INT(hal_random(one, sizeof one), HAL_OK);
    CHECK_INT(hal_random(two, sizeof two), HAL_OK);
    CHECK(memcmp(one, two, sizeof one) != 0);
    sim_power_on();
    CHECK_INT(hal_random(two, sizeof two), HAL_OK);
    CHECK_MEM(one, two, sizeof one);
}

int
main(void)
{
    CHECK_RUN(time_moves_only_when_it_is_moved);
    CHECK_RUN(fed_bytes_arrive_at_the_line_s_pace);
    CHECK_RUN(a_loop_that_looks_away_too_long_overruns);
    CHECK_RUN(the_console_sends_at_the_line_s_pace_and_the_server_s_line_never);
    CHECK_RUN(a_watchdog_that_is_not_fed_bites_and_says_so);
    CHECK_RUN(a_note_is_found_once_by_the_next_life);
    CHECK_RUN(pins_are_what_either_end_makes_them);
    CHECK_RUN(random_bytes_follow_from_the_seed);
    return check_result();
}
