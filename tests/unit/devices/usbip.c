/* The client of USB/IP, the sink's side of it, and the sink, against another end that this test plays. */
#include "hal/host/usbip.h"
#include "hal/host/usbip_host.h"
#include "sinks/sink.h"
#include "support/check.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t config[] = { 9, 2, 32, 0, 1, 1, 0, 0x80, 50, /* configuration 1 */
    9, 4, 0, 0, 1, 0xff, 0, 0, 0,                                 /* interface 0, vendor specific */
    7, 5, 0x01, 2, 64, 0, 0,                                      /* endpoint 1 out, bulk */
    7, 5, 0x82, 2, 64, 0, 0 };                                    /* endpoint 2 in, bulk */

static struct hal_usbip client;
static int near = -1;
static int far = -1;

static void
connect_both(void)
{
    int pair[2];

    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    near = pair[0];
    far = pair[1];
}

static void
hang_up(void)
{
    if (far >= 0) {
        close(far);
        far = -1;
    }
}

static void
part(void)
{
    hang_up();
    close(near);
}

static size_t
take(void *to, size_t size)
{
    ssize_t n = read(far, to, size);

    return n > 0 ? (size_t)n : 0;
}

static void
give(const void *bytes, size_t len)
{
    CHECK_INT(write(far, bytes, len), len);
}

/* The next request, with what stands behind it in `data`. */
static struct usbip_urb
take_request(uint8_t *data, size_t size)
{
    uint8_t bytes[USBIP_URB_SIZE];
    struct usbip_urb urb = { .seq = 0 };

    CHECK_INT(take(bytes, sizeof(bytes)), sizeof(bytes));
    CHECK_INT(usbip_urb_parse(bytes, sizeof(bytes), &urb), 0);
    size_t behind = usbip_urb_payload(&urb);

    CHECK(behind <= size);
    if (behind > 0) {
        CHECK_INT(take(data, behind), behind);
    }
    return urb;
}

static size_t
answer_bytes(uint8_t *out, uint32_t number, int32_t status, const void *data, size_t len)
{
    const struct usbip_urb urb = {
        .command = USBIP_RET_SUBMIT, .seq = number, .status = status, .length = (uint32_t)len
    };

    usbip_urb_put(&urb, out);
    if (data != NULL) {
        memcpy(out + USBIP_URB_SIZE, data, len);
    }
    return USBIP_URB_SIZE + (data != NULL ? len : 0);
}

static void
answer(uint32_t number, int32_t status, const void *data, size_t len)
{
    uint8_t out[USBIP_URB_SIZE + HAL_USBIP_IN_MOST];

    give(out, answer_bytes(out, number, status, data, len));
}

static size_t
grant_bytes(uint8_t *out, const char *bus_id)
{
    const struct usbip_op op = { .code = USBIP_REP_IMPORT };
    struct usbip_device device = { .bus = 3, .device = 4, .speed = USBIP_SPEED_FULL, .interfaces = 1 };

    snprintf(device.bus_id, sizeof(device.bus_id), "%s", bus_id);
    usbip_op_put(&op, out);
    usbip_device_put(&device, out + USBIP_OP_SIZE);
    return USBIP_OP_SIZE + USBIP_DEVICE_SIZE;
}

static void
grant(const char *bus_id)
{
    uint8_t asked[USBIP_OP_SIZE + USBIP_BUS_ID_SIZE];
    uint8_t out[USBIP_OP_SIZE + USBIP_DEVICE_SIZE];

    CHECK_INT(take(asked, sizeof(asked)), sizeof(asked));
    CHECK_STR((const char *)asked + USBIP_OP_SIZE, "1-1");
    give(out, grant_bytes(out, bus_id));
}

