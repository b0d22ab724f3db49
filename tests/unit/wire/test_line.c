/* The line's text: what is written can be read back, and nothing else can be read. */
#include "lab.h"
#include "wire/escape.h"

static const struct lab_agent web03 = {
    .host = "web03", .nonce = "K3QF", .session = 17, .key = { .bytes = { 1, 2, 3 } }, .mono_s = 812
};

static bool
proved(const char *text, size_t len)
{
    struct wire_line line;
    struct wire_key leaf;

    if (wire_line_parse(text, len, &line) != 0) {
        return false;
    }
    wire_tree_at(&web03.key, line.head.number, WIRE_TREE_DEPTH, &leaf);
    return wire_tag_proves(&leaf, &line);
}

static void
any_value_comes_back_as_it_was(void)
{
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            const uint8_t value[3] = { (uint8_t)a, (uint8_t)b, (uint8_t)a };
            char detail[40] = "path=";
            struct lab_line l;
            struct wire_line line;
            uint8_t back[3];
            size_t len;
            const char *at;

            wire_escape(detail + 5, sizeof(detail) - 5, value, 3, WIRE_ESCAPE_VALUE);
            l = lab_seal(&web03, 7, "integrity.changed", detail);
            CHECK_INT(wire_line_parse(l.text, l.len, &line), 0);
            at = wire_detail_find(line.detail, line.detail_len, "path", &len);
            CHECK(at != NULL);
            CHECK_INT(wire_unescape(back, sizeof(back), at, len), 3);
            CHECK_MEM(back, value, 3);
        }
    }
}

static void
head_fields_at_their_limits_come_back(void)
{
    static const uint64_t utc[] = { 0, 951782399, 951782400, 951868800, 4107542399, 253402300799 };
    static const uint32_t number[] = { 0, 9, 10, WIRE_NUMBER_MAX };

    for (unsigned u = 0; u < 6; u++) {
        for (unsigned n = 0; n < 4; n++) {
            struct wire_head head = { .severity = (enum wire_severity)(u + 1),
                .host = "a-0",
                .nonce = "ZZZZ",
                .session = UINT32_MAX,
                .number = number[n],
                .mono_s = UINT32_MAX - n,
                .utc_s = utc[u],
                .code = "more" };
            char text[WIRE_LINE_MAX];
            struct wire_line line;
            int len = wire_line_compose(&head, NULL, 0, text, sizeof(text));

            CHECK(len > 0);
            len = wire_seal(&web03.key, text, (size_t)len, sizeof(text));
            CHECK_INT(wire_line_parse(text, (size_t)len, &line), 0);
            CHECK_INT(line.head.utc_s, utc[u]);
            CHECK_INT(line.head.number, number[n]);
            CHECK_INT(line.head.session, UINT32_MAX);
            CHECK_INT(line.head.mono_s, UINT32_MAX - n);
            CHECK_INT(line.head.severity, u + 1);
            CHECK_INT(line.detail_len, 0);
        }
    }
}

/* Every day of 130 years and some seconds of it. */
static void
dates_come_back_to_the_second(void)
{
    for (uint64_t day = 0; day < 47482; day++) {
        struct lab_agent a = web03;
        struct lab_line l;
        struct wire_line line;

        a.utc_offset_s = (int64_t)(day * 86400 + day * 7919 % 86400) - LAB_UTC - a.mono_s;
        l = lab_seal(&a, 1, "agent.beat", "");
        CHECK_INT(wire_line_parse(l.text, l.len, &line), 0);
        CHECK_INT(line.head.utc_s, day * 86400 + day * 7919 % 86400);
    }
}

static void
every_change_of_one_byte_is_refused(void)
{
    const struct lab_line l = lab_seal(&web03, 42, "daemon.down", "name=sshd pid=812");

    CHECK(proved(l.text, l.len));
    for (size_t i = 0; i < l.len; i++) {
        struct lab_line m = l;

        for (unsigned v = 0; v < 256; v++) {
            m.text[i] = (char)v;
            CHECK(!proved(m.text, m.len) || m.text[i] == l.text[i]);
        }
        CHECK(!proved(l.text, i));
        memmove(m.text + i, l.text + i + 1, l.len - i);
        CHECK(!proved(m.text, l.len - 1));
    }
}

