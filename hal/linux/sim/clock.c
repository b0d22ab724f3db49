#include "hal/clock.h"

#include "hal/linux/sim/sim.h"
#include "hal/result.h"

#define STEP_US 1000u

static uint64_t now_us;
static uint64_t started_us;
static uint64_t step_us = STEP_US;

void
sim_power_on(void)
{
    now_us = 0;
    started_us = 0;
    step_us = STEP_US;
    sim_random_seed(1);
    sim_watchdog_reset();
    sim_gpio_power_on();
    sim_uart_power_on();
}

void
sim_clock_advance(uint64_t us)
{
    now_us += us;
    sim_uart_run();
    sim_watchdog_look();
}

void
sim_clock_step(uint64_t most_us)
{
    step_us = most_us;
}

uint64_t
sim_now_us(void)
{
    return now_us;
}

int
hal_clock_start(void)
{
    started_us = now_us;
    return HAL_OK;
}

uint64_t
hal_clock_us(void)
{
    return now_us - started_us;
}

void
hal_clock_wait(uint64_t until_us)
{
    if (until_us > hal_clock_us()) {
        uint64_t left = until_us - hal_clock_us();

        sim_clock_advance(left < step_us ? left : step_us);
    }
}
