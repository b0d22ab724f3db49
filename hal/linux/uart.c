#include "hal/uart.h"

#include "hal/linux/bench/bench.h"
#include "hal/linux/line.h"
#include "hal/linux/wake.h"
#include <unistd.h>

#define CHUNK 512

static struct line lines[HAL_UARTS];

static void
run_rx(enum hal_uart uart, uint64_t now_us)
{
    size_t due;

    while ((due = line_due(&lines[uart], now_us)) > 0) {
        uint8_t chunk[CHUNK];
        size_t ask = due < sizeof chunk ? due : sizeof chunk;
        ssize_t n = read(bench.uart[uart], chunk, ask);
        size_t got = n < 0 ? 0 : (size_t)n;

        line_arrived(&lines[uart], chunk, got, got < ask, now_us);
    }
}

/* What nobody reads is lost, as on a wire that ends nowhere. */
static void
run_tx(enum hal_uart uart, uint64_t now_us)
{
    uint8_t chunk[CHUNK];
    size_t n;

    while ((n = line_sent(&lines[uart], chunk, sizeof chunk, now_us)) > 0) {
        ssize_t taken = write(bench.uart[uart], chunk, n);

        (void)taken;
    }
}

void
wake_uarts(void)
{
    uint64_t now_us = bench_now_us();

    for (int i = 0; i < HAL_UARTS; i++) {
        run_rx((enum hal_uart)i, now_us);
        run_tx((enum hal_uart)i, now_us);
    }
}

int
hal_uart_start(enum hal_uart uart, uint32_t baud)
{
    wake_uarts();
    return line_start(&lines[uart], baud, bench_now_us());
}

size_t
hal_uart_read(enum hal_uart uart, uint8_t *dst, size_t size)
{
    wake_uarts();
    return line_read(&lines[uart], dst, size);
}

size_t
hal_uart_write(enum hal_uart uart, const uint8_t *src, size_t len)
{
    wake_uarts();
    return uart == HAL_UART_SERVER ? 0 : line_write(&lines[uart], src, len);
}

size_t
hal_uart_room(enum hal_uart uart)
{
    wake_uarts();
    return uart == HAL_UART_SERVER ? 0 : line_room(&lines[uart]);
}

void
hal_uart_count(enum hal_uart uart, struct hal_uart_counts *out)
{
    wake_uarts();
    *out = lines[uart].counts;
}