/* Until the device is in its configuration. */
static void
make_ready(int (*step)(void))
{
    uint8_t none[1];

    CHECK_INT(step(), 0);
    grant("1-1");
    CHECK_INT(step(), 0);
    struct usbip_urb urb = take_request(none, 0);

    CHECK_INT(urb.device, 3 << 16 | 4);
    CHECK(urb.in && urb.endpoint == 0 && urb.setup[1] == 6 && urb.setup[3] == 2);
    answer(urb.seq, 0, config, sizeof(config));
    CHECK_INT(step(), 0);
    urb = take_request(none, 0);
    CHECK(!urb.in && urb.endpoint == 0 && urb.setup[1] == 9 && urb.setup[2] == 1);
    answer(urb.seq, 0, NULL, 0);
}

static int
step_client(void)
{
    return hal_usbip_step(&client);
}

static void
begin(void)
{
    connect_both();
    hal_usbip_begin(&client, near, "1-1", true);
}

static void
begin_ready(void)
{
    begin();
    make_ready(step_client);
    CHECK_INT(hal_usbip_step(&client), 1);
}

static void
a_device_is_asked_for_described_and_configured(void)
{
    begin_ready();
    CHECK_INT(client.config_len, sizeof(config));
    CHECK_MEM(client.config, config, sizeof(config));
    part();
}

static void
a_transfer_brings_what_the_device_sends(void)
{
    const struct hal_usbip_transfer in = { .in = true, .endpoint = 2, .len = 64 };
    uint8_t none[1];

    begin_ready();
    hal_usbip_submit(&client, &in);
    CHECK_INT(hal_usbip_step(&client), 0);
    struct usbip_urb urb = take_request(none, 0);

    CHECK(urb.in && urb.endpoint == 2 && urb.length == 64);
    answer(urb.seq, 0, "records", 7);
    CHECK_INT(hal_usbip_step(&client), 1);
    CHECK_INT(client.actual, 7);
    CHECK_MEM(hal_usbip_bytes(&client), "records", 7);
    part();
}

static void
an_answer_that_is_longer_than_asked_for_ends_the_connection(void)
{
    const struct hal_usbip_transfer in = { .in = true, .endpoint = 2, .len = 64 };

    begin_ready();
    hal_usbip_submit(&client, &in);
    answer(client.number, 0, NULL, 65);
    CHECK_INT(hal_usbip_step(&client), -EPROTO);
    part();
}

static void
an_answer_to_something_else_ends_the_connection(void)
{
    const struct hal_usbip_transfer out = { .endpoint = 1, .bytes = "x", .len = 1 };

    begin_ready();
    hal_usbip_submit(&client, &out);
    answer(client.number + 1, 0, NULL, 1);
    CHECK_INT(hal_usbip_step(&client), -EPROTO);
    part();
}

static void
another_device_than_the_one_asked_for_is_refused(void)
{
    begin();
    CHECK_INT(hal_usbip_step(&client), 0);
    grant("1-2");
    CHECK_INT(hal_usbip_step(&client), -EPROTO);
    part();
}

static void
a_device_that_is_not_there_is_no_device(void)
{
    const struct usbip_op op = { .code = USBIP_REP_IMPORT, .status = 1 };
    uint8_t out[USBIP_OP_SIZE];

    begin();
    usbip_op_put(&op, out);
    give(out, sizeof(out));
    CHECK_INT(hal_usbip_step(&client), -ENODEV);
    part();
}

static void
a_device_that_somebody_else_has_is_in_use(void)
{
    const struct usbip_op op = { .code = USBIP_REP_IMPORT, .status = USBIP_OP_IN_USE };
    uint8_t out[USBIP_OP_SIZE];

    begin();
    usbip_op_put(&op, out);
    give(out, sizeof(out));
    CHECK_INT(hal_usbip_step(&client), -EBUSY);
    part();
}

static void
a_configuration_without_our_interface_is_refused(void)
{
    uint8_t other[sizeof(config)];
    uint8_t none[1];

    memcpy(other, config, sizeof(config));
    other[9 + 5] = 0x08;
    begin();
    CHECK_INT(hal_usbip_step(&client), 0);
    grant("1-1");
    CHECK_INT(hal_usbip_step(&client), 0);
    answer(take_request(none, 0).seq, 0, other, sizeof(other));
    CHECK_INT(hal_usbip_step(&client), -ENOENT);
    part();
}

