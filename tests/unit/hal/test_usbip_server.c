/* What a USB/IP client gets from the server, with a small device at the other end of the cable. */
#include "hal/linux/cable.h"
#include "hal/linux/urbs.h"
#include "hal/linux/usbip.h"
#include "hal/linux/usbip_server.h"
#include "hal/linux/wake.h"
#include "support/check.h"

#define OUT_1 0x01
#define IN_2 0x82
#define TURNS 5000
#define HEARD (4 * USBIP_TRANSFER_MOST)

/* The device: a stall for requests it does not know, 0x40/1 takes data, 0xC0/2 gives wValue bytes. */
static struct {
    bool powered;
    unsigned resets;
    unsigned setups;
    bool reading; /* arms its endpoint 1 */
    const uint8_t *answer;
    size_t answer_left;
    size_t want; /* bytes of a control transfer out */
    size_t got_len;
    uint8_t got[2 * USBIP_TRANSFER_MOST];
    size_t packets;
} device;

static const uint8_t device_descriptor[18] = { 18, 1, 0x10, 1, 0xFF, 0, 0, 64, 9, 0x12, 1, 0, 0, 1, 1, 2, 3,
    1 };
static const uint8_t configuration[] = {
    9,
    2,
    32,
    0,
    1,
    1,
    0,
    0x80,
    50, /* configuration 1 */
    9,
    4,
    0,
    0,
    2,
    0xFF,
    7,
    8,
    0, /* interface 0 */
    7,
    5,
    OUT_1,
    2,
    64,
    0,
    0, /* its endpoints */
    7,
    5,
    IN_2,
    2,
    64,
    0,
    0,
};
static uint8_t counting[USBIP_TRANSFER_MOST];

void
wake_now(void)
{
}

static void
send_part(void)
{
    size_t n = device.answer_left < HAL_USBD_PACKET ? device.answer_left : HAL_USBD_PACKET;

    hal_usbd_send(0, device.answer, n);
    device.answer += n;
    device.answer_left -= n;
}

static void
give(const uint8_t *answer, size_t len, size_t most)
{
    device.answer = answer;
    device.answer_left = len < most ? len : most;
    send_part();
    hal_usbd_receive(0); /* the status stage may come early */
}

static void
take_setup(const uint8_t *s)
{
    size_t most = (size_t)(s[6] | s[7] << 8);

    device.setups++;
    device.answer_left = 0;
    device.want = 0;
    if (s[0] == 0x80 && s[1] == 6 && s[3] == 1) {
        give(device_descriptor, sizeof device_descriptor, most);
    } else if (s[0] == 0x80 && s[1] == 6 && s[3] == 2) {
        give(configuration, sizeof configuration, most);
    } else if (s[0] == 0xC0 && s[1] == 2) {
        give(counting, (size_t)(s[2] | s[3] << 8), USBIP_TRANSFER_MOST);
    } else if (s[0] == 0x40 && s[1] == 1) {
        device.want = most;
        device.got_len = 0;
        hal_usbd_receive(0);
    } else if (s[0] == 0 && (s[1] == 5 || s[1] == 9)) {
        (void)hal_usbd_open(OUT_1);
        (void)hal_usbd_open(IN_2);
        hal_usbd_send(0, NULL, 0);
    } else {
        hal_usbd_stall(0);
    }
}

static void
take_packet(const struct hal_usbd_event *event)
{
    memcpy(device.got + device.got_len, event->data, event->len);
    device.got_len += event->len;
    device.packets++;
    if (event->endpoint == 0 && device.want > 0) {
        if (device.got_len < device.want) {
            hal_usbd_receive(0);
        } else {
            hal_usbd_send(0, NULL, 0);
        }
    } else if (event->endpoint == OUT_1 && device.reading) {
        hal_usbd_receive(OUT_1);
    }
}

void
hal_usbd_event(const struct hal_usbd_event *event)
{
    switch (event->what) {
    case HAL_USBD_POWER:
        device.powered = event->len == 1;
        break;
    case HAL_USBD_RESET:
        device.resets++;
        break;
    case HAL_USBD_SETUP:
        take_setup(event->data);
        break;
    case HAL_USBD_RECEIVED:
        take_packet(event);
        break;
    case HAL_USBD_SENT:
        if (event->endpoint == 0x80 && device.answer_left > 0) {
            send_part();
        }
        break;
    default:
        break;
    }
}

