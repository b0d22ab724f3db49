#ifndef HAL_HOST_USBIP_HOST_H
#define HAL_HOST_USBIP_HOST_H
/*
 * usbip_host - usb_host.h over USB/IP: writes to one USB device, into the bulk OUT endpoint of its
 * vendor-specific interface
 *
 * One a process, main loop only. Who uses it needs no right but the descriptor that hal_usbip_connect() gave:
 * all that the other end says is read here. Nothing blocks.
 */
#include <stdbool.h>
#include <stddef.h>

/* False in a program that was built without it, where all that follows fails with -ENOSYS. */
bool hal_usbip_built_in(void);

/*
 * Takes over a new connection, which stays the caller's to close. 0 or -errno. Whether the device is there is
 * told by what follows: it has 5 s to be ready.
 */
int hal_usbip_adopt(int fd, const char *bus_id);

/* Begins to write, or keeps it until the device is ready. Returns `len`, 0 while the write before is under
 * way, or -errno. */
int hal_usbip_write(const void *bytes, size_t len);

/* Goes on with what is under way. Returns how many bytes the device has not taken yet, or -errno. */
int hal_usbip_pending(void);

/* True when the other end has closed the connection, also while nothing is written. */
bool hal_usbip_gone(void);

/* Forgets the connection. */
void hal_usbip_release(void);

#endif
