#include "hal/usbd.h"
#include "lab.h"

#define STREAM (1u << 20)
#define ROOM 512

static uint8_t sent[STREAM];
static uint8_t got[STREAM];

void
usb_status(struct usb_status *out)
{
    (void)out;
}

static void
fill(uint32_t seed)
{
    for (size_t i = 0; i < STREAM; i++) {
        sent[i] = (uint8_t)lab_random(&seed);
    }
}

static void
nothing_is_taken_before_the_device_is_configured(void)
{
    lab_start(false);
    for (unsigned state = LAB_DEFAULT; state <= LAB_ADDRESSED; state++) {
        lab_bring_to(state);
        CHECK_INT(os_bulk_out(0x01, sent, 64), CABLE_NOTHING);
    }
}

static void
nothing_is_taken_when_the_host_has_taken_the_configuration_back(void)
{
    lab_start(true);
    lab_bring_to(LAB_CONFIGURED);
    CHECK_INT(lab_order(0x00, 9, 0, 0), 0);
    CHECK_INT(os_bulk_out(0x01, sent, 64), CABLE_NOTHING);
    CHECK_INT(usb_dump_write(sent, 64), 0);
    CHECK(!usb_dump_taken());
}

/* As in a dump: what is acknowledged would be lost. */
static void
nothing_is_taken_before_somebody_reads(void)
{
    const struct usb_setup setup = { .serial = LAB_SERIAL, .dump = true };

    fake_usbd_power_up(0);
    CHECK_INT(usb_start(&setup), 0);
    lab_bring_to(LAB_CONFIGURED);
    CHECK_INT(os_bulk_out(0x01, sent, 64), 0);
    CHECK_INT(usb_read(got, 1), 0);
    CHECK_INT(os_bulk_out(0x01, sent, 64), 64);
}

static void
the_host_waits_while_the_reader_is_behind(void)
{
    lab_start(false);
    lab_bring_to(LAB_CONFIGURED);
    fill(1);
    CHECK_INT(os_bulk_out(0x01, sent, STREAM), ROOM);
    CHECK_INT(os_bulk_out(0x01, sent + ROOM, 64), 0);
    CHECK_INT(usb_read(got, 63), 63);
    CHECK_INT(os_bulk_out(0x01, sent + ROOM, 64), 0);
    CHECK_INT(usb_read(got + 63, 1), 1);
    CHECK_INT(os_bulk_out(0x01, sent + ROOM, 128), 64);
    CHECK_INT(usb_read(got + 64, STREAM), ROOM);
    CHECK_MEM(got, sent, ROOM + 64);
    CHECK_INT(usb_read(got, STREAM), 0);
    CHECK_INT(fake_usbd_violations(), 0);
}

static void
a_megabyte_in_packets_of_any_size_arrives_byte_for_byte(void)
{
    uint32_t seed = 2;
    size_t out = 0;
    size_t in = 0;
    unsigned packets = 0;
    struct usb_counts counts;

    lab_start(false);
    lab_bring_to(LAB_CONFIGURED);
    fill(3);
    while (in < STREAM) {
        size_t len = lab_random(&seed) % 65;

        len = len < STREAM - out ? len : STREAM - out;
        if (cable_out(0x01, sent + out, len) >= 0) {
            out += len;
            packets++;
        }
        if (lab_random(&seed) % 2 == 0) {
            usb_poll();
        }
        if (lab_random(&seed) % 3 == 0) {
            in += usb_read(got + in, lab_random(&seed) % 300);
        }
    }
    usb_counts(&counts);
    CHECK_INT(counts.bytes, STREAM);
    CHECK_INT(out, STREAM);
    CHECK_MEM(got, sent, STREAM);
    CHECK_INT(fake_usbd_dropped(), 0);
    CHECK_INT(fake_usbd_violations(), 0);
    printf("     %u packets\n", packets);
}

/* Else a loop that sleeps behind its last look would sleep for ever: a NAK wakes nobody. */
static void
reading_and_writing_arm_the_endpoints_at_once(void)
{
    lab_start(true);
    lab_bring_to(LAB_CONFIGURED);
    CHECK_INT(os_bulk_out(0x01, sent, STREAM), ROOM);
    CHECK(!fake_usbd_armed(0x01));
    CHECK_INT(usb_read(got, 63), 63);
    CHECK(!fake_usbd_armed(0x01));
    CHECK_INT(usb_read(got, 1), 1);
    CHECK(fake_usbd_armed(0x01));
    CHECK(!fake_usbd_armed(0x82));
    CHECK_INT(usb_dump_write(sent, 1), 1);
    CHECK(fake_usbd_armed(0x82));
    CHECK_INT(usb_dump_write(sent, 1000), 64);
    CHECK_INT(fake_usbd_violations(), 0);
}

