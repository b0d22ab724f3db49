#include "belfry/harvest/port.h"

#include "belfry/clock.h"
#include "hal/host/usbip.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_MS 4000
#define READY_MS 5000
#define ASK_MS 2000
#define LAST_MS 200 /* for the device to see that its last byte was taken, before the cable goes */
#define PACKET 64   /* a transfer that is ended by the end of a dump would not end otherwise */

#define CLEAR_FEATURE 1 /* USB 2.0, tables 9-4 and 9-6 */
#define SET_CONFIGURATION 9
#define ENDPOINT_HALT 0
#define TO_ENDPOINT 0x02
#define DIRECTION_IN 0x80

static struct {
    struct hal_usbip client;
    int fd;
    uint8_t endpoint;
    bool begun; /* the dump */
    bool reads; /* a transfer of it is under way */
} port = { .fd = -1 };

/* Until what is under way has ended: 0, -ETIMEDOUT when it has not in time, or -errno. */
static int
finish(unsigned most_ms)
{
    int64_t until_ms = clock_ms() + most_ms;

    for (;;) {
        int stepped = hal_usbip_step(&port.client);
        int64_t left_ms = until_ms - clock_ms();

        if (stepped != 0) {
            return stepped < 0 ? stepped : 0;
        }
        if (left_ms <= 0) {
            return -ETIMEDOUT;
        }
        struct pollfd p = { .fd = port.fd, .events = POLLIN };

        p.events |= hal_usbip_sends(&port.client) ? POLLOUT : 0;
        (void)poll(&p, 1, (int)left_ms);
    }
}

static int
transfer(const struct hal_usbip_transfer *t)
{
    hal_usbip_submit(&port.client, t);
    int error = finish(ASK_MS);

    return error < 0 ? error : port.client.status < 0 ? port.client.status : (int)port.client.actual;
}

static void
usbip_close(void)
{
    if (port.fd >= 0) {
        if (port.begun) {
            (void)poll(NULL, 0, LAST_MS);
        }
        (void)close(port.fd);
        port.fd = -1;
    }
}

static int
usbip_open(const char *device)
{
    struct hal_usbip_name name;

    if (!hal_usbip_name_parse(device, &name)) {
        return -EINVAL;
    }
    port.fd = hal_usbip_connect(&name, CONNECT_MS);
    if (port.fd < 0) {
        return port.fd;
    }
    port.begun = false;
    port.reads = false;
    hal_usbip_begin(&port.client, port.fd, name.bus_id, false);
    int error = finish(READY_MS);

    if (error < 0) {
        usbip_close();
    }
    return error;
}

static int
usbip_ask(uint8_t type, uint8_t request, void *dst, size_t size)
{
    struct hal_usbip_transfer t = { .in = true, .setup = { type | DIRECTION_IN, request }, .len = size };

    t.setup[6] = (uint8_t)size;
    t.setup[7] = (uint8_t)(size >> 8);
    int n = size <= HAL_USBIP_IN_MOST ? transfer(&t) : -EINVAL;

    if (n > 0) {
        memcpy(dst, hal_usbip_bytes(&port.client), (size_t)n);
    }
    return n;
}

static int
usbip_begin(void)
{
    struct hal_usb_endpoint in;
    int error = hal_usb_config_find(port.client.config, port.client.config_len, true, &in);

    if (error < 0) {
        return error;
    }
    const struct hal_usbip_transfer clear = { .setup = { TO_ENDPOINT, CLEAR_FEATURE, ENDPOINT_HALT, 0,
                                                      in.endpoint | DIRECTION_IN } };

    const struct hal_usbip_transfer configure = { .setup = { 0, SET_CONFIGURATION, in.configuration } };

    port.begun = true;
    port.endpoint = in.endpoint;
    error = transfer(&configure);
    return error < 0 ? error : transfer(&clear);
}

static int
usbip_read(void *dst, size_t size, unsigned most_ms)
{
    const struct hal_usbip_transfer in = { .in = true, .endpoint = port.endpoint, .len = PACKET };

    if (size < PACKET) {
        return -EINVAL;
    }
    if (!port.reads) {
        hal_usbip_submit(&port.client, &in);
        port.reads = true;
    }
    int error = finish(most_ms);

    if (error < 0) {
        return error == -ETIMEDOUT ? 0 : error;
    }
    port.reads = false;
    if (port.client.status < 0) {
        return port.client.status;
    }
    memcpy(dst, hal_usbip_bytes(&port.client), port.client.actual);
    return (int)port.client.actual;
}

const struct port_ops port_usbip_ops = {
    .open = usbip_open,
    .ask = usbip_ask,
    .begin = usbip_begin,
    .read = usbip_read,
    .close = usbip_close,
};