static void
every_change_of_two_bits_is_refused(void)
{
    const struct lab_line l = lab_seal(&web03, 42, "daemon.down", "name=sshd pid=812");
    struct lab_line m = l;

    for (size_t a = 0; a < 8 * l.len; a++) {
        m.text[a / 8] = (char)(m.text[a / 8] ^ 1 << a % 8);
        for (size_t b = a + 1; b < 8 * l.len; b++) {
            m.text[b / 8] = (char)(m.text[b / 8] ^ 1 << b % 8);
            CHECK(!proved(m.text, m.len));
            m.text[b / 8] = (char)(m.text[b / 8] ^ 1 << b % 8);
        }
        m.text[a / 8] = (char)(m.text[a / 8] ^ 1 << a % 8);
    }
    CHECK(proved(m.text, m.len));
}

/* Without a good check the tag would have to do it alone: it does. */
static void
every_change_of_one_byte_with_a_good_check_has_a_bad_tag(void)
{
    const struct lab_line l = lab_seal(&web03, 42, "daemon.down", "name=sshd pid=812");
    unsigned parsed = 0;

    for (size_t i = 0; i < l.len - WIRE_CHECK_CHARS; i++) {
        for (unsigned v = 0; v < 256; v++) {
            struct lab_line m = l;
            struct wire_line line;

            m.text[i] = (char)v;
            wire_check_make(m.text, m.len - WIRE_CHECK_CHARS, m.text + m.len - WIRE_CHECK_CHARS);
            if (m.text[i] != l.text[i] && wire_line_parse(m.text, m.len, &line) == 0) {
                parsed++;
                CHECK(!proved(m.text, m.len));
            }
        }
    }
    CHECK(parsed > 1000);
}

static void
lines_that_are_not_of_the_format_are_refused(void)
{
    static const char *const bad[] = {
        "!2 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat",
        "!1 INFX web03 17-K3QF.42@812 20261121T193405Z agent.beat",
        "!1 info web03 17-K3QF.42@812 20261121T193405Z agent.beat",
        "!1 INFO Web03 17-K3QF.42@812 20261121T193405Z agent.beat",
        "!1 INFO abcdefghijklmnop 17-K3QF.42@812 20261121T193405Z agent.beat",
        "!1 INFO  17-K3QF.42@812 20261121T193405Z agent.beat",
        "!1 INFO web03 017-K3QF.42@812 20261121T193405Z agent.beat",
        "!1 INFO web03 4294967296-K3QF.42@812 20261121T193405Z agent.beat",
        "!1 INFO web03 17-K3QI.42@812 20261121T193405Z agent.beat",
        "!1 INFO web03 17-K3QFF.42@812 20261121T193405Z agent.beat",
        "!1 INFO web03 17-K3QF.042@812 20261121T193405Z agent.beat",
        "!1 INFO web03 17-K3QF.16777216@812 20261121T193405Z agent.beat",
        "!1 INFO web03 17-K3QF.@812 20261121T193405Z agent.beat",
        "!1 INFO web03 17-K3QF.42@ 20261121T193405Z agent.beat",
        "!1 INFO web03 17-K3QF.42@812 20261321T193405Z agent.beat",
        "!1 INFO web03 17-K3QF.42@812 20260229T193405Z agent.beat",
        "!1 INFO web03 17-K3QF.42@812 20261100T193405Z agent.beat",
        "!1 INFO web03 17-K3QF.42@812 20261131T193405Z agent.beat",
        "!1 INFO web03 17-K3QF.42@812 19691231T193405Z agent.beat",
        "!1 INFO web03 17-K3QF.42@812 20261121T243405Z agent.beat",
        "!1 INFO web03 17-K3QF.42@812 20261121T193460Z agent.beat",
        "!1 INFO web03 17-K3QF.42@812 20261121193405Z agent.beat",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent..beat",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z .agent",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z ab",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z a.b.c",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat next",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat =30",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat next=30=1",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat  next=30",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat next=30 ",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat next=%3",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat next=%0a",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat next=%+12",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat next=%++",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat abcdefghijklmnopq=1",
        "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat next=\x7f",
    };
    static const char good[] =
            "!1 INFO web03 17-K3QF.42@812 20261121T193405Z agent.beat next=30 v=%0A al=%+3+";

    for (unsigned i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
        const char *body = i < sizeof(bad) / sizeof(bad[0]) ? bad[i] : good;
        char text[WIRE_LINE_MAX + 1];
        struct wire_line line;
        int len;

        snprintf(text, sizeof(text), "%s", body);
        len = wire_seal(&web03.key, text, strlen(body), sizeof(text));
        CHECK_INT(wire_line_parse(text, (size_t)len, &line), body == good ? 0 : WIRE_E_FORM);
    }
}