/* A controller that tells of more than was asked for must not overrun the ring. */
static void
a_packet_there_is_no_room_for_is_not_taken(void)
{
    const struct hal_usbd_event lines = {
        .what = HAL_USBD_RECEIVED, .endpoint = 0x01, .len = 64, .data = sent
    };
    const struct hal_usbd_event other = {
        .what = HAL_USBD_RECEIVED, .endpoint = 0x02, .len = 64, .data = sent
    };

    lab_start(true);
    lab_bring_to(LAB_CONFIGURED);
    hal_usbd_event(&other);
    CHECK_INT(usb_read(got, STREAM), 0);
    CHECK_INT(os_bulk_out(0x01, sent, STREAM), ROOM);
    hal_usbd_event(&lines);
    CHECK_INT(usb_read(got, STREAM), ROOM);
}

static void
what_was_acknowledged_outlives_a_request_before_the_device_saw_it(void)
{
    static const uint8_t requests[][8] = { { 0x00, 9, 1 }, { 0x00, 9, 0 }, { 0x02, 1, 0, 0, 0x01 },
        { 0x02, 3, 0, 0, 0x01 }, { 0x01, 11 } };

    fill(9);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        lab_start(true);
        lab_bring_to(LAB_CONFIGURED);
        usb_poll();
        CHECK_INT(cable_setup(requests[i]), 0);
        CHECK_INT(cable_out(0x01, sent, 64), 64);
        usb_poll();
        CHECK_INT(usb_read(got, STREAM), 64);
        CHECK_MEM(got, sent, 64);
        CHECK_INT(fake_usbd_violations(), 0);
    }
}

static int
halt_and_clear(void)
{
    CHECK_INT(lab_order(0x02, 3, 0, 0x01), 0);
    return lab_order(0x02, 1, 0, 0x01);
}

static int
clear(void)
{
    return lab_order(0x02, 1, 0, 0x01);
}

static int
configure(void)
{
    return lab_order(0x00, 9, 1, 0);
}

static int
configure_anew(void)
{
    CHECK_INT(lab_order(0x00, 9, 0, 0), 0);
    return configure();
}

static int
choose_setting(void)
{
    return lab_order(0x01, 11, 0, 0);
}

static int
reset(void)
{
    lab_bring_to(LAB_CONFIGURED);
    cable_toggle_reset(0x01);
    return 0;
}

/* Behind an odd number of packets a forgotten toggle drops the next one. */
static void
whatever_resets_the_toggles_resets_the_device_s(void)
{
    static int (*const ways[])(
            void) = { halt_and_clear, clear, configure, configure_anew, choose_setting, reset };

    fill(4);
    for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
        for (size_t before = 0; before < 20; before++) {
            size_t n = 0;

            lab_start(true);
            lab_bring_to(LAB_CONFIGURED);
            for (size_t i = 0; i < before; i++) {
                CHECK_INT(os_bulk_out(0x01, sent + 3 * i, 3), 3);
            }
            CHECK_INT(ways[way](), 0);
            CHECK_INT(os_bulk_out(0x01, sent + 3 * before, 3), 3);
            n = usb_read(got, STREAM);
            CHECK_INT(n, 3 * before + 3);
            CHECK_MEM(got, sent, n);
            CHECK_INT(fake_usbd_dropped(), 0);
            CHECK_INT(fake_usbd_violations(), 0);
        }
    }
}

static void
a_halted_endpoint_answers_stall_until_it_is_cleared(void)
{
    uint8_t status[2];

    lab_start(true);
    lab_bring_to(LAB_CONFIGURED);
    for (unsigned i = 0; i < 2; i++) {
        uint16_t endpoint = i == 0 ? 0x01 : 0x82;
        uint8_t packet[64] = { 0 };

        CHECK_INT(lab_ask(0x82, 0, 0, endpoint, 2, status), 2);
        CHECK_INT(status[0], 0);
        CHECK_INT(lab_order(0x02, 3, 0, endpoint), 0);
        CHECK_INT(lab_ask(0x82, 0, 0, endpoint, 2, status), 2);
        CHECK_INT(status[0], 1);
        CHECK_INT(i == 0 ? os_bulk_out(0x01, sent, 1) : os_bulk_in(0x82, packet, 64), CABLE_STALL);
        CHECK_INT(usb_dump_write(sent, 10), i == 0 ? 10 : 0);
        CHECK_INT(lab_order(0x02, 1, 0, endpoint), 0);
        CHECK_INT(lab_ask(0x82, 0, 0, endpoint, 2, status), 2);
        CHECK_INT(status[0], 0);
    }
    CHECK_INT(os_bulk_out(0x01, sent, 64), 64);
    CHECK_INT(fake_usbd_violations(), 0);
}

static void
what_was_acknowledged_outlives_a_reset_before_the_device_saw_it(void)
{
    lab_start(false);
    lab_bring_to(LAB_CONFIGURED);
    fill(5);
    usb_poll();
    CHECK_INT(cable_out(0x01, sent, 64), 64);
    cable_reset();
    usb_poll();
    cable_power(false);
    usb_poll();
    CHECK_INT(usb_read(got, STREAM), 64);
    CHECK_MEM(got, sent, 64);
    lab_bring_to(LAB_CONFIGURED);
    cable_toggle_reset(0x01);
    CHECK_INT(os_bulk_out(0x01, sent, 1000), ROOM);
    CHECK_INT(fake_usbd_violations(), 0);
}

