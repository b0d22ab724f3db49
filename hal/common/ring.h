#ifndef HAL_COMMON_RING_H
#define HAL_COMMON_RING_H
/*
 * ring - bytes between an interrupt and the main loop
 *
 * For the ports. Head and tail count bytes since the ring was emptied; one side moves one of them and the
 * other side the other, so neither needs a lock on a chip with one core.
 */
#include "hal/uart.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    volatile uint8_t bytes[HAL_UART_RING]; /* so that a byte is there before its count */
    volatile uint32_t head;                /* next to be put */
    volatile uint32_t tail;                /* next to be taken */
};

_Static_assert((HAL_UART_RING & (HAL_UART_RING - 1)) == 0, "an index is a count cut off");

/* With the interrupt off that fills or empties it. */
static inline void
ring_empty(struct ring *ring)
{
    ring->head = 0;
    ring->tail = 0;
}

static inline size_t
ring_used(const struct ring *ring)
{
    return ring->head - ring->tail;
}

/* False when it is full. */
static inline bool
ring_put(struct ring *ring, uint8_t byte)
{
    if (ring_used(ring) == HAL_UART_RING) {
        return false;
    }
    ring->bytes[ring->head % HAL_UART_RING] = byte;
    ring->head++;
    return true;
}

/* False when it is empty; *byte is untouched then. */
static inline bool
ring_take(struct ring *ring, uint8_t *byte)
{
    if (ring_used(ring) == 0) {
        return false;
    }
    *byte = ring->bytes[ring->tail % HAL_UART_RING];
    ring->tail++;
    return true;
}

/* As many as fit, or as there are; returns how many. */
static inline size_t
ring_put_all(struct ring *ring, const uint8_t *src, size_t len)
{
    size_t n = 0;

    while (n < len && ring_put(ring, src[n])) {
        n++;
    }
    return n;
}

static inline size_t
ring_take_all(struct ring *ring, uint8_t *dst, size_t size)
{
    size_t n = 0;

    while (n < size && ring_take(ring, &dst[n])) {
        n++;
    }
    return n;
}

/* One more, unless that is its largest value. */
static inline void
ring_count(uint32_t *counter)
{
    if (*counter != UINT32_MAX) {
        (*counter)++;
    }
}

#endif
