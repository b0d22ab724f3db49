#ifndef HAL_HOST_USB_HOST_H
#define HAL_HOST_USB_HOST_H
/*
 * usb_host - writes to one USB device: into the bulk OUT endpoint of its vendor-specific interface (class
 * 0xff)
 *
 * One a process, main loop only, over libusb. Who uses it needs no right but the descriptor that
 * hal_usb_open() (usb_find.h) gave, and hal_usb_prepare() to have looked at /dev/bus/usb before. Nothing
 * blocks, but for a halt that is cleared: the device has 5 s to say that it is.
 */
#include <stdbool.h>
#include <stddef.h>

#define HAL_USB_WRITE_MOST 256 /* bytes of one write */

/* False in a program that was built without libusb, where all that follows fails with -ENOSYS. */
bool hal_usb_built_in(void);

/*
 * Makes what adopting a device needs: reads /dev/bus/usb, and opens an event and a timer descriptor. Done by
 * the first hal_usb_adopt() where it was not done before. 0 or -errno.
 */
int hal_usb_prepare(void);

/*
 * Takes over an open device, whose descriptor stays the caller's to close, behind hal_usb_release(). Finds
 * the interface and its endpoint by the device's own descriptors, and claims the interface. 0 or -errno:
 * -ENOENT when it has no such interface, -EBUSY when somebody else has claimed it. The descriptor polls for
 * POLLOUT when a write has ended.
 */
int hal_usb_adopt(int fd);

/* Begins to write. Returns `len`, 0 while the write before is under way, or -errno. */
int hal_usb_write(const void *bytes, size_t len);

/*
 * Goes on with what is under way. Returns how many bytes the device has not taken yet, or -errno: it is gone,
 * or refuses for good. A device that takes nothing keeps the count as it is, for ever.
 */
int hal_usb_pending(void);

/* True when the device is no longer there, also while nothing is written. */
bool hal_usb_gone(int fd);

/* Ends what is under way and gives the interface back. Does nothing without a device. */
void hal_usb_release(void);

#endif
