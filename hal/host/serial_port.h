#ifndef HAL_HOST_SERIAL_PORT_H
#define HAL_HOST_SERIAL_PORT_H
/*
 * serial_port - a serial port to listen on: 8n1, no flow control, never written to
 *
 * Any number of them. Main loop only. libserialport opens and configures real ports; a terminal it cannot
 * open (a pseudo-terminal) is set by termios. The port is locked (TIOCEXCL and flock), since two readers
 * share a terminal's bytes without either noticing.
 */
#include <stddef.h>
#include <stdint.h>

struct hal_serial;

/* What the driver counted since the port was opened. */
struct hal_serial_counts {
    uint32_t frame;
    uint32_t overrun;
    uint32_t parity;
    uint32_t brk;
    uint32_t lost; /* bytes the kernel had no room for */
};

/* 0 or -errno: -EBUSY when another process listens, -EINVAL for a speed the port does not offer. */
int hal_serial_open(const char *device, uint32_t baud, struct hal_serial **out);

void hal_serial_close(struct hal_serial *s);

/* For poll(). Valid until closed. */
int hal_serial_fd(const struct hal_serial *s);

/* Bytes read, 0 when there are none now, -errno when the device is gone. Never blocks. */
int hal_serial_read(struct hal_serial *s, void *to, size_t size);

/* All zero where the driver does not count. */
void hal_serial_counts(const struct hal_serial *s, struct hal_serial_counts *out);

#endif
