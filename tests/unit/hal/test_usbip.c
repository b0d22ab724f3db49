/* USB/IP on the wire: known bytes both ways, and what is refused. */
#include "hal/linux/usbip.h"
#include "support/check.h"

static const struct usbip_urb submit = {
    .command = USBIP_CMD_SUBMIT,
    .seq = 0x0D05,
    .device = 0x1000F,
    .in = true,
    .flags = 0x200,
    .length = 0x40,
    .setup = { 0x80, 6, 0, 1, 0, 0, 0x40, 0 },
};

static void
a_submit_is_written_as_the_kernel_writes_it(void)
{
    /* clang-format off */
    static const uint8_t want[USBIP_URB_SIZE] = {
        0, 0, 0, 1,  0, 0, 0x0D, 5,  0, 1, 0, 0x0F,  0, 0, 0, 1,  0, 0, 0, 0,
        0, 0, 2, 0,  0, 0, 0, 0x40,  0, 0, 0, 0,  0xFF, 0xFF, 0xFF, 0xFF,  0, 0, 0, 0,
        0x80, 6, 0, 1, 0, 0, 0x40, 0,
    };
    /* clang-format on */
    uint8_t got[USBIP_URB_SIZE];

    usbip_urb_put(&submit, got);
    CHECK_MEM(got, want, sizeof want);
}

static void
every_kind_reads_back_as_it_was_written(void)
{
    const struct usbip_urb kinds[] = {
        submit,
        { .command = USBIP_CMD_SUBMIT, .seq = 1, .endpoint = 15, .length = USBIP_TRANSFER_MOST },
        { .command = USBIP_CMD_UNLINK, .seq = UINT32_MAX, .device = 5, .victim = 0x01020304 },
        { .command = USBIP_RET_SUBMIT, .seq = 2, .status = USBIP_EPIPE, .length = 17 },
        { .command = USBIP_RET_UNLINK, .seq = 3, .status = USBIP_ECONNRESET },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        uint8_t bytes[USBIP_URB_SIZE];
        struct usbip_urb got;

        usbip_urb_put(&kinds[i], bytes);
        memset(&got, 0xEE, sizeof got);
        CHECK_INT(usbip_urb_parse(bytes, sizeof bytes, &got), 0);
        CHECK(got.command == kinds[i].command && got.seq == kinds[i].seq && got.in == kinds[i].in);
        CHECK(got.device == kinds[i].device && got.endpoint == kinds[i].endpoint);
        CHECK(got.flags == kinds[i].flags && got.length == kinds[i].length);
        CHECK(got.status == kinds[i].status && got.victim == kinds[i].victim);
        CHECK_MEM(got.setup, kinds[i].setup, sizeof got.setup);
    }
}

static void
only_a_submit_out_has_bytes_behind_it(void)
{
    struct usbip_urb urb = { .command = USBIP_CMD_SUBMIT, .length = 9 };

    CHECK_INT(usbip_urb_payload(&urb), 9);
    urb.in = true;
    CHECK_INT(usbip_urb_payload(&urb), 0);
    urb = (struct usbip_urb){ .command = USBIP_CMD_UNLINK, .victim = 9 };
    CHECK_INT(usbip_urb_payload(&urb), 0);
}

/* Sets the four bytes at `at` of a good command and looks whether it is still one. */
static int
parse_with(const struct usbip_urb *good, size_t at, uint32_t value)
{
    uint8_t bytes[USBIP_URB_SIZE];
    struct usbip_urb got = { .seq = 77 };

    usbip_urb_put(good, bytes);
    for (size_t i = 0; i < 4; i++) {
        bytes[at + i] = (uint8_t)(value >> (24 - 8 * i));
    }
    int result = usbip_urb_parse(bytes, sizeof bytes, &got);
    CHECK(result == 0 || got.seq == 77);
    return result;
}

static void
numbers_outside_their_bounds_are_refused(void)
{
    const struct usbip_urb answer = { .command = USBIP_RET_SUBMIT };

    CHECK_INT(parse_with(&submit, 0, 0), USBIP_E_FORM);
    CHECK_INT(parse_with(&submit, 0, 5), USBIP_E_FORM);
    CHECK_INT(parse_with(&submit, 0, 0x01000001), USBIP_E_FORM);
    CHECK_INT(parse_with(&submit, 12, 2), USBIP_E_FORM);
    CHECK_INT(parse_with(&submit, 16, 15), 0);
    CHECK_INT(parse_with(&submit, 16, 16), USBIP_E_FORM);
    CHECK_INT(parse_with(&submit, 16, UINT32_MAX), USBIP_E_FORM);
    CHECK_INT(parse_with(&submit, 24, USBIP_TRANSFER_MOST), 0);
    CHECK_INT(parse_with(&submit, 24, USBIP_TRANSFER_MOST + 1), USBIP_E_FORM);
    CHECK_INT(parse_with(&submit, 24, UINT32_MAX), USBIP_E_FORM);
    CHECK_INT(parse_with(&submit, 32, 0), 0);
    CHECK_INT(parse_with(&submit, 32, 1), USBIP_E_FORM);
    CHECK_INT(parse_with(&answer, 24, USBIP_TRANSFER_MOST + 1), USBIP_E_FORM);
}

