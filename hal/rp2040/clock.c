/*
 * clock - 48 MHz from the crystal for all there is, and the microsecond timer
 *
 * One PLL feeds the processor, the UARTs and USB: where processor and USB have the same clock, a buffer
 * handed over in two writes cannot be seen half (4.1.2.5.1). The watchdog's tick drives the timer (4.7.2).
 */
#include "hal/clock.h"

#include <stdbool.h>

#include "hal/result.h"
#include "hal/rp2040/chip.h"

#define CRYSTAL_MHZ 12u
#define LONGEST_ALARM_US 0x40000000u

static volatile bool woken;

/* boot2.S has started crystal and PLL, and gave the PLL to the processor. */
int
hal_clock_start(void)
{
    REG(CLK_SYS_RESUS_CTRL) = 0;
    REG(CLK_USB_CTRL) = CLK_ENABLE;  /* its first source is this PLL */
    REG(CLK_PERI_CTRL) = CLK_ENABLE; /* its first source is clk_sys */
    REG(WATCHDOG_TICK) = CRYSTAL_MHZ | WATCHDOG_TICK_ENABLE;
    rp2040_take_out_of_reset(RESETS_TIMER);
    REG(TIMER_INTE) = TIMER_INT_0;
    REG(NVIC_ISER) = 1u << IRQ_TIMER_0;
    return (REG(PLL_USB_CS) & PLL_CS_LOCK) != 0 ? HAL_OK : HAL_E_DEVICE;
}

/* Without the latching pair of registers, which an interrupt could take from under the main loop. */
uint64_t
hal_clock_us(void)
{
    uint32_t high = REG(TIMER_RAWH);

    for (;;) {
        uint32_t low = REG(TIMER_RAWL);
        uint32_t again = REG(TIMER_RAWH);

        if (again == high) {
            return (uint64_t)high << 32 | low;
        }
        high = again;
    }
}

void
rp2040_wake(void)
{
    woken = true;
}

void
rp2040_timer_interrupt(void)
{
    REG(TIMER_INTR) = TIMER_INT_0;
    rp2040_wake();
}

/* With interrupts off WFI still ends when one is pending, and none can come between the look and it. */
void
hal_clock_wait(uint64_t until_us)
{
    uint64_t now = hal_clock_us();

    if (now >= until_us) {
        return;
    }
    uint32_t span = until_us - now < LONGEST_ALARM_US ? (uint32_t)(until_us - now) : LONGEST_ALARM_US;
    rp2040_interrupts_off();
    if (!woken) {
        uint32_t at = (uint32_t)now + span;

        REG(TIMER_ALARM0) = at;
        if ((int32_t)(at - REG(TIMER_RAWL)) > 0) { /* else it has passed, and its alarm comes in an hour */
            __asm volatile("wfi" ::: "memory");
        }
    }
    woken = false;
    rp2040_interrupts_on();
}
