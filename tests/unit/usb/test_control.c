#include "hal/usbd.h"
#include "lab.h"

#define PAGE 80

static unsigned status_asked;

void
usb_status(struct usb_status *out)
{
    status_asked++;
    out->flags = USB_STATUS_READY;
    out->boots = 0x01020304;
    out->usb_refused = 0x0A0B0C0D;
}

static const uint8_t device_bytes[18] = { 18, 1, 0x10, 0x01, 0xFF, 0, 0, 64, 0x09, 0x12, 0x01, 0x00, 0x00,
    0x01, 1, 2, 3, 1 };

static const uint8_t log_bytes[25] = { 9, 2, 25, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 1, 0xFF, 0, 0, 4, 7, 5,
    0x01, 2, 64, 0, 0 };

static const uint8_t dump_bytes[41] = { 9, 2, 41, 0, 2, 1, 0, 0x80, 50, 9, 4, 0, 0, 1, 0xFF, 0, 0, 4, 7, 5,
    0x01, 2, 64, 0, 0, 9, 4, 1, 0, 1, 0xFF, 0, 1, 5, 7, 5, 0x82, 2, 64, 0, 0 };

static void
check_enumerated(const struct os_device *d, bool dump)
{
    CHECK_MEM(d->device, device_bytes, sizeof(device_bytes));
    CHECK_INT(d->configuration_len, dump ? sizeof(dump_bytes) : sizeof(log_bytes));
    CHECK_MEM(d->configuration, dump ? dump_bytes : log_bytes, d->configuration_len);
    CHECK_STR(d->strings[1], "tocsin");
    CHECK_STR(d->strings[2], "tocsin logger");
    CHECK_STR(d->strings[3], LAB_SERIAL);
    CHECK_STR(d->strings[4], "alarm lines");
    CHECK_STR(d->strings[5], "dump");
    CHECK_STR(d->strings[6], "");
    CHECK(usb_ready());
    CHECK_INT(fake_usbd_address(), OS_ADDRESS);
    CHECK_INT(fake_usbd_violations(), 0);
}

static void
two_operating_systems_configure_it_in_both_modes(void)
{
    for (int dump = 0; dump < 2; dump++) {
        struct os_device d;

        lab_start(dump);
        CHECK(os_enumerate_linux(&d));
        check_enumerated(&d, dump);
        CHECK(os_enumerate_other(&d));
        check_enumerated(&d, dump);
    }
}

/* What SPEC.md, section 3, says, told another way than control.c tells it: the answer's length, or
 * CABLE_STALL. */
static int
promised(enum lab_state state, unsigned interfaces, const struct os_setup *s)
{
    bool configured = state == LAB_CONFIGURED;
    bool plain = s->value == 0 && s->index == 0;
    bool endpoint_0 = s->index == 0x00 || s->index == 0x80;
    bool endpoint = endpoint_0 || (configured && (s->index == 0x01 || (s->index == 0x82 && interfaces == 2)));
    bool interface = configured && s->value == 0 && s->index < interfaces;

    if (state == LAB_DEFAULT && s->request != 5 && s->request != 6) {
        return CABLE_STALL;
    }
    switch (s->type << 8 | s->request) {
    case 0x8000:
        return plain ? 2 : CABLE_STALL;
    case 0x8100:
        return interface ? 2 : CABLE_STALL;
    case 0x8200:
        return s->value == 0 && endpoint ? 2 : CABLE_STALL;
    case 0x0201:
        return s->value == 0 && endpoint ? 0 : CABLE_STALL;
    case 0x0203:
        return s->value == 0 && endpoint && configured && !endpoint_0 ? 0 : CABLE_STALL;
    case 0x0005:
        return s->value < 128 && s->index == 0 && !configured ? 0 : CABLE_STALL;
    case 0x8006:
        switch (s->value) {
        case 0x0100:
            return s->index == 0 ? 18 : CABLE_STALL;
        case 0x0200:
            return s->index != 0 ? CABLE_STALL : interfaces == 2 ? 41 : 25;
        case 0x0300:
            return s->index == 0 ? 4 : CABLE_STALL;
        case 0x0301:
            return s->index == 0x0409 ? 14 : CABLE_STALL;
        case 0x0302:
            return s->index == 0x0409 ? 28 : CABLE_STALL;
        case 0x0303:
            return s->index == 0x0409 ? 34 : CABLE_STALL;
        case 0x0304:
            return s->index == 0x0409 ? 24 : CABLE_STALL;
        case 0x0305:
            return s->index == 0x0409 ? 10 : CABLE_STALL;
        default:
            return CABLE_STALL;
        }
    case 0x8008:
        return plain ? 1 : CABLE_STALL;
    case 0x0009:
        return s->value < 2 && s->index == 0 ? 0 : CABLE_STALL;
    case 0x810A:
        return interface ? 1 : CABLE_STALL;
    case 0x010B:
        return interface ? 0 : CABLE_STALL;
    case 0xC001:
        return plain ? PAGE : CABLE_STALL;
    default:
        return CABLE_STALL;
    }
}

