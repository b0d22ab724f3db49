#include "hal/clock.h"

#include "hal/linux/bench/bench.h"
#include "hal/linux/wake.h"
#include "hal/result.h"
#include <poll.h>
#include <time.h>

/* The longest sleep. Serial lines have a byte or more in that time whose coming nothing tells. */
#define TICK_US 1000u

static uint64_t started_us;
static bool woken;
static struct pollfd watched[WAKE_FDS] = { { .fd = -1 }, { .fd = -1 } };

int
hal_clock_start(void)
{
    started_us = bench_now_us();
    return HAL_OK;
}

uint64_t
hal_clock_us(void)
{
    return bench_now_us() - started_us;
}

void
wake_now(void)
{
    woken = true;
}

void
wake_on(int slot, int fd, short events)
{
    watched[slot] = (struct pollfd){ .fd = events == 0 ? -1 : fd, .events = events };
}

void
hal_clock_wait(uint64_t until_us)
{
    uint64_t now_us = hal_clock_us();

    if (!woken && now_us < until_us) {
        uint64_t left_us = until_us - now_us;
        struct timespec t = { .tv_nsec = (long)(left_us < TICK_US ? left_us : TICK_US) * 1000 };

        (void)ppoll(watched, WAKE_FDS, &t, NULL);
    }
    woken = false;
    wake_uarts();
}
