#include "hal/host/printer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/lp.h>

/* What the status lines say when all is well, from <linux/lp.h>: no error, selected. */
static enum hal_printer_state
state_of(int lines)
{
    if ((lines & LP_POUTPA) != 0) {
        return HAL_PRINTER_PAPER;
    }
    if ((lines & LP_PSELECD) == 0) {
        return HAL_PRINTER_OFFLINE;
    }
    return (lines & LP_PERRORP) == 0 ? HAL_PRINTER_ERROR : HAL_PRINTER_READY;
}

int
hal_printer_open(const char *path)
{
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int lines = 0;

    if (fd < 0) {
        return -errno;
    }
    if (ioctl(fd, LPGETSTATUS, &lines) != 0 && errno != EIO) {
        int error = -errno;

        close(fd);
        return error;
    }
    /*
     * Without these a parallel printer without paper takes bytes and loses them, or holds a write for 10 s.
     * The driver keeps them for the port until somebody changes them. A USB printer knows the first one only.
     */
    (void)ioctl(fd, LPABORT, 1);
    (void)ioctl(fd, LPCAREFUL, 1);
    return fd;
}

int
hal_printer_write(int fd, const char *src, size_t len)
{
    ssize_t n = write(fd, src, len);

    if (n >= 0) {
        return (int)n;
    }
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

enum hal_printer_state
hal_printer_state(int fd)
{
    int lines = 0;

    if (ioctl(fd, LPGETSTATUS, &lines) == 0) {
        return state_of(lines);
    }
    return errno == ENODEV || errno == ENXIO ? HAL_PRINTER_GONE : HAL_PRINTER_SILENT;
}

bool
hal_printer_idle(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };

    return poll(&p, 1, 0) == 1 && p.revents == POLLOUT;
}