static unsigned cells;

static void
check_cell(enum lab_state state, unsigned interfaces, const struct os_setup *s)
{
    uint8_t dst[256];
    int want = promised(state, interfaces, s);

    lab_bring_to(state);
    cells++;
    int got = os_control(s, dst);

    if (got != want || !!usb_ready() != (state == LAB_CONFIGURED)) {
        bool configures = s->type == 0x00 && s->request == 9 && got == 0;

        if (got != want || !configures) {
            printf("state %d: %02x %02x %04x %04x %u: %d, not %d\n", state, s->type, s->request, s->value,
                    s->index, s->length, got, want);
            check_failures++;
        }
    }
}

/* The length a request of this type has: nothing else is ever to be answered. */
static uint16_t
length_of(uint8_t type)
{
    return type & 0x80 ? 255 : 0;
}

static void
every_request_is_answered_in_the_states_where_it_may_be(void)
{
    for (int dump = 0; dump < 2; dump++) {
        lab_start(dump);
        for (unsigned cell = 0; cell < 0x10000 * LAB_STATES; cell++) {
            uint8_t type = (uint8_t)(cell >> 8);
            const struct os_setup s = { type, (uint8_t)cell, 0, 0, length_of(type) };

            check_cell(cell >> 16, dump ? 2 : 1, &s);
        }
        CHECK_INT(fake_usbd_violations(), 0);
    }
}

static const uint16_t answered[] = { 0x8000, 0x8100, 0x8200, 0x0201, 0x0203, 0x0005, 0x8006, 0x8008, 0x0009,
    0x810A, 0x010B, 0xC001 };

static void
every_value_and_every_index_of_a_request_is_looked_at(void)
{
    static const uint16_t values[] = { 0, 1, 0x0100, 0x0200, 0x0300, 0x0303 };
    static const uint16_t indexes[] = { 0, 1, 0x0409, 0x82 };

    lab_start(true);
    for (size_t i = 0; i < sizeof(answered) / sizeof(answered[0]); i++) {
        struct os_setup s = { .type = (uint8_t)(answered[i] >> 8), .request = (uint8_t)answered[i] };

        s.length = length_of(s.type);
        for (unsigned state = 0; state < LAB_STATES; state++) {
            for (unsigned v = 0; v < 0x10000; v += state == LAB_CONFIGURED ? 1 : 17) {
                s.value = (uint16_t)v;
                s.index = indexes[v % 4];
                check_cell(state, 2, &s);
                s.index = (uint16_t)v;
                s.value = values[v % 6];
                check_cell(state, 2, &s);
            }
            for (unsigned k = 0; k < 24; k++) {
                s.value = values[k / 4];
                s.index = indexes[k % 4];
                check_cell(state, 2, &s);
            }
        }
    }
    CHECK_INT(fake_usbd_violations(), 0);
    printf("     %u cells\n", cells);
}

