#include "contract.h"

#include "hal/clock.h"
#include "hal/reset.h"
#include "hal/result.h"
#include "hal/watchdog.h"
#include <string.h>

#define NOTE_OURS 0x0C0117AC
#define PERIOD_MS 1000
#define HANG_US 5000000u

/* What the life before left; taken before anything else, as it tells which life this is. */
static bool noted;
static struct hal_reset_note left;

static void
the_cause_is_the_same_however_often_it_is_asked(void)
{
    enum hal_reset_cause cause = hal_reset_cause();

    for (int i = 0; i < 10; i++) {
        HOLDS(hal_reset_cause() == cause);
    }
}

static void
power_leaves_no_note(void)
{
    HOLDS(!noted);
}

static void
the_serial_number_is_sixteen_hex_digits(void)
{
    char serial[HAL_SERIAL_SIZE + 1];
    char again[HAL_SERIAL_SIZE];

    memset(serial, '#', sizeof serial);
    hal_reset_serial(serial);
    hal_reset_serial(again);
    HOLDS(serial[HAL_SERIAL_SIZE - 1] == '\0' && serial[HAL_SERIAL_SIZE] == '#');
    HOLDS(strspn(serial, "0123456789ABCDEF") == HAL_SERIAL_SIZE - 1);
    HOLDS(memcmp(serial, again, sizeof again) == 0);
}

static void
a_note_outlives_the_reset_and_is_found_once(void)
{
    struct hal_reset_note note = { 1, 2, 3 };

    HOLDS(left.what == NOTE_OURS && left.where == 0x12345678 && left.from == 0x9ABCDEF0);
    HOLDS(!hal_reset_note(&note));
    HOLDS(note.what == 1 && note.where == 2 && note.from == 3);
}

static void
a_watchdog_that_cannot_be_is_refused(void)
{
    HOLDS(hal_watchdog_start(0) == HAL_E_RANGE);
    HOLDS(hal_watchdog_start(UINT32_MAX) == HAL_E_RANGE);
}

static void
a_watchdog_that_is_fed_does_not_bite(void)
{
    HOLDS(hal_watchdog_start(PERIOD_MS) == HAL_OK);
    for (int i = 0; i < 6; i++) {
        hal_watchdog_feed();
        contract_rest(PERIOD_MS / 3);
    }
}

static void
a_loop_that_hangs_is_bitten(void)
{
    uint64_t until = hal_clock_us() + HANG_US;

    contract_drain();
    hal_watchdog_feed();
    while (hal_clock_us() < until) {
    }
    HOLDS(hal_clock_us() < until);
}

static void
a_bite_is_told_as_the_cause(void)
{
    HOLDS(hal_reset_cause() == HAL_RESET_WATCHDOG);
    HOLDS(!noted);
}

static void
a_fault_is_told_as_the_cause_with_a_note(void)
{
    HOLDS(hal_reset_cause() == HAL_RESET_FAULT);
    HOLDS(noted && left.what == HAL_NOTE_FAULT && left.where != 0);
}

static void
first_life(void)
{
    KEEPS(power_leaves_no_note);
    KEEPS(the_serial_number_is_sixteen_hex_digits);
    contract_drain();
    hal_reset_now(&(struct hal_reset_note){ NOTE_OURS, 0x12345678, 0x9ABCDEF0 });
}

static void
second_life(void)
{
    KEEPS(a_note_outlives_the_reset_and_is_found_once);
    if (hal_watchdog_start(0) == HAL_E_NONE) {
        contract_begin("watchdog");
        contract_skip("not fitted");
        return;
    }
    KEEPS(a_watchdog_that_cannot_be_is_refused);
    KEEPS(a_watchdog_that_is_fed_does_not_bite);
    KEEPS(a_loop_that_hangs_is_bitten);
}

static void
third_life(void)
{
    KEEPS(a_bite_is_told_as_the_cause);
#ifndef CONTRACT_NO_FAULTS
    contract_drain();
    __builtin_trap();
#endif
}

bool
contract_is_first_life(void)
{
    noted = hal_reset_note(&left);
    return hal_reset_cause() == HAL_RESET_POWER || hal_reset_cause() == HAL_RESET_PIN;
}

void
contract_reset(void)
{
    KEEPS(the_cause_is_the_same_however_often_it_is_asked);
    if (hal_reset_cause() == HAL_RESET_WATCHDOG) {
        third_life();
    } else if (hal_reset_cause() != HAL_RESET_FAULT) {
        first_life();
    } else if (noted && left.what == NOTE_OURS) {
        second_life();
    } else {
        KEEPS(a_fault_is_told_as_the_cause_with_a_note);
    }
}
