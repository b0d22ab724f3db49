#include "belfry/harvest/port.h"

#include "hal/host/usb_find.h"
#include "hal/host/usb_name.h"
#include "hal/host/usb_reader.h"

#include <errno.h>
#include <unistd.h>

#define ASK_MS 2000

static int device_fd = -1;

static void
usb_close(void)
{
    hal_usb_reader_release();
    if (device_fd >= 0) {
        (void)close(device_fd);
        device_fd = -1;
    }
}

static int
usb_open(const char *device)
{
    struct hal_usb_name name;

    if (!hal_usb_name_parse(device, &name)) {
        return -EINVAL;
    }
    const struct hal_usb_id id = { .vendor = name.vendor, .product = name.product, .serial = name.serial };

    device_fd = hal_usb_open(&id);
    if (device_fd < 0) {
        return device_fd;
    }
    int error = hal_usb_reader_adopt(device_fd);

    if (error < 0) {
        usb_close();
    }
    return error;
}

static int
usb_ask(uint8_t type, uint8_t request, void *dst, size_t size)
{
    return hal_usb_reader_ask(type, request, dst, size, ASK_MS);
}

const struct port_ops port_usb_ops = {
    .open = usb_open,
    .ask = usb_ask,
    .begin = hal_usb_reader_begin,
    .read = hal_usb_reader_read,
    .close = usb_close,
};