/* Not even one that would be done without data, and before any of it came. */
static void
no_request_takes_data_from_the_host(void)
{
    static const uint16_t lengths[] = { 1, 8, 64, 65, 65535 };
    const uint8_t data[64] = { 0 };

    lab_start(true);
    for (unsigned cell = 0; cell < 0x8000 * LAB_STATES; cell++) {
        const struct os_setup s = { cell >> 8 & 0x7F, (uint8_t)cell, (cell & 0xFF) == 9, 0,
            lengths[cell % 5] };
        uint8_t bytes[8];

        lab_bring_to(cell >> 15);
        os_setup_bytes(&s, bytes);
        CHECK_INT(cable_setup(bytes), 0);
        usb_poll();
        CHECK_INT(cable_out(0x00, data, 1), CABLE_STALL);
        CHECK_INT(usb_ready(), cell >> 15 == LAB_CONFIGURED);
    }
    CHECK_INT(fake_usbd_violations(), 0);
}

static void
an_answer_is_cut_to_what_was_asked_for(void)
{
    static const uint16_t lengths[] = { 0, 1, 2, 7, 8, 9, 17, 18, 19, 24, 25, 26, 33, 34, 35, 40, 41, 42, 63,
        64, 65, 79, 80, 81, 127, 128, 255, 256, 4096, 65535 };
    static const struct os_setup whole[] = { { 0x80, 6, 0x0100, 0, 0 }, { 0x80, 6, 0x0200, 0, 0 },
        { 0x80, 6, 0x0303, 0x0409, 0 }, { 0x80, 6, 0x0300, 0, 0 }, { 0xC0, 1, 0, 0, 0 }, { 0x80, 0, 0, 0, 0 },
        { 0x80, 8, 0, 0, 0 } };

    lab_start(true);
    lab_bring_to(LAB_CONFIGURED);
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        uint8_t all[256] = { 0 };
        struct os_setup s = whole[i];

        s.length = 255;
        int len = os_control(&s, all);

        CHECK(len > 0);
        for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
            uint8_t part[256] = { 0 };

            s.length = lengths[k];
            CHECK_INT(os_control(&s, part), lengths[k] < len ? lengths[k] : len);
            CHECK_MEM(part, all, lengths[k] < len ? lengths[k] : (size_t)len);
        }
    }
    CHECK_INT(fake_usbd_violations(), 0);
}

/* Only an empty packet tells the host that 64 bytes were all. */
static void
an_answer_of_whole_packets_ends_with_an_empty_one(void)
{
    const struct usb_setup setup = { .serial = "0123456789ABCDEFabcdefghijklmno", .dump = false };
    const uint8_t ask[8] = { 0x80, 6, 3, 3, 0x09, 0x04, 255, 0 };
    const uint8_t exact[8] = { 0x80, 6, 3, 3, 0x09, 0x04, 64, 0 };
    uint8_t packet[64];

    fake_usbd_power_up(0);
    CHECK_INT(usb_start(&setup), 0);
    CHECK_INT(cable_setup(ask), 0);
    usb_poll();
    CHECK_INT(cable_in(0x80, packet), 64);
    CHECK_INT(packet[0], 64);
    usb_poll();
    CHECK_INT(cable_in(0x80, packet), 0);
    usb_poll();
    CHECK_INT(cable_in(0x80, packet), CABLE_NAK);
    CHECK_INT(cable_out(0x00, packet, 0), 0);
    CHECK_INT(cable_setup(exact), 0);
    usb_poll();
    CHECK_INT(cable_in(0x80, packet), 64);
    usb_poll();
    CHECK_INT(cable_in(0x80, packet), CABLE_NAK);
    CHECK_INT(cable_out(0x00, packet, 0), 0);
}

