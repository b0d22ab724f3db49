#include "hal/host/usb_find.h"
#include "hal/host/usb_host.h"
#include "hal/host/usbip.h"
#include "hal/host/usbip_host.h"
#include "sinks/descriptor.h"
#include "sinks/sink.h"
#include <errno.h>
#include <stdio.h>

#define NOT_OUT WIRE_LINE_MAX /* what queued() adds to what is not out, however little that is */
#define CONNECT_MS 4000       /* less than a wire gives its opener */

static bool
is_remote(const struct sink *s)
{
    struct hal_usbip_name name;

    return conf_channel_usbip(s->channel, &name);
}

static int
usb_open(const struct conf_channel *channel)
{
    struct hal_usb_name usb;
    struct hal_usbip_name usbip;

    if (conf_channel_usbip(channel, &usbip)) {
        return hal_usbip_connect(&usbip, CONNECT_MS);
    }
    if (!hal_usb_name_parse(channel->device, &usb)) {
        return -EINVAL;
    }
    const struct hal_usb_id id = { .vendor = usb.vendor, .product = usb.product, .serial = usb.serial };

    return hal_usb_open(&id);
}

static void
usb_prepare(struct sink *s)
{
    if (!is_remote(s)) {
        (void)hal_usb_prepare();
    }
}

static int
usb_adopt(struct sink *s)
{
    struct hal_usbip_name usbip;

    return conf_channel_usbip(s->channel, &usbip) ? hal_usbip_adopt(s->fd, usbip.bus_id)
                                                  : hal_usb_adopt(s->fd);
}

static int
usb_write(struct sink *s, const char *src, size_t len)
{
    return is_remote(s) ? hal_usbip_write(src, len) : hal_usb_write(src, len);
}

static int
usb_queued(struct sink *s)
{
    int pending = is_remote(s) ? hal_usbip_pending() : hal_usb_pending();

    return pending > 0 ? NOT_OUT + pending : pending;
}

static int
usb_check(struct sink *s, char word[SINK_WORD])
{
    if (!(is_remote(s) ? hal_usbip_gone() : hal_usb_gone(s->fd))) {
        return 0;
    }
    snprintf(word, SINK_WORD, "gone");
    return -ENODEV;
}

static void
usb_close(struct sink *s)
{
    if (is_remote(s)) {
        hal_usbip_release();
    } else {
        hal_usb_release();
    }
    sink_fd_close(s);
}

const struct sink_ops sink_usb_ops = {
    .scheme = "usb",
    .open = usb_open,
    .prepare = usb_prepare,
    .adopt = usb_adopt,
    .write = usb_write,
    .queued = usb_queued,
    .changes = true,
    .check = usb_check,
    .close = usb_close,
};
