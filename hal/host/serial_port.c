#include "hal/host/serial_port.h"

#include "hal/host/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <libserialport.h>
#include <linux/serial.h>

struct hal_serial {
    struct sp_port *port; /* NULL when opened by termios alone */
    int fd;
    struct serial_icounter_struct base;
};

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

static int
configure(struct sp_port *port, uint32_t baud)
{
    enum sp_return r = sp_set_baudrate(port, (int)baud);

    if (r == SP_OK) {
        r = sp_set_bits(port, 8);
    }
    if (r == SP_OK) {
        r = sp_set_parity(port, SP_PARITY_NONE);
    }
    if (r == SP_OK) {
        r = sp_set_stopbits(port, 1);
    }
    if (r == SP_OK) {
        /* With XOFF allowed, a receiver that is late stops the server's console. */
        r = sp_set_flowcontrol(port, SP_FLOWCONTROL_NONE);
    }
    return error_of(r);
}

static int
open_port(struct hal_serial *s, struct sp_port *port, uint32_t baud)
{
    int err;

    errno = 0;
    err = error_of(sp_open(port, SP_MODE_READ));
    if (err != 0) {
        return err;
    }
    errno = 0;
    err = configure(port, baud);
    if (err == 0) {
        err = error_of(sp_get_port_handle(port, &s->fd));
    }
    if (err != 0) {
        (void)sp_close(port);
        return err;
    }
    s->port = port;
    return 0;
}

static int
open_tty(struct hal_serial *s, const char *path, uint32_t baud)
{
    int err;

    s->fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (s->fd < 0) {
        return -errno;
    }
    err = hal_tty_is(s->fd) ? hal_tty_raw(s->fd, baud, "8n1") : -ENOTTY;
    if (err != 0) {
        (void)close(s->fd);
        s->fd = -1;
    }
    return err;
}

static int
open_any(struct hal_serial *s, const char *device, uint32_t baud)
{
    char path[PATH_MAX];
    struct sp_port *port = NULL;
    int err;

    /* libserialport knows /dev/ttyS0 and its like only, not the links in /dev/serial/by-id. */
    if (realpath(device, path) == NULL) {
        return -errno;
    }
    if (sp_get_port_by_name(path, &port) != SP_OK) {
        return open_tty(s, path, baud);
    }
    err = open_port(s, port, baud);
    if (err != 0) {
        sp_free_port(port);
    }
    return err;
}

int
hal_serial_open(const char *device, uint32_t baud, struct hal_serial **out)
{
    struct hal_serial *s = calloc(1, sizeof *s);
    int err;

    if (s == NULL) {
        return -ENOMEM;
    }
    s->fd = -1;
    err = open_any(s, device, baud);
    if (err != 0) {
        free(s);
        return err;
    }
    if (flock(s->fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK ? -EBUSY : -errno;
        hal_serial_close(s);
        return err;
    }
    (void)ioctl(s->fd, TIOCEXCL);
    (void)fcntl(s->fd, F_SETFD, FD_CLOEXEC);
    (void)ioctl(s->fd, TIOCGICOUNT, &s->base);
    *out = s;
    return 0;
}

void
hal_serial_close(struct hal_serial *s)
{
    /* The exclusive mark would outlive this descriptor while another process holds the terminal. */
    (void)ioctl(s->fd, TIOCNXCL);
    if (s->port != NULL) {
        (void)sp_close(s->port);
        sp_free_port(s->port);
    } else {
        (void)close(s->fd);
    }
    free(s);
}

int
hal_serial_fd(const struct hal_serial *s)
{
    return s->fd;
}

int
hal_serial_read(struct hal_serial *s, void *to, size_t size)
{
    ssize_t n = read(s->fd, to, size);

    if (n > 0) {
        return (int)n;
    }
    if (n == 0) {
        return -ENODEV; /* hung up: the terminal was taken away or unplugged */
    }
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

void
hal_serial_counts(const struct hal_serial *s, struct hal_serial_counts *out)
{
    struct serial_icounter_struct now;

    memset(out, 0, sizeof *out);
    if (ioctl(s->fd, TIOCGICOUNT, &now) != 0) {
        return;
    }
    out->frame = (uint32_t)(now.frame - s->base.frame);
    out->overrun = (uint32_t)(now.overrun - s->base.overrun);
    out->parity = (uint32_t)(now.parity - s->base.parity);
    out->brk = (uint32_t)(now.brk - s->base.brk);
    out->lost = (uint32_t)(now.buf_overrun - s->base.buf_overrun);
}