/* The client: what it has heard. */
static uint8_t heard[HEARD];
static size_t heard_len;
static bool left; /* the server has had enough of it */

static void
listen_up(void)
{
    size_t len;
    const uint8_t *out = usbip_server_out(&len);

    len = len < sizeof heard - heard_len ? len : sizeof heard - heard_len;
    memcpy(heard + heard_len, out, len);
    heard_len += len;
    usbip_server_sent(len);
}

static void
turn(void)
{
    for (int i = 0; i < TURNS && usbip_server_turn(); i++) {
        listen_up();
    }
    listen_up();
}

static void
say(const void *src, size_t len)
{
    const uint8_t *at = src;

    for (int i = 0; i < TURNS && len > 0 && !left; i++) {
        size_t taken;

        left = !usbip_server_take(at, len, &taken);
        at += taken;
        len -= taken;
        turn();
    }
    turn();
}

static void
plug(void)
{
    memset(&device, 0, sizeof device);
    device.reading = true;
    heard_len = 0;
    left = false;
    for (size_t i = 0; i < sizeof counting; i++) {
        counting[i] = (uint8_t)(i * 3 + (i >> 8));
    }
    usbip_server_plug();
    turn();
}

static void
say_op(enum usbip_code code)
{
    uint8_t bytes[USBIP_OP_SIZE];

    usbip_op_put(&(struct usbip_op){ .code = code }, bytes);
    say(bytes, sizeof bytes);
}

static void
say_import(const char *bus_id)
{
    uint8_t bytes[USBIP_BUS_ID_SIZE];

    say_op(USBIP_REQ_IMPORT);
    usbip_bus_id_put(bus_id, bytes);
    say(bytes, sizeof bytes);
}

static void
import(void)
{
    plug();
    say_import("1-1");
    heard_len = 0;
}

static void
submit(struct usbip_urb urb, const void *payload)
{
    uint8_t bytes[USBIP_URB_SIZE];

    urb.command = USBIP_CMD_SUBMIT;
    urb.device = USBIP_SERVER_DEVICE;
    usbip_urb_put(&urb, bytes);
    say(bytes, sizeof bytes);
    if (payload != NULL) {
        say(payload, usbip_urb_payload(&urb));
    }
}

static void
control(uint32_t seq, bool in, const uint8_t setup[8], const void *payload)
{
    struct usbip_urb urb = { .seq = seq, .in = in, .length = (uint32_t)(setup[6] | setup[7] << 8) };

    memcpy(urb.setup, setup, sizeof urb.setup);
    submit(urb, payload);
}

static void
unlink_of(uint32_t seq, uint32_t victim)
{
    struct usbip_urb urb = {
        .command = USBIP_CMD_UNLINK,
        .seq = seq,
        .device = USBIP_SERVER_DEVICE,
        .victim = victim,
    };
    uint8_t bytes[USBIP_URB_SIZE];

    usbip_urb_put(&urb, bytes);
    say(bytes, sizeof bytes);
}

/* The next answer; one with seq 0 when there is none. Bytes behind it are moved to the front of heard[]. */
static struct usbip_urb
next_answer(void)
{
    struct usbip_urb got = { 0 };

    if (heard_len >= USBIP_URB_SIZE && usbip_urb_parse(heard, USBIP_URB_SIZE, &got) == 0) {
        heard_len -= USBIP_URB_SIZE;
        memmove(heard, heard + USBIP_URB_SIZE, heard_len);
    }
    return got;
}

static void
answered(uint32_t seq, int32_t status, uint32_t length)
{
    struct usbip_urb got = next_answer();

    CHECK_INT(got.seq, seq);
    CHECK_INT(got.status, status);
    CHECK_INT(got.length, length);
}

static const uint8_t get_device[8] = { 0x80, 6, 0, 1, 0, 0, 18, 0 };
static const uint8_t set_configuration[8] = { 0, 9, 1, 0, 0, 0, 0, 0 };

