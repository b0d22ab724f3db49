#include "hal/linux/line.h"

#include "hal/result.h"
#include <string.h>

#define BAUD_LEAST 300u
#define BAUD_MOST 3000000u
#define BITS_NS 10000000000u /* of ten bits at one baud: start, eight, stop */

static void
add_up(uint32_t *count, size_t n)
{
    *count = n < UINT32_MAX - *count ? *count + (uint32_t)n : UINT32_MAX;
}

static uint64_t
byte_ns(const struct line *l)
{
    return BITS_NS / l->baud;
}

int
line_start(struct line *l, uint32_t baud, uint64_t now_us)
{
    if (baud < BAUD_LEAST || baud > BAUD_MOST) {
        return HAL_E_RANGE;
    }
    *l = (struct line){ .baud = baud, .rx_ns = now_us * 1000, .tx_ns = now_us * 1000 };
    return HAL_OK;
}

size_t
line_read(struct line *l, uint8_t *dst, size_t size)
{
    return ring_take_all(&l->rx, dst, size);
}

size_t
line_write(struct line *l, const uint8_t *src, size_t len)
{
    return l->baud == 0 ? 0 : ring_put_all(&l->tx, src, len);
}

size_t
line_room(const struct line *l)
{
    return l->baud == 0 ? 0 : HAL_UART_RING - ring_used(&l->tx);
}

size_t
line_due(const struct line *l, uint64_t now_us)
{
    return l->baud == 0 || now_us * 1000 <= l->rx_ns ? 0 : (size_t)((now_us * 1000 - l->rx_ns) / byte_ns(l));
}

void
line_arrived(struct line *l, const uint8_t *src, size_t len, bool idle, uint64_t now_us)
{
    size_t kept = ring_put_all(&l->rx, src, len);

    add_up(&l->counts.received, kept);
    add_up(&l->counts.overruns, len - kept);
    l->rx_ns = idle ? now_us * 1000 : l->rx_ns + len * byte_ns(l);
}

size_t
line_sent(struct line *l, uint8_t *dst, size_t size, uint64_t now_us)
{
    uint64_t now_ns = now_us * 1000;

    if (l->baud == 0 || now_ns <= l->tx_ns) {
        return 0;
    }
    uint64_t due = (now_ns - l->tx_ns) / byte_ns(l);
    size_t n = ring_take_all(&l->tx, dst, due < size ? (size_t)due : size);
    l->tx_ns = ring_used(&l->tx) == 0 ? now_ns : l->tx_ns + n * byte_ns(l);
    return n;
}
