#include "hal/host/usbip_host.h"
#include "hal/host/usbip.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define READY_MS 5000

static struct {
    struct hal_usbip client;
    bool open;
    bool ready; /* it was once */
    int64_t adopted_ms;
    uint8_t endpoint;
    uint8_t bytes[HAL_USBIP_OUT_MOST];
    size_t len;
    size_t at;
    bool under_way;
} usbip;

static int64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool
hal_usbip_built_in(void)
{
    return true;
}

int
hal_usbip_adopt(int fd, const char *bus_id)
{
    memset(&usbip, 0, sizeof(usbip));
    hal_usbip_begin(&usbip.client, fd, bus_id, true);
    usbip.open = true;
    usbip.adopted_ms = now_ms();
    return 0;
}

int
hal_usbip_write(const void *bytes, size_t len)
{
    if (usbip.at < usbip.len) {
        return 0;
    }
    len = len < sizeof(usbip.bytes) ? len : sizeof(usbip.bytes);
    memcpy(usbip.bytes, bytes, len);
    usbip.len = len;
    usbip.at = 0;
    int pending = hal_usbip_pending();
    if (pending < 0) {
        usbip.len = 0;
        return pending;
    }
    return (int)len;
}

/* The device has just been put into its configuration. */
static int
become_ready(void)
{
    struct hal_usb_endpoint out;
    int error = hal_usb_config_find(usbip.client.config, usbip.client.config_len, false, &out);

    usbip.ready = error == 0;
    usbip.endpoint = out.endpoint;
    return error;
}

/* What a transfer that has ended left. */
static int
count_taken(void)
{
    if (usbip.under_way) {
        usbip.under_way = false;
        usbip.at += usbip.client.actual;
        return usbip.client.status;
    }
    return 0;
}

int
hal_usbip_pending(void)
{
    int stepped = hal_usbip_step(&usbip.client);

    if (stepped == 0 && !usbip.ready && now_ms() - usbip.adopted_ms > READY_MS) {
        return -ETIMEDOUT;
    }
    if (stepped > 0) {
        int error = usbip.ready ? count_taken() : become_ready();

        if (error < 0) {
            return error;
        }
        if (usbip.at < usbip.len) {
            const struct hal_usbip_transfer rest = {
                .endpoint = usbip.endpoint, .bytes = usbip.bytes + usbip.at, .len = usbip.len - usbip.at
            };

            hal_usbip_submit(&usbip.client, &rest);
            usbip.under_way = true;
            stepped = hal_usbip_step(&usbip.client);
        }
    }
    return stepped < 0 ? stepped : (int)(usbip.len - usbip.at);
}

bool
hal_usbip_gone(void)
{
    struct pollfd p = { .fd = usbip.client.fd, .events = POLLRDHUP };

    return usbip.open && poll(&p, 1, 0) > 0 && p.revents != 0;
}

void
hal_usbip_release(void)
{
    usbip.open = false;
    usbip.len = 0;
    usbip.at = 0;
}
