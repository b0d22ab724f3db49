#ifndef HAL_HOST_USB_READER_H
#define HAL_HOST_USB_READER_H
/*
 * usb_reader - reads from one USB device: vendor requests, and the bulk IN endpoint of its vendor-specific
 * interface (class 0xff)
 *
 * One a process, over libusb, for commands: each call waits, for as long as it is told. Nothing is ever
 * written to the device but requests for what it sends.
 */
#include <stddef.h>
#include <stdint.h>

/* Takes over what hal_usb_open() (usb_find.h) gave, which stays the caller's to close, behind
 * hal_usb_reader_release(). 0 or -errno; -ENOSYS in a program that was built without libusb. */
int hal_usb_reader_adopt(int fd);

/* A request by endpoint 0 that brings at most `size` bytes. How many came, or -errno; -EPIPE: refused. */
int hal_usb_reader_ask(uint8_t type, uint8_t request, void *dst, size_t size, unsigned most_ms);

/* Claims the interface and has the device begin anew (it clears the endpoint's halt). 0 or -errno: -ENOENT
 * when there is no such interface, -EBUSY when somebody else has claimed it. */
int hal_usb_reader_begin(void);

/* How many bytes came, at most `size`, a multiple of 64; 0 when none did in time; or -errno. */
int hal_usb_reader_read(void *dst, size_t size, unsigned most_ms);

/* Gives the device back. Does nothing without one. */
void hal_usb_reader_release(void);

#endif
