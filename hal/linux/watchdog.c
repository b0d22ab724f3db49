#include "hal/watchdog.h"

#include "hal/linux/bench/bench.h"
#include "hal/result.h"

#define PERIOD_MOST_MS 60000u

static uint32_t period_ms;

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

/* The bench looks at the time and bites. */
void
hal_watchdog_feed(void)
{
    if (period_ms != 0) {
        bench.shared->watchdog_due_us = bench_now_us() + (uint64_t)period_ms * 1000;
    }
}
