#include "support/check.h"

#include "belfry/line/telnet.h"

#include <stdlib.h>

static struct telnet t;
static uint8_t data[8192];
static size_t got;

static void
begin(const struct telnet_port *port)
{
    static const struct telnet_port none;

    telnet_init(&t, port != NULL ? port : &none);
    telnet_sent(&t, t.out_len);
}

static void
hear(const void *src, size_t len)
{
    got = telnet_feed(&t, src, len, data, 0);
}

#define HEAR(text) hear(text, sizeof(text) - 1)
#define CHECK_DATA(text)                         \
    do {                                         \
        CHECK_INT(got, sizeof(text) - 1);        \
        CHECK_MEM(data, text, sizeof(text) - 1); \
    } while (0)
#define CHECK_SAID(text)                          \
    do {                                          \
        CHECK_INT(t.out_len, sizeof(text) - 1);   \
        CHECK_MEM(t.out, text, sizeof(text) - 1); \
        telnet_sent(&t, t.out_len);               \
    } while (0)

static void
binary_both_ways_and_the_port_are_offered_first(void)
{
    static const struct telnet_port none;

    telnet_init(&t, &none);
    CHECK_SAID("\xff\xfb\x00\xff\xfd\x00\xff\xfb\x03\xff\xfd\x03\xff\xfb\x2c");
}

static void
an_escaped_byte_is_data_and_a_command_is_not(void)
{
    begin(NULL);
    HEAR("a\xff\xff\x62\xff\xf1\x63\xff\xf9\x64");
    CHECK_DATA("a\xff\x62\x63\x64");
    CHECK_SAID("");
}

static void
a_return_loses_its_nul_only_without_binary(void)
{
    begin(NULL);
    HEAR("a\r\0b\r\nc\0d");
    CHECK_DATA("a\rb\r\nc\0d");
    HEAR("\r");
    HEAR("\0x");
    CHECK_DATA("x");
    HEAR("\xff\xfb\x00\r\0y");
    CHECK_DATA("\r\0y");
}

static void
what_is_known_is_agreed_to_once_and_all_else_refused_once(void)
{
    begin(NULL);
    HEAR("\xff\xfb\x01\xff\xfb\x01\xff\xfd\x18\xff\xfd\x18\xff\xfb\x22\xff\xfd\x01");
    CHECK_SAID("\xff\xfd\x01\xff\xfc\x18\xff\xfe\x22\xff\xfc\x01");
    HEAR("\xff\xfc\x01\xff\xfc\x01\xff\xfe\x18\xff\xfc\x05");
    CHECK_SAID("\xff\xfe\x01");
    /* These answer our own offers. */
    HEAR("\xff\xfd\x00\xff\xfb\x00\xff\xfd\x03\xff\xfb\x03");
    CHECK_SAID("");
}

static void
a_port_that_is_agreed_to_gets_its_settings(void)
{
    static const struct telnet_port port = {
        .baud = 115200, .frame = "7e2", .set_flow = true, .flow = CONF_FLOW_RTSCTS
    };

    begin(&port);
    HEAR("\xff\xfd\x2c");
    CHECK_SAID("\xff\xfa\x2c\x0a\x1e\xff\xf0\xff\xfa\x2c\x0b\xff\xff\xff\xf0"
               "\xff\xfa\x2c\x01\x00\x01\xc2\x00\xff\xf0\xff\xfa\x2c\x02\x07\xff\xf0"
               "\xff\xfa\x2c\x03\x03\xff\xf0\xff\xfa\x2c\x04\x02\xff\xf0\xff\xfa\x2c\x05\x03\xff\xf0");
    HEAR("\xff\xfa\x2c\x65\x00\x01\xc2\x00\xff\xf0\xff\xfa\x2c\x66\x07\xff\xf0");
    HEAR("\xff\xfa\x2c\x66\x00\xff\xf0"); /* does not say */
    CHECK_INT(t.differs, 0);
    HEAR("\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0");
    CHECK_INT(t.differs, 1U << 1);
    begin(NULL);
    HEAR("\xff\xfd\x2c");
    CHECK_SAID("\xff\xfa\x2c\x0a\x1e\xff\xf0\xff\xfa\x2c\x0b\xff\xff\xff\xf0");
}

static void
what_happens_on_the_port_is_an_event_in_its_place(void)
{
    begin(NULL);
    HEAR("\xff\xfd\x2c\x61\xff\xfa\x2c\x6a\x1e\xff\xf0\x62\xff\xfa\x2c\x6b\xb0\xff\xf0");
    CHECK_DATA("ab");
    CHECK_INT(t.events, 4);
    CHECK_INT(t.event[0].what, TELNET_BREAK);
    CHECK_INT(t.event[0].at, 1);
    CHECK_INT(t.event[3].what, TELNET_OVERRUN);
    HEAR("c\xff\xfa\x2c\x6b\x38\xff\xf0");
    CHECK_INT(t.events, 1);
    CHECK_INT(t.event[0].what, TELNET_MODEM);
    CHECK_INT(t.event[0].on, TELNET_CTS | TELNET_DSR);
    CHECK_INT(t.event[0].changed, TELNET_DCD);
    CHECK_INT(t.event[0].at, 1);
    HEAR("\xff\xf3");
    CHECK_INT(t.events, 1);
    CHECK_INT(t.event[0].what, TELNET_BREAK);
    HEAR("\xff\xfa\x2c\x6c\xff\xf0");
    CHECK(t.paused);
    HEAR("\xff\xfa\x2c\x6d\xff\xf0");
    CHECK(!t.paused);
}

