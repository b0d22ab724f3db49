/*
 * watchdog - its first count ends in the NMI, which waits; the second resets
 */
#include "hal/watchdog.h"
#include "hal/cmsdk/chip.h"
#include "hal/result.h"

#define TICKS_PER_MS (CMSDK_CLOCK_HZ / 1000u)
#define COUNTS 2u /* a period has two */

int
hal_watchdog_start(uint32_t period_ms)
{
    uint64_t ticks = (uint64_t)period_ms * TICKS_PER_MS / COUNTS;

    if (ticks == 0 || ticks > UINT32_MAX) {
        return HAL_E_RANGE;
    }
    cmsdk_reset_armed();
    WATCHDOG_LOCK = WATCHDOG_UNLOCK;
    WATCHDOG_LOAD = (uint32_t)ticks;
    WATCHDOG_CTRL = WATCHDOG_CTRL_INT | WATCHDOG_CTRL_RESET;
    WATCHDOG_LOCK = 0;
    return HAL_OK;
}

/* A write to LOAD starts the count anew (DDI 0479, 4.5.3). */
void
hal_watchdog_feed(void)
{
    WATCHDOG_LOCK = WATCHDOG_UNLOCK;
    WATCHDOG_LOAD = WATCHDOG_LOAD;
    WATCHDOG_LOCK = 0;
}