static void
a_status_page_says_what_the_logger_said(void)
{
    struct usb_status s;
    uint8_t page[256];
    unsigned before = status_asked;

    lab_start(false);
    lab_bring_to(LAB_CONFIGURED);
    CHECK_INT(lab_ask(USB_STATUS_TYPE, USB_STATUS_REQUEST, 0, 0, 255, page), USB_STATUS_SIZE);
    CHECK_INT(usb_status_decode(page, USB_STATUS_SIZE, &s), 0);
    CHECK_INT(s.flags, USB_STATUS_READY);
    CHECK_INT(s.boots, 0x01020304);
    CHECK_INT(s.usb_refused, 0x0A0B0C0D);
    CHECK_INT(s.kept, 0);
    CHECK_INT(status_asked, before + 1);
}

static void
an_address_counts_from_the_end_of_the_status_stage(void)
{
    const uint8_t ask[8] = { 0x00, 5, 9, 0, 0, 0, 0, 0 };
    uint8_t packet[64];

    lab_start(false);
    lab_bring_to(LAB_DEFAULT);
    CHECK_INT(cable_setup(ask), 0);
    usb_poll();
    CHECK_INT(fake_usbd_address(), 0);
    CHECK_INT(cable_in(0x80, packet), 0);
    usb_poll();
    CHECK_INT(fake_usbd_address(), 9);
    cable_to(9);
    CHECK_INT(lab_order(0x00, 9, 1, 0), 0);
    CHECK(usb_ready());
}

static void
an_address_whose_status_stage_was_broken_off_is_forgotten(void)
{
    const uint8_t ask[8] = { 0x00, 5, 9, 0, 0, 0, 0, 0 };
    uint8_t d[18];

    lab_start(false);
    lab_bring_to(LAB_DEFAULT);
    CHECK_INT(cable_setup(ask), 0);
    usb_poll();
    CHECK_INT(lab_ask(0x80, 6, 0x0100, 0, 18, d), 18);
    CHECK_INT(lab_ask(0x80, 6, 0x0100, 0, 0, d), 0);
    CHECK_INT(fake_usbd_address(), 0);
}

static void
address_0_leads_back_to_the_default_state(void)
{
    uint8_t d[18];

    lab_start(false);
    lab_bring_to(LAB_ADDRESSED);
    CHECK_INT(lab_order(0x00, 5, 0, 0), 0);
    CHECK_INT(fake_usbd_address(), 0);
    CHECK_INT(lab_ask(0x80, 8, 0, 0, 1, d), CABLE_STALL);
}

/* Three packets of a transfer, then a SETUP of another, at each packet of the first. */
static void
a_setup_in_the_middle_of_a_transfer_begins_a_new_one(void)
{
    const uint8_t page[8] = { 0xC0, 1, 0, 0, 0, 0, 255, 0 };
    const uint8_t refused[8] = { 0xC0, 2, 0, 0, 0, 0, 255, 0 };
    const uint8_t configure[8] = { 0x00, 9, 1, 0, 0, 0, 0, 0 };
    const uint8_t *const first[] = { page, refused, configure };

    lab_start(true);
    for (unsigned k = 0; k < 3; k++) {
        for (int packets = 0; packets < 4; packets++) {
            for (int polled = 0; polled < 2; polled++) {
                uint8_t packet[64];
                uint8_t d[18];

                lab_bring_to(LAB_ADDRESSED);
                CHECK_INT(cable_setup(first[k]), 0);
                for (int i = 0; i < packets; i++) {
                    usb_poll();
                    (void)cable_in(0x80, packet);
                }
                if (polled) {
                    usb_poll();
                }
                CHECK_INT(lab_ask(0x80, 6, 0x0100, 0, 18, d), 18);
                CHECK_MEM(d, device_bytes, sizeof(device_bytes));
            }
        }
    }
    CHECK_INT(fake_usbd_violations(), 0);
}

