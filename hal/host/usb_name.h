#ifndef HAL_HOST_USB_NAME_H
#define HAL_HOST_USB_NAME_H
/*
 * usb_name - how a configuration or a command names a USB device
 *
 * Functions without state.
 */
#include <stdbool.h>
#include <stdint.h>

#define HAL_USB_SERIAL 64 /* with the NUL */
#define HAL_USBIP_BUS_ID 32
#define HAL_USBIP_SCHEME "usbip:"

/* One on this machine, by what it says of itself. */
struct hal_usb_name {
    uint16_t vendor;
    uint16_t product;
    char serial[HAL_USB_SERIAL]; /* "": any */
};

/* One that another program offers over USB/IP. */
struct hal_usbip_name {
    uint16_t family; /* AF_INET or AF_INET6 */
    uint16_t port;
    uint8_t address[16]; /* network order */
    char bus_id[HAL_USBIP_BUS_ID];
};

/* Reads "VID:PID[:SERIAL]". False, with `out` as it was, when it is none. */
bool hal_usb_name_parse(const char *text, struct hal_usb_name *out);

/* True for a place of the bus as sysfs names it: "1-1.2", a device, or "1-1.2:1.0", one interface of it. */
bool hal_usb_is_place(const char *text);

/*
 * Reads "usbip:ADDRESS:PORT/BUSID", where an IPv6 address stands in brackets. Names are not looked up. False,
 * with `out` as it was, when it is none.
 */
bool hal_usbip_name_parse(const char *text, struct hal_usbip_name *out);

#endif
