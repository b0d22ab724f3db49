#ifndef HAL_CMSDK_CHIP_H
#define HAL_CMSDK_CHIP_H
/*
 * chip - registers of the Cortex-M System Design Kit as on the MPS2 board, and what the port's files share
 *
 * Sources: Arm Cortex-M System Design Kit TRM (DDI 0479), 4.2 (timer), 4.3 (UART), 4.5 (watchdog);
 * Application Note AN385 (DAI 0385), 3 (memory map, interrupts, FPGA system control); ARMv7-M ARM (DDI 0403),
 * B3.
 */
#include <stdint.h>

#define REG(at) (*(volatile uint32_t *)(uintptr_t)(at))

#define CMSDK_CLOCK_HZ 25000000u
#define CMSDK_TICKS_PER_US (CMSDK_CLOCK_HZ / 1000000u)

#define NVIC_ISER REG(0xe000e100u)
#define NVIC_ICER REG(0xe000e180u)
#define SCB_AIRCR REG(0xe000ed0cu)
#define AIRCR_RESET 0x05fa0004u /* key and SYSRESETREQ */

#define TIMER0 0x40000000u
#define TIMER1 0x40001000u
#define TIMER_CTRL(base) REG((base) + 0x0u)
#define TIMER_VALUE(base) REG((base) + 0x4u)
#define TIMER_RELOAD(base) REG((base) + 0x8u)
#define TIMER_INT(base) REG((base) + 0xcu) /* status; 1 clears */
#define TIMER_CTRL_ENABLE 1u
#define TIMER_CTRL_INT 8u

#define UART_DATA(base) REG((base) + 0x0u)
#define UART_STATE(base) REG((base) + 0x4u)
#define UART_CTRL(base) REG((base) + 0x8u)
#define UART_INT(base) REG((base) + 0xcu) /* status; 1 clears */
#define UART_BAUDDIV(base) REG((base) + 0x10u)
#define UART_STATE_TX_FULL 1u
#define UART_STATE_RX_FULL 2u
#define UART_STATE_RX_OVERRUN 8u
#define UART_CTRL_TX 1u
#define UART_CTRL_RX 2u
#define UART_CTRL_TX_INT 4u
#define UART_CTRL_RX_INT 8u
#define UART_INT_TX 1u
#define UART_INT_RX 2u
#define UART_BAUDDIV_LEAST 16u
#define UART_BAUDDIV_MOST 0xfffffu

#define WATCHDOG_LOAD REG(0x40008000u)
#define WATCHDOG_CTRL REG(0x40008008u)
#define WATCHDOG_CTRL_INT 1u
#define WATCHDOG_CTRL_RESET 2u
#define WATCHDOG_LOCK REG(0x40008c00u)
#define WATCHDOG_UNLOCK 0x1acce551u

#define FPGAIO_LEDS REG(0x40028000u)
#define FPGAIO_BUTTONS REG(0x40028008u)

enum cmsdk_irq {
    IRQ_UART0_RX = 0,
    IRQ_UART0_TX = 1,
    IRQ_UART1_RX = 2,
    IRQ_UART1_TX = 3,
    IRQ_TIMER_0 = 8,
    IRQ_TIMER_1 = 9,
    IRQS = 32,
};

static inline void
cmsdk_interrupts_off(void)
{
    __asm volatile("cpsid i" ::: "memory");
}

static inline void
cmsdk_interrupts_on(void)
{
    __asm volatile("cpsie i" ::: "memory");
}

/* From an interrupt: something came that the main loop may wait for. */
void cmsdk_wake(void);

/* The watchdog runs from now on: a start without a note was its work. */
void cmsdk_reset_armed(void);

void cmsdk_timer0_interrupt(void);
void cmsdk_timer1_interrupt(void);
void cmsdk_uart0_rx_interrupt(void);
void cmsdk_uart0_tx_interrupt(void);
void cmsdk_uart1_rx_interrupt(void);

#endif
