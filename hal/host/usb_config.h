#ifndef HAL_HOST_USB_CONFIG_H
#define HAL_HOST_USB_CONFIG_H
/*
 * usb_config - finds what we need in a configuration as the device describes it (USB 2.0, 9.6.3 to 9.6.6)
 *
 * Functions without state. The bytes are the device's own word, so any bytes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HAL_USB_CONFIG_MOST 255 /* bytes that are read of one; ours have less than 64 */

/* A bulk endpoint of a vendor-specific interface (class 0xff), in its setting 0. */
struct hal_usb_endpoint {
    uint8_t configuration;
    uint8_t interface;
    uint8_t endpoint; /* without the direction */
};

/* The first one into (`in`) or out of the host. 0, -ENOENT when there is none, -EPROTO when the bytes are not
 * a whole configuration. */
int hal_usb_config_find(const uint8_t *src, size_t len, bool in, struct hal_usb_endpoint *out);

#endif
