#ifndef HAL_HOST_PRINTER_H
#define HAL_HOST_PRINTER_H
/*
 * printer - a line printer: on a parallel port (/dev/lp0) or of the USB printer class (/dev/usb/lp0)
 *
 * Functions on a file descriptor that the caller owns. Both drivers give a printer to one process at a time.
 * Nothing is allocated. Nothing blocks, but for a USB printer that does not answer what its state is: the
 * driver asks for up to 5 s.
 */
#include <stdbool.h>
#include <stddef.h>

enum hal_printer_state {
    HAL_PRINTER_READY,
    HAL_PRINTER_PAPER, /* there is none */
    HAL_PRINTER_OFFLINE,
    HAL_PRINTER_ERROR,
    HAL_PRINTER_GONE,   /* unplugged, or the driver was taken away: open it again */
    HAL_PRINTER_SILENT, /* does not say: some USB printers never do, others when they hang or are unplugged */
};

/*
 * A descriptor for writing, non-blocking and closed on exec, or -errno: -EBUSY when another process has it,
 * -ENOTTY when it is no printer. Opens one that has no paper as well.
 */
int hal_printer_open(const char *path);

/* Bytes taken, 0 when it takes none now, or -errno: then ask for the state. */
int hal_printer_write(int fd, const char *src, size_t len);

enum hal_printer_state hal_printer_state(int fd);

/*
 * True when the driver has nothing left to send. A USB printer's driver does not say whether it could send
 * it, and throws away what is left when the descriptor is closed.
 */
bool hal_printer_idle(int fd);

#endif
