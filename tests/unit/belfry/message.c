/* Mails made of notices: what RFC 5322 wants, and that no text of a host becomes more than text. */
#include "support/check.h"

#include "belfry/notify/kinds.h"
#include "belfry/notify/message.h"

#include <stdlib.h>

static struct notice notice[3];
static char text[MESSAGE_MAX];

static const struct message_envelope envelope = { .from = "belfry@example.org",
    .to = { "kim@example.org", "ops@example.org" },
    .count = 2,
    .hostname = "console1" };

static const char *
message(unsigned count)
{
    const struct notice *list[3] = { &notice[0], &notice[1], &notice[2] };

    CHECK_INT(message_write(text, &envelope, list, count), strlen(text));
    return text;
}

static void
begin(void)
{
    for (unsigned i = 0; i < 3; i++) {
        struct alarm *a = &notice[i].alarm;

        notice[i] = (struct notice){ .seq = 12 + i, .made_ms = 1795363696913 };
        a->id = 7 + i;
        a->severity = WIRE_WARN;
        a->opened_ms = 1795363696000;
        (void)snprintf(a->host, sizeof a->host, "web03");
        (void)snprintf(a->code, sizeof a->code, "time.step");
        (void)snprintf(a->detail, sizeof a->detail, "clock=utc");
        (void)snprintf(a->verdict, sizeof a->verdict, "OK");
    }
}

static void
a_mail_has_its_headers_and_says_what_is_known(void)
{
    begin();
    CHECK(strstr(message(1),
                  "From: belfry@example.org\nTo: kim@example.org,\n    ops@example.org\nSubject: [belfry] "
                  "WARN "
                  "time.step web03\nDate: Sun, 22 Nov 2026 16:08:16 +0000\nMessage-ID: "
                  "<belfry.12-12.1795363696913@console1>\nReferences: "
                  "<belfry.alarm.7.1795363696000@console1>\nAuto-Submitted: auto-generated\n") == text);
    CHECK(strstr(text, "\n\nalarm 7 open: web03 WARN time.step\n    clock=utc\n    raised "
                       "2026-11-22T16:08:16.000Z") != NULL);
    notice[0].closed = true;
    notice[2].alarm.severity = WIRE_CRIT;
    CHECK(strstr(message(3), "\nSubject: [belfry] 2 alarms, 1 over; worst CRIT time.step\n") != NULL);
    CHECK(strstr(text, "Message-ID: <belfry.12-14.") != NULL);
    CHECK(strstr(text, "alarm 9 open") != NULL);
}

/* All bytes, in all that comes from a host or a line. */
static void
check_form(unsigned seed)
{
    const char *body;
    size_t column = 0;

    CHECK(strstr(message(3), "\n\n") != NULL);
    body = strstr(text, "\n\n");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\n') {
            column = 0;
            continue;
        }
        column++;
        if (*c < 0x20 || *c > 0x7E || column > MESSAGE_LINE + 20) {
            (void)printf("seed %u: byte 0x%02X in column %zu\n", seed, (unsigned char)*c, column);
            CHECK(false);
            return;
        }
    }
    /* The headers are ours, each once; no line of the body is a single dot or begins a mail in a mailbox. */
    for (const char *at = text; at < body; at = strchr(at, '\n') + 1) {
        CHECK(strncmp(at, "Bcc:", 4) != 0);
    }
    CHECK(strstr(body, "\n.\n") == NULL);
    CHECK(strstr(body, "\nFrom ") == NULL);
}

static void
text_of_a_host_adds_no_header_and_ends_no_line(void)
{
    for (unsigned seed = 1; seed <= 300; seed++) {
        static const char *const bad[] = { "\nBcc: x@y", "\r\n.\r\n", "\nFrom x", "\n\n", "\x1b[2J", "%0A",
            "." };
        unsigned state = seed;

        begin();
        for (unsigned i = 0; i < 3; i++) {
            struct alarm *a = &notice[i].alarm;

            for (size_t k = 0; k < sizeof a->detail - 1; k++) {
                a->detail[k] = rand_r(&state) % 7 == 0 ? ' ' : (char)(1 + rand_r(&state) % 255);
            }
            (void)snprintf(a->host, sizeof a->host, "%s", bad[rand_r(&state) % 7]);
            (void)snprintf(a->code, sizeof a->code, "%s", bad[rand_r(&state) % 7]);
            (void)snprintf(a->line, sizeof a->line, "%s", bad[rand_r(&state) % 7]);
        }
        check_form(seed);
    }
}

static void
addresses_that_could_be_an_option_or_two_are_refused(void)
{
    static const char *const wrong[] = { "", "-oQ/tmp", "-f@x", "a b@c", "a@b@c", "@b", "a@", "a@b,c@d",
        "a@b\nBcc: c", "\"a b\"@c", "a@b>" };
    const struct notify_option *to = notify_kind_find("mail")->option;

    CHECK_STR(to->name, "to");
    CHECK(to->valid("kim@example.org") && to->valid("root") && to->valid("kim+belfry@example.org"));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!to->valid(wrong[i]));
    }
}

static void
a_digest_is_a_time_of_a_day_at_most(void)
{
    CHECK_INT(notify_seconds("0"), 0);
    CHECK_INT(notify_seconds("90"), 90);
    CHECK_INT(notify_seconds("30s"), 30);
    CHECK_INT(notify_seconds("15m"), 900);
    CHECK_INT(notify_seconds("24h"), 86400);
    CHECK_INT(notify_seconds("25h"), -1);
    CHECK_INT(notify_seconds("-1"), -1);
    CHECK_INT(notify_seconds("1d"), -1);
    CHECK_INT(notify_seconds("1mm"), -1);
    CHECK_INT(notify_seconds("99999999999999999999"), -1);
    CHECK_INT(notify_seconds(""), -1);
}

int
main(void)
{
    CHECK_RUN(a_mail_has_its_headers_and_says_what_is_known);
    CHECK_RUN(text_of_a_host_adds_no_header_and_ends_no_line);
    CHECK_RUN(addresses_that_could_be_an_option_or_two_are_refused);
    CHECK_RUN(a_digest_is_a_time_of_a_day_at_most);
    return check_result();
}
