#include "hal/linux/usbip.h"

#include <string.h>

#define VERSION 0x0111u
#define NO_PACKETS 0xFFFFFFFFu /* not isochronous, as newer kernels say it; older say 0 */

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool short_read;
};

static const uint8_t *
take(struct cursor *c, size_t len)
{
    if (c->short_read || (size_t)(c->end - c->at) < len) {
        c->short_read = true;
        return NULL;
    }
    c->at += len;
    return c->at - len;
}

static uint8_t
take_u8(struct cursor *c)
{
    const uint8_t *at = take(c, 1);

    return at == NULL ? 0 : at[0];
}

static uint16_t
take_u16(struct cursor *c)
{
    const uint8_t *at = take(c, 2);

    return at == NULL ? 0 : (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t
take_u32(struct cursor *c)
{
    uint32_t high = take_u16(c);

    return high << 16 | take_u16(c);
}

static void
take_bytes(struct cursor *c, void *dst, size_t len)
{
    const uint8_t *at = take(c, len);

    if (at == NULL) {
        memset(dst, 0, len);
    } else {
        memcpy(dst, at, len);
    }
}

/* A text in a field of fixed size; false when nothing in it ends the text. */
static bool
take_text(struct cursor *c, char *dst, size_t size)
{
    take_bytes(c, dst, size);
    return memchr(dst, '\0', size) != NULL;
}

static bool
all_taken(const struct cursor *c)
{
    return !c->short_read && c->at == c->end;
}

static uint8_t *
put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *
put_u32(uint8_t *at, uint32_t value)
{
    return put_u16(put_u16(at, (uint16_t)(value >> 16)), (uint16_t)value);
}

/* Cut to size - 1 characters, and zeros behind. */
static uint8_t *
put_text(uint8_t *at, const char *text, size_t size)
{
    size_t len = strlen(text);

    memset(at, 0, size);
    memcpy(at, text, len < size ? len : size - 1);
    return at + size;
}

static bool
is_code(uint16_t code)
{
    return code == USBIP_REQ_IMPORT || code == USBIP_REP_IMPORT || code == USBIP_REQ_DEVLIST ||
           code == USBIP_REP_DEVLIST;
}

int
usbip_op_parse(const uint8_t *src, size_t len, struct usbip_op *out)
{
    struct cursor c = { .at = src, .end = src + len };
    uint16_t version = take_u16(&c);
    uint16_t code = take_u16(&c);
    uint32_t status = take_u32(&c);

    if (!all_taken(&c)) {
        return USBIP_E_SIZE;
    }
    if (version != VERSION || !is_code(code)) {
        return USBIP_E_FORM;
    }
    *out = (struct usbip_op){ .code = code, .status = status };
    return 0;
}

void
usbip_op_put(const struct usbip_op *op, uint8_t dst[USBIP_OP_SIZE])
{
    dst = put_u16(dst, VERSION);
    dst = put_u16(dst, (uint16_t)op->code);
    (void)put_u32(dst, op->status);
}

int
usbip_bus_id_parse(const uint8_t *src, size_t len, char out[USBIP_BUS_ID_SIZE])
{
    struct cursor c = { .at = src, .end = src + len };
    char id[USBIP_BUS_ID_SIZE];
    bool ends = take_text(&c, id, sizeof id);

    if (!all_taken(&c)) {
        return USBIP_E_SIZE;
    }
    if (!ends) {
        return USBIP_E_FORM;
    }
    memcpy(out, id, sizeof id);
    return 0;
}

void
usbip_bus_id_put(const char *bus_id, uint8_t dst[USBIP_BUS_ID_SIZE])
{
    (void)put_text(dst, bus_id, USBIP_BUS_ID_SIZE);
}

int
usbip_device_parse(const uint8_t *src, size_t len, struct usbip_device *out)
{
    struct cursor c = { .at = src, .end = src + len };
    struct usbip_device d;
    bool ends = take_text(&c, d.path, sizeof d.path);

    ends = take_text(&c, d.bus_id, sizeof d.bus_id) && ends;
    d.bus = take_u32(&c);
    d.device = take_u32(&c);
    d.speed = take_u32(&c);
    d.vendor = take_u16(&c);
    d.product = take_u16(&c);
    d.release = take_u16(&c);
    d.class = take_u8(&c);
    d.subclass = take_u8(&c);
    d.protocol = take_u8(&c);
    d.configuration = take_u8(&c);
    d.configurations = take_u8(&c);
    d.interfaces = take_u8(&c);
    if (!all_taken(&c)) {
        return USBIP_E_SIZE;
    }
    if (!ends || d.bus > UINT16_MAX || d.device > UINT16_MAX || d.interfaces > USBIP_INTERFACES_MOST) {
        return USBIP_E_FORM;
    }
    *out = d;
    return 0;
}

void
usbip_device_put(const struct usbip_device *device, uint8_t dst[USBIP_DEVICE_SIZE])
{
    dst = put_text(dst, device->path, USBIP_PATH_SIZE);
    dst = put_text(dst, device->bus_id, USBIP_BUS_ID_SIZE);
    dst = put_u32(dst, device->bus);
    dst = put_u32(dst, device->device);
    dst = put_u32(dst, device->speed);
    dst = put_u16(dst, device->vendor);
    dst = put_u16(dst, device->product);
    dst = put_u16(dst, device->release);
    *dst++ = device->class;
    *dst++ = device->subclass;
    *dst++ = device->protocol;
    *dst++ = device->configuration;
    *dst++ = device->configurations;
    *dst = device->interfaces;
}

int
usbip_count_parse(const uint8_t *src, size_t len, uint32_t *out)
{
    struct cursor c = { .at = src, .end = src + len };
    uint32_t count = take_u32(&c);

    if (!all_taken(&c)) {
        return USBIP_E_SIZE;
    }
    if (count > USBIP_DEVICES_MOST) {
        return USBIP_E_FORM;
    }
    *out = count;
    return 0;
}

/* The fields of CMD_SUBMIT behind those that all have. False when one is outside its bounds. */
static bool
take_submit(struct cursor *c, struct usbip_urb *u)
{
    u->flags = take_u32(c);
    u->length = take_u32(c);
    (void)take_u32(c); /* start frame */
    uint32_t packets = take_u32(c);
    (void)take_u32(c); /* interval */
    take_bytes(c, u->setup, sizeof u->setup);
#ifdef PLANT_USBIP
    return packets == 0 || packets == NO_PACKETS;
#else
    return u->length <= USBIP_TRANSFER_MOST && (packets == 0 || packets == NO_PACKETS);
#endif
}

static bool
take_answer(struct cursor *c, struct usbip_urb *u)
{
    u->status = (int32_t)take_u32(c);
    u->length = take_u32(c);
    (void)take(c, USBIP_URB_SIZE - 28);
    return u->length <= USBIP_TRANSFER_MOST;
}

static bool
take_unlink(struct cursor *c, struct usbip_urb *u)
{
    u->victim = take_u32(c);
    (void)take(c, USBIP_URB_SIZE - 24);
    return true;
}

static bool
take_unlinked(struct cursor *c, struct usbip_urb *u)
{
    u->status = (int32_t)take_u32(c);
    (void)take(c, USBIP_URB_SIZE - 24);
    return true;
}

static bool
take_command(struct cursor *c, struct usbip_urb *u)
{
    switch (u->command) {
    case USBIP_CMD_SUBMIT:
        return take_submit(c, u);
    case USBIP_CMD_UNLINK:
        return take_unlink(c, u);
    case USBIP_RET_SUBMIT:
        return take_answer(c, u);
    case USBIP_RET_UNLINK:
        return take_unlinked(c, u);
    }
    return false;
}

int
usbip_urb_parse(const uint8_t *src, size_t len, struct usbip_urb *out)
{
    struct cursor c = { .at = src, .end = src + len };
    struct usbip_urb u = { .command = take_u32(&c) };

    u.seq = take_u32(&c);
    u.device = take_u32(&c);
    uint32_t direction = take_u32(&c);
    uint32_t endpoint = take_u32(&c);
    bool sound = direction <= 1 && endpoint <= USBIP_ENDPOINT_MOST && take_command(&c, &u);
    if (len != USBIP_URB_SIZE) {
        return USBIP_E_SIZE;
    }
    if (!sound || c.short_read) {
        return USBIP_E_FORM;
    }
    u.in = direction == 1;
    u.endpoint = (uint8_t)endpoint;
    *out = u;
    return 0;
}

void
usbip_urb_put(const struct usbip_urb *urb, uint8_t dst[USBIP_URB_SIZE])
{
    memset(dst, 0, USBIP_URB_SIZE);
    uint8_t *at = put_u32(dst, (uint32_t)urb->command);
    at = put_u32(at, urb->seq);
    at = put_u32(at, urb->device);
    at = put_u32(at, urb->in ? 1 : 0);
    at = put_u32(at, urb->endpoint);
    switch (urb->command) {
    case USBIP_CMD_SUBMIT:
        at = put_u32(at, urb->flags);
        at = put_u32(at, urb->length);
        at = put_u32(at, 0);
        at = put_u32(at, NO_PACKETS);
        at = put_u32(at, 0);
        memcpy(at, urb->setup, sizeof urb->setup);
        break;
    case USBIP_CMD_UNLINK:
        (void)put_u32(at, urb->victim);
        break;
    case USBIP_RET_SUBMIT:
        at = put_u32(at, (uint32_t)urb->status);
        (void)put_u32(at, urb->length);
        break;
    case USBIP_RET_UNLINK:
        (void)put_u32(at, (uint32_t)urb->status);
        break;
    }
}

size_t
usbip_urb_payload(const struct usbip_urb *urb)
{
    return urb->command == USBIP_CMD_SUBMIT && !urb->in ? urb->length : 0;
}
