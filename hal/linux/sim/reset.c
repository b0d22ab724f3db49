#include "hal/reset.h"

#include "hal/linux/sim/sim.h"
#include "hal/result.h"
#include "hal/watchdog.h"
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD_MOST_MS 60000u

static jmp_buf life_end;
static bool alive;
static enum hal_reset_cause last_cause;
static enum hal_reset_cause next_cause;
static struct hal_reset_note kept;
static uint32_t period_ms;
static uint64_t due_us;

void
sim_watchdog_reset(void)
{
    alive = false;
    last_cause = HAL_RESET_POWER;
    kept = (struct hal_reset_note){ 0 };
    period_ms = 0;
}

void
sim_watchdog_look(void)
{
    if (alive && period_ms > 0 && sim_now_us() >= due_us) {
        sim_restart(HAL_RESET_WATCHDOG, NULL);
    }
}

uint32_t
sim_watchdog_period_ms(void)
{
    return period_ms;
}

int
sim_live(void (*life)(void))
{
    period_ms = 0;
    sim_uart_reset();
    sim_gpio_reset();
    alive = true;
    if (setjmp(life_end) == 0) {
        life();
        alive = false;
        return SIM_RETURNED;
    }
    last_cause = next_cause;
    return (int)last_cause;
}

_Noreturn void
sim_restart(enum hal_reset_cause cause, const struct hal_reset_note *note)
{
    if (!alive) {
        abort(); /* a reset outside sim_live(): nowhere to go */
    }
    if (note != NULL) {
        kept = *note;
    }
    next_cause = cause;
    alive = false;
    longjmp(life_end, 1);
}

int
hal_watchdog_start(uint32_t period)
{
    if (period == 0 || period > PERIOD_MOST_MS) {
        return HAL_E_RANGE;
    }
    period_ms = period;
    hal_watchdog_feed();
    return HAL_OK;
}

void
hal_watchdog_feed(void)
{
    due_us = sim_now_us() + (uint64_t)period_ms * 1000;
}

enum hal_reset_cause
hal_reset_cause(void)
{
    return last_cause;
}

bool
hal_reset_note(struct hal_reset_note *out)
{
    if (kept.what == 0) {
        return false;
    }
    *out = kept;
    kept = (struct hal_reset_note){ 0 };
    return true;
}

_Noreturn void
hal_reset_now(const struct hal_reset_note *note)
{
    sim_restart(HAL_RESET_FAULT, note);
}

void
hal_reset_serial(char dst[HAL_SERIAL_SIZE])
{
    memcpy(dst, "51A0000000000001", HAL_SERIAL_SIZE);
}
