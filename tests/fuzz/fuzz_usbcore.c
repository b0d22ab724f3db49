/*
 * A hostile host: setup packets, packets of every endpoint, resets and lost acknowledgements in any order.
 * The device answers no more than was asked for and nothing but its descriptors, its status page and its
 * states; it takes an address only by a whole SET_ADDRESS; no byte it acknowledged is lost or changed; the
 * dump is what was given; and behind all of it an ordinary host finds a device that works.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fake_usbd.h"
#include "support/usb_os.h"
#include "usb/usb.h"

#define SERIAL "0123456789ABCDEFabcdefghijklmno" /* its descriptor is 64 bytes long */
#define PACKET 64
#define ANSWER_MOST 128
#define UNTOLD_MOST 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Hostile setup packets so far; what the ordinary host sends is not among them. */
unsigned long long fuzz_usbcore_setups(void);

static unsigned long long setups;

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static struct {
    struct os_setup setup; /* the transfer under way */
    uint8_t answer[ANSWER_MOST];
    size_t answer_len;
    bool answered; /* by an empty packet, where there is no data */
    uint8_t address;
    uint8_t given; /* by the last whole SET_ADDRESS */
    uint32_t begun;
    uint8_t bytes_out; /* running numbers are the contents of both streams */
    uint8_t bytes_read;
    uint8_t dump_in;
    uint8_t dump_out;
    uint32_t status_now; /* another one each time */
    unsigned untold;     /* what the bus did since the device's last turn */
} lab;

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

unsigned long long
fuzz_usbcore_setups(void)
{
    return setups;
}

static void
tell_setups(void)
{
    fprintf(stderr, "count: %llu setup packets\n", setups);
}

void
usb_status(struct usb_status *out)
{
    out->flags = USB_STATUS_READY | USB_STATUS_SILENCE;
    out->boots = ++lab.status_now;
}

static uint8_t
take(struct cursor *c)
{
    return c->at < c->end ? *c->at++ : 0;
}

static uint16_t
take_u16(struct cursor *c)
{
    uint16_t low = take(c);

    return (uint16_t)(low | take(c) << 8);
}

static bool
is_text_of(const uint8_t *got, size_t len, const char *text)
{
    uint8_t whole[ANSWER_MOST] = { (uint8_t)(2 + 2 * strlen(text)), 3 };

    for (size_t i = 0; text[i] != '\0'; i++) {
        whole[2 + 2 * i] = (uint8_t)text[i];
    }
    return len <= whole[0] && memcmp(got, whole, len) == 0;
}

static bool
is_status(const uint8_t *got, size_t len)
{
    struct usb_status s = { 0 };
    uint8_t whole[USB_STATUS_SIZE];

    s.flags = USB_STATUS_READY | USB_STATUS_SILENCE;
    s.boots = lab.status_now;
    usb_status_encode(&s, whole);
    return len <= sizeof(whole) && memcmp(got, whole, len) == 0;
}

static bool
is_state(const uint8_t *got, size_t len, size_t size)
{
    return len <= size && (len < 1 || got[0] <= 1) && (len < 2 || got[1] == 0);
}

/* A beginning of what the request may be told. */
static bool
is_known(const struct os_setup *s, const uint8_t *got, size_t len)
{
    static const uint8_t device[] = { 18, 1, 0x10, 0x01, 0xFF, 0, 0, 64, 0x09, 0x12, 0x01, 0x00, 0x00, 0x01,
        1, 2, 3, 1 };
    static const uint8_t config[] = { 9, 2, 41, 0, 2, 1, 0, 0x80, 50, 9, 4, 0, 0, 1, 0xFF, 0, 0, 4, 7, 5,
        0x01, 2, 64, 0, 0, 9, 4, 1, 0, 1, 0xFF, 0, 1, 5, 7, 5, 0x82, 2, 64, 0, 0 };
    static const uint8_t languages[] = { 4, 3, 0x09, 0x04 };
    static const char *const strings[] = { "", "tocsin", "tocsin logger", SERIAL, "alarm lines", "dump" };

    switch (s->type << 8 | s->request) {
    case 0x8000:
    case 0x8100:
    case 0x8200:
        return is_state(got, len, 2);
    case 0x8008:
    case 0x810A:
        return is_state(got, len, 1);
    case 0xC001:
        return is_status(got, len);
    case 0x8006:
        break;
    default:
        return false;
    }
    switch (s->value) {
    case 0x0100:
        return len <= sizeof(device) && memcmp(got, device, len) == 0;
    case 0x0200:
        return len <= sizeof(config) && memcmp(got, config, len) == 0;
    case 0x0300:
        return len <= sizeof(languages) && memcmp(got, languages, len) == 0;
    default:
        return s->value > 0x0300 && s->value <= 0x0305 && is_text_of(got, len, strings[s->value & 0xFF]);
    }
}

