#include "support/check.h"

#include "belfry/nats/hub.h"

#include <stdlib.h>

#define NOW 1795301987584

static struct hub hub;
static uint64_t sequence;

/* One message of a site, as its belfry would publish it. */
static bool
tell(const char *site, const struct message *m)
{
    char text[MESSAGE_MAX];
    char subject[MESSAGE_SUBJECT];
    size_t len = message_compose(m, text);

    CHECK(len > 0);
    message_subject(subject, site, m);
    return hub_take(&hub, ++sequence, NOW, subject, text, len);
}

static struct message
line_of(const char *host, uint32_t session, uint32_t number)
{
    struct message m = { .kind = MESSAGE_LINE, .row = 1, .utc_ms = NOW };

    m.record.kind = RECORD_LINE;
    m.record.severity = WIRE_INFO;
    m.record.session = session;
    m.record.first = m.record.last = number;
    (void)snprintf(m.record.host, sizeof m.record.host, "%s", host);
    (void)snprintf(m.record.line, sizeof m.record.line, "%s", "web");
    (void)snprintf(m.record.nonce, sizeof m.record.nonce, "%s", "K3QF");
    (void)snprintf(m.record.code, sizeof m.record.code, "%s", "agent.beat");
    (void)snprintf(m.record.bytes, sizeof m.record.bytes, "%s", "!1 INFO");
    return m;
}

static struct message
alarm_of(int64_t id, uint64_t row, bool open)
{
    struct message m = { .kind = MESSAGE_ALARM, .row = row, .utc_ms = NOW };

    m.alarm.id = id;
    m.alarm.open = open;
    m.alarm.severity = WIRE_CRIT;
    m.alarm.opened_ms = NOW - 1000;
    m.alarm.count = 1;
    (void)snprintf(m.alarm.host, sizeof m.alarm.host, "%s", "web03");
    (void)snprintf(m.alarm.code, sizeof m.alarm.code, "%s", "daemon.down");
    (void)snprintf(m.alarm.detail, sizeof m.alarm.detail, "%s", "name=sshd pid=812");
    return m;
}

static void
begin(void)
{
    hub_free(&hub);
    sequence = 0;
}

static void
each_line_counts_once_however_often_and_in_whatever_order_it_comes(void)
{
    enum { LINES = 600, WINDOW = 200 };
    unsigned char order[WINDOW];
    unsigned seed = 7;

    begin();
    for (uint32_t base = 0; base < LINES; base += WINDOW) {
        for (unsigned i = 0; i < WINDOW; i++) {
            order[i] = (unsigned char)i;
        }
        for (unsigned turn = 0; turn < 2; turn++) {
            for (unsigned i = 0; i < WINDOW; i++) {
                unsigned k = (seed = seed * 1103515245U + 12345U) >> 16 & 0x7F;
                unsigned char c = order[i];

                order[i] = order[k];
                order[k] = c;
            }
            for (unsigned i = 0; i < WINDOW; i++) {
                struct message m = line_of("web03", 17, base + order[i]);

                CHECK(tell("ams1", &m));
            }
        }
    }
    CHECK_INT(hub.sites, 1);
    CHECK_INT(hub.site[0]->lines, LINES);
    CHECK_INT(hub.site[0]->copies, LINES);
    CHECK_INT(hub.site[0]->host[0].top, LINES - 1);
    CHECK_INT(hub.site[0]->host[0].late, 0);
}

static void
a_message_of_the_stream_taken_again_changes_nothing(void)
{
    struct message m = line_of("web03", 17, 1);

    begin();
    CHECK(tell("ams1", &m));
    sequence--;
    m = line_of("web03", 17, 2);
    CHECK(tell("ams1", &m));
    CHECK_INT(hub.site[0]->lines, 1);
    CHECK_INT(hub.site[0]->copies, 0);
}

static void
what_is_gone_from_the_stream_is_counted(void)
{
    struct message m = line_of("web03", 17, 1);

    begin();
    sequence = 40; /* the first that was there: nothing is known of those before */
    CHECK(tell("ams1", &m));
    CHECK_INT(hub.missed, 0);
    sequence += 5;
    m = line_of("web03", 17, 2);
    CHECK(tell("ams1", &m));
    CHECK_INT(hub.missed, 5);
}

