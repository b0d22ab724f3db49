/*
 * start - vectors and the way to main()
 *
 * Every interrupt has the same priority, so that none comes inside another, and those that are not ours end
 * like a fault.
 */
#include "hal/cmsdk/chip.h"
#include "hal/common/fault.h"

int main(void);
_Noreturn void image_start(void);
static void wait_for_the_bite(void);

extern uint32_t __data_source[];
extern uint32_t __data_start[];
extern uint32_t __data_end[];
extern uint32_t __bss_start[];
extern uint32_t __bss_end[];
extern uint32_t __stack_top[];

union vector {
    uint32_t *stack;
    void (*run)(void);
};

/* clang-format off */
__attribute__((section(".vectors"), used)) static const union vector vectors[16 + IRQS] = {
    { .stack = __stack_top }, { .run = image_start },
    [2] = { .run = wait_for_the_bite }, /* NMI: the watchdog's first count is over */
    [3 ... 15] = { .run = fault_entry },
    [16 + IRQ_UART0_RX] = { .run = cmsdk_uart0_rx_interrupt },
    [16 + IRQ_UART0_TX] = { .run = cmsdk_uart0_tx_interrupt },
    [16 + IRQ_UART1_RX] = { .run = cmsdk_uart1_rx_interrupt },
    [16 + IRQ_UART1_TX ... 15 + IRQ_TIMER_0] = { .run = fault_entry },
    [16 + IRQ_TIMER_0] = { .run = cmsdk_timer0_interrupt },
    [16 + IRQ_TIMER_1] = { .run = cmsdk_timer1_interrupt },
    [17 + IRQ_TIMER_1 ... 15 + IRQS] = { .run = fault_entry },
};
/* clang-format on */

/* Nothing runs any more until the second count resets: a loop that stopped turning is not to be trusted. */
static void
wait_for_the_bite(void)
{
    for (;;) {
    }
}

_Noreturn void
image_start(void)
{
    for (uint32_t *at = __data_start, *from = __data_source; at < __data_end; at++, from++) {
        *at = *from;
    }
    for (uint32_t *at = __bss_start; at < __bss_end; at++) {
        *at = 0;
    }
    cmsdk_interrupts_on();
    main();
    for (;;) { /* an image that has an end is a test's */
        __asm volatile("wfi");
    }
}