static void
a_listed_device_is_the_one_that_answers(void)
{
    struct usbip_device got = { 0 };
    struct usbip_op op;
    size_t at = USBIP_OP_SIZE + 4;

    plug();
    CHECK(device.powered);
    say_op(USBIP_REQ_DEVLIST);
    CHECK_INT(heard_len, at + USBIP_DEVICE_SIZE + USBIP_INTERFACE_SIZE);
    CHECK_INT(usbip_op_parse(heard, USBIP_OP_SIZE, &op), 0);
    CHECK(op.code == USBIP_REP_DEVLIST && op.status == 0 && heard[at - 1] == 1);
    CHECK_INT(usbip_device_parse(heard + at, USBIP_DEVICE_SIZE, &got), 0);
    CHECK(got.vendor == 0x1209 && got.product == 1 && got.release == 0x0100 && got.class == 0xFF);
    CHECK(got.interfaces == 1 && got.configurations == 1 && got.speed == USBIP_SPEED_FULL);
    CHECK_STR(got.bus_id, "1-1");
    CHECK_MEM(heard + at + USBIP_DEVICE_SIZE, "\xFF\x07\x08\x00", 4);
    CHECK(!usbip_server_imported());
}

static void
an_import_resets_the_device_and_gives_it(void)
{
    struct usbip_device got = { 0 };

    plug();
    unsigned resets = device.resets;
    say_import("1-1");
    CHECK_INT(device.resets, resets + 1);
    CHECK_INT(heard_len, USBIP_OP_SIZE + USBIP_DEVICE_SIZE);
    CHECK_INT(heard[7], 0);
    CHECK_INT(usbip_device_parse(heard + USBIP_OP_SIZE, USBIP_DEVICE_SIZE, &got), 0);
    CHECK_INT(got.bus << 16 | got.device, USBIP_SERVER_DEVICE);
    CHECK(usbip_server_imported());
}

static void
another_bus_id_is_refused_and_the_next_may_be_right(void)
{
    plug();
    say_import("1-2");
    CHECK_INT(heard_len, USBIP_OP_SIZE);
    CHECK(heard[7] != 0 && !left && !usbip_server_imported());
    say_import("1-1");
    CHECK(usbip_server_imported());
}

static void
control_transfers_carry_bytes_both_ways(void)
{
    import();
    control(1, true, get_device, NULL);
    answered(1, USBIP_OK, sizeof device_descriptor);
    CHECK_MEM(heard, device_descriptor, sizeof device_descriptor);
    heard_len = 0;
    control(2, true, (const uint8_t[]){ 0xC0, 2, 200, 0, 0, 0, 0, 1 }, NULL);
    answered(2, USBIP_OK, 200);
    CHECK_INT(heard_len, 200);
    CHECK_MEM(heard, counting, 200);
    heard_len = 0;
    control(3, false, (const uint8_t[]){ 0x40, 1, 0, 0, 0, 0, 130, 0 }, counting);
    answered(3, USBIP_OK, 130);
    CHECK_INT(device.got_len, 130);
    CHECK_MEM(device.got, counting, 130);
    control(4, false, set_configuration, NULL);
    answered(4, USBIP_OK, 0);
}

static void
a_request_the_device_stalls_is_a_broken_pipe_and_the_next_works(void)
{
    import();
    control(1, true, (const uint8_t[]){ 0xC0, 99, 0, 0, 0, 0, 8, 0 }, NULL);
    answered(1, USBIP_EPIPE, 0);
    control(2, true, get_device, NULL);
    answered(2, USBIP_OK, sizeof device_descriptor);
}

