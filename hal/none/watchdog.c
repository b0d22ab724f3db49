/* A board without a watchdog. */
#include "hal/watchdog.h"

#include "hal/result.h"

int
hal_watchdog_start(uint32_t period_ms)
{
    (void)period_ms;
    return HAL_E_NONE;
}

void
hal_watchdog_feed(void)
{
}
