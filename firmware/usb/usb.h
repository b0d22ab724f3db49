#ifndef USB_USB_H
#define USB_USB_H
/*
 * usb - a USB device that takes bytes and gives back one page of counters (SPEC.md)
 *
 * One per image, main loop only, over hal/usbd.h. Endpoint 1 takes what the host writes, in order and without
 * loss; while the reader is behind, the host waits. A dump, if it was asked for at the start, leaves by
 * endpoint 2.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usb/status.h"

#define USB_SERIAL_MAX 32 /* characters */

struct usb_setup {
    const char *serial; /* 1 to USB_SERIAL_MAX of 0-9 A-Z a-z; copied */
    bool dump;          /* show the second interface */
};

/* Begin from nothing, once a boot. HAL_E_RANGE for a serial number of another form, else what
 * hal_usbd_start() says. */
int usb_start(const struct usb_setup *setup);

/* Take what has come, send what waits. */
void usb_poll(void);

/* Take at most `size` bytes that the host has written; how many it were. Bytes the host was told are taken
 * outlive resets of the bus and unplugging; before the first call none are. */
size_t usb_read(void *dst, size_t size);

/* False while the host's power is known to be gone; true where the board cannot see it. */
bool usb_attached(void);

/* True while a host has configured the device and has not suspended it. */
bool usb_ready(void);

/* How often the host began the dump anew: it configured the device, or reset endpoint 2. Whoever writes the
 * dump starts over from its first byte then. 0: not yet. */
uint32_t usb_dump_begun(void);

/* Give at most `len` bytes of the dump; how many were taken, 0 while the host is behind or has not begun. */
size_t usb_dump_write(const void *src, size_t len);

/* True when the host has acknowledged all that was given since the dump last began. */
bool usb_dump_taken(void);

/* All since the start; they stop at their highest value. */
struct usb_counts {
    uint32_t bytes;    /* that the host has written */
    uint32_t resets;   /* of the bus */
    uint32_t suspends; /* by the host */
    uint32_t refused;  /* requests that were answered with STALL */
};

void usb_counts(struct usb_counts *out);

/* The logger defines it: fill *out for a host that asks. Called from usb_poll(). */
void usb_status(struct usb_status *out);

#endif