static void
an_alarm_is_as_its_newest_message_says_in_every_order(void)
{
    static const unsigned char orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 2, 3, 0, 1 }, { 1, 0, 3, 2 },
        { 3, 0, 1, 2 }, { 0, 3, 2, 1 } };
    struct message said[4] = { alarm_of(12, 5, true), alarm_of(12, 6, true), alarm_of(12, 7, false),
        alarm_of(13, 8, true) };

    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        begin();
        for (unsigned k = 0; k < 8; k++) {
            CHECK(tell("ams1", &said[orders[i][k % 4]]));
        }
        CHECK_INT(hub.site[0]->alarms, 1);
        CHECK_INT(hub.site[0]->alarm[0].alarm.id, 13);
    }
}

static void
a_site_speaks_for_itself_alone(void)
{
    struct message m = alarm_of(12, 5, true);

    begin();
    CHECK(tell("ams1", &m));
    m = alarm_of(12, 6, false);
    CHECK(tell("fra2", &m));
    CHECK_INT(hub.sites, 2);
    CHECK_INT(hub.site[0]->alarms, 1);
    CHECK_INT(hub.site[1]->alarms, 0);
}

static void
no_site_takes_more_than_its_room_and_says_how_much_it_wanted(void)
{
    char host[WIRE_HOST_MAX + 1];

    begin();
    for (uint32_t i = 0; i < HUB_HOSTS + 10; i++) {
        struct message m;

        (void)snprintf(host, sizeof host, "h%u", i);
        m = line_of(host, 1, 1);
        CHECK(tell("ams1", &m));
        m = alarm_of(i + 1, i + 1, true);
        CHECK(tell("ams1", &m));
    }
    CHECK_INT(hub.site[0]->hosts, HUB_HOSTS);
    CHECK_INT(hub.site[0]->alarms, HUB_ALARMS);
    CHECK_INT(hub.site[0]->left_out, 20);
    for (unsigned i = 1; i < HUB_SITES + 10; i++) {
        struct message m = line_of("web03", 1, 1);

        (void)snprintf(host, sizeof host, "s%u", i);
        CHECK(tell(host, &m));
    }
    CHECK_INT(hub.sites, HUB_SITES);
    CHECK_INT(hub.refused, 10);
}

static void
what_is_no_message_is_counted_and_nothing_else(void)
{
    struct message m = line_of("web03", 17, 1);
    char text[MESSAGE_MAX];
    size_t len = message_compose(&m, text);

    begin();
    CHECK(hub_take(&hub, 1, NOW, "tocsin.ams1.alarm.web03", text, len)); /* another kind than its subject */
    CHECK(hub_take(&hub, 2, NOW, "tocsin.ams1", text, len));
    CHECK(hub_take(&hub, 3, NOW, "other.ams1.line.web03", text, len));
    CHECK(hub_take(&hub, 4, NOW, "tocsin.a*b.line.web03", text, len));
    CHECK_INT(hub.sites, 1);
    CHECK_INT(hub.site[0]->refused, 1);
    CHECK_INT(hub.refused, 3);
    for (size_t cut = 0; cut < len; cut++) {
        CHECK(hub_take(&hub, 5 + cut, NOW, "tocsin.ams1.line.web03", text, cut));
    }
    for (int c = 0; c < 256; c++) {
        char spoilt[MESSAGE_MAX];

        memcpy(spoilt, text, len);
        spoilt[len - 1] = (char)c; /* of the bytes of the line */
        CHECK(hub_take(&hub, 5 + len + (unsigned)c, NOW, "tocsin.ams1.line.web03", spoilt, len));
    }
    CHECK_INT(hub.site[0]->lines, 1);
    CHECK_INT(hub.site[0]->refused + hub.site[0]->copies + hub.site[0]->lines, 1 + len + 256);
}

static char *
saved(size_t *len)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, len);

    CHECK(to != NULL && hub_save(&hub, to) && fclose(to) == 0);
    return text;
}

