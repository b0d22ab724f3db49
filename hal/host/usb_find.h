#ifndef HAL_HOST_USB_FIND_H
#define HAL_HOST_USB_FIND_H
/*
 * usb_find - finds a USB device by what it says of itself, and opens it, by sysfs alone
 *
 * For whoever has the rights to open devices. Nothing is allocated. The serial number is the device's own
 * word: any bytes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hal_usb_id {
    uint16_t vendor;
    uint16_t product;
    const char *serial; /* "": any */
};

/* Where a device is: /dev/bus/usb/BUS/ADDRESS. It gets another address each time it is plugged in. */
struct hal_usb_place {
    uint8_t bus;
    uint8_t address;
};

/* One device's attributes as sysfs has them, each ended by a newline; a length of 0 is one that is not there.
 */
struct hal_usb_attributes {
    const char *vendor;
    size_t vendor_len;
    const char *product;
    size_t product_len;
    const char *serial;
    size_t serial_len;
    const char *bus;
    size_t bus_len;
    const char *address;
    size_t address_len;
};

/* True when the attributes are those of the device meant; then `out` is its place. */
bool hal_usb_matches(
        const struct hal_usb_id *id, const struct hal_usb_attributes *of, struct hal_usb_place *out);

/*
 * Looks through a folder as /sys/bus/usb/devices is. 0, -ENODEV when there is no such device, -ENOTUNIQ when
 * there are several: a second one must not take the place of the first.
 */
int hal_usb_find(const char *folder, const struct hal_usb_id *id, struct hal_usb_place *out);

/*
 * Finds the device and opens it for usb_host.h: a descriptor that is closed on exec and can claim interfaces,
 * but neither take them from a driver nor reset or configure the device; or -errno.
 */
int hal_usb_open(const struct hal_usb_id *id);

#endif
