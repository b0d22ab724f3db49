#include "hal/host/serial_find.h"
#include "hal/host/tty.h"
#include "sinks/descriptor.h"
#include <unistd.h>

#define DEFAULT_BAUD 115200

static uint32_t
baud_of(const struct conf_channel *channel)
{
    return channel->baud != 0 ? channel->baud : DEFAULT_BAUD;
}

static int
serial_open(const struct conf_channel *channel)
{
    char found[CONF_PATH];
    const char *path = channel->device;
    struct hal_usb_name usb;

    if (conf_channel_usb(channel, &usb)) {
        int error = hal_serial_find(usb.vendor, usb.product, usb.serial, found, sizeof(found));
        if (error < 0) {
            return error;
        }
        path = found;
    }
    int fd = sink_tty_open(channel, path, baud_of(channel));
    int error = fd < 0 ? fd : hal_tty_exclusive(fd);
    if (fd >= 0 && error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

static int
serial_adopt(struct sink *s)
{
    return sink_tty_adopt(s, baud_of(s->channel));
}

const struct sink_ops sink_serial_ops = {
    .scheme = "serial",
    .open = serial_open,
    .adopt = serial_adopt,
    .write = sink_fd_write,
    .queued = sink_tty_queued,
    .changes = true,
    .check = sink_tty_check,
    .settings = sink_tty_settings,
    .close = sink_tty_close,
};
