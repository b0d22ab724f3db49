#ifndef HAL_HOST_SERIAL_OPEN_H
#define HAL_HOST_SERIAL_OPEN_H
/*
 * serial_open - what a serial port is asked that may wait for its device
 *
 * Functions on a file descriptor that the caller owns; each may be called in several threads at once. A USB
 * adapter is asked over its bus, where the kernel gives one that hangs 5 s a message: so nothing here is
 * called by a process that has something else to do. libserialport opens and configures real ports; a
 * terminal it cannot open (a pseudo-terminal) is set by termios. The port is locked (TIOCEXCL and flock),
 * since two readers share a terminal's bytes without either noticing.
 */
#include "hal/host/tty.h"

#include <stdbool.h>

/*
 * Of `line` all but `deaf` counts. Without `writes` the kernel refuses what is written. The descriptor, which
 * is set as serial_port.h wants it, or -errno: -EBUSY when another process listens, -EINVAL for a speed or
 * frame the port does not offer.
 */
int hal_serial_open(const char *device, const struct hal_tty_line *line, bool writes);

/* Puts settings back. 0 or -errno. */
int hal_serial_set(int fd, const struct termios *want);

/* What the port has not sent is thrown away. */
void hal_serial_close(int fd);

#endif
