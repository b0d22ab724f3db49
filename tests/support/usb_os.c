#include "support/usb_os.h"

#include <string.h>

#include "support/fake_usbd.h"
#include "usb/usb.h"

#define PATIENCE 8 /* turns of the device's loop with a NAK at the end of each */
#define PACKET 64

void
os_setup_bytes(const struct os_setup *s, uint8_t out[8])
{
    out[0] = s->type;
    out[1] = s->request;
    out[2] = (uint8_t)s->value;
    out[3] = (uint8_t)(s->value >> 8);
    out[4] = (uint8_t)s->index;
    out[5] = (uint8_t)(s->index >> 8);
    out[6] = (uint8_t)s->length;
    out[7] = (uint8_t)(s->length >> 8);
}

static int
in(uint8_t endpoint, uint8_t packet[PACKET])
{
    int n = CABLE_NAK;

    for (int turn = 0; turn < PATIENCE && n == CABLE_NAK; turn++) {
        usb_poll();
        n = cable_in(endpoint, packet);
    }
    return n;
}

static int
out(uint8_t endpoint, const uint8_t *src, size_t len)
{
    int n = CABLE_NAK;

    for (int turn = 0; turn < PATIENCE && n == CABLE_NAK; turn++) {
        usb_poll();
        n = cable_out(endpoint, src, len);
    }
    return n;
}

static int
data_stage(size_t most, uint8_t *dst)
{
    uint8_t packet[PACKET];
    size_t got = 0;
    int n = PACKET;

    while (n == PACKET && got < most) {
        n = in(0x80, packet);
        if (n < 0) {
            return n;
        }
        if ((size_t)n > most - got) {
            return OS_BABBLE;
        }
        memcpy(dst + got, packet, (size_t)n);
        got += (size_t)n;
    }
    return (int)got;
}

/* The host's controller begins with DATA0 too (USB 2.0, 9.1.1.5, 9.4.5). */
static void
after(const struct os_setup *s)
{
    if ((s->type == 0x00 && s->request == 9) || (s->type == 0x01 && s->request == 11)) {
        for (uint8_t number = 1; number < 16; number++) {
            bool all = s->type == 0x00;

            if (all || number == s->index + 1) {
                cable_toggle_reset(number);
                cable_toggle_reset(number | 0x80);
            }
        }
    } else if (s->type == 0x02 && s->request == 1 && (s->index & 0x7F) != 0) {
        cable_toggle_reset((uint8_t)s->index);
    } else if (s->type == 0x00 && s->request == 5) {
        usb_poll();
        cable_to((uint8_t)s->value);
    }
}

int
os_control(const struct os_setup *s, uint8_t *dst)
{
    uint8_t bytes[8];
    uint8_t packet[PACKET];
    int got = 0;

    os_setup_bytes(s, bytes);
    int n = cable_setup(bytes);

    if (n < 0) {
        return n;
    }
    if ((s->type & 0x80) != 0 && s->length > 0) {
        got = data_stage(s->length, dst);
        n = got < 0 ? got : out(0x00, packet, 0);
    } else {
        memset(packet, 0xA5, sizeof(packet));
        for (size_t sent = 0; sent < s->length && n >= 0; sent += PACKET) {
            n = out(0x00, packet, s->length - sent < PACKET ? s->length - sent : PACKET);
        }
        n = n < 0 ? n : in(0x80, packet);
        n = n > 0 ? OS_BABBLE : n;
    }
    usb_poll();
    if (n < 0) {
        return n;
    }
    after(s);
    return got;
}

int
os_bulk_out(uint8_t endpoint, const uint8_t *src, size_t len)
{
    size_t done = 0;

    while (done < len) {
        int n = out(endpoint, src + done, len - done < PACKET ? len - done : PACKET);

        if (n < 0) {
            return n == CABLE_NAK || done > 0 ? (int)done : n;
        }
        done += (size_t)n;
    }
    usb_poll();
    return (int)done;
}

int
os_bulk_in(uint8_t endpoint, uint8_t *dst, size_t size)
{
    uint8_t packet[PACKET];
    size_t done = 0;

    while (done + PACKET <= size) {
        int n = in(endpoint, packet);

        if (n < 0) {
            return n == CABLE_NAK || done > 0 ? (int)done : n;
        }
        memcpy(dst + done, packet, (size_t)n);
        done += (size_t)n;
        if (n < PACKET) {
            break;
        }
    }
    return (int)done;
}

static int
descriptor(uint8_t type, uint8_t index, uint16_t language, uint16_t length, uint8_t *dst)
{
    const struct os_setup s = { 0x80, 6, (uint16_t)(type << 8 | index), language, length };

    return os_control(&s, dst);
}

static bool
order(uint8_t request, uint16_t value)
{
    const struct os_setup s = { 0x00, request, value, 0, 0 };

    return os_control(&s, NULL) == 0;
}

static void
string(uint8_t index, char dst[128])
{
    uint8_t bytes[OS_DESCRIPTOR_MOST];
    int n = descriptor(3, index, 0x0409, 255, bytes);

    for (int i = 2; i + 1 < n; i += 2) {
        *dst++ = (char)bytes[i];
    }
    *dst = '\0';
}

static void
all_strings(struct os_device *out)
{
    for (uint8_t i = 1; i < 8; i++) {
        string(i, out->strings[i]);
    }
}

bool
os_enumerate_linux(struct os_device *out)
{
    uint8_t head[PACKET];
    uint8_t languages[OS_DESCRIPTOR_MOST];

    memset(out, 0, sizeof(*out));
    cable_power(true);
    cable_reset();
    if (descriptor(1, 0, 0, PACKET, head) < 8 || head[7] != PACKET) {
        return false;
    }
    cable_reset();
    if (!order(5, OS_ADDRESS) || descriptor(1, 0, 0, 8, head) != 8 ||
            descriptor(1, 0, 0, sizeof(out->device), out->device) != sizeof(out->device) ||
            descriptor(2, 0, 0, 9, head) != 9) {
        return false;
    }
    uint16_t total = (uint16_t)(head[2] | head[3] << 8);

    if (total > OS_DESCRIPTOR_MOST || descriptor(2, 0, 0, total, out->configuration) != total ||
            descriptor(3, 0, 0, 255, languages) != 4) {
        return false;
    }
    out->configuration_len = total;
    all_strings(out);
    return order(9, 1);
}

bool
os_enumerate_other(struct os_device *out)
{
    uint8_t bytes[OS_DESCRIPTOR_MOST];

    memset(out, 0, sizeof(*out));
    cable_power(true);
    cable_reset();
    if (descriptor(1, 0, 0, 8, bytes) != 8) {
        return false;
    }
    cable_reset();
    if (!order(5, OS_ADDRESS) || descriptor(1, 0, 0, 255, bytes) != sizeof(out->device)) {
        return false;
    }
    memcpy(out->device, bytes, sizeof(out->device));
    int n = descriptor(2, 0, 0, 255, out->configuration);

    /* What it asks of every device, whatever the device says of its version. */
    if (n < 9 || descriptor(6, 0, 0, 10, bytes) != CABLE_STALL ||
            descriptor(15, 0, 0, 5, bytes) != CABLE_STALL ||
            descriptor(3, 0xEE, 0, 18, bytes) != CABLE_STALL) {
        return false;
    }
    out->configuration_len = (size_t)n;
    all_strings(out);
    bool once = order(9, out->configuration[5]);

    return once && order(9, out->configuration[5]);
}