static void
a_beginning_of_a_line_is_known_as_one_at_every_length(void)
{
    const struct lab_line l = lab_seal(&web03, 42, "integrity.changed", "path=/a%20b was=%+12+ x=");

    for (size_t n = 0; n <= l.len; n++) {
        char text[WIRE_LINE_MAX + 20];

        memcpy(text, l.text, n);
        CHECK_INT(wire_line_prefix(text, n), n);
        for (unsigned v = 0; v < 256; v++) {
            text[n] = (char)v;
            CHECK(wire_line_prefix(text, n + 1) >= n);
        }
        text[n] = '\n';
        CHECK_INT(wire_line_prefix(text, n + 1), n);
    }
}

static void
compose_refuses_what_parse_would_refuse(void)
{
    const struct wire_head good = {
        .severity = WIRE_INFO, .host = "web03", .nonce = "K3QF", .code = "agent.beat"
    };
    char text[WIRE_LINE_MAX];
    char detail[WIRE_LINE_MAX];
    struct wire_head h = good;
    int room = wire_line_room(&good);

    memset(detail, 'x', sizeof(detail));
    detail[0] = 'k';
    detail[1] = '=';
    CHECK(room > 0);
    CHECK_INT(wire_line_compose(&good, detail, (size_t)room, text, sizeof(text)),
            WIRE_LINE_MAX - WIRE_SEAL_MAX);
    CHECK_INT(wire_seal(&web03.key, text, WIRE_LINE_MAX - WIRE_SEAL_MAX, sizeof(text)), WIRE_LINE_MAX);
    CHECK_INT(wire_line_compose(&good, detail, (size_t)room + 1, text, sizeof(text)), WIRE_E_SIZE);
    CHECK_INT(wire_line_compose(&good, detail, 5, text, 20), WIRE_E_SIZE);
    CHECK_INT(wire_line_compose(&good, "bare", 4, text, sizeof(text)), WIRE_E_FORM);
    CHECK_INT(wire_line_compose(&good, "k=a b", 5, text, sizeof(text)), WIRE_E_FORM);
    CHECK_INT(wire_line_compose(&good, "k=!", 3, text, sizeof(text)), WIRE_E_FORM);
    CHECK_INT(wire_line_compose(&good, "k=\n", 3, text, sizeof(text)), WIRE_E_FORM);
    CHECK_INT(wire_line_compose(&good, "k=a ", 4, text, sizeof(text)), WIRE_E_FORM);
    memset(h.host, 'a', sizeof(h.host));
    CHECK_INT(wire_line_compose(&h, NULL, 0, text, sizeof(text)), WIRE_E_FORM);
    h = good;
    h.number = WIRE_NUMBER_MAX + 1;
    CHECK_INT(wire_line_compose(&h, NULL, 0, text, sizeof(text)), WIRE_E_FORM);
    h = good;
    h.utc_s = 253402300800;
    CHECK_INT(wire_line_compose(&h, NULL, 0, text, sizeof(text)), WIRE_E_FORM);
    h = good;
    h.nonce[3] = 'U';
    CHECK_INT(wire_line_compose(&h, NULL, 0, text, sizeof(text)), WIRE_E_FORM);
    h = good;
    memcpy(h.code, "a.b.c", 6);
    CHECK(wire_line_room(&h) < 0);
    CHECK_INT(wire_seal(&web03.key, text, WIRE_LINE_MAX - WIRE_SEAL_MAX + 1, sizeof(text)), WIRE_E_SIZE);
    CHECK_INT(wire_seal(&web03.key, text, 50, 50 + WIRE_SEAL_MAX - 1), WIRE_E_SIZE);
    CHECK_INT(wire_seal(&web03.key, text, WIRE_LINE_MAX - WIRE_SEAL_MAX + 1, 1000), WIRE_E_SIZE);
}

