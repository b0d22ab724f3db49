#ifndef HAL_CLOCK_H
#define HAL_CLOCK_H
/*
 * clock - time since the device started, and sleep
 *
 * One per image. Main loop only, but hal_clock_us(), which an interrupt may call too.
 */
#include <stdint.h>

/* Start it; before everything else but hal_reset_cause(). HAL_E_DEVICE: the oscillator does not run; time
 * goes on, less exact. */
int hal_clock_start(void);

/* Microseconds since hal_clock_start(). Never goes back, never wraps. */
uint64_t hal_clock_us(void);

/*
 * Sleep until until_us, or until an interrupt has come since the last call returned. May return early for no
 * reason; returns at once when until_us has passed. No event between a look at a ring and this call is slept
 * over.
 */
void hal_clock_wait(uint64_t until_us);

#endif