static void
a_control_transfer_that_contradicts_itself_never_reaches_the_device(void)
{
    import();
    unsigned setups = device.setups;
    struct usbip_urb urb = { .seq = 1, .in = true, .length = 17, .setup = { 0x80, 6, 0, 1, 0, 0, 18, 0 } };
    submit(urb, NULL);
    answered(1, USBIP_EINVAL, 0);
    urb = (struct usbip_urb){ .seq = 2, .in = false, .length = 18, .setup = { 0x80, 6, 0, 1, 0, 0, 18, 0 } };
    submit(urb, counting);
    answered(2, USBIP_EINVAL, 0);
    urb = (struct usbip_urb){ .seq = 3, .in = true, .length = 19, .setup = { 0x80, 6, 0, 1, 0, 0, 18, 0 } };
    submit(urb, NULL);
    answered(3, USBIP_EINVAL, 0);
    CHECK_INT(device.setups, setups);
}

static void
an_answer_longer_than_asked_for_is_an_overflow(void)
{
    import();
    control(1, true, (const uint8_t[]){ 0xC0, 2, 60, 0, 0, 0, 20, 0 }, NULL);
    answered(1, USBIP_EOVERFLOW, 20);
}

static void
bulk_bytes_go_out_in_order_and_whole(void)
{
    static const uint32_t lengths[] = { 0, 1, 63, 64, 65, 4096, USBIP_TRANSFER_MOST };

    import();
    control(1, false, set_configuration, NULL);
    hal_usbd_receive(OUT_1);
    heard_len = 0;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        device.got_len = 0;
        device.packets = 0;
        submit((struct usbip_urb){ .seq = 10, .endpoint = 1, .length = lengths[i] }, counting);
        answered(10, USBIP_OK, lengths[i]);
        CHECK_INT(device.got_len, lengths[i]);
        CHECK_MEM(device.got, counting, lengths[i]);
        CHECK_INT(device.packets, lengths[i] == 0 ? 1 : (lengths[i] + 63) / 64);
    }
}

static void
an_empty_packet_ends_whole_packets_when_it_is_asked_for(void)
{
    import();
    control(1, false, set_configuration, NULL);
    hal_usbd_receive(OUT_1);
    heard_len = 0;
    device.packets = 0;
    submit((struct usbip_urb){ .seq = 2, .endpoint = 1, .length = 128, .flags = USBIP_FLAG_ZERO_PACKET },
            counting);
    answered(2, USBIP_OK, 128);
    CHECK_INT(device.packets, 3);
    submit((struct usbip_urb){ .seq = 3, .endpoint = 1, .length = 127, .flags = USBIP_FLAG_ZERO_PACKET },
            counting);
    answered(3, USBIP_OK, 127);
    CHECK_INT(device.packets, 5);
}

static void
a_transfer_waits_while_the_device_is_behind_and_others_go_on(void)
{
    import();
    control(1, false, set_configuration, NULL);
    heard_len = 0;
    submit((struct usbip_urb){ .seq = 2, .endpoint = 1, .length = 10 }, counting);
    submit((struct usbip_urb){ .seq = 3, .endpoint = 2, .in = true, .length = 64 }, NULL);
    CHECK_INT(heard_len, 0);
    control(4, true, get_device, NULL);
    answered(4, USBIP_OK, sizeof device_descriptor);
    heard_len = 0;
    hal_usbd_receive(OUT_1);
    turn();
    answered(2, USBIP_OK, 10);
    hal_usbd_send(IN_2, counting, 5);
    turn();
    answered(3, USBIP_OK, 5);
    CHECK_MEM(heard, counting, 5);
}

static void
an_endpoint_takes_and_gives_one_packet_for_each_time_it_is_armed(void)
{
    import();
    control(1, false, set_configuration, NULL);
    heard_len = 0;
    device.reading = false;
    device.packets = 0;
    hal_usbd_receive(OUT_1);
    submit((struct usbip_urb){ .seq = 2, .endpoint = 1, .length = 128 }, counting);
    CHECK_INT(device.packets, 1);
    hal_usbd_send(IN_2, counting, 3);
    submit((struct usbip_urb){ .seq = 3, .endpoint = 2, .in = true, .length = 64 }, NULL);
    answered(3, USBIP_OK, 3);
    heard_len = 0;
    submit((struct usbip_urb){ .seq = 4, .endpoint = 2, .in = true, .length = 64 }, NULL);
    CHECK_INT(heard_len, 0);
    hal_usbd_receive(OUT_1);
    turn();
    answered(2, USBIP_OK, 128);
}

