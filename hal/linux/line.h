#ifndef HAL_LINUX_LINE_H
#define HAL_LINUX_LINE_H
/*
 * line - one serial line with a ring a direction, at the pace of its baud rate
 *
 * One for each enum hal_uart. Time comes from the caller and never goes back. Bytes that the wire brings
 * while the ring is full are lost and counted, as an interrupt that finds its ring full would count them.
 */
#include "hal/common/ring.h"
#include "hal/uart.h"

#include <stdbool.h>

struct line {
    uint32_t baud;  /* 0: not started */
    uint64_t rx_ns; /* until when the wire's bytes are accounted for */
    uint64_t tx_ns;
    struct ring rx;
    struct ring tx;
    struct hal_uart_counts counts;
};

/* Both rings and all counts begin empty. HAL_OK, or HAL_E_RANGE when no line has such a speed. */
int line_start(struct line *l, uint32_t baud, uint64_t now_us);

size_t line_read(struct line *l, uint8_t *dst, size_t size);
size_t line_write(struct line *l, const uint8_t *src, size_t len);
size_t line_room(const struct line *l);

/* How many bytes the wire can have brought since it was last asked for some and had none. */
size_t line_due(const struct line *l, uint64_t now_us);

/* The wire brought len bytes, at most what was due; `idle`: and has no more. */
void line_arrived(struct line *l, const uint8_t *src, size_t len, bool idle, uint64_t now_us);

/* Takes up to size bytes that have been sent until now. Returns how many. */
size_t line_sent(struct line *l, uint8_t *dst, size_t size, uint64_t now_us);

#endif
