/*
 * watchdog - counts twice in a microsecond (RP2040-E1), so that 8388 ms are the longest period
 *
 * A reset that falls into a sector erase is survived: the boot ROM tries 128 times, for about half a second,
 * to find boot2 in a flash that is still busy, and no erase of 4 KiB takes longer than 400 ms.
 */
#include "hal/watchdog.h"

#include "hal/result.h"
#include "hal/rp2040/chip.h"

#define COUNTS_A_MS 2000u /* RP2040-E1 */

static uint32_t load;

int
hal_watchdog_start(uint32_t period_ms)
{
    if (period_ms == 0 || period_ms > WATCHDOG_LOAD_MAX / COUNTS_A_MS) {
        return HAL_E_RANGE;
    }
    load = period_ms * COUNTS_A_MS;
    REG(PSM_WDSEL) = PSM_WDSEL_ALL_BUT_OSCILLATORS;
    REG(WATCHDOG_LOAD) = load;
    REG(WATCHDOG_CTRL) = WATCHDOG_CTRL_ENABLE; /* a debugger does not pause it */
    return HAL_OK;
}

void
hal_watchdog_feed(void)
{
    REG(WATCHDOG_LOAD) = load;
}
