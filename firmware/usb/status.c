#include "usb/status.h"

#include <stdbool.h>

#define CAUSE_MOST 3 /* hal/reset.h has four */

struct writer {
    uint8_t *at;
};

static void
put_u8(struct writer *w, uint8_t v)
{
    *w->at++ = v;
}

static void
put_u16(struct writer *w, uint16_t v)
{
    put_u8(w, (uint8_t)v);
    put_u8(w, (uint8_t)(v >> 8));
}

static void
put_u32(struct writer *w, uint32_t v)
{
    put_u16(w, (uint16_t)v);
    put_u16(w, (uint16_t)(v >> 16));
}

void
usb_status_encode(const struct usb_status *status, uint8_t out[USB_STATUS_SIZE])
{
    struct writer w = { .at = out };

    put_u8(&w, USB_STATUS_VERSION);
    put_u8(&w, USB_STATUS_SIZE);
    put_u16(&w, status->flags & USB_STATUS_FLAGS);
    put_u8(&w, status->cause);
    put_u8(&w, 0);
    put_u16(&w, 0);
    put_u32(&w, status->boots);
    put_u32(&w, status->uptime_s);
    put_u32(&w, status->committed);
    put_u32(&w, status->harvested);
    put_u32(&w, status->kept);
    put_u32(&w, status->ring);
    put_u32(&w, status->reserve_free);
    put_u32(&w, status->refused);
    put_u32(&w, status->torn);
    put_u32(&w, status->bad_sectors);
    put_u32(&w, status->wear_min);
    put_u32(&w, status->wear_max);
    put_u32(&w, status->session);
    put_u32(&w, status->number);
    put_u32(&w, status->lines);
    put_u32(&w, status->rubbish);
    put_u32(&w, status->overruns);
    put_u32(&w, status->usb_refused);
}

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool short_read;
};

static uint8_t
take_u8(struct cursor *c)
{
    if (c->at == c->end) {
        c->short_read = true;
        return 0;
    }
    return *c->at++;
}

static uint16_t
take_u16(struct cursor *c)
{
    uint16_t low = take_u8(c);

    return (uint16_t)(low | take_u8(c) << 8);
}

static uint32_t
take_u32(struct cursor *c)
{
    uint32_t low = take_u16(c);

    return low | (uint32_t)take_u16(c) << 16;
}

int
usb_status_decode(const uint8_t *src, size_t len, struct usb_status *out)
{
    struct cursor c = { .at = src, .end = src + len };
    struct usb_status s = { 0 };
    uint8_t version = take_u8(&c);
    uint8_t size = take_u8(&c);
    uint32_t reserved;

    if (c.short_read) {
        return USB_STATUS_E_SIZE;
    }
    if (version != USB_STATUS_VERSION) {
        return USB_STATUS_E_VERSION;
    }
    s.flags = take_u16(&c);
    s.cause = take_u8(&c);
    reserved = take_u8(&c);
    reserved |= take_u16(&c);
    s.boots = take_u32(&c);
    s.uptime_s = take_u32(&c);
    s.committed = take_u32(&c);
    s.harvested = take_u32(&c);
    s.kept = take_u32(&c);
    s.ring = take_u32(&c);
    s.reserve_free = take_u32(&c);
    s.refused = take_u32(&c);
    s.torn = take_u32(&c);
    s.bad_sectors = take_u32(&c);
    s.wear_min = take_u32(&c);
    s.wear_max = take_u32(&c);
    s.session = take_u32(&c);
    s.number = take_u32(&c);
    s.lines = take_u32(&c);
    s.rubbish = take_u32(&c);
    s.overruns = take_u32(&c);
    s.usb_refused = take_u32(&c);
    if (c.short_read || c.at != c.end || size != USB_STATUS_SIZE) {
        return USB_STATUS_E_SIZE;
    }
#ifdef PLANT_USBSTATUS
    reserved = 0;
#endif
    if (reserved != 0 || (s.flags & ~USB_STATUS_FLAGS) != 0 || s.cause > CAUSE_MOST) {
        return USB_STATUS_E_FORM;
    }
    *out = s;
    return 0;
}