static void
an_unlinked_transfer_is_never_answered_nor_carried_out(void)
{
    import();
    control(1, false, set_configuration, NULL);
    heard_len = 0;
    submit((struct usbip_urb){ .seq = 2, .endpoint = 1, .length = 10 }, counting);
    unlink_of(3, 2);
    CHECK_INT(next_answer().status, USBIP_ECONNRESET);
    unlink_of(4, 2);
    CHECK_INT(next_answer().status, USBIP_OK);
    hal_usbd_receive(OUT_1);
    turn();
    CHECK_INT(heard_len, 0);
    CHECK_INT(device.got_len, 0);
}

static void
a_stalled_and_a_closed_endpoint_end_the_transfer(void)
{
    import();
    control(1, false, set_configuration, NULL);
    heard_len = 0;
    hal_usbd_stall(OUT_1);
    submit((struct usbip_urb){ .seq = 2, .endpoint = 1, .length = 10 }, counting);
    answered(2, USBIP_EPIPE, 0);
    submit((struct usbip_urb){ .seq = 3, .endpoint = 9, .length = 10 }, counting);
    answered(3, USBIP_EPROTO, 0);
    submit((struct usbip_urb){ .seq = 4, .endpoint = 9, .in = true, .length = 10 }, NULL);
    answered(4, USBIP_EPROTO, 0);
    CHECK(!left);
}

static void
one_transfer_too_many_is_refused_with_its_bytes(void)
{
    import();
    control(1, false, set_configuration, NULL);
    heard_len = 0;
    for (uint32_t i = 0; i < URBS_MOST; i++) {
        submit((struct usbip_urb){ .seq = 100 + i, .endpoint = 1, .length = 1 }, counting + i);
    }
    CHECK_INT(heard_len, 0);
    submit((struct usbip_urb){ .seq = 200, .endpoint = 1, .length = 1000 }, counting);
    answered(200, USBIP_ENOMEM, 0);
    hal_usbd_receive(OUT_1);
    turn();
    for (uint32_t i = 0; i < URBS_MOST; i++) {
        answered(100 + i, USBIP_OK, 1);
    }
    CHECK_INT(device.got_len, URBS_MOST);
    CHECK_MEM(device.got, counting, URBS_MOST);
}

static void
the_stream_may_come_cut_at_any_byte(void)
{
    uint8_t all[USBIP_OP_SIZE + USBIP_BUS_ID_SIZE + 2 * USBIP_URB_SIZE + 70];
    struct usbip_urb urb = { .command = USBIP_CMD_SUBMIT, .seq = 1, .device = USBIP_SERVER_DEVICE };
    uint8_t *at = all + USBIP_OP_SIZE;

    usbip_op_put(&(struct usbip_op){ .code = USBIP_REQ_IMPORT }, all);
    usbip_bus_id_put("1-1", at);
    memcpy(urb.setup, set_configuration, sizeof urb.setup);
    usbip_urb_put(&urb, at + USBIP_BUS_ID_SIZE);
    urb = (struct usbip_urb){ USBIP_CMD_SUBMIT, .seq = 2, .device = USBIP_SERVER_DEVICE, .endpoint = 1,
        .length = 70 };
    usbip_urb_put(&urb, at + USBIP_BUS_ID_SIZE + USBIP_URB_SIZE);
    memcpy(all + sizeof all - 70, counting, 70);
    for (size_t cut = 0; cut <= sizeof all; cut++) {
        plug();
        say(all, cut);
        say(all + cut, sizeof all - cut);
        hal_usbd_receive(OUT_1);
        turn();
        CHECK(!left);
        CHECK_INT(heard_len, USBIP_OP_SIZE + USBIP_DEVICE_SIZE + 2 * USBIP_URB_SIZE);
        CHECK_INT(device.got_len, 70);
        CHECK_MEM(device.got, counting, 70);
    }
}

