/*
 * clock - timer 1 runs free and its interrupt counts its rounds of 171 s; timer 0 ends a wait
 */
#include "hal/clock.h"
#include "hal/cmsdk/chip.h"
#include "hal/result.h"
#include <stdbool.h>

#define LONGEST_WAIT_US (UINT32_MAX / CMSDK_TICKS_PER_US)

static volatile uint32_t rounds;
static volatile bool woken;

int
hal_clock_start(void)
{
    rounds = 0;
    TIMER_CTRL(TIMER1) = 0;
    TIMER_INT(TIMER1) = 1;
    TIMER_RELOAD(TIMER1) = UINT32_MAX;
    TIMER_VALUE(TIMER1) = UINT32_MAX;
    TIMER_CTRL(TIMER1) = TIMER_CTRL_ENABLE | TIMER_CTRL_INT;
    NVIC_ISER = 1u << IRQ_TIMER_0 | 1u << IRQ_TIMER_1;
    return HAL_OK;
}

/* A round that has ended and is not yet counted shows as a pending interrupt, before the value as after it.
 */
uint64_t
hal_clock_us(void)
{
    for (;;) {
        uint32_t high = rounds;
        uint32_t ended = TIMER_INT(TIMER1);
        uint32_t low = UINT32_MAX - TIMER_VALUE(TIMER1);

        if (rounds == high && TIMER_INT(TIMER1) == ended) {
            return ((uint64_t)(high + ended) << 32 | low) / CMSDK_TICKS_PER_US;
        }
    }
}

void
cmsdk_wake(void)
{
    woken = true;
}

void
cmsdk_timer0_interrupt(void)
{
    TIMER_CTRL(TIMER0) = 0;
    TIMER_INT(TIMER0) = 1;
    cmsdk_wake();
}

void
cmsdk_timer1_interrupt(void)
{
    TIMER_INT(TIMER1) = 1;
    rounds++;
}

/* With interrupts off WFI still ends when one is pending, and none can come between the look and it. */
void
hal_clock_wait(uint64_t until_us)
{
    uint64_t now = hal_clock_us();

    if (now >= until_us) {
        return;
    }
    uint32_t span = until_us - now < LONGEST_WAIT_US ? (uint32_t)(until_us - now) : LONGEST_WAIT_US;
    cmsdk_interrupts_off();
    if (!woken) {
        TIMER_RELOAD(TIMER0) = 0;
        TIMER_VALUE(TIMER0) = span * CMSDK_TICKS_PER_US;
        TIMER_CTRL(TIMER0) = TIMER_CTRL_ENABLE | TIMER_CTRL_INT;
        __asm volatile("wfi" ::: "memory");
    }
    woken = false;
    cmsdk_interrupts_on();
}