static void
a_host_may_end_the_data_stage_early(void)
{
    const uint8_t page[8] = { 0xC0, 1, 0, 0, 0, 0, 255, 0 };
    uint8_t packet[64];

    lab_start(true);
    for (int packets = 0; packets < 3; packets++) {
        lab_bring_to(LAB_ADDRESSED);
        CHECK_INT(cable_setup(page), 0);
        for (int i = 0; i < packets; i++) {
            usb_poll();
            CHECK(cable_in(0x80, packet) > 0);
        }
        usb_poll();
        CHECK_INT(cable_out(0x00, packet, 0), 0);
        usb_poll();
        CHECK(cable_in(0x80, packet) < 0);
        CHECK_INT(lab_ask(0x80, 8, 0, 0, 1, packet), 1);
    }
    CHECK_INT(fake_usbd_violations(), 0);
}

static void
a_lost_acknowledgement_of_the_last_packet_does_not_hold_up_the_status_stage(void)
{
    const uint8_t ask[8] = { 0x80, 6, 0, 1, 0, 0, 18, 0 };
    uint8_t packet[64];

    lab_start(false);
    CHECK_INT(cable_setup(ask), 0);
    usb_poll();
    cable_lose_ack();
    CHECK_INT(cable_in(0x80, packet), 18);
    usb_poll();
    CHECK_INT(cable_out(0x00, packet, 0), 0);
    usb_poll();
    CHECK_INT(lab_ask(0x80, 6, 0x0100, 0, 18, packet), 18);
    CHECK_INT(fake_usbd_violations(), 0);
}

static void
a_lost_acknowledgement_in_between_repeats_the_packet(void)
{
    uint8_t page[256] = { 0 };
    struct usb_status s;

    lab_start(false);
    lab_bring_to(LAB_ADDRESSED);
    cable_lose_ack();
    CHECK_INT(lab_ask(0xC0, 1, 0, 0, 255, page), PAGE);
    CHECK_INT(usb_status_decode(page, PAGE, &s), 0);
    CHECK_INT(fake_usbd_dropped(), 1);
}

static void
data_in_a_status_stage_is_answered_with_stall(void)
{
    const uint8_t ask[8] = { 0x80, 6, 0, 1, 0, 0, 18, 0 };
    uint8_t packet[64] = { 0 };

    lab_start(false);
    for (int read = 0; read < 2; read++) {
        CHECK_INT(cable_setup(ask), 0);
        usb_poll();
        if (read) {
            CHECK_INT(cable_in(0x80, packet), 18);
            usb_poll();
        }
        CHECK_INT(cable_out(0x00, packet, 64), 64);
        usb_poll();
        CHECK_INT(cable_in(0x80, packet), CABLE_STALL);
        CHECK_INT(cable_out(0x00, packet, 0), CABLE_STALL);
        CHECK_INT(lab_ask(0x80, 6, 0x0100, 0, 18, packet), 18);
    }
    CHECK_INT(fake_usbd_violations(), 0);
}

/* Enumeration is some forty packets; the bus is reset behind each, before and after the device sees it. */
static void
a_bus_reset_at_any_packet_leaves_a_device_that_enumerates(void)
{
    static const uint8_t script[][8] = { { 0x80, 6, 0, 1, 0, 0, 64, 0 }, { 0x80, 6, 0, 2, 0, 0, 255, 0 },
        { 0x80, 6, 3, 3, 0x09, 0x04, 255, 0 }, { 0x00, 5, 0, 0, 0, 0, 0, 0 }, { 0x00, 5, 7, 0, 0, 0, 0, 0 } };

    lab_start(true);
    for (unsigned k = 0; k < sizeof(script) / sizeof(script[0]); k++) {
        for (unsigned cut = 0; cut < 8; cut++) {
            uint8_t packet[64];
            struct os_device d;

            lab_bring_to(LAB_DEFAULT);
            CHECK_INT(cable_setup(script[k]), 0);
            for (unsigned step = 0; step < cut; step++) {
                if (step % 2 == 0) {
                    usb_poll();
                } else if (cable_in(0x80, packet) < 0) {
                    (void)cable_out(0x00, packet, 0);
                }
            }
            CHECK(os_enumerate_linux(&d));
            check_enumerated(&d, true);
        }
    }
}

