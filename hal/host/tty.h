#ifndef HAL_HOST_TTY_H
#define HAL_HOST_TTY_H
/*
 * tty - terminal lines of this machine by termios alone
 *
 * For the agent, which holds no vendor library, and for lines that libserialport cannot open
 * (pseudo-terminals). Functions on a file descriptor that the caller owns; nothing is allocated and nothing
 * blocks.
 */
#include <stdbool.h>
#include <stdint.h>

/*
 * Opens for writing (for reading and writing where the driver refuses that) without waiting for a carrier and
 * without becoming the controlling terminal. The descriptor is non-blocking and closed on exec; or -errno.
 */
int hal_tty_open(const char *path);

/*
 * Eight-bit clean both ways, no flow control of either kind, carrier ignored, DTR dropped at the last close,
 * and on a real port no wait for the queue in close(). `frame` is data bits, parity, stop bits: "8n1", "7e1".
 * A `baud` of 0 leaves the speed as it is. 0 or -errno; -EINVAL for a speed or frame that is not offered.
 * What waits in the queue is neither sent first nor thrown away.
 */
int hal_tty_raw(int fd, uint32_t baud, const char *frame);

/* Bytes written and not yet sent, or -errno. */
int hal_tty_queued(int fd);

bool hal_tty_is(int fd);

#endif
