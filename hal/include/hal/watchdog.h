#ifndef HAL_WATCHDOG_H
#define HAL_WATCHDOG_H
/*
 * watchdog - resets the device when the main loop stops turning
 *
 * One per image. Main loop only. Once started it cannot be stopped.
 */
#include <stdint.h>

/* Start it. HAL_E_RANGE when the chip cannot count to period_ms; HAL_E_NONE when there is none. */
int hal_watchdog_start(uint32_t period_ms);

/* Put the reset off by one period. Called from one place: app_poll(). */
void hal_watchdog_feed(void);

#endif
