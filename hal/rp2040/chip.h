#ifndef HAL_RP2040_CHIP_H
#define HAL_RP2040_CHIP_H
/*
 * chip - what the files of this port share
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/rp2040/regs.h"

#define RP2040_CLOCK_HZ 48000000u /* of the processor, the UARTs, the SSI and USB alike */

/* Interrupt handlers; start.c has their vectors. */
void rp2040_timer_interrupt(void);
void rp2040_usb_interrupt(void);
void rp2040_uart0_interrupt(void);
void rp2040_uart1_interrupt(void);

/* Called by each of them: hal_clock_wait() does not sleep over what they brought. */
void rp2040_wake(void);

/* The flash's own number; zeros when there is no flash that answers. */
#define RP2040_FLASH_NUMBER 8 /* bytes */
void rp2040_flash_number(uint8_t dst[RP2040_FLASH_NUMBER]);

static inline void
rp2040_interrupts_on(void)
{
    __asm volatile("cpsie i" ::: "memory");
}

static inline void
rp2040_interrupts_off(void)
{
    __asm volatile("cpsid i" ::: "memory");
}

/* Take blocks out of reset, and wait until they are (2.14.2). */
static inline void
rp2040_take_out_of_reset(uint32_t blocks)
{
    REG_CLR(RESETS_RESET) = blocks;
    while ((REG(RESETS_DONE) & blocks) != blocks) {
    }
}

#endif
