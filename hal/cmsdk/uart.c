/*
 * uart - two of the kit's UARTs and their rings
 *
 * The device has room for one byte a direction, so each byte is an interrupt. Only the console transmits.
 * Neither framing nor breaks are told by this hardware.
 */
#include "hal/uart.h"
#include "hal/cmsdk/chip.h"
#include "hal/common/ring.h"
#include "hal/result.h"

#define TOLERANCE 50u /* a 50th is 2 % */

static const uint32_t base[HAL_UARTS] = {
    [HAL_UART_SERVER] = 0x40005000u,
    [HAL_UART_CONSOLE] = 0x40004000u,
};

static const uint32_t interrupts[HAL_UARTS] = {
    [HAL_UART_SERVER] = 1u << IRQ_UART1_RX,
    [HAL_UART_CONSOLE] = 1u << IRQ_UART0_RX | 1u << IRQ_UART0_TX,
};

static struct ring received[HAL_UARTS];
static struct ring to_send; /* the console's */
static struct hal_uart_counts counts[HAL_UARTS];

static void
receive_interrupt(enum hal_uart uart)
{
    uint32_t state = UART_STATE(base[uart]);

    UART_INT(base[uart]) = UART_INT_RX;
    if ((state & UART_STATE_RX_OVERRUN) != 0) {
        UART_STATE(base[uart]) = UART_STATE_RX_OVERRUN;
        ring_count(&counts[uart].overruns);
    }
    if ((state & UART_STATE_RX_FULL) != 0) {
        uint8_t byte = (uint8_t)UART_DATA(base[uart]);

        ring_count(ring_put(&received[uart], byte) ? &counts[uart].received : &counts[uart].overruns);
    }
    cmsdk_wake();
}

/* Interrupts off, or from one. */
static void
send_one(void)
{
    uint8_t byte;

    if ((UART_STATE(base[HAL_UART_CONSOLE]) & UART_STATE_TX_FULL) == 0 && ring_take(&to_send, &byte)) {
        UART_DATA(base[HAL_UART_CONSOLE]) = byte;
    }
}

void
cmsdk_uart0_rx_interrupt(void)
{
    receive_interrupt(HAL_UART_CONSOLE);
}

void
cmsdk_uart1_rx_interrupt(void)
{
    receive_interrupt(HAL_UART_SERVER);
}

void
cmsdk_uart0_tx_interrupt(void)
{
    UART_INT(base[HAL_UART_CONSOLE]) = UART_INT_TX;
    send_one();
    cmsdk_wake();
}

/* 0 when no divisor is near enough. */
static uint32_t
divisor_for(uint32_t baud)
{
    if (baud == 0 || baud > CMSDK_CLOCK_HZ / UART_BAUDDIV_LEAST) {
        return 0;
    }
    uint32_t divisor = (CMSDK_CLOCK_HZ + baud / 2) / baud;
    uint32_t real = CMSDK_CLOCK_HZ / divisor;
    uint32_t off = real > baud ? real - baud : baud - real;

    return divisor > UART_BAUDDIV_MOST || off > baud / TOLERANCE ? 0 : divisor;
}

int
hal_uart_start(enum hal_uart uart, uint32_t baud)
{
    uint32_t divisor = divisor_for(baud);

    if (divisor == 0) {
        return HAL_E_RANGE;
    }
    NVIC_ICER = interrupts[uart];
    UART_CTRL(base[uart]) = 0;
    ring_empty(&received[uart]);
    counts[uart] = (struct hal_uart_counts){ 0 };
    if (uart == HAL_UART_CONSOLE) {
        ring_empty(&to_send);
    }
    UART_BAUDDIV(base[uart]) = divisor;
    UART_INT(base[uart]) = UART_INT_TX | UART_INT_RX;
    UART_CTRL(base[uart]) = UART_CTRL_RX | UART_CTRL_RX_INT |
                            (uart == HAL_UART_CONSOLE ? UART_CTRL_TX | UART_CTRL_TX_INT : 0);
    NVIC_ISER = interrupts[uart];
    return HAL_OK;
}

size_t
hal_uart_read(enum hal_uart uart, uint8_t *dst, size_t size)
{
    return ring_take_all(&received[uart], dst, size);
}

size_t
hal_uart_room(enum hal_uart uart)
{
    return uart == HAL_UART_CONSOLE ? HAL_UART_RING - ring_used(&to_send) : 0;
}

size_t
hal_uart_write(enum hal_uart uart, const uint8_t *src, size_t len)
{
    size_t fits = uart == HAL_UART_CONSOLE ? ring_put_all(&to_send, src, len) : 0;

    if (fits > 0) {
        cmsdk_interrupts_off();
        send_one();
        cmsdk_interrupts_on();
    }
    return fits;
}

void
hal_uart_count(enum hal_uart uart, struct hal_uart_counts *out)
{
    cmsdk_interrupts_off();
    *out = counts[uart];
    cmsdk_interrupts_on();
}