/* What a turn of the device's loop may change. */
static void
poll(void)
{
    usb_poll();
    lab.untold = 0;
    check(fake_usbd_violations() == 0);
    if (fake_usbd_address() != lab.address) {
        lab.address = fake_usbd_address();
        check(lab.address == lab.given);
        cable_to(lab.address);
    }
    if (usb_dump_begun() != lab.begun) {
        lab.begun = usb_dump_begun();
        lab.dump_in = 0;
        lab.dump_out = 0;
        cable_toggle_reset(0x82);
    }
}

static void
send_setup(const struct os_setup *s)
{
    uint8_t bytes[8];

    os_setup_bytes(s, bytes);
    if (cable_setup(bytes) == 0) {
        lab.setup = *s;
        lab.answer_len = 0;
        lab.answered = false;
        setups++;
    }
}

/* Requests that are nearly, or wholly, what the device knows. */
static void
likely_setup(struct cursor *c)
{
    static const struct os_setup known[] = { { 0x80, 6, 0x0100, 0, 18 }, { 0x80, 6, 0x0200, 0, 255 },
        { 0x80, 6, 0x0303, 0x0409, 255 }, { 0x80, 6, 0x0300, 0, 4 }, { 0x00, 5, 5, 0, 0 },
        { 0x00, 9, 1, 0, 0 }, { 0x00, 9, 0, 0, 0 }, { 0xC0, 1, 0, 0, 255 }, { 0x02, 1, 0, 0x01, 0 },
        { 0x02, 3, 0, 0x01, 0 }, { 0x02, 1, 0, 0x82, 0 }, { 0x02, 3, 0, 0x82, 0 }, { 0x01, 11, 0, 1, 0 },
        { 0x82, 0, 0, 0x01, 2 }, { 0x81, 10, 0, 0, 1 }, { 0x80, 8, 0, 0, 1 } };
    uint8_t which = take(c);
    struct os_setup s = known[which % 16];

    switch (which / 16) {
    case 1:
        s.length = take_u16(c);
        break;
    case 2:
        s.value = take_u16(c);
        break;
    case 3:
        s.index = take_u16(c);
        break;
    case 4:
        s.request = take(c);
        break;
    case 5:
        s.type = take(c);
        break;
    case 6:
        s.value = take(c);
        break;
    case 7:
        s.length = take(c);
        break;
    case 8:
        s.length = 0;
        break;
    default:
        break;
    }
    send_setup(&s);
}

static void
any_setup(struct cursor *c)
{
    struct os_setup s = { .type = take(c), .request = take(c) };

    s.value = take_u16(c);
    s.index = take_u16(c);
    s.length = take_u16(c);
    send_setup(&s);
}

static void
read_answer(void)
{
    uint8_t packet[PACKET];
    int n = cable_in(0x80, packet);
    bool to_host = (lab.setup.type & 0x80) != 0 && lab.setup.length > 0;

    if (n < 0) {
        return;
    }
    check(lab.answer_len + (size_t)n <= (to_host ? lab.setup.length : 0));
    check(lab.answer_len + (size_t)n <= ANSWER_MOST);
    memcpy(lab.answer + lab.answer_len, packet, (size_t)n);
    lab.answer_len += (size_t)n;
    check(!to_host || is_known(&lab.setup, lab.answer, lab.answer_len));
    check(to_host || !lab.answered);
    lab.answered = true;
    if (lab.setup.type == 0x00 && lab.setup.request == 5) {
        check(lab.setup.value < 128 && lab.setup.index == 0 && lab.setup.length == 0);
        lab.given = (uint8_t)lab.setup.value;
    }
}

static void
write_lines(size_t len)
{
    uint8_t packet[PACKET];
    unsigned dropped = fake_usbd_dropped();

    for (size_t i = 0; i < len; i++) {
        packet[i] = (uint8_t)(lab.bytes_out + i);
    }
    int n = cable_out(0x01, packet, len);

    if (n >= 0 && fake_usbd_dropped() == dropped) {
        lab.bytes_out = (uint8_t)(lab.bytes_out + n);
    }
}

