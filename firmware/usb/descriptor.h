#ifndef USB_DESCRIPTOR_H
#define USB_DESCRIPTOR_H
/*
 * descriptor - what the device says of itself (SPEC.md, section 2; USB 2.0, 9.6)
 *
 * Constant but for the serial number and the second interface, which usb_start() chooses. Main loop only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usb/usb.h"

#define USB_STRING_MOST (2 + 2 * USB_SERIAL_MAX) /* bytes of the longest string descriptor */

/* False when the serial number is not of the form that usb.h demands. */
bool usb_descriptor_start(const struct usb_setup *setup);

struct usb_descriptor {
    const uint8_t *bytes;
    size_t len;
};

/*
 * The descriptor of this type, index and language; false when there is none. Strings are built in `room`, the
 * others stand where they are.
 */
bool usb_descriptor_find(uint8_t type, uint8_t index, uint16_t language, uint8_t room[USB_STRING_MOST],
        struct usb_descriptor *out);

#endif
