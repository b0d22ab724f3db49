#ifndef HAL_HOST_SERIAL_STREAM_H
#define HAL_HOST_SERIAL_STREAM_H
/*
 * serial_stream - bytes of a terminal in which the kernel has marked breaks and damaged bytes (PARMRK,
 * termios(3))
 *
 * One object a port. Pure: no input or output. A byte 0xFF comes as 0xFF 0xFF, a damaged byte c as 0xFF 0 c,
 * and a break as 0xFF 0 0: whether that was a byte 0 with an error only the driver knows.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hal_serial_event {
    HAL_SERIAL_DROPPED, /* bytes the kernel had no room for */
    HAL_SERIAL_TAKEN,   /* bytes that came and that somebody else has read */
    HAL_SERIAL_OVERRUN, /* times the UART was not read in time */
    HAL_SERIAL_FRAMING, /* bytes with a framing error */
    HAL_SERIAL_PARITY,  /* bytes with a parity error */
    HAL_SERIAL_BREAK,
    HAL_SERIAL_MODEM, /* HAL_SERIAL_CTS and its like that are on, << 8 those that changed */
    HAL_SERIAL_EVENTS
};

#define HAL_SERIAL_CTS 0x01
#define HAL_SERIAL_DSR 0x02
#define HAL_SERIAL_RI 0x04
#define HAL_SERIAL_DCD 0x08
#define HAL_SERIAL_UNSEEN 0x80 /* it is not known which are on */

/* It happened before byte `at` of what is being read; `at` never goes back within one read. */
typedef void hal_serial_tell(void *to, enum hal_serial_event what, uint64_t value, size_t at);

struct hal_serial_teller {
    hal_serial_tell *tell;
    void *arg;
};

/* Since the port was opened. */
struct hal_serial_units {
    uint64_t accepted; /* bytes and breaks that the kernel kept */
    uint64_t frame;
    uint64_t parity;
    uint64_t brk;
};

enum hal_serial_behind { HAL_SERIAL_PLAIN, HAL_SERIAL_MARK, HAL_SERIAL_DAMAGE };

struct hal_serial_stream {
    bool marks;  /* the kernel marks */
    bool parity; /* the port checks parity: a damaged byte is counted as that, else as a framing error */
    enum hal_serial_behind behind;
    struct hal_serial_units seen;
    uint64_t dropped;    /* bytes the kernel dropped, not told yet: */
    uint64_t dropped_at; /* behind so many that it accepted */
};

/* Bytes put to `out`, which has room for n + 1. */
size_t hal_serial_unmark(struct hal_serial_stream *s, const struct hal_serial_teller *t, const uint8_t *src,
        size_t n, uint8_t *out);

/* What the kernel dropped, if it is not told yet. */
void hal_serial_tell_dropped(struct hal_serial_stream *s, const struct hal_serial_teller *t, size_t at);

#endif