static void
read_lines(size_t size)
{
    uint8_t bytes[UINT8_MAX];
    size_t n = usb_read(bytes, size);

    check(n <= size);
    for (size_t i = 0; i < n; i++) {
        check(bytes[i] == lab.bytes_read++);
    }
}

static void
write_dump(size_t len)
{
    uint8_t bytes[UINT8_MAX];

    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(lab.dump_in + i);
    }
    size_t n = usb_dump_write(bytes, len);

    check(n <= len);
    lab.dump_in = (uint8_t)(lab.dump_in + n);
}

static void
read_dump(void)
{
    uint8_t packet[PACKET];
    int n = cable_in(0x82, packet);

    for (int i = 0; i < n; i++) {
        check(packet[i] == lab.dump_out++);
    }
}

/* Nobody answers for an endpoint that no descriptor names. */
static void
other_endpoint(uint8_t number, bool to_host)
{
    uint8_t packet[PACKET] = { 0 };

    if (to_host && number != 0 && number != 2) {
        check(cable_in(number | 0x80, packet) == CABLE_NOTHING);
    } else if (!to_host && number > 1) {
        check(cable_out(number, packet, 1) == CABLE_NOTHING);
    }
}

static void
bus(uint8_t what)
{
    if (++lab.untold > UNTOLD_MOST) {
        poll();
    }
    switch (what % 6) {
    case 0:
        cable_reset();
        lab.address = 0;
        lab.given = 0;
        return;
    case 1:
    case 2:
        cable_suspend(what & 1);
        return;
    case 3:
    case 4:
        cable_power(what & 1);
        return;
    default:
        cable_lose_ack();
        return;
    }
}

static void
step(struct cursor *c)
{
    uint8_t packet[PACKET] = { 0 };
    uint8_t what = take(c);
    uint8_t more = what / 16;

    switch (what % 16) {
    case 0:
        any_setup(c);
        return;
    case 1:
    case 2:
        likely_setup(c);
        return;
    case 3:
    case 4:
        likely_setup(c);
        poll();
        read_answer();
        poll();
        return;
    case 5:
        (void)cable_out(0x00, packet, more);
        return;
    case 6:
        (void)cable_out(0x00, packet, 0);
        return;
    case 7:
        read_answer();
        return;
    case 8:
        write_lines(take(c) % (PACKET + 1));
        return;
    case 9:
        read_lines(take(c));
        return;
    case 10:
        write_dump(take(c));
        return;
    case 11:
        read_dump();
        return;
    case 12:
        other_endpoint(more, take(c) & 1);
        return;
    case 13:
        bus(take(c));
        return;
    default:
        poll();
        return;
    }
}

static void
an_ordinary_host_comes(bool other)
{
    struct os_device d;
    uint8_t bytes[PACKET];

    poll();
    for (unsigned i = 0; i < 3; i++) {
        read_lines(UINT8_MAX);
    }
    check(lab.bytes_read == lab.bytes_out);
    check(other ? os_enumerate_other(&d) : os_enumerate_linux(&d));
    check(usb_ready() && usb_attached() && strcmp(d.strings[3], SERIAL) == 0);
    memset(bytes, 0x5A, sizeof(bytes));
    check(os_bulk_out(0x01, bytes, sizeof(bytes)) == sizeof(bytes));
    memset(bytes, 0, sizeof(bytes));
    check(usb_read(bytes, sizeof(bytes)) == sizeof(bytes) && bytes[0] == 0x5A && bytes[PACKET - 1] == 0x5A);
    check(usb_dump_write("dump", 4) == 4);
    check(os_bulk_in(0x82, bytes, sizeof(bytes)) == 4 && memcmp(bytes, "dump", 4) == 0);
    usb_poll();
    check(usb_dump_taken() && fake_usbd_violations() == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool told;
    const struct usb_setup setup = { .serial = SERIAL, .dump = true };
    struct cursor c = { .at = data, .end = data + size };

    if (!told) {
        told = true;
        (void)atexit(tell_setups);
    }
    memset(&lab, 0, sizeof(lab));
    fake_usbd_power_up(0);
    check(usb_start(&setup) == 0 && usb_read(NULL, 0) == 0);
    while (c.at < c.end) {
        step(&c);
    }
    an_ordinary_host_comes(size % 2);
    return 0;
}