static void
a_peer_that_breaks_the_protocol_is_left(void)
{
    uint8_t bytes[USBIP_URB_SIZE];
    const struct usbip_urb wrong[] = {
        { .command = USBIP_RET_SUBMIT, .device = USBIP_SERVER_DEVICE },
        { .command = USBIP_RET_UNLINK, .device = USBIP_SERVER_DEVICE },
        { .command = USBIP_CMD_SUBMIT, .device = USBIP_SERVER_DEVICE + 1 },
        { .command = USBIP_CMD_SUBMIT, .device = USBIP_SERVER_DEVICE, .length = USBIP_TRANSFER_MOST + 1 },
        { .command = USBIP_CMD_SUBMIT, .device = USBIP_SERVER_DEVICE, .endpoint = 16 },
    };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        import();
        usbip_urb_put(&wrong[i], bytes);
        say(bytes, sizeof bytes);
        CHECK(left);
    }
    plug();
    say_op(USBIP_REP_IMPORT);
    CHECK(left);
    plug();
    say("GET / HTTP/1.1\r\n", 16);
    CHECK(left);
}

static void
a_peer_that_does_not_read_gets_nothing_done(void)
{
    struct usbip_urb urb = {
        .command = USBIP_CMD_SUBMIT,
        .device = USBIP_SERVER_DEVICE,
        .in = true,
        .length = sizeof counting / 2,
        .setup = { 0xC0, 2, 0, 0x80, 0, 0, 0, 0x80 },
    };
    uint8_t bytes[USBIP_URB_SIZE];
    size_t taken = 1;
    unsigned asked = 0;

    import();
    usbip_urb_put(&urb, bytes);
    while (taken > 0 && asked < 1000) {
        CHECK(usbip_server_take(bytes, sizeof bytes, &taken));
        asked++;
        for (int i = 0; i < TURNS && usbip_server_turn(); i++) {
        }
    }
    CHECK(asked < 1000);
    CHECK(!usbip_server_hungry());
    turn();
    CHECK(usbip_server_hungry());
}

static void
without_a_peer_the_device_has_no_power_and_nothing_is_left(void)
{
    import();
    control(1, false, set_configuration, NULL);
    heard_len = 0;
    submit((struct usbip_urb){ .seq = 2, .endpoint = 1, .length = 10 }, counting);
    usbip_server_unplug();
    CHECK(!device.powered && !usbip_server_imported() && !usbip_server_hungry());
    hal_usbd_receive(OUT_1);
    CHECK(!usbip_server_turn());
    plug();
    CHECK_INT(heard_len, 0);
    import();
    control(1, false, set_configuration, NULL);
    hal_usbd_receive(OUT_1);
    turn();
    CHECK_INT(device.got_len, 0);
}

int
main(void)
{
    cable_pull_up();
    CHECK_RUN(a_listed_device_is_the_one_that_answers);
    CHECK_RUN(an_import_resets_the_device_and_gives_it);
    CHECK_RUN(another_bus_id_is_refused_and_the_next_may_be_right);
    CHECK_RUN(control_transfers_carry_bytes_both_ways);
    CHECK_RUN(a_request_the_device_stalls_is_a_broken_pipe_and_the_next_works);
    CHECK_RUN(a_control_transfer_that_contradicts_itself_never_reaches_the_device);
    CHECK_RUN(an_answer_longer_than_asked_for_is_an_overflow);
    CHECK_RUN(bulk_bytes_go_out_in_order_and_whole);
    CHECK_RUN(an_empty_packet_ends_whole_packets_when_it_is_asked_for);
    CHECK_RUN(a_transfer_waits_while_the_device_is_behind_and_others_go_on);
    CHECK_RUN(an_endpoint_takes_and_gives_one_packet_for_each_time_it_is_armed);
    CHECK_RUN(an_unlinked_transfer_is_never_answered_nor_carried_out);
    CHECK_RUN(a_stalled_and_a_closed_endpoint_end_the_transfer);
    CHECK_RUN(one_transfer_too_many_is_refused_with_its_bytes);
    CHECK_RUN(the_stream_may_come_cut_at_any_byte);
    CHECK_RUN(a_peer_that_breaks_the_protocol_is_left);
    CHECK_RUN(a_peer_that_does_not_read_gets_nothing_done);
    CHECK_RUN(without_a_peer_the_device_has_no_power_and_nothing_is_left);
    return check_result();
}
