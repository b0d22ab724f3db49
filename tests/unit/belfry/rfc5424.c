#include "support/check.h"

#include "belfry/notify/kinds.h"
#include "belfry/notify/rfc5424.h"

#include <syslog.h>

static struct notice notice;
static char text[RFC5424_MAX];

static const char *
message(void)
{
    static const struct rfc5424_from from = { .facility = LOG_LOCAL1, .hostname = "console 1", .pid = 4711 };
    size_t len = rfc5424_message(text, &from, &notice);

    CHECK_INT(len, strlen(text));
    return text;
}

static void
begin(void)
{
    notice = (struct notice){
        .seq = 12, .made_ms = 1795363696913, .alarm = { .id = 7, .severity = WIRE_CRIT, .count = 2 }
    };
    notice.alarm.opened_ms = 1795363696000;
    (void)snprintf(notice.alarm.host, sizeof notice.alarm.host, "web03");
    (void)snprintf(notice.alarm.code, sizeof notice.alarm.code, "integrity.changed");
    (void)snprintf(notice.alarm.subject, sizeof notice.alarm.subject, "path=/a");
    (void)snprintf(notice.alarm.detail, sizeof notice.alarm.detail, "path=/a new=1");
    (void)snprintf(notice.alarm.line, sizeof notice.alarm.line, "tty");
    (void)snprintf(notice.alarm.verdict, sizeof notice.alarm.verdict, "OK");
    (void)snprintf(notice.alarm.nonce, sizeof notice.alarm.nonce, "K3QF");
    notice.alarm.session = 17;
    notice.alarm.number = 42;
}

static void
a_message_is_as_rfc_5424_wants_it(void)
{
    begin();
    CHECK_STR(message(),
            "<138>1 2026-11-22T16:08:16.913Z console_1 belfry 4711 integrity.changed [tocsin@32473 "
            "seq=\"12\" "
            "alarm=\"7\" state=\"open\" host=\"web03\" severity=\"CRIT\" code=\"integrity.changed\" "
            "subject=\"path=/a\" line=\"tty\" verdict=\"OK\" number=\"17-K3QF.42\" count=\"2\" "
            "opened=\"2026-11-22T16:08:16.000Z\"] alarm 7 open: web03 CRIT integrity.changed path=/a new=1");
    notice.closed = true;
    CHECK(strstr(message(), "state=\"closed\"") != NULL);
}

static void
what_ends_a_value_is_escaped_and_no_control_byte_gets_through(void)
{
    begin();
    (void)snprintf(notice.alarm.subject, sizeof notice.alarm.subject, "a]b\"c\\d\n\x1b");
    (void)snprintf(notice.alarm.detail, sizeof notice.alarm.detail, "x\r\n<0>1 - - - - - - forged");
    (void)message();
    CHECK(strstr(text, "subject=\"a\\]b\\\"c\\\\d??\"") != NULL);
    for (const char *c = text; *c != '\0'; c++) {
        CHECK(*c >= 0x20 && *c <= 0x7E);
    }
}

static void
the_longest_of_everything_fits(void)
{
    begin();
    memset(notice.alarm.subject, ']', sizeof notice.alarm.subject - 1);
    memset(notice.alarm.detail, 0x01, sizeof notice.alarm.detail - 1);
    memset(notice.alarm.code, 'c', sizeof notice.alarm.code - 1);
    memset(notice.alarm.host, 'h', sizeof notice.alarm.host - 1);
    CHECK(strlen(message()) < RFC5424_MAX - 1);
}

static void
a_url_has_a_scheme_a_host_and_perhaps_a_port(void)
{
    static const char *const wrong[] = { "", "tls", "tls:", "tls://", "://h", "tls://h:", "tls://h:0",
        "tls://h:65536", "tls://h:1x", "tls://[::1", "tls://h h", "tls://[x]:1", "tls://h\n" };
    struct notify_url url;

    CHECK(notify_url("tls://collector.example:6514", &url));
    CHECK_STR(url.scheme, "tls");
    CHECK_STR(url.host, "collector.example");
    CHECK_INT(url.port, 6514);
    CHECK_STR(url.path, "");
    CHECK(notify_url("http://[2001:db8::1]:80/api/v2", &url));
    CHECK_STR(url.host, "2001:db8::1");
    CHECK_STR(url.path, "/api/v2");
    CHECK(notify_url("udp://10.0.0.1", &url));
    CHECK_INT(url.port, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!notify_url(wrong[i], &url));
    }
}

int
main(void)
{
    CHECK_RUN(a_message_is_as_rfc_5424_wants_it);
    CHECK_RUN(what_ends_a_value_is_escaped_and_no_control_byte_gets_through);
    CHECK_RUN(the_longest_of_everything_fits);
    CHECK_RUN(a_url_has_a_scheme_a_host_and_perhaps_a_port);
    return check_result();
}
