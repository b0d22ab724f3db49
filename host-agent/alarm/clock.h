#ifndef ALARM_CLOCK_H
#define ALARM_CLOCK_H
/*
 * clock - the one clock by which the agent measures time
 */
#include <stdint.h>
#include <time.h>

/* Milliseconds of CLOCK_BOOTTIME: goes on while the machine sleeps, never jumps. */
static inline int64_t
clock_boot_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * When to do again what is done each `every_ms` (> 0): not later than that, and on a whole second of the
 * clock, an even one or a fourth where `every_ms` is a multiple of that, or on a multiple of what is less
 * than one, so that what is due in several processes is due at once and wakes the machine once.
 */
static inline int64_t
clock_next_ms(int64_t now_ms, int64_t every_ms)
{
    int64_t next_ms = now_ms + every_ms;
    int64_t grid_ms = every_ms % 4000 == 0   ? 4000
                      : every_ms % 2000 == 0 ? 2000
                      : every_ms < 1000      ? every_ms
                                             : 1000;

    return next_ms - next_ms % grid_ms;
}

#endif