/* Every byte that the other end says until the device is ready, in one piece. */
static size_t
all_answers(uint8_t *out)
{
    size_t len = grant_bytes(out, "1-1");

    len += answer_bytes(out + len, 1, 0, config, sizeof(config));
    return len + answer_bytes(out + len, 2, 0, NULL, 0);
}

static void
answers_may_come_in_pieces_of_any_size_and_end_anywhere(void)
{
    uint8_t out[USBIP_OP_SIZE + USBIP_DEVICE_SIZE + 2 * USBIP_URB_SIZE + sizeof(config)];
    size_t len = all_answers(out);

    CHECK_INT(len, sizeof(out));
    for (size_t cut = 0; cut < len; cut++) {
        begin();
        if (cut > 0) {
            give(out, cut);
        }
        CHECK_INT(hal_usbip_step(&client), 0);
        give(out + cut, len - cut);
        CHECK_INT(hal_usbip_step(&client), 1);
        part();

        begin();
        if (cut > 0) {
            give(out, cut);
        }
        hang_up();
        CHECK_INT(hal_usbip_step(&client), -ENODEV);
        part();
    }
}

/* ---- the sink's side ---- */

static int
step_host(void)
{
    return hal_usbip_pending() > 0 ? 0 : 1;
}

static void
adopt(void)
{
    connect_both();
    CHECK_INT(hal_usbip_adopt(near, "1-1"), 0);
}

static void
what_is_written_before_the_device_is_ready_follows_when_it_is(void)
{
    uint8_t data[64];

    adopt();
    CHECK_INT(hal_usbip_write("line\r\n", 6), 6);
    CHECK_INT(hal_usbip_write("next", 4), 0);
    make_ready(step_host);
    CHECK_INT(hal_usbip_pending(), 6);
    struct usbip_urb urb = take_request(data, sizeof(data));

    CHECK(!urb.in && urb.endpoint == 1);
    CHECK_INT(urb.length, 6);
    CHECK_MEM(data, "line\r\n", 6);
    answer(urb.seq, 0, NULL, 6);
    CHECK_INT(hal_usbip_pending(), 0);
    CHECK(!hal_usbip_gone());
    hal_usbip_release();
    part();
}

static void
what_the_device_did_not_take_is_sent_again_and_no_more(void)
{
    uint8_t data[64];

    adopt();
    CHECK_INT(hal_usbip_write("0123456789", 10), 10);
    make_ready(step_host);
    CHECK_INT(hal_usbip_pending(), 10);
    answer(take_request(data, sizeof(data)).seq, 0, NULL, 4);
    CHECK_INT(hal_usbip_pending(), 6);
    struct usbip_urb urb = take_request(data, sizeof(data));

    CHECK_INT(urb.length, 6);
    CHECK_MEM(data, "456789", 6);
    CHECK_INT(hal_usbip_pending(), 6);
    CHECK_INT(hal_usbip_pending(), 6);
    CHECK_INT(take(data, sizeof(data)), 0);
    answer(urb.seq, 0, NULL, 6);
    CHECK_INT(hal_usbip_pending(), 0);
    hal_usbip_release();
    part();
}

static void
a_device_that_is_unplugged_is_gone_whether_or_not_it_is_written_to(void)
{
    uint8_t data[64];

    adopt();
    CHECK_INT(hal_usbip_write("x", 1), 1);
    make_ready(step_host);
    CHECK_INT(hal_usbip_pending(), 1);
    answer(take_request(data, sizeof(data)).seq, 0, NULL, 1);
    CHECK_INT(hal_usbip_pending(), 0);
    hang_up();
    CHECK(hal_usbip_gone());
    int n = hal_usbip_write("y", 1);

    CHECK(n == -ENODEV || hal_usbip_pending() == -ENODEV);
    hal_usbip_release();
    CHECK(!hal_usbip_gone());
    part();
}