/* What a controller should not tell, and one that is late might. */
static void
acknowledgements_behind_the_end_of_a_transfer_are_ignored(void)
{
    static const struct hal_usbd_event late[] = { { .what = HAL_USBD_SENT, .endpoint = 0x80 },
        { .what = HAL_USBD_RECEIVED, .endpoint = 0x00 },
        { .what = HAL_USBD_RECEIVED, .endpoint = 0x00, .len = 64, .data = device_bytes } };
    const uint8_t address[8] = { 0x00, 5, 9, 0, 0, 0, 0, 0 };
    const uint8_t page[8] = { 0xC0, 1, 0, 0, 0, 0, 255, 0 };
    uint8_t packet[64];

    lab_start(true);
    for (unsigned k = 0; k < 3; k++) {
        lab_bring_to(LAB_DEFAULT);
        CHECK_INT(cable_setup(address), 0);
        usb_poll();
        cable_reset();
        usb_poll();
        hal_usbd_event(&late[k]);
        CHECK_INT(fake_usbd_address(), 0);
        lab_bring_to(LAB_ADDRESSED);
        CHECK_INT(cable_setup(page), 0);
        usb_poll();
        CHECK_INT(cable_out(0x00, packet, 1), 1);
        usb_poll();
        hal_usbd_event(&late[k]);
        CHECK_INT(cable_in(0x80, packet), CABLE_STALL);
    }
    CHECK_INT(fake_usbd_violations(), 0);
}

static const struct hal_usbd_event told_sent = { .what = HAL_USBD_SENT, .endpoint = 0x80 };
static const struct hal_usbd_event told_empty = { .what = HAL_USBD_RECEIVED };
static const struct hal_usbd_event told_data = { .what = HAL_USBD_RECEIVED, .len = 1, .data = device_bytes };

/* The cells of control.c's table that no well-behaved controller reaches. */
static void
an_event_that_a_stage_does_not_wait_for_changes_nothing(void)
{
    const uint8_t address[8] = { 0x00, 5, 9, 0, 0, 0, 0, 0 };
    const uint8_t device[8] = { 0x80, 6, 0, 1, 0, 0, 18, 0 };
    uint8_t packet[64] = { 0 };

    lab_start(false);
    CHECK_INT(lab_ask(0x80, 6, 0x0100, 0, 18, packet), 18);
    hal_usbd_event(&told_sent);
    hal_usbd_event(&told_empty);
    hal_usbd_event(&told_data);
    CHECK_INT(cable_in(0x80, packet), CABLE_NAK);

    CHECK_INT(cable_setup(device), 0);
    usb_poll();
    CHECK_INT(cable_in(0x80, packet), 18);
    usb_poll();
    hal_usbd_event(&told_sent);
    CHECK_INT(cable_out(0x00, packet, 1), 1);
    usb_poll();
    CHECK_INT(cable_in(0x80, packet), CABLE_STALL);

    CHECK_INT(cable_setup(address), 0);
    usb_poll();
    hal_usbd_event(&told_empty);
    CHECK_INT(fake_usbd_address(), 0);
    CHECK_INT(cable_in(0x80, packet), 0);
    usb_poll();
    CHECK_INT(fake_usbd_address(), 9);
    CHECK_INT(fake_usbd_violations(), 0);
}

static void
power_and_suspend_are_told(void)
{
    struct os_device d;
    struct usb_counts counts;

    lab_start(false);
    CHECK(usb_attached());
    CHECK(!usb_ready());
    CHECK(os_enumerate_linux(&d));
    CHECK(usb_ready());
    cable_suspend(true);
    usb_poll();
    CHECK(!usb_ready());
    CHECK(usb_attached());
    cable_suspend(false);
    usb_poll();
    CHECK(usb_ready());
    cable_power(false);
    usb_poll();
    CHECK(!usb_attached());
    CHECK(!usb_ready());
    CHECK(os_enumerate_other(&d));
    CHECK(usb_attached());
    CHECK(usb_ready());
    cable_suspend(true);
    CHECK(os_enumerate_linux(&d));
    CHECK(usb_ready());
    usb_counts(&counts);
    CHECK_INT(counts.resets, 6);
    CHECK_INT(counts.suspends, 2);
}

