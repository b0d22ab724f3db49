#include "belfry/harvest/port.h"

#include "hal/host/usb_name.h"

const struct port_ops *
port_of(const char *device)
{
    struct hal_usb_name usb;
    struct hal_usbip_name usbip;

    if (hal_usb_name_parse(device, &usb)) {
        return &port_usb_ops;
    }
    return hal_usbip_name_parse(device, &usbip) ? &port_usbip_ops : NULL;
}
