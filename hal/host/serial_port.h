#ifndef HAL_HOST_SERIAL_PORT_H
#define HAL_HOST_SERIAL_PORT_H
/*
 * serial_port - a serial port to listen on, and nothing that happens on it lost
 *
 * Any number of them. Main loop only. Nothing here waits for a device: what may is in serial_open.h. Breaks
 * and damaged bytes are marked in the stream by the kernel (PARMRK, termios(3)), the rest is what the driver
 * counts (TIOCGICOUNT, tty_ioctl(4)).
 */
#include "hal/host/serial_stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

struct hal_serial;

/* What the driver counted since the port was opened. */
struct hal_serial_counts {
    uint32_t frame;
    uint32_t overrun;
    uint32_t parity;
    uint32_t brk;
    uint32_t lost; /* bytes the kernel had no room for */
};

/* A port as hal_serial_open() left it; `fd` is the object's then. 0 or -errno. */
int hal_serial_take(int fd, struct hal_serial **out);

/* The object's end. Its descriptor is the caller's again, to be closed by hal_serial_close(). */
int hal_serial_give(struct hal_serial *s);

/* For poll(). Valid until given. */
int hal_serial_fd(const struct hal_serial *s);

/*
 * Bytes read, 0 when there are none now, -errno when the device is gone. Never blocks. To be called once a
 * second even when there is nothing to read: then the driver's counts are looked at. `size` is at least 2.
 */
int hal_serial_read(
        struct hal_serial *s, uint8_t *to, size_t size, int64_t now_ms, hal_serial_tell *tell, void *arg);

/* Whether the last read gave so much that the kernel may hold more. */
bool hal_serial_more(const struct hal_serial *s);

/* The settings to be put back, when another program has changed them since; NULL else. Known by what was read
 * last. */
const struct termios *hal_serial_strayed(const struct hal_serial *s);

/* Bytes taken, 0 when there is no room now, -errno when the device is gone; -EBADF when it was opened without
 * `writes`. Never blocks. */
ssize_t hal_serial_write(struct hal_serial *s, const uint8_t *src, size_t len);

/* False when `device` leads to another device now. A name that is gone may come back. */
bool hal_serial_is(const struct hal_serial *s, const char *device);

/* All zero where the driver does not count. */
void hal_serial_counts(const struct hal_serial *s, struct hal_serial_counts *out);

#endif
