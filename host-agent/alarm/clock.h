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

#endif