static void
what_was_not_agreed_to_says_nothing(void)
{
    begin(NULL);
    HEAR("\xff\xfa\x2c\x6a\x1e\xff\xf0\xff\xfa\x18\x01\xff\xf0\xff\xfa\xff\xf0\xff\xfa\x2c\xff\xf0x");
    CHECK_INT(t.events, 0);
    CHECK_DATA("x");
}

static void
a_storm_of_options_is_answered_within_bounds(void)
{
    static uint8_t storm[3 * 2048];
    size_t said = 0;

    begin(NULL);
    for (size_t i = 0; i < sizeof storm; i += 3) {
        storm[i] = 0xFF;
        storm[i + 1] = i % 2 == 0 ? 0xFB : 0xFC;
        storm[i + 2] = 1;
    }
    for (int64_t now_ms = 0; now_ms < 1000; now_ms += 100) {
        (void)telnet_feed(&t, storm, sizeof storm, data, now_ms);
        CHECK(t.out_len <= TELNET_OUT);
        said += t.out_len;
        telnet_sent(&t, t.out_len);
    }
    CHECK_INT(said, TELNET_ANSWERS * 3);
    (void)telnet_feed(&t, storm, 6, data, 1000);
    CHECK_INT(t.out_len, 6);
    /* A peer that never reads: no room, no answer, no half of one. */
    for (int64_t now_ms = 2000; now_ms < 60000; now_ms += 1000) {
        (void)telnet_feed(&t, storm, sizeof storm, data, now_ms);
        CHECK_INT(t.out_len % 3, 0);
    }
    HEAR("still here");
    CHECK_DATA("still here");
}

static void
single_bytes_make_no_difference(void)
{
    static const char all[] =
            "a\xff\xfd\x2c\xff\xff\r\0b\xff\xfa\x2c\x6a\xff\xff\xff\xf0\x63\xff\xfa\x2c\xff\xfb\x01\x64";
    size_t n = 0;
    uint8_t byte[1];

    begin(NULL);
    for (size_t i = 0; i < sizeof all - 1; i++) {
        size_t one = telnet_feed(&t, (const uint8_t *)all + i, 1, byte, 0);

        if (one == 1) {
            data[n++] = byte[0];
        }
    }
    got = n;
    CHECK_DATA("a\xff\rbcd");
}

static void
a_long_subnegotiation_is_kept_in_part_and_ends(void)
{
    begin(NULL);
    HEAR("\xff\xfd\x2c\xff\xfa\x2c\x6b");
    for (int i = 0; i < 1000; i++) {
        HEAR("\xf0");
    }
    HEAR("\xff\xf0x");
    CHECK_DATA("x");
    CHECK_INT(t.events, 0);
    CHECK_INT(t.sub_len, TELNET_SUB);
}

static void
what_is_written_is_escaped_and_never_cut_in_two(void)
{
    uint8_t out[4];
    size_t taken;

    begin(NULL);
    CHECK_INT(telnet_write(&t, (const uint8_t *)"a\xff\r\n", 4, out, 4, &taken), 3);
    CHECK_INT(taken, 2);
    CHECK_MEM(out, "a\xff\xff", 3);
    CHECK_INT(telnet_write(&t, (const uint8_t *)"\r\n", 2, out, 4, &taken), 3);
    CHECK_MEM(out, "\r\0\n", 3);
    HEAR("\xff\xfd\x00");
    CHECK_INT(telnet_write(&t, (const uint8_t *)"\r\n", 2, out, 4, &taken), 2);
    CHECK_INT(taken, 2);
}

int
main(void)
{
    CHECK_RUN(binary_both_ways_and_the_port_are_offered_first);
    CHECK_RUN(an_escaped_byte_is_data_and_a_command_is_not);
    CHECK_RUN(a_return_loses_its_nul_only_without_binary);
    CHECK_RUN(what_is_known_is_agreed_to_once_and_all_else_refused_once);
    CHECK_RUN(a_port_that_is_agreed_to_gets_its_settings);
    CHECK_RUN(what_happens_on_the_port_is_an_event_in_its_place);
    CHECK_RUN(what_was_not_agreed_to_says_nothing);
    CHECK_RUN(a_storm_of_options_is_answered_within_bounds);
    CHECK_RUN(single_bytes_make_no_difference);
    CHECK_RUN(a_long_subnegotiation_is_kept_in_part_and_ends);
    CHECK_RUN(what_is_written_is_escaped_and_never_cut_in_two);
    return check_result();
}
