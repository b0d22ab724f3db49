#ifndef BELFRY_CLOCK_H
#define BELFRY_CLOCK_H
/*
 * clock - the two clocks of the receiver
 *
 * Intervals are counted on a clock that never jumps and goes on in suspend (CLOCK_BOOTTIME); UTC is for
 * people and for comparison with what an agent claims.
 */
#include <stdint.h>
#include <time.h>

static inline int64_t
clock_of(clockid_t id, int64_t per_second)
{
    struct timespec t;

    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * per_second + t.tv_nsec / (1000000000 / per_second);
}

static inline int64_t
clock_ms(void)
{
    return clock_of(CLOCK_BOOTTIME, 1000);
}

static inline int64_t
clock_utc_us(void)
{
    return clock_of(CLOCK_REALTIME, 1000000);
}

#endif