static void
a_stalled_endpoint_is_an_error(void)
{
    uint8_t data[64];

    adopt();
    CHECK_INT(hal_usbip_write("x", 1), 1);
    make_ready(step_host);
    CHECK_INT(hal_usbip_pending(), 1);
    answer(take_request(data, sizeof(data)).seq, USBIP_EPIPE, NULL, 0);
    CHECK_INT(hal_usbip_pending(), -EPIPE);
    hal_usbip_release();
    part();
}

/* Who writes asks again and again whether it can: it has to hear each time that it cannot. */
static void
a_write_that_fails_leaves_nothing_under_way(void)
{
    uint8_t data[64];

    adopt();
    CHECK_INT(hal_usbip_write("x", 1), 1);
    make_ready(step_host);
    CHECK_INT(hal_usbip_pending(), 1);
    answer(take_request(data, sizeof(data)).seq, 0, NULL, 1);
    CHECK_INT(hal_usbip_pending(), 0);
    hang_up();
    for (int i = 0; i < 3; i++) {
        CHECK_INT(hal_usbip_write("y", 1), -ENODEV);
    }
    hal_usbip_release();
    part();
}

/* ---- the sink ---- */

static struct sink sink;

static int
step_sink(void)
{
    return sink.ops->queued(&sink) > 0 ? 0 : 1;
}

static void
adopt_sink(void)
{
    static struct conf_channel channel = { .scheme = "usb", .device = "usbip:127.0.0.1:3240/1-1" };

    connect_both();
    CHECK(sink_init(&sink, &channel));
    sink.fd = near;
    CHECK_INT(sink.ops->adopt(&sink), 0);
}

/* The device is there, and takes the line end that opens a line: then it fails. */
static void
begin_sink(void)
{
    uint8_t data[64];

    adopt_sink();
    CHECK_INT(sink.ops->write(&sink, "\r\n", 2), 2);
    make_ready(step_sink);
    CHECK(sink.ops->queued(&sink) > 2);
    answer(take_request(data, sizeof(data)).seq, 0, NULL, 2);
    CHECK_INT(sink.ops->queued(&sink), 0);
}

static void
a_transfer_that_fails_for_good_is_told_and_not_made_again(void)
{
    uint8_t data[64];
    char word[SINK_WORD] = "";

    begin_sink();
    CHECK_INT(sink.ops->write(&sink, "line\r\n", 6), 6);
    CHECK(sink.ops->queued(&sink) > 6);
    answer(take_request(data, sizeof(data)).seq, USBIP_EPIPE, NULL, 0);
    CHECK_INT(sink.ops->queued(&sink), -EPIPE);
    CHECK_INT(take(data, sizeof(data)), 0);
    CHECK_INT(sink.ops->check(&sink, word), 0);
    sink.ops->close(&sink);
    CHECK_INT(sink.fd, -1);
    hang_up();
}

static void
a_device_that_is_unplugged_takes_nothing_and_is_gone(void)
{
    char word[SINK_WORD] = "";

    begin_sink();
    hang_up();
    CHECK_INT(sink.ops->write(&sink, "line\r\n", 6), -ENODEV);
    CHECK_INT(sink.ops->check(&sink, word), -ENODEV);
    CHECK_STR(word, "gone");
    sink.ops->close(&sink);
}

/* ---- names, configurations ---- */

