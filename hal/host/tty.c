#include "hal/host/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <linux/serial.h>

struct speed {
    uint32_t baud;
    speed_t code;
};

static const struct speed speeds[] = {
    { 300, B300 },
    { 600, B600 },
    { 1200, B1200 },
    { 2400, B2400 },
    { 4800, B4800 },
    { 9600, B9600 },
    { 19200, B19200 },
    { 38400, B38400 },
    { 57600, B57600 },
    { 115200, B115200 },
    { 230400, B230400 },
    { 460800, B460800 },
    { 921600, B921600 },
    { 1000000, B1000000 },
    { 1500000, B1500000 },
    { 3000000, B3000000 },
};

static const struct speed *
speed_of(uint32_t baud)
{
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (speeds[i].baud == baud) {
            return &speeds[i];
        }
    }
    return NULL;
}

/* The termios bits of "8n1" and its like; false when it is not one. */
static bool
frame_of(const char *frame, tcflag_t *bits)
{
    static const tcflag_t sizes[] = { CS5, CS6, CS7, CS8 };

    if (frame[0] < '5' || frame[0] > '8') {
        return false;
    }
    *bits = sizes[frame[0] - '5'];
    switch (frame[1]) {
    case 'n':
        break;
    case 'e':
        *bits |= PARENB;
        break;
    case 'o':
        *bits |= PARENB | PARODD;
        break;
    default:
        return false;
    }
    if (frame[2] == '2') {
        *bits |= CSTOPB;
    } else if (frame[2] != '1') {
        return false;
    }
    return frame[3] == '\0';
}

/* A stuck 8250 line holds close() for 30 s unless it is told not to wait. Other drivers refuse: no harm. */
static void
never_wait_in_close(int fd)
{
    struct serial_struct port;

    if (ioctl(fd, TIOCGSERIAL, &port) == 0 && port.closing_wait != ASYNC_CLOSING_WAIT_NONE) {
        port.closing_wait = ASYNC_CLOSING_WAIT_NONE;
        (void)ioctl(fd, TIOCSSERIAL, &port);
    }
}

int
hal_tty_open(const char *path)
{
    int flags = O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
    int fd = open(path, O_WRONLY | flags);

    if (fd < 0) {
        fd = open(path, O_RDWR | flags);
    }
    return fd < 0 ? -errno : fd;
}

int
hal_tty_raw(int fd, uint32_t baud, const char *frame)
{
    const struct speed *speed = speed_of(baud);
    struct termios want;
    struct termios got;
    tcflag_t bits;

    if ((baud != 0 && speed == NULL) || !frame_of(frame, &bits)) {
        return -EINVAL;
    }
    if (tcgetattr(fd, &want) != 0) {
        return -errno;
    }
    want.c_iflag = 0;
    want.c_oflag = 0;
    want.c_lflag = 0;
    want.c_cflag = bits | CREAD | CLOCAL | HUPCL;
    want.c_cc[VMIN] = 1;
    want.c_cc[VTIME] = 0;
    speed_t code = speed != NULL ? speed->code : cfgetospeed(&want);
    (void)cfsetispeed(&want, code);
    (void)cfsetospeed(&want, code);
    /* TCSADRAIN would wait for ever on a line that is held up. */
    if (tcsetattr(fd, TCSANOW, &want) != 0) {
        return -errno;
    }
    /* tcsetattr() says success when any one of the settings took. A pseudo-terminal keeps 8 bits whatever we
     * ask. */
    if (tcgetattr(fd, &got) != 0) {
        return -errno;
    }
    if (got.c_iflag != 0 || got.c_oflag != 0 || got.c_lflag != 0 || (got.c_cflag & CRTSCTS) != 0 ||
            cfgetospeed(&got) != code) {
        return -EIO;
    }
    never_wait_in_close(fd);
    return 0;
}

int
hal_tty_queued(int fd)
{
    int n = 0;

    return ioctl(fd, TIOCOUTQ, &n) == 0 ? n : -errno;
}

bool
hal_tty_is(int fd)
{
    struct termios t;

    return tcgetattr(fd, &t) == 0;
}