static void
a_hub_that_starts_again_is_the_same(void)
{
    struct hub again;
    char *text;
    size_t len;

    begin();
    for (unsigned i = 0; i < 2000; i++) {
        char site[8];
        char host[WIRE_HOST_MAX + 1];
        struct message m;

        (void)snprintf(site, sizeof site, "s%u", i % 7);
        (void)snprintf(host, sizeof host, "h%u", i % 41);
        m = line_of(host, 1 + i / 500, i % 500);
        CHECK(tell(site, &m));
        m = alarm_of(i / 3, i + 1, i % 3 != 2);
        CHECK(tell(site, &m));
    }
    text = saved(&len);
    again = hub;
    memset(&hub, 0, sizeof hub);
    for (size_t cut = 0; cut < len; cut += 1 + cut / 50) {
        CHECK(!hub_load(&hub, text, cut));
        CHECK_INT(hub.sites, 0);
    }
    CHECK(hub_load(&hub, text, len));
    {
        size_t second_len;
        char *second = saved(&second_len);

        CHECK_INT(second_len, len);
        CHECK_MEM(second, text, len);
        free(second);
    }
    hub_free(&again);
    free(text);
}

static void
no_report_moves_a_terminal(void)
{
    struct message m = alarm_of(12, 5, true);
    enum hub_form forms[] = { HUB_TEXT, HUB_JSON };

    begin();
    (void)snprintf(m.alarm.subject, sizeof m.alarm.subject, "%s", "\"name=</script><b>\\%1B[2J");
    (void)snprintf(m.alarm.detail, sizeof m.alarm.detail, "%s", "\"}],\"sites\":[ %07 '><img src=x>");
    CHECK(tell("ams1", &m));
    for (unsigned i = 0; i < 2; i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *to = open_memstream(&text, &len);
        unsigned quotes = 0;

        CHECK(hub_report(&hub, forms[i], NOW, to));
        CHECK(fclose(to) == 0 && len > 100);
        for (size_t k = 0; k < len; k++) {
            CHECK((text[k] >= 0x20 && text[k] <= 0x7E) || text[k] == '\n');
            quotes += text[k] == '"' && (k == 0 || text[k - 1] != '\\');
        }
        CHECK(forms[i] != HUB_JSON || quotes % 2 == 0);
        CHECK(forms[i] != HUB_TEXT || strstr(text, ", stream read never, ") != NULL);
        free(text);
    }
    m = alarm_of(12, 6, false);
    CHECK(tell("ams1", &m));
    {
        FILE *null = fopen("/dev/null", "w");

        CHECK(!hub_report(&hub, HUB_TEXT, NOW, null));
        CHECK(hub_report(&hub, HUB_TEXT, NOW + HUB_QUIET_MS + 1, null)); /* nobody is heard */
        (void)fclose(null);
    }
}

static void
an_id_of_a_line_is_the_same_from_every_site_and_of_the_rest_it_is_not(void)
{
    struct message m = line_of("web03", 17, 42);
    char text[MESSAGE_MAX];
    char a[MESSAGE_ID];
    char b[MESSAGE_ID];

    (void)snprintf(m.record.tag, sizeof m.record.tag, "%s", "FJZBT8V40PYQGQD9P2YZ");
    CHECK(message_compose(&m, text) > 0);
    message_id(a, "ams1", &m, text);
    CHECK_STR(a, "web03/17-K3QF.42/FJZBT8V40PYQGQD9P2YZ");
    m.row = 99;
    message_id(b, "fra2", &m, text);
    CHECK_STR(a, b);
    m = alarm_of(12, 5, true);
    CHECK(message_compose(&m, text) > 0);
    message_id(a, "ams1", &m, text);
    message_id(b, "fra2", &m, text);
    CHECK(strcmp(a, b) != 0);
    text[strlen(text) - 1] ^= 1;
    message_id(b, "ams1", &m, text);
    CHECK(strcmp(a, b) != 0);
}

int
main(void)
{
    CHECK_RUN(each_line_counts_once_however_often_and_in_whatever_order_it_comes);
    CHECK_RUN(a_message_of_the_stream_taken_again_changes_nothing);
    CHECK_RUN(what_is_gone_from_the_stream_is_counted);
    CHECK_RUN(an_alarm_is_as_its_newest_message_says_in_every_order);
    CHECK_RUN(a_site_speaks_for_itself_alone);
    CHECK_RUN(no_site_takes_more_than_its_room_and_says_how_much_it_wanted);
    CHECK_RUN(what_is_no_message_is_counted_and_nothing_else);
    CHECK_RUN(a_hub_that_starts_again_is_the_same);
    CHECK_RUN(no_report_moves_a_terminal);
    CHECK_RUN(an_id_of_a_line_is_the_same_from_every_site_and_of_the_rest_it_is_not);
    hub_free(&hub);
    return check_result();
}
