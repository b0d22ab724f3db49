#include "hal/uart.h"

#include "hal/linux/line.h"
#include "hal/linux/sim/sim.h"
#include "hal/result.h"
#include <string.h>

#define CHUNK 256

/* What one end put on the wire and the other has not taken. */
struct wire {
    size_t head;
    size_t tail;
    uint8_t at[SIM_WIRE];
};

static struct line lines[HAL_UARTS];
static struct wire to_device[HAL_UARTS];
static struct wire from_device[HAL_UARTS];

static size_t
wire_put(struct wire *w, const uint8_t *src, size_t len)
{
    size_t n = 0;

    while (n < len && w->head - w->tail < sizeof w->at) {
        w->at[w->head++ % sizeof w->at] = src[n++];
    }
    return n;
}

static size_t
wire_take(struct wire *w, uint8_t *dst, size_t size)
{
    size_t n = 0;

    while (n < size && w->tail != w->head) {
        dst[n++] = w->at[w->tail++ % sizeof w->at];
    }
    return n;
}

static void
run_rx(enum hal_uart uart)
{
    size_t due;

    while ((due = line_due(&lines[uart], sim_now_us())) > 0) {
        uint8_t chunk[CHUNK];
        size_t n = wire_take(&to_device[uart], chunk, due < sizeof chunk ? due : sizeof chunk);

        line_arrived(&lines[uart], chunk, n, to_device[uart].tail == to_device[uart].head, sim_now_us());
    }
}

static void
run_tx(enum hal_uart uart)
{
    uint8_t chunk[CHUNK];
    size_t n;

    while ((n = line_sent(&lines[uart], chunk, sizeof chunk, sim_now_us())) > 0) {
        (void)wire_put(&from_device[uart], chunk, n);
    }
}

void
sim_uart_run(void)
{
    for (int i = 0; i < HAL_UARTS; i++) {
        run_rx((enum hal_uart)i);
        run_tx((enum hal_uart)i);
    }
}

void
sim_uart_power_on(void)
{
    memset(to_device, 0, sizeof to_device);
    memset(from_device, 0, sizeof from_device);
    sim_uart_reset();
}

void
sim_uart_reset(void)
{
    memset(lines, 0, sizeof lines);
}

size_t
sim_uart_feed(enum hal_uart uart, const void *src, size_t len)
{
    sim_uart_run();
    return wire_put(&to_device[uart], src, len);
}

size_t
sim_uart_coming(enum hal_uart uart)
{
    return to_device[uart].head - to_device[uart].tail;
}

size_t
sim_uart_sent(enum hal_uart uart, void *dst, size_t size)
{
    sim_uart_run();
    return wire_take(&from_device[uart], dst, size);
}

uint32_t
sim_uart_baud(enum hal_uart uart)
{
    return lines[uart].baud;
}

int
hal_uart_start(enum hal_uart uart, uint32_t baud)
{
    sim_uart_run();
    return line_start(&lines[uart], baud, sim_now_us());
}

size_t
hal_uart_read(enum hal_uart uart, uint8_t *dst, size_t size)
{
    sim_uart_run();
    return line_read(&lines[uart], dst, size);
}

size_t
hal_uart_write(enum hal_uart uart, const uint8_t *src, size_t len)
{
    sim_uart_run();
    return uart == HAL_UART_SERVER ? 0 : line_write(&lines[uart], src, len);
}

size_t
hal_uart_room(enum hal_uart uart)
{
    sim_uart_run();
    return uart == HAL_UART_SERVER ? 0 : line_room(&lines[uart]);
}

void
hal_uart_count(enum hal_uart uart, struct hal_uart_counts *out)
{
    sim_uart_run();
    *out = lines[uart].counts;
}
