#include "support/check.h"
#include "wire/talk.h"
#include <string.h>

static bool
reads(const char *text, struct wire_talk *out)
{
    return wire_talk_parse(text, strlen(text), out) == 0;
}

static bool
refused(const char *text)
{
    struct wire_talk t;

    return !reads(text, &t);
}

static bool
comes_back(const char *text)
{
    char out[WIRE_TALK_MAX + 1];
    struct wire_talk t;

    return reads(text, &t) && wire_talk_compose(&t, out, sizeof(out)) == (int)strlen(text) &&
           strcmp(out, text) == 0;
}

static void
everything_that_may_be_said_is_read_as_it_was_written(void)
{
    CHECK(comes_back("=hello 1 web03 17-K3QF"));
    CHECK(comes_back("=hello 1 web03 4294967295-ZZZZ 0A2B4C6D"));
    CHECK(comes_back("=seen none"));
    CHECK(comes_back("=seen 17-K3QF.40"));
    CHECK(comes_back("=ack 4294967295-ZZZZ.16777215"));
    CHECK(comes_back("=ping 0"));
    CHECK(comes_back("=pong 4294967295"));
    CHECK(comes_back("=ch 00000000"));
    CHECK(comes_back("=rekey"));
    CHECK(comes_back("=close replaced"));
    CHECK(comes_back("=close stopping"));
}

static void
a_place_names_session_nonce_and_number(void)
{
    struct wire_talk t;

    CHECK(reads("=ack 17-K3QF.42", &t));
    CHECK(t.kind == WIRE_TALK_ACK && t.session == 17 && t.number == 42 && strcmp(t.nonce, "K3QF") == 0);
    CHECK(reads("=seen none", &t));
    CHECK(t.kind == WIRE_TALK_WELCOME && t.none);
    CHECK(reads("=hello 1 web03 17-K3QF 0A2B4C6D", &t));
    CHECK(t.kind == WIRE_TALK_HELLO && t.session == 17);
    CHECK_STR(t.nonce, "K3QF");
    CHECK_STR(t.host, "web03");
    CHECK_STR(t.token, "0A2B4C6D");
}

static void
what_is_almost_right_is_refused(void)
{
    static const char *const wrong[] = { "", "=", "ack 1-K3QF.2", "=ack", "=ack ", "=ack none",
        "=ack 1-K3QF.2 ", "=ack 01-K3QF.2", "=ack 1-K3UF.2", "=ack 1-k3qf.2", "=ack 1-K3QF.16777216",
        "=ack 1-K3QF.", "=ack 4294967296-K3QF.1", "=ack -K3QF.1", "=ack 1-K3QFF.1", "=ping", "=ping -1",
        "=ping 1 2", "=rekey ", "=rekey 1", "=ch 1234567", "=ch 123456789", "=close", "=close why",
        "=hello 1", "=hello 2 web03 1-K3QF", "=hello 1 WEB 1-K3QF", "=hello 1 web03", "=hello 1 web03 ",
        "=hello 1 web03 12345678", "=hello 1 web03 1-K3QF ", "=hello 1 web03 1-K3QF.2",
        "=hello 1 web03 01-K3QF", "=hello 1 web03 1-K3QF 1234567", "=hello 1 web03 1-K3QF 12345678 ",
        "=hello 1 web03  12345678", "=bye", "=hello 1 0123456789abcdef 1-K3QF" };

    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK(refused(wrong[i]));
    }
}

static void
what_cannot_be_said_is_not_written(void)
{
    char out[WIRE_TALK_MAX + 1];
    struct wire_talk t = {
        .kind = WIRE_TALK_ACK, .session = 1, .number = WIRE_NUMBER_MAX + 1, .nonce = "K3QF"
    };

    CHECK(wire_talk_compose(&t, out, sizeof(out)) == WIRE_E_FORM);
    t.number = 1;
    CHECK(wire_talk_compose(&t, out, 10) == WIRE_E_SIZE);
    t.nonce[0] = '\0';
    CHECK(wire_talk_compose(&t, out, sizeof(out)) == WIRE_E_FORM);
    t = (struct wire_talk){ .kind = WIRE_TALK_KINDS };
    CHECK(wire_talk_compose(&t, out, sizeof(out)) == WIRE_E_FORM);
    t = (struct wire_talk){ .kind = WIRE_TALK_CLOSE, .reason = WIRE_CLOSE_REASONS };
    CHECK(wire_talk_compose(&t, out, sizeof(out)) == WIRE_E_FORM);
}

int
main(void)
{
    CHECK_RUN(everything_that_may_be_said_is_read_as_it_was_written);
    CHECK_RUN(a_place_names_session_nonce_and_number);
    CHECK_RUN(what_is_almost_right_is_refused);
    CHECK_RUN(what_cannot_be_said_is_not_written);
    return check_result();
}
