#include "hal/host/serial_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libserialport.h>

static int
error_of(enum sp_return r)
{
    switch (r) {
    case SP_OK:
        return 0;
    case SP_ERR_ARG:
        return -EINVAL;
    case SP_ERR_MEM:
        return -ENOMEM;
    case SP_ERR_SUPP:
        return -ENOTSUP;
    default:
        return errno != 0 ? -errno : -EIO;
    }
}

static enum sp_parity
parity_of(char letter)
{
    switch (letter) {
    case 'e':
        return SP_PARITY_EVEN;
    case 'o':
        return SP_PARITY_ODD;
    case 'm':
        return SP_PARITY_MARK;
    case 's':
        return SP_PARITY_SPACE;
    default:
        return SP_PARITY_NONE;
    }
}

/* The frame is sound. */
static int
configure(struct sp_port *port, const struct hal_tty_line *line)
{
    static const enum sp_flowcontrol flows[] = {
        [HAL_TTY_FLOW_NONE] =
                SP_FLOWCONTROL_NONE, /* with XOFF allowed, a late receiver stops a server's console */
        [HAL_TTY_FLOW_RTSCTS] = SP_FLOWCONTROL_RTSCTS,
        [HAL_TTY_FLOW_XONXOFF] = SP_FLOWCONTROL_XONXOFF,
    };
    enum sp_return r = sp_set_baudrate(port, (int)line->baud);

    if (r == SP_OK) {
        r = sp_set_bits(port, line->frame[0] - '0');
    }
    if (r == SP_OK) {
        r = sp_set_parity(port, parity_of(line->frame[1]));
    }
    if (r == SP_OK) {
        r = sp_set_stopbits(port, line->frame[2] - '0');
    }
    if (r == SP_OK) {
        r = sp_set_flowcontrol(port, flows[line->flow]);
    }
    return error_of(r);
}

/* A descriptor of our own, or -errno: libserialport closes its own with the port. */
static int
open_port(struct sp_port *port, const struct hal_tty_line *line, bool writes)
{
    int fd = -1;
    int err;

    errno = 0;
    err = error_of(sp_open(port, writes ? SP_MODE_READ_WRITE : SP_MODE_READ));
    if (err != 0) {
        return err;
    }
    errno = 0;
    err = configure(port, line);
    if (err == 0) {
        err = error_of(sp_get_port_handle(port, &fd));
    }
    if (err == 0) {
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        err = fd < 0 ? -errno : 0;
    }
    (void)sp_close(port);
    return err != 0 ? err : fd;
}

/* Nobody's settings are touched before it is known that nobody else listens. */
static int
lock(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    }
    return 0;
}

static int
open_locked(const char *path, bool writes)
{
    int fd = open(path, (writes ? O_RDWR : O_RDONLY) | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    int err = fd < 0 ? -errno : hal_tty_is(fd) ? lock(fd) : -ENOTTY;

    if (err != 0 && fd >= 0) {
        (void)close(fd);
    }
    return err != 0 ? err : fd;
}

static int
open_port_at(const char *path, const struct hal_tty_line *line, bool writes)
{
    struct sp_port *port = NULL;
    int fd;

    if (sp_get_port_by_name(path, &port) != SP_OK) {
        return -ENOTSUP;
    }
    fd = open_port(port, line, writes);
    sp_free_port(port);
    return fd;
}

/* Locked and set. The descriptor or -errno. */
static int
open_any(const char *device, const struct hal_tty_line *line, bool writes)
{
    char path[PATH_MAX];
    int own;
    int fd;
    int err;

    /* libserialport knows /dev/ttyS0 and its like only, not the links in /dev/serial/by-id. */
    if (realpath(device, path) == NULL) {
        return -errno;
    }
    own = open_locked(path, writes);
    if (own < 0) {
        return own;
    }
    fd = open_port_at(path, line, writes);
    if (fd == -ENOTSUP) {
        err = hal_tty_set(own, line);
        fd = own;
    } else {
        (void)close(own);
        err = fd < 0 ? 0 : lock(fd);
    }
    if (err != 0) {
        (void)close(fd);
    }
    return err != 0 ? err : fd;
}

/* Breaks and damaged bytes are to be told from others, a carrier that goes is no end, and a host whose
 * console this is sees no modem line move when we end. */
static int
set_marks(int fd)
{
    struct termios want;

    if (tcgetattr(fd, &want) != 0) {
        return -errno;
    }
    want.c_iflag = (want.c_iflag & (IXON | IXOFF)) | PARMRK | INPCK;
    want.c_cflag = (want.c_cflag | CLOCAL | CREAD) & ~(tcflag_t)HUPCL;
    want.c_cc[VMIN] = 1;
    want.c_cc[VTIME] = 0;
    (void)tcsetattr(fd, TCSANOW, &want);
    return 0;
}

int
hal_serial_open(const char *device, const struct hal_tty_line *line, bool writes)
{
    int fd;
    int err;

    if (!hal_tty_offers(line->baud) || !hal_tty_frames(line->frame)) {
        return -EINVAL;
    }
    fd = open_any(device, line, writes);
    if (fd < 0) {
        return fd;
    }
    (void)ioctl(fd, TIOCEXCL);
    err = set_marks(fd);
    if (err != 0) {
        hal_serial_close(fd);
        return err;
    }
    return fd;
}

int
hal_serial_set(int fd, const struct termios *want)
{
    return tcsetattr(fd, TCSANOW, want) == 0 ? 0 : -errno;
}

void
hal_serial_close(int fd)
{
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY) {
        hal_tty_forget(fd);
    }
    /* The exclusive mark would outlive this descriptor while another process holds the terminal. */
    (void)ioctl(fd, TIOCNXCL);
    (void)close(fd);
}
