/*
 * start - vectors and the way to main()
 *
 * boot2.S has put the image into RAM and jumps to image_start(). Every interrupt has the same priority, so
 * that none comes inside another, and those that are not ours end like a fault.
 */
#include <stdint.h>

#include "hal/common/fault.h"
#include "hal/rp2040/chip.h"

int main(void);
_Noreturn void image_start(void);

extern uint32_t __bss_start[];
extern uint32_t __bss_end[];
extern uint32_t __stack_top[];

#define VECTOR_OF(irq) (16 + (irq)) /* ARMv6-M, B1.5.2 */

union vector {
    uint32_t *stack;
    void (*run)(void);
};

/* clang-format off */
__attribute__((section(".vectors"), used)) static const union vector vectors[VECTOR_OF(IRQS)] = {
    [0] = { .stack = __stack_top },
    [1] = { .run = image_start },
    [2 ... 15] = { .run = fault_entry }, /* NMI, HardFault, and what nobody calls */
    [VECTOR_OF(IRQ_TIMER_0)] = { .run = rp2040_timer_interrupt },
    [VECTOR_OF(IRQ_TIMER_0) + 1 ... VECTOR_OF(IRQ_USBCTRL) - 1] = { .run = fault_entry },
    [VECTOR_OF(IRQ_USBCTRL)] = { .run = rp2040_usb_interrupt },
    [VECTOR_OF(IRQ_USBCTRL) + 1 ... VECTOR_OF(IRQ_UART0) - 1] = { .run = fault_entry },
    [VECTOR_OF(IRQ_UART0)] = { .run = rp2040_uart0_interrupt },
    [VECTOR_OF(IRQ_UART1)] = { .run = rp2040_uart1_interrupt },
    [VECTOR_OF(IRQ_UART1) + 1 ... VECTOR_OF(IRQS) - 1] = { .run = fault_entry },
};
/* clang-format on */

_Noreturn void
image_start(void)
{
    for (uint32_t *at = __bss_start; at < __bss_end; at++) {
        *at = 0;
    }
    rp2040_interrupts_on();
    main();
    for (;;) {
        __asm volatile("wfi");
    }
}