static void
a_logger_that_logs_has_no_way_out(void)
{
    uint8_t packet[64];

    lab_start(false);
    lab_bring_to(LAB_CONFIGURED);
    CHECK_INT(usb_dump_write(sent, 64), 0);
    CHECK_INT(usb_dump_begun(), 0);
    for (uint8_t endpoint = 1; endpoint < 16; endpoint++) {
        CHECK_INT(os_bulk_in(endpoint | 0x80, packet, 64), CABLE_NOTHING);
        if (endpoint > 1) {
            CHECK_INT(os_bulk_out(endpoint, packet, 1), CABLE_NOTHING);
        }
    }
}

static void
a_dump_of_a_megabyte_arrives_byte_for_byte(void)
{
    uint32_t seed = 6;
    size_t out = 0;
    size_t in = 0;
    uint8_t packet[64];

    lab_start(true);
    CHECK_INT(usb_dump_write(sent, 64), 0);
    CHECK_INT(usb_dump_begun(), 0);
    CHECK(!usb_dump_taken());
    lab_bring_to(LAB_CONFIGURED);
    CHECK_INT(usb_dump_begun(), 1);
    fill(7);
    while (in < STREAM) {
        size_t len = lab_random(&seed) % 200;

        out += usb_dump_write(sent + out, len < STREAM - out ? len : STREAM - out);
        if (lab_random(&seed) % 2 == 0) {
            usb_poll();
        }
        int n = cable_in(0x82, packet);

        if (n > 0) {
            CHECK(!usb_dump_taken());
            memcpy(got + in, packet, (size_t)n);
            in += (size_t)n;
        }
    }
    usb_poll();
    CHECK(usb_dump_taken());
    CHECK_MEM(got, sent, STREAM);
    CHECK_INT(fake_usbd_dropped(), 0);
    CHECK_INT(fake_usbd_violations(), 0);
}

static void
a_dump_begins_anew_when_the_host_resets_its_endpoint(void)
{
    uint8_t packet[64];
    uint32_t begun;

    fill(8);
    for (unsigned way = 0; way < 3; way++) {
        for (size_t before = 0; before < 6; before++) {
            lab_start(true);
            lab_bring_to(LAB_CONFIGURED);
            begun = usb_dump_begun();
            for (size_t i = 0; i < before; i++) {
                CHECK_INT(usb_dump_write(sent, 10), 10);
                if (i == 0) {
                    CHECK_INT(os_bulk_in(0x82, packet, 64), 10);
                }
            }
            CHECK_INT(way == 0   ? lab_order(0x02, 1, 0, 0x82)
                      : way == 1 ? lab_order(0x01, 11, 0, 1)
                                 : lab_order(0x00, 9, 1, 0),
                    0);
            CHECK_INT(usb_dump_begun(), begun + 1);
            CHECK(usb_dump_taken());
            CHECK_INT(os_bulk_in(0x82, packet, 64), 0);
            CHECK_INT(usb_dump_write(sent, 64), 64);
            CHECK_INT(os_bulk_in(0x82, packet, 64), 64);
            CHECK_MEM(packet, sent, 64);
            CHECK_INT(fake_usbd_dropped(), 0);
            CHECK_INT(fake_usbd_violations(), 0);
        }
    }
    cable_reset();
    usb_poll();
    CHECK(!usb_dump_taken());
    CHECK_INT(usb_dump_write(sent, 1), 0);
}

int
main(void)
{
    CHECK_RUN(nothing_is_taken_before_the_device_is_configured);
    CHECK_RUN(nothing_is_taken_when_the_host_has_taken_the_configuration_back);
    CHECK_RUN(nothing_is_taken_before_somebody_reads);
    CHECK_RUN(the_host_waits_while_the_reader_is_behind);
    CHECK_RUN(a_megabyte_in_packets_of_any_size_arrives_byte_for_byte);
    CHECK_RUN(reading_and_writing_arm_the_endpoints_at_once);
    CHECK_RUN(a_packet_there_is_no_room_for_is_not_taken);
    CHECK_RUN(what_was_acknowledged_outlives_a_request_before_the_device_saw_it);
    CHECK_RUN(whatever_resets_the_toggles_resets_the_device_s);
    CHECK_RUN(a_halted_endpoint_answers_stall_until_it_is_cleared);
    CHECK_RUN(what_was_acknowledged_outlives_a_reset_before_the_device_saw_it);
    CHECK_RUN(a_logger_that_logs_has_no_way_out);
    CHECK_RUN(a_dump_of_a_megabyte_arrives_byte_for_byte);
    CHECK_RUN(a_dump_begins_anew_when_the_host_resets_its_endpoint);
    return check_result();
}
