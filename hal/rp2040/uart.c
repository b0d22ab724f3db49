/*
 * uart - two PL011 and their rings (RP2040 datasheet, 4.2)
 *
 * Only the console transmits.
 */
#include "hal/uart.h"

#include <stdbool.h>

#include "hal/common/ring.h"
#include "hal/result.h"
#include "hal/rp2040/board.h"
#include "hal/rp2040/chip.h"

#define FULL_RATE_MAX (RP2040_CLOCK_HZ / 16)
#define DIVISOR_ONE 64u /* the divisor counts 64ths */
#define DIVISOR_MAX (65535u * DIVISOR_ONE)
#define TOLERANCE 50u /* a 50th is 2 % */

static struct ring received[HAL_UARTS];
static struct ring to_send; /* the console's */
static struct hal_uart_counts counts[HAL_UARTS];

/* The overrun bit comes with the first byte that found room again; that byte itself is whole (4.2.8, UARTDR).
 */
static void
take_one(enum hal_uart uart, uint32_t data)
{
    if ((data & UART_DR_OE) != 0) {
        ring_count(&counts[uart].overruns);
    }
    if ((data & UART_DR_BE) != 0) {
        ring_count(&counts[uart].breaks);
    } else if ((data & UART_DR_FE) != 0) {
        ring_count(&counts[uart].framing);
    } else if ((data & UART_DR_PE) != 0) {
        ring_count(&counts[uart].parity);
    } else if (ring_put(&received[uart], (uint8_t)data)) {
        ring_count(&counts[uart].received);
    } else {
        ring_count(&counts[uart].overruns);
    }
}

/*
 * Interrupts off, or from one. The transmit interrupt comes when the device's queue falls through its level,
 * so the queue is filled to the brim before one is waited for.
 */
static void
send_some(unsigned number)
{
    uint8_t byte;

    while ((REG(UART_FR(number)) & UART_FR_TXFF) == 0 && ring_take(&to_send, &byte)) {
        REG(UART_DR(number)) = byte;
    }
    REG(UART_IMSC(number)) = UART_INT_RX | (ring_used(&to_send) != 0 ? UART_INT_TX : 0);
}

static void
interrupt(unsigned number)
{
    enum hal_uart uart =
            rp2040_board.uart[HAL_UART_SERVER].number == number ? HAL_UART_SERVER : HAL_UART_CONSOLE;

    REG(UART_ICR(number)) = REG(UART_MIS(number));
    while ((REG(UART_FR(number)) & UART_FR_RXFE) == 0) {
        take_one(uart, REG(UART_DR(number)));
    }
    if (uart == HAL_UART_CONSOLE) {
        send_some(number);
    }
    rp2040_wake();
}

void
rp2040_uart0_interrupt(void)
{
    interrupt(0);
}

void
rp2040_uart1_interrupt(void)
{
    interrupt(1);
}

static void
pins_start(const struct rp2040_uart *line)
{
    rp2040_take_out_of_reset(RESETS_IO_BANK0 | RESETS_PADS_BANK0);
    REG(PADS_BANK0(line->rx)) = PAD_OD | PAD_IE | PAD_SCHMITT | PAD_PUE; /* an open line is an idle one */
    REG(IO_BANK0_CTRL(line->rx)) = IO_FUNCTION_UART;
    if (line->tx != RP2040_NO_PIN) {
        REG(IO_BANK0_CTRL(line->tx)) = IO_FUNCTION_UART;
    }
}

/* 0 when no divisor is near enough. */
static uint32_t
divisor_for(uint32_t baud)
{
    if (baud == 0 || baud > FULL_RATE_MAX + FULL_RATE_MAX / TOLERANCE) {
        return 0;
    }
    uint32_t divisor = (FULL_RATE_MAX * DIVISOR_ONE + baud / 2) / baud;
    if (divisor < DIVISOR_ONE) {
        divisor = DIVISOR_ONE;
    }
    return divisor > DIVISOR_MAX ? 0 : divisor;
}

int
hal_uart_start(enum hal_uart uart, uint32_t baud)
{
    const struct rp2040_uart *line = &rp2040_board.uart[uart];
    uint32_t block = line->number == 0 ? RESETS_UART0 : RESETS_UART1;
    uint32_t irq = 1u << (line->number == 0 ? IRQ_UART0 : IRQ_UART1);
    uint32_t divisor = divisor_for(baud);

    if (divisor == 0) {
        return HAL_E_RANGE;
    }
    REG(NVIC_ICER) = irq;
    REG_SET(RESETS_RESET) = block;
    ring_empty(&received[uart]);
    counts[uart] = (struct hal_uart_counts){ 0 };
    if (line->tx != RP2040_NO_PIN) {
        ring_empty(&to_send);
    }
    rp2040_take_out_of_reset(block);
    REG(UART_IBRD(line->number)) = divisor / DIVISOR_ONE;
    REG(UART_FBRD(line->number)) = divisor % DIVISOR_ONE;
    REG(UART_LCR_H(line->number)) = UART_LCR_H_8N1_FIFO; /* takes the divisor over as well (4.2.7.1) */
    REG(UART_IFLS(line->number)) = UART_IFLS_RX_8_TX_8;
    REG(UART_IMSC(line->number)) = UART_INT_RX;
    REG(UART_CR(line->number)) = UART_CR_ENABLE | UART_CR_RXE | (line->tx != RP2040_NO_PIN ? UART_CR_TXE : 0);
    pins_start(line); /* after the transmitter holds its line idle */
    REG(NVIC_ISER) = irq;
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
        rp2040_interrupts_off();
        send_some(rp2040_board.uart[uart].number);
        rp2040_interrupts_on();
    }
    return fits;
}

void
hal_uart_count(enum hal_uart uart, struct hal_uart_counts *out)
{
    rp2040_interrupts_off();
    *out = counts[uart];
    rp2040_interrupts_on();
}