static void
the_shortest_and_the_longest_line_have_their_stated_lengths(void)
{
    struct wire_head h = { .severity = WIRE_EMRG, .host = "a", .nonce = "0000", .code = "abc" };
    char text[2 * WIRE_LINE_MAX];
    struct wire_line line;
    int len = wire_line_compose(&h, NULL, 0, text, sizeof(text));

    len = wire_seal(&web03.key, text, (size_t)len, sizeof(text));
    CHECK_INT(len, WIRE_LINE_MIN);
    text[len] = '0';
    CHECK_INT(wire_line_parse(text, WIRE_LINE_MIN + 1, &line), WIRE_E_FORM);
    CHECK_INT(wire_line_parse(text, WIRE_LINE_MIN - 1, &line), WIRE_E_SIZE);
    CHECK_INT(wire_line_parse(text, WIRE_LINE_MAX + 1, &line), WIRE_E_SIZE);
    CHECK_INT(wire_line_parse(text, WIRE_LINE_MIN, &line), 0);
}

static void
a_detail_is_found_by_its_whole_key(void)
{
    static const char d[] = "path=/etc apath=2 p= next=30";
    size_t len;

    CHECK(wire_detail_find(d, sizeof(d) - 1, "path", &len) == d + 5);
    CHECK_INT(len, 4);
    CHECK(wire_detail_find(d, sizeof(d) - 1, "apath", &len) == d + 16);
    CHECK(wire_detail_find(d, sizeof(d) - 1, "p", &len) != NULL);
    CHECK_INT(len, 0);
    CHECK(wire_detail_find(d, sizeof(d) - 1, "ath", &len) == NULL);
    CHECK(wire_detail_find(d, sizeof(d) - 1, "pat", &len) == NULL);
    CHECK(wire_detail_find(d, sizeof(d) - 1, "next", &len) == d + sizeof(d) - 3);
    CHECK(wire_detail_find(d, 0, "next", &len) == NULL);
}

static void
decimals_have_one_form(void)
{
    static const struct {
        const char *text;
        bool ok;
        uint32_t value;
    } d[] = { { "0", true, 0 }, { "7", true, 7 }, { "4294967295", true, UINT32_MAX },
        { "4294967296", false, 0 }, { "00", false, 0 }, { "01", false, 0 }, { "", false, 0 },
        { "-1", false, 0 }, { "+1", false, 0 }, { " 1", false, 0 }, { "1 ", false, 0 },
        { "99999999999", false, 0 }, { "1x", false, 0 } };

    for (unsigned i = 0; i < sizeof(d) / sizeof(d[0]); i++) {
        uint32_t v = 0;

        CHECK(wire_decimal(d[i].text, strlen(d[i].text), &v) == d[i].ok);
        CHECK_INT(v, d[i].value);
    }
}

static void
severities_are_known_by_name_in_any_case(void)
{
    for (int s = 0; s < WIRE_SEVERITIES; s++) {
        CHECK_INT(wire_severity_from(wire_severity_name((enum wire_severity)s), 4), s);
    }
    CHECK_INT(wire_severity_from("crit", 4), WIRE_CRIT);
    CHECK_INT(wire_severity_from("Warn", 4), WIRE_WARN);
    CHECK_INT(wire_severity_from("warning", 7), -1);
    CHECK_INT(wire_severity_from("DEBU", 4), -1);
    CHECK_INT(wire_severity_from("", 0), -1);
}

