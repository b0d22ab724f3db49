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
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

enum hal_tty_flow { HAL_TTY_FLOW_NONE, HAL_TTY_FLOW_RTSCTS, HAL_TTY_FLOW_XONXOFF };

struct hal_tty_line {
    uint32_t baud;          /* 0: the speed stays as it is */
    const char *frame;      /* data bits, parity (n, e, o, m or s), stop bits: "8n1", "7e1" */
    enum hal_tty_flow flow; /* what may hold up what is written */
    bool deaf;              /* the receiver of the port is off; flow by XON and XOFF needs it */
};

/* How a line was when it was marked. A port that lacks something says so to each question alike. */
struct hal_tty_mark {
    struct termios termios;
    int modem;        /* what it drives, and whether it hears itself only; -1: none */
    int discipline;   /* -1: none */
    int divisor;      /* of the driver's clock, and how it is used; -1: none */
    int speed_flags;  /* -1: none */
    int clock;        /* -1: none */
    int closing_wait; /* -1: none */
    uint64_t lasting; /* the device, where its settings outlast being closed and hung up; 0: they do not */
    bool exclusive;
    bool shared; /* others set it as they need: speed, frame, discipline and driver count */
};

/*
 * Opens for writing (for reading and writing where the driver refuses that) without waiting for a carrier and
 * without becoming the controlling terminal. The descriptor is non-blocking and closed on exec; or -errno.
 */
int hal_tty_open(const char *path);

/*
 * Eight-bit clean both ways, carrier ignored, DTR dropped at the last close, and on a real port no wait for
 * the queue in close(), and no divisor in place of the speed. 0 or -errno; -EINVAL for a speed or frame that
 * is not offered. What waits in the queue is neither sent first nor thrown away.
 */
int hal_tty_set(int fd, const struct hal_tty_line *line);

/* The same without flow control, and with an open ear. */
int hal_tty_raw(int fd, uint32_t baud, const char *frame);

/* True when hal_tty_set() knows the speed. */
bool hal_tty_offers(uint32_t baud);

/* True for data bits, parity and stop bits: "8n1", "7e2". */
bool hal_tty_frames(const char *frame);

/* Nobody else but root may open it from now on; a pseudo-terminal stays as it is. 0 or -errno. */
int hal_tty_exclusive(int fd);

/* On a real port close() does not wait for the queue. hal_tty_set() does this, too. */
void hal_tty_never_wait_in_close(int fd);

/* 0 or -errno. */
int hal_tty_mark(int fd, bool shared, struct hal_tty_mark *out);

/*
 * For a line that was opened again: its driver, and the speed and frame of a shared one, shall be as they
 * were in the mark before, if that was of the same device and these last. True when that is not how they are.
 */
bool hal_tty_keep(const struct hal_tty_mark *before, struct hal_tty_mark *mark);

/*
 * Compares with the mark, and ends a break that holds a UART. 0 when all is as it was;
 * 1 when it was not and is now, and *what is a word for the first that was not: discipline, driver, baud,
 * frame, flow, flags, exclusive, modem; -EPERM with the same word when it could not be put right; another
 * -errno when the line is gone, or does not say any more what it drives.
 */
int hal_tty_mend(int fd, const struct hal_tty_mark *mark, const char **what);

/* Ends what tcflow(), or a stop character, holds up. */
void hal_tty_start(int fd);

/* Bytes written and not yet sent, one more while the port itself sends, or -errno. */
int hal_tty_queued(int fd);

/* Throws away what was written and not yet sent, where close() would wait for it. */
void hal_tty_forget(int fd);

bool hal_tty_is(int fd);

/*
 * Its settings as they are now: "115200 8n1", and what differs from a plain line: "rtscts", "ixon", "echo".
 * Empty when it does not tell.
 */
void hal_tty_describe(int fd, char *out, size_t size);

#endif