static void
any_other_length_is_refused(void)
{
    uint8_t bytes[USBIP_DEVICE_SIZE + 1] = { 1, 0x11, 0x80, 3 };
    struct usbip_urb urb;
    struct usbip_op op;
    struct usbip_device device;
    char id[USBIP_BUS_ID_SIZE];
    uint32_t count;

    for (size_t len = 0; len <= sizeof bytes; len++) {
        CHECK(len == USBIP_URB_SIZE || usbip_urb_parse(bytes, len, &urb) == USBIP_E_SIZE);
        CHECK_INT(usbip_op_parse(bytes, len, &op), len == USBIP_OP_SIZE ? 0 : USBIP_E_SIZE);
        CHECK_INT(usbip_bus_id_parse(bytes, len, id), len == USBIP_BUS_ID_SIZE ? 0 : USBIP_E_SIZE);
        CHECK_INT(usbip_device_parse(bytes, len, &device), len == USBIP_DEVICE_SIZE ? 0 : USBIP_E_SIZE);
        CHECK(len == 4 || usbip_count_parse(bytes, len, &count) == USBIP_E_SIZE);
    }
}

static void
a_device_reads_back_as_it_was_written(void)
{
    struct usbip_device want = {
        .path = "/sys/devices/lab/usb1/1-1",
        .bus_id = "1-1",
        .bus = 1,
        .device = 2,
        .speed = USBIP_SPEED_FULL,
        .vendor = 0x1209,
        .product = 1,
        .release = 0x0100,
        .class = 0xFF,
        .configurations = 1,
        .interfaces = 1,
    };
    struct usbip_device got = { 0 };
    uint8_t bytes[USBIP_DEVICE_SIZE];

    usbip_device_put(&want, bytes);
    CHECK_MEM(bytes + 300, "\x12\x09\x00\x01\x01\x00\xFF", 7);
    CHECK_INT(usbip_device_parse(bytes, sizeof bytes, &got), 0);
    CHECK_MEM(&got, &want, sizeof got);
    memset(bytes + USBIP_PATH_SIZE, 'x', USBIP_BUS_ID_SIZE);
    CHECK_INT(usbip_device_parse(bytes, sizeof bytes, &got), USBIP_E_FORM);
    CHECK_STR(got.bus_id, "1-1");
}

static void
another_version_and_unknown_questions_are_refused(void)
{
    static const uint8_t older[] = { 1, 6, 0x80, 5, 0, 0, 0, 0 };
    static const uint8_t unknown[] = { 1, 0x11, 0x80, 4, 0, 0, 0, 0 };
    static const uint8_t good[] = { 1, 0x11, 0x80, 5, 0, 0, 0, 9 };
    uint8_t bytes[USBIP_OP_SIZE];
    struct usbip_op op = { 0 };

    CHECK_INT(usbip_op_parse(older, sizeof older, &op), USBIP_E_FORM);
    CHECK_INT(usbip_op_parse(unknown, sizeof unknown, &op), USBIP_E_FORM);
    CHECK_INT(usbip_op_parse(good, sizeof good, &op), 0);
    CHECK(op.code == USBIP_REQ_DEVLIST && op.status == 9);
    usbip_op_put(&op, bytes);
    CHECK_MEM(bytes, good, sizeof good);
}

static void
a_list_longer_than_any_is_refused(void)
{
    uint32_t count = 7;

    CHECK_INT(
            usbip_count_parse((const uint8_t[]){ 0, 0, 0, USBIP_DEVICES_MOST + 1 }, 4, &count), USBIP_E_FORM);
    CHECK_INT(count, 7);
    CHECK_INT(usbip_count_parse((const uint8_t[]){ 0, 0, 0, USBIP_DEVICES_MOST }, 4, &count), 0);
    CHECK_INT(count, USBIP_DEVICES_MOST);
}

int
main(void)
{
    CHECK_RUN(a_submit_is_written_as_the_kernel_writes_it);
    CHECK_RUN(every_kind_reads_back_as_it_was_written);
    CHECK_RUN(only_a_submit_out_has_bytes_behind_it);
    CHECK_RUN(numbers_outside_their_bounds_are_refused);
    CHECK_RUN(any_other_length_is_refused);
    CHECK_RUN(a_device_reads_back_as_it_was_written);
    CHECK_RUN(another_version_and_unknown_questions_are_refused);
    CHECK_RUN(a_list_longer_than_any_is_refused);
    return check_result();
}
