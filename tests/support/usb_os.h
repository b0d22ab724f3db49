#ifndef TESTS_SUPPORT_USB_OS_H
#define TESTS_SUPPORT_USB_OS_H
/*
 * usb_os - what an operating system does with a USB device, over the cable of fake_usbd.h
 *
 * Between two packets the device's main loop turns once (usb_poll()). What returns a length may return what
 * is below 0 in fake_usbd.h instead; CABLE_NAK when the device had nothing else to say for long.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OS_BABBLE (-4) /* more data came than was asked for, or data in a status stage */
#define OS_ADDRESS 5
#define OS_DESCRIPTOR_MOST 256

struct os_setup {
    uint8_t type;
    uint8_t request;
    uint16_t value;
    uint16_t index;
    uint16_t length;
};

void os_setup_bytes(const struct os_setup *s, uint8_t out[8]);

/* A whole control transfer; at most s->length bytes get into `dst`. What a host's toggles have to do with it
 * is done. */
int os_control(const struct os_setup *s, uint8_t *dst);

/* How many bytes the device took before it answered NAK for long; CABLE_STALL or CABLE_NOTHING when that was
 * the answer to the first packet. Packets of 64 bytes and a shorter last one. */
int os_bulk_out(uint8_t endpoint, const uint8_t *src, size_t len);

/* What the device had, in whole packets of at most `size` bytes together, up to a short one; or as above. */
int os_bulk_in(uint8_t endpoint, uint8_t *dst, size_t size);

struct os_device {
    uint8_t device[18];
    uint8_t configuration[OS_DESCRIPTOR_MOST];
    size_t configuration_len;
    char strings[8][128]; /* by index; "" where there is none */
};

/* Plugs in and configures as Linux does: reset, eight bytes of device descriptor, reset, address, all of it.
 */
bool os_enumerate_linux(struct os_device *out);

/* As another one: the address first, 255 bytes of whatever it reads. */
bool os_enumerate_other(struct os_device *out);

#endif
