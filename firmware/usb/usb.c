#include "usb/usb.h"

#include <string.h>

#include "hal/result.h"
#include "hal/usbd.h"
#include "usb/control.h"
#include "usb/count.h"
#include "usb/descriptor.h"
#include "usb/pipe.h"

static struct {
    bool unpowered;
    bool suspended;
    uint32_t resets;
    uint32_t suspends;
} bus;

int
usb_start(const struct usb_setup *setup)
{
    if (!usb_descriptor_start(setup)) {
        return HAL_E_RANGE;
    }
    usb_pipe_start(setup->dump);
    usb_control_start();
    memset(&bus, 0, sizeof(bus));
    return hal_usbd_start();
}

void
usb_poll(void)
{
    hal_usbd_poll();
    usb_pipe_poll();
}

bool
usb_attached(void)
{
    return !bus.unpowered;
}

bool
usb_ready(void)
{
    return usb_control_configured() && !bus.suspended;
}

void
usb_counts(struct usb_counts *out)
{
    *out = (struct usb_counts){ .bytes = usb_pipe_bytes(),
        .resets = bus.resets,
        .suspends = bus.suspends,
        .refused = usb_control_refused() };
}

static void
start_over(void)
{
    bus.suspended = false;
    usb_control_reset();
}

void
hal_usbd_event(const struct hal_usbd_event *event)
{
    switch (event->what) {
    case HAL_USBD_RESET:
        count_add(&bus.resets, 1);
        start_over();
        return;
    case HAL_USBD_SETUP:
        usb_control_setup(event->data);
        return;
    case HAL_USBD_RECEIVED:
        if (event->endpoint == 0) {
            usb_control_received(event);
        } else {
            usb_pipe_received(event);
        }
        return;
    case HAL_USBD_SENT:
        if (event->endpoint == 0x80) {
            usb_control_sent();
        } else {
            usb_pipe_sent(event);
        }
        return;
    case HAL_USBD_SUSPEND:
        bus.suspended = true;
        count_add(&bus.suspends, 1);
        return;
    case HAL_USBD_RESUME:
        bus.suspended = false;
        return;
    case HAL_USBD_POWER:
        bus.unpowered = event->len == 0;
        if (bus.unpowered) {
            start_over();
        }
        return;
    default:
        return;
    }
}