static void
a_device_over_the_network_has_an_address_a_port_and_a_bus_id(void)
{
    static const char *const wrong[] = { "", "usbip:", "127.0.0.1:3240/1-1", "usbip:127.0.0.1/1-1",
        "usbip:127.0.0.1:0/1-1", "usbip:127.0.0.1:65536/1-1", "usbip:127.0.0.1:03240/1-1",
        "usbip:127.0.0.1:3240/", "usbip:127.0.0.1:3240", "usbip:localhost:3240/1-1", "usbip:::1:3240/1-1",
        "usbip:[::1]/1-1", "usbip:[]:1/1-1", "usbip:127.0.0.1:3 /1-1", "usbip:127.0.0.1:1/\x01",
        "usbip:127.0.0.1:1/12345678901234567890123456789012", "usbip:[127.0.0.1]:1/1-1", "usbip:/:1" };
    struct hal_usbip_name name = { .port = 9 };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK(!hal_usbip_name_parse(wrong[i], &name));
    }
    CHECK_INT(name.port, 9);
    CHECK(hal_usbip_name_parse("usbip:127.0.0.1:3240/1-1", &name));
    CHECK_INT(name.family, AF_INET);
    CHECK_INT(name.port, 3240);
    CHECK_INT(name.address[0], 127);
    CHECK_STR(name.bus_id, "1-1");
    CHECK(hal_usbip_name_parse("usbip:[2001:db8::1]:65535/3-1.4", &name));
    CHECK_INT(name.family, AF_INET6);
    CHECK_INT(name.address[15], 1);
    CHECK_STR(name.bus_id, "3-1.4");
}

static void
an_endpoint_is_found_by_its_direction_in_a_whole_configuration_only(void)
{
    struct hal_usb_endpoint e = { .endpoint = 9 };
    uint8_t bytes[sizeof(config)];

    CHECK_INT(hal_usb_config_find(config, sizeof(config), false, &e), 0);
    CHECK_INT(e.endpoint, 1);
    CHECK_INT(e.configuration, 1);
    CHECK_INT(hal_usb_config_find(config, sizeof(config), true, &e), 0);
    CHECK_INT(e.endpoint, 2);
    for (size_t len = 0; len < sizeof(config); len++) {
        CHECK_INT(hal_usb_config_find(config, len, false, &e), -EPROTO);
    }
    for (size_t at = 0; at < sizeof(config); at++) {
        for (unsigned value = 0; value < 256; value++) {
            memcpy(bytes, config, sizeof(config));
            bytes[at] = (uint8_t)value;
            int found = hal_usb_config_find(bytes, sizeof(bytes), false, &e);

            CHECK(found == 0 || found == -EPROTO || found == -ENOENT);
            CHECK(found != 0 || (e.endpoint > 0 && e.endpoint < 16));
        }
    }
}

int
main(void)
{
    CHECK_RUN(a_device_is_asked_for_described_and_configured);
    CHECK_RUN(a_transfer_brings_what_the_device_sends);
    CHECK_RUN(an_answer_that_is_longer_than_asked_for_ends_the_connection);
    CHECK_RUN(an_answer_to_something_else_ends_the_connection);
    CHECK_RUN(another_device_than_the_one_asked_for_is_refused);
    CHECK_RUN(a_device_that_is_not_there_is_no_device);
    CHECK_RUN(a_device_that_somebody_else_has_is_in_use);
    CHECK_RUN(a_configuration_without_our_interface_is_refused);
    CHECK_RUN(answers_may_come_in_pieces_of_any_size_and_end_anywhere);
    CHECK_RUN(what_is_written_before_the_device_is_ready_follows_when_it_is);
    CHECK_RUN(what_the_device_did_not_take_is_sent_again_and_no_more);
    CHECK_RUN(a_device_that_is_unplugged_is_gone_whether_or_not_it_is_written_to);
    CHECK_RUN(a_stalled_endpoint_is_an_error);
    CHECK_RUN(a_write_that_fails_leaves_nothing_under_way);
    CHECK_RUN(a_transfer_that_fails_for_good_is_told_and_not_made_again);
    CHECK_RUN(a_device_that_is_unplugged_takes_nothing_and_is_gone);
    CHECK_RUN(a_device_over_the_network_has_an_address_a_port_and_a_bus_id);
    CHECK_RUN(an_endpoint_is_found_by_its_direction_in_a_whole_configuration_only);
    return check_result();
}