/* What comes out is harmless, fits, and says how much is left out. */
static void
escaped_text_is_printable_and_fits_whatever_the_size(void)
{
    struct lab_random random = { .state = 99 };
    uint8_t src[300];

    for (unsigned round = 0; round < 20000; round++) {
        size_t len = lab_draw(&random, sizeof(src));
        size_t size = 24 + lab_draw(&random, 200);
        enum wire_escape_set set = lab_draw(&random, 2) ? WIRE_ESCAPE_TEXT : WIRE_ESCAPE_VALUE;
        char out[256];
        uint8_t back[300];
        const char *left_out;
        size_t n;

        for (size_t i = 0; i < len; i++) {
            src[i] = (uint8_t)(lab_draw(&random, 3) ? 'a' + lab_draw(&random, 26) : lab_draw(&random, 256));
        }
        memset(out, 'Q', sizeof(out));
        n = wire_escape(out, size, src, len, set);
        CHECK(n < size && out[n] == '\0' && out[size] == 'Q' && strlen(out) == n);
        for (size_t i = 0; i < n; i++) {
            CHECK(out[i] >= 0x20 && out[i] < 0x7F);
            CHECK(set == WIRE_ESCAPE_TEXT ||
                    (out[i] != ' ' && out[i] != '!' && out[i] != '~' && out[i] != '='));
        }
        left_out = strstr(out, "%+");
        if (left_out == NULL && set == WIRE_ESCAPE_VALUE) {
            CHECK_INT(wire_unescape(back, sizeof(back), out, n), len);
            CHECK_MEM(back, src, len);
        } else if (left_out != NULL) {
            const char *tail = strchr(left_out + 2, '+') + 1;
            uint32_t gone = 0;
            int head;
            int end;

            CHECK(wire_decimal(left_out + 2, (size_t)(tail - left_out) - 3, &gone));
            CHECK_INT(wire_unescape(back, sizeof(back), out, n), -1);
            head = wire_unescape(back, sizeof(back), out, (size_t)(left_out - out));
            if (set == WIRE_ESCAPE_VALUE) {
                CHECK(head >= 0 && memcmp(back, src, (size_t)head) == 0);
                end = wire_unescape(back, sizeof(back), tail, strlen(tail));
                CHECK(end >= 0 && memcmp(back, src + len - (size_t)end, (size_t)end) == 0);
                CHECK_INT((size_t)head + gone + (size_t)end, len);
                CHECK(n + 8 >= size);
            }
        }
    }
}

static void
a_long_path_keeps_head_and_tail(void)
{
    char path[4097];
    char out[40];

    CHECK_INT(snprintf(path, sizeof(path), "/var/www/%04077d/index.php", 0), 4096);
    wire_escape(out, sizeof(out), path, 4096, WIRE_ESCAPE_VALUE);
    CHECK_STR(out, "/var/www/0000000%+4064+000000/index.php");
}

static void
text_that_escape_does_not_write_is_not_undone(void)
{
    static const char *const bad[] = { "%", "%4", "%41", "%2b", "%2B", "a b", "a=b", "a!", "a~", "%+3+",
        "\x7f", "\xc3", "%0", "%zz", "%0g" };
    char out[8];

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_INT(wire_unescape(out, sizeof(out), bad[i], strlen(bad[i])), -1);
    }
    CHECK_INT(wire_unescape(out, 3, "abcd", 4), -1);
    CHECK_INT(wire_unescape(out, 4, "abcd", 4), 4);
    CHECK_INT(wire_unescape(out, 4, "%00%FF%20%25", 12), 4);
}

int
main(void)
{
    CHECK_RUN(any_value_comes_back_as_it_was);
    CHECK_RUN(head_fields_at_their_limits_come_back);
    CHECK_RUN(dates_come_back_to_the_second);
    CHECK_RUN(every_change_of_one_byte_is_refused);
    CHECK_RUN(every_change_of_two_bits_is_refused);
    CHECK_RUN(every_change_of_one_byte_with_a_good_check_has_a_bad_tag);
    CHECK_RUN(lines_that_are_not_of_the_format_are_refused);
    CHECK_RUN(a_beginning_of_a_line_is_known_as_one_at_every_length);
    CHECK_RUN(compose_refuses_what_parse_would_refuse);
    CHECK_RUN(the_shortest_and_the_longest_line_have_their_stated_lengths);
    CHECK_RUN(a_detail_is_found_by_its_whole_key);
    CHECK_RUN(decimals_have_one_form);
    CHECK_RUN(severities_are_known_by_name_in_any_case);
    CHECK_RUN(escaped_text_is_printable_and_fits_whatever_the_size);
    CHECK_RUN(a_long_path_keeps_head_and_tail);
    CHECK_RUN(text_that_escape_does_not_write_is_not_undone);
    return check_result();
}