static void
what_is_refused_is_counted(void)
{
    struct usb_counts counts;
    uint8_t d[64];

    lab_start(false);
    lab_bring_to(LAB_CONFIGURED);
    for (int i = 0; i < 10; i++) {
        CHECK_INT(lab_ask(0xC0, 2, 0, 0, 64, d), CABLE_STALL);
    }
    usb_counts(&counts);
    CHECK_INT(counts.refused, 10);
}

static void
a_controller_without_the_endpoint_is_not_configured(void)
{
    const struct usb_setup setup = { .serial = "1", .dump = true };

    fake_usbd_power_up(0x82);
    CHECK_INT(usb_start(&setup), 0);
    lab_bring_to(LAB_ADDRESSED);
    CHECK_INT(lab_order(0x00, 9, 1, 0), CABLE_STALL);
    CHECK(!usb_ready());
    CHECK_INT(fake_usbd_violations(), 0);
}

static void
a_serial_number_of_another_form_is_refused(void)
{
    static const char *const bad[] = { "", "a b", "a\n", "\xE9", "a%n", "012345678901234567890123456789012" };
    static const char *const good[] = { "0", "Zz9", "01234567890123456789012345678901" };
    struct os_device d;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct usb_setup setup = { .serial = bad[i] };

        fake_usbd_power_up(0);
        CHECK(usb_start(&setup) < 0);
        CHECK(!fake_usbd_started());
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const struct usb_setup setup = { .serial = good[i] };

        fake_usbd_power_up(0);
        CHECK_INT(usb_start(&setup), 0);
        CHECK(os_enumerate_linux(&d));
        CHECK_STR(d.strings[3], good[i]);
    }
}

int
main(void)
{
    CHECK_RUN(two_operating_systems_configure_it_in_both_modes);
    CHECK_RUN(every_request_is_answered_in_the_states_where_it_may_be);
    CHECK_RUN(every_value_and_every_index_of_a_request_is_looked_at);
    CHECK_RUN(no_request_takes_data_from_the_host);
    CHECK_RUN(an_answer_is_cut_to_what_was_asked_for);
    CHECK_RUN(an_answer_of_whole_packets_ends_with_an_empty_one);
    CHECK_RUN(a_status_page_says_what_the_logger_said);
    CHECK_RUN(an_address_counts_from_the_end_of_the_status_stage);
    CHECK_RUN(an_address_whose_status_stage_was_broken_off_is_forgotten);
    CHECK_RUN(address_0_leads_back_to_the_default_state);
    CHECK_RUN(a_setup_in_the_middle_of_a_transfer_begins_a_new_one);
    CHECK_RUN(a_host_may_end_the_data_stage_early);
    CHECK_RUN(a_lost_acknowledgement_of_the_last_packet_does_not_hold_up_the_status_stage);
    CHECK_RUN(a_lost_acknowledgement_in_between_repeats_the_packet);
    CHECK_RUN(data_in_a_status_stage_is_answered_with_stall);
    CHECK_RUN(a_bus_reset_at_any_packet_leaves_a_device_that_enumerates);
    CHECK_RUN(acknowledgements_behind_the_end_of_a_transfer_are_ignored);
    CHECK_RUN(an_event_that_a_stage_does_not_wait_for_changes_nothing);
    CHECK_RUN(power_and_suspend_are_told);
    CHECK_RUN(what_is_refused_is_counted);
    CHECK_RUN(a_controller_without_the_endpoint_is_not_configured);
    CHECK_RUN(a_serial_number_of_another_form_is_refused);
    return check_result();
}
