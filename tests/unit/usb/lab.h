#ifndef TESTS_UNIT_USB_LAB_H
#define TESTS_UNIT_USB_LAB_H
/*
 * lab - a logger's USB device that was just switched on, and short ways to ask it
 */
#include "support/check.h"
#include "support/fake_usbd.h"
#include "support/usb_os.h"
#include "usb/usb.h"

#define LAB_SERIAL "E6605481DB318236"

enum lab_state { LAB_DEFAULT, LAB_ADDRESSED, LAB_CONFIGURED, LAB_STATES };

static inline void
lab_start(bool dump)
{
    const struct usb_setup setup = { .serial = LAB_SERIAL, .dump = dump };

    fake_usbd_power_up(0);
    CHECK_INT(usb_start(&setup), 0);
    CHECK_INT(usb_read(NULL, 0), 0);
}

static inline int
lab_ask(uint8_t type, uint8_t request, uint16_t value, uint16_t index, uint16_t length, uint8_t *dst)
{
    const struct os_setup s = { type, request, value, index, length };

    return os_control(&s, dst);
}

static inline int
lab_order(uint8_t type, uint8_t request, uint16_t value, uint16_t index)
{
    return lab_ask(type, request, value, index, 0, NULL);
}

static inline void
lab_bring_to(enum lab_state state)
{
    cable_reset();
    usb_poll();
    if (state >= LAB_ADDRESSED) {
        CHECK_INT(lab_order(0x00, 5, OS_ADDRESS, 0), 0);
    }
    if (state == LAB_CONFIGURED) {
        CHECK_INT(lab_order(0x00, 9, 1, 0), 0);
    }
}

/* A generator of its own, so that a seed gives the same run everywhere. */
static inline uint32_t
lab_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

#endif
