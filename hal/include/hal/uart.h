#ifndef HAL_UART_H
#define HAL_UART_H
/*
 * uart - the serial lines, by what they are for
 *
 * One of each role per image. Main loop only; the port's interrupts move the bytes between the device and a
 * ring of HAL_UART_RING bytes a direction. Frames are 8n1.
 */
#include <stddef.h>
#include <stdint.h>

#define HAL_UART_RING 2048 /* bytes; 178 ms at 115200 baud, so a loop may look away for that long */

enum hal_uart {
    HAL_UART_SERVER, /* from the guarded server: receives only, its transmitter is never connected to a pin */
    HAL_UART_CONSOLE, /* transmits to the console manager; its receiver is the line of a second server */
    HAL_UARTS,
};

struct hal_uart_counts { /* since hal_uart_start(); each stops at its largest value */
    uint32_t received;   /* bytes given to the ring */
    uint32_t overruns;   /* bytes lost because the device's queue or the ring was full, as far as the chip
                            tells: at least one a loss */
    uint32_t framing;    /* bytes without a stop bit; not given to the ring */
    uint32_t parity;     /* always 0 with 8n1, unless a port is set otherwise */
    uint32_t breaks;     /* breaks, however long each */
};

/* Start it at baud, or start it again at another; both rings and all counts begin empty. HAL_E_RANGE: more
 * than 2 % off. */
int hal_uart_start(enum hal_uart uart, uint32_t baud);

/* Take up to size bytes that have come. Returns how many; 0 when none. */
size_t hal_uart_read(enum hal_uart uart, uint8_t *dst, size_t size);

/* Queue up to len bytes. Returns how many fitted; always 0 for HAL_UART_SERVER. */
size_t hal_uart_write(enum hal_uart uart, const uint8_t *src, size_t len);

/* How many bytes hal_uart_write() would take now. */
size_t hal_uart_room(enum hal_uart uart);

void hal_uart_count(enum hal_uart uart, struct hal_uart_counts *out);

#endif
