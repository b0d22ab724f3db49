#include "support/check.h"

#include "belfry/notify/alerts.h"

#include "belfry/text.h"

#include <stdlib.h>
#include <time.h>

#define UTC 1795301987584
#define HOLD_MS 60000

static struct alerts alerts;
static struct alerts_batch batch;
static unsigned told;
static unsigned failed;

static void
done(void *task, bool well, const char *why)
{
    (void)why;
    told += well;
    failed += !well;
    *(bool *)task = well;
}

static void
begin(unsigned instances)
{
    memset(&alerts, 0, sizeof alerts);
    alerts.instances = instances;
    alerts.hold_ms = HOLD_MS;
    alerts.done = done;
    (void)snprintf(alerts.receiver, sizeof alerts.receiver, "%s", "belfry1");
    told = 0;
    failed = 0;
}

static struct notice
notice_of(int64_t id, const char *subject, bool closed, int64_t utc_ms)
{
    struct notice n = { .seq = id, .made_ms = utc_ms, .closed = closed, .worst = WIRE_CRIT };

    n.alarm.id = id;
    n.alarm.open = !closed;
    n.alarm.severity = WIRE_CRIT;
    n.alarm.opened_ms = UTC;
    n.alarm.closed_ms = closed ? utc_ms : 0;
    n.alarm.count = 1;
    n.alarm.session = 17;
    n.alarm.number = 42;
    (void)snprintf(n.alarm.host, sizeof n.alarm.host, "%s", "web03");
    (void)snprintf(n.alarm.nonce, sizeof n.alarm.nonce, "%s", "K3QF");
    (void)snprintf(n.alarm.code, sizeof n.alarm.code, "%s", "integrity.changed");
    (void)snprintf(n.alarm.subject, sizeof n.alarm.subject, "%s", subject);
    (void)snprintf(n.alarm.detail, sizeof n.alarm.detail, "%s", subject);
    return n;
}

/* ---- as much of an Alertmanager as is needed: JSON is read strictly, RFC 8259 */

static const char *at;

static bool
eat(char c)
{
    bool well = *at == c;

    at += well;
    return well;
}

static bool
string(char *out, size_t size)
{
    size_t n = 0;

    if (!eat('"')) {
        return false;
    }
    while (*at != '"') {
        unsigned char c = (unsigned char)*at++;

        if (c < 0x20 || c > 0x7E) {
            return false;
        }
        if (c == '\\') {
            char hex[5] = "";

            c = (unsigned char)*at++;
            if (c == 'u') {
                memcpy(hex, at, 4);
                if (strspn(hex, "0123456789abcdef") != 4) {
                    return false;
                }
                c = (unsigned char)strtoul(hex, NULL, 16);
                at += 4;
            } else if (c != '"' && c != '\\') {
                return false;
            }
        }
        if (n + 1 < size) {
            out[n++] = (char)c;
        }
    }
    out[n] = '\0';
    return eat('"');
}

struct shown {
    char labels[1000]; /* as they came */
    char name[64];
    char subject[RECORD_SUBJECT];
    char summary[600];
    char severity[16];
    int64_t ends_ms;
};

static bool
object(struct shown *s, bool labels)
{
    const char *begun = at;
    char key[32];
    char value[1000];

    if (!eat('{')) {
        return false;
    }
    do {
        if (!string(key, sizeof key) || !eat(':') || !string(value, sizeof value) || value[0] == '\0') {
            return false;
        }
        if (strcmp(key, "subject") == 0) {
            (void)snprintf(s->subject, sizeof s->subject, "%.*s", (int)sizeof s->subject - 1, value);
        } else if (strcmp(key, "alertname") == 0) {
            (void)snprintf(s->name, sizeof s->name, "%.*s", (int)sizeof s->name - 1, value);
        } else if (strcmp(key, "summary") == 0) {
            (void)snprintf(s->summary, sizeof s->summary, "%.*s", (int)sizeof s->summary - 1, value);
        } else if (strcmp(key, "severity") == 0) {
            (void)snprintf(s->severity, sizeof s->severity, "%.*s", (int)sizeof s->severity - 1, value);
        }
    } while (eat(','));
    if (labels) {
        (void)snprintf(s->labels, sizeof s->labels, "%.*s", (int)(at - begun), begun);
    }
    return eat('}');
}

static bool
alert(struct shown *s)
{
    char key[32];
    char value[64];
    int64_t ms;

    memset(s, 0, sizeof *s);
    if (!eat('{')) {
        return false;
    }
    do {
        if (!string(key, sizeof key) || !eat(':')) {
            return false;
        }
        if (strcmp(key, "labels") == 0 || strcmp(key, "annotations") == 0) {
            if (!object(s, key[0] == 'l')) {
                return false;
            }
            continue;
        }
        if (!string(value, sizeof value) || strlen(value) != 24) {
            return false;
        }
        value[19] = '\0';
        if (!text_time_parse(value, UTC, &ms)) {
            return false;
        }
        if (strcmp(key, "endsAt") == 0) {
            s->ends_ms = ms;
        }
    } while (eat(','));
    return eat('}') && s->ends_ms != 0 && s->labels[0] != '\0';
}

#define SHOWN 200

struct manager {
    unsigned count;
    struct shown shown[SHOWN];
};

static struct manager manager[ALERTS_INSTANCES];

/* False when it would be answered with 400. As types.Alert.Merge(): an end to come shortens nothing. */
static bool
post(struct manager *m, const char *body, int64_t utc_ms)
{
    at = body;
    if (!eat('[')) {
        return false;
    }
    do {
        struct shown s;
        unsigned i = 0;

        if (!alert(&s)) {
            return false;
        }
        while (i < m->count && strcmp(m->shown[i].labels, s.labels) != 0) {
            i++;
        }
        if (i == SHOWN) {
            continue;
        }
        if (i == m->count) {
            m->count++;
            m->shown[i].labels[0] = '\0';
        }
        if (s.ends_ms > utc_ms && m->shown[i].ends_ms > s.ends_ms &&
                strcmp(m->shown[i].labels, s.labels) == 0) {
            s.ends_ms = m->shown[i].ends_ms;
        }
        m->shown[i] = s;
    } while (eat(','));
    return eat(']') && *at == '\0';
}

static const struct shown *
shown_as(const struct manager *m, const char *subject, int64_t utc_ms)
{
    for (unsigned i = 0; i < m->count; i++) {
        if (strcmp(m->shown[i].subject, subject) == 0 && m->shown[i].ends_ms > utc_ms) {
            return &m->shown[i];
        }
    }
    return NULL;
}

/* One round of all instances that are up: bit n of `up`. */
static void
round_at(int64_t ms, unsigned up)
{
    for (unsigned i = 0; i < alerts.instances; i++) {
        while (alerts_batch(&alerts, i, ms, UTC + ms, &batch) > 0) {
            bool well = (up >> i & 1) != 0;

            CHECK(batch.len == strlen(batch.body) && batch.len < ALERTS_BODY);
            CHECK(!well || post(&manager[i], batch.body, UTC + ms));
            alerts_answer(&alerts, i, &batch, well ? ALERTS_ACCEPTED : ALERTS_FAILED, "", ms);
        }
    }
}

/* ---- tests */

static void
every_byte_arrives_as_it_was_and_none_breaks_the_text(void)
{
    begin(1);
    manager[0].count = 0;
    for (int c = 1; c < 256; c++) {
        struct notice n = notice_of(c, "", false, UTC);
        char whole[RECORD_DETAIL];
        bool task = false;

        memset(n.alarm.subject, c, sizeof n.alarm.subject - 1);
        memset(n.alarm.detail, c, sizeof n.alarm.detail - 1);
        memset(n.alarm.line, c, sizeof n.alarm.line - 1);
        memset(n.alarm.verdict, c, sizeof n.alarm.verdict - 1);
        memcpy(whole, n.alarm.detail, sizeof whole);
        begin(1);
        manager[0].count = 0;
        CHECK(alerts_take(&alerts, &n, &task, 0, UTC));
        round_at(0, 1);
        CHECK(task);
        CHECK_INT(manager[0].count, 2);
        CHECK_STR(manager[0].shown[0].subject, n.alarm.subject);
        CHECK(strstr(manager[0].shown[0].summary, whole) != NULL);
    }
}

static void
every_batch_of_the_worst_alarms_fits_into_its_buffer(void)
{
    begin(1);
    for (int i = 0; i < 300; i++) {
        struct notice n = notice_of(i + 1, "", false, UTC);

        memset(n.alarm.subject, 0xFF, sizeof n.alarm.subject - 1);
        (void)snprintf(n.alarm.subject, 5, "%d", i);
        memset(n.alarm.detail, 0x01, sizeof n.alarm.detail - 1);
        CHECK(alerts_take(&alerts, &n, NULL, 0, UTC));
    }
    manager[0].count = 0;
    round_at(0, 1);
    CHECK_INT(manager[0].count, SHOWN);
}

/* Random alarms, instances that come and go: what each shows is true within a minute. */
static void
each_instance_that_is_up_for_a_minute_shows_what_is_open_and_nothing_else(void)
{
    enum { ALARMS = 20, TURNS = 4000, STEP_MS = 5000 };
    struct {
        int64_t id;
        int64_t since_ms;
        bool open;
        bool task;
        bool waits;
    } alarm[ALARMS] = { { .id = 0 } };
    int64_t up_ms[3] = { 0, 0, 0 };
    int64_t ids = 0;
    unsigned up = 7;
    unsigned checked = 0;

    begin(3);
    memset(manager, 0, sizeof manager);
    srand(1);
    for (int turn = 0; turn < TURNS; turn++) {
        int64_t ms = (int64_t)turn * STEP_MS;
        unsigned a = (unsigned)rand() % ALARMS;
        char subject[16];

        (void)snprintf(subject, sizeof subject, "path=/%u", a);
        if (rand() % 4 == 0 && !(alarm[a].waits && !alarm[a].task)) {
            struct notice n;

            alarm[a].open = !alarm[a].open;
            alarm[a].id = alarm[a].open ? ++ids : alarm[a].id;
            alarm[a].since_ms = ms;
            alarm[a].task = false;
            alarm[a].waits = true;
            n = notice_of(alarm[a].id, subject, !alarm[a].open, UTC + ms);
            n.worst = rand() % 2 == 0 ? WIRE_CRIT : WIRE_WARN;
            CHECK(alerts_take(&alerts, &n, &alarm[a].task, ms, UTC + ms));
        }
        for (unsigned i = 0; i < 3; i++) {
            if (rand() % 50 == 0) {
                up ^= 1U << i;
                up_ms[i] = ms;
                if ((up >> i & 1) != 0) {
                    manager[i].count = 0; /* alerts do not outlive an Alertmanager */
                }
            }
        }
        round_at(ms, up);
        for (unsigned i = 0; i < 3; i++) {
            for (unsigned k = 0; k < ALARMS && (up >> i & 1) != 0 && ms - up_ms[i] > 60000; k++) {
                (void)snprintf(subject, sizeof subject, "path=/%u", k);
                if (alarm[k].id == 0 || ms - alarm[k].since_ms < HOLD_MS + 60000) {
                    continue;
                }
                if ((shown_as(&manager[i], subject, UTC + ms) != NULL) != alarm[k].open) {
                    printf("turn %d: instance %u shows %s, which is %s\n", turn, i, subject,
                            alarm[k].open ? "open" : "closed");
                    check_failures++;
                }
                checked++;
            }
        }
    }
    CHECK(checked > 10000);
    CHECK_INT(failed, 0);
}

static void
nothing_counts_as_told_before_an_instance_has_accepted_it(void)
{
    struct notice n = notice_of(1, "path=/a", false, UTC);
    bool task = false;

    begin(2);
    CHECK(alerts_take(&alerts, &n, &task, 0, UTC));
    for (int64_t ms = 0; ms < 300000; ms += 500) {
        round_at(ms, 0);
    }
    CHECK(!task && alerts_busy(&alerts));
    CHECK(alerts_due(&alerts, 0) <= 300000 + 32000);
    round_at(400000, 2);
    CHECK(task && !alerts_busy(&alerts));
    CHECK_INT(told, 1);
}

static void
news_that_come_while_a_batch_is_under_way_are_told_after_it(void)
{
    struct notice n = notice_of(1, "path=/a", false, UTC);
    bool first = false;
    bool second = false;

    begin(1);
    manager[0].count = 0;
    CHECK(alerts_take(&alerts, &n, &first, 0, UTC));
    CHECK(alerts_batch(&alerts, 0, 0, UTC, &batch) > 0);
    CHECK_INT(alerts_due(&alerts, 0), INT64_MAX);
    n = notice_of(1, "path=/a", true, UTC + 10);
    CHECK(alerts_take(&alerts, &n, &second, 10, UTC + 10));
    alerts_answer(&alerts, 0, &batch, ALERTS_ACCEPTED, "", 20);
    CHECK(!second);
    round_at(20, 1);
    CHECK(second);
}

static void
what_ends_at_once_is_shown_as_long_as_it_takes_to_be_paged(void)
{
    struct notice n = notice_of(1, "path=/a", false, UTC);

    begin(1);
    manager[0].count = 0;
    CHECK(alerts_take(&alerts, &n, NULL, 0, UTC));
    round_at(0, 1);
    n = notice_of(1, "path=/a", true, UTC + 50);
    CHECK(alerts_take(&alerts, &n, NULL, 50, UTC + 50));
    round_at(50, 1);
    round_at(HOLD_MS - 2000, 1);
    CHECK(shown_as(&manager[0], "path=/a", UTC + HOLD_MS - 2000) != NULL);
    round_at(HOLD_MS + 500, 1);
    CHECK(shown_as(&manager[0], "path=/a", UTC + HOLD_MS + 1000) == NULL);
}

static void
the_time_that_an_alert_is_shown_begins_when_somebody_accepts_it(void)
{
    struct notice n = notice_of(1, "path=/a", false, UTC);
    bool first = false;
    bool second = false;

    begin(1);
    manager[0].count = 0;
    CHECK(alerts_take(&alerts, &n, &first, 0, UTC));
    round_at(0, 0);
    round_at(500000, 1);
    CHECK(first);
    n = notice_of(1, "path=/a", true, UTC + 50);
    CHECK(alerts_take(&alerts, &n, &second, 500001, UTC + 500001));
    round_at(500001, 1);
    CHECK(second);
    round_at(500000 + HOLD_MS - 2000, 1);
    CHECK(shown_as(&manager[0], "path=/a", UTC + 500000 + HOLD_MS - 2000) != NULL);
    round_at(500000 + HOLD_MS + 500, 1);
    CHECK(shown_as(&manager[0], "path=/a", UTC + 500000 + HOLD_MS + 1000) == NULL);
}

static void
what_ended_in_an_earlier_life_is_not_shown_again(void)
{
    struct notice n = notice_of(1, "path=/a", true, UTC - 1000);

    begin(1);
    manager[0].count = 0;
    n.seq = 0;
    CHECK(alerts_take(&alerts, &n, NULL, 0, UTC));
    round_at(0, 1);
    CHECK_INT(manager[0].count, 2);
    CHECK(shown_as(&manager[0], "path=/a", UTC) == NULL);
}

static void
an_end_is_said_several_times_and_then_no_more(void)
{
    struct notice n = notice_of(1, "path=/a", false, UTC);
    unsigned said = 0;

    begin(1);
    CHECK(alerts_take(&alerts, &n, NULL, 0, UTC));
    round_at(0, 1);
    n = notice_of(1, "path=/a", true, UTC + 100000);
    CHECK(alerts_take(&alerts, &n, NULL, 100000, UTC + 100000));
    for (int64_t ms = 100000; ms < 1000000; ms += 1000) {
        if (alerts_batch(&alerts, 0, ms, UTC + ms, &batch) > 0) {
            said += strstr(batch.body, "path=/a") != NULL;
            alerts_answer(&alerts, 0, &batch, ALERTS_ACCEPTED, "", ms);
        }
    }
    CHECK_INT(said, ALERTS_CLOSED_TIMES);
}

static void
worse_is_another_alert_and_the_milder_one_ends(void)
{
    struct notice n = notice_of(1, "path=/a", false, UTC);
    unsigned firing = 0;

    begin(1);
    manager[0].count = 0;
    n.worst = WIRE_WARN;
    CHECK(alerts_take(&alerts, &n, NULL, 0, UTC));
    round_at(0, 1);
    n.worst = WIRE_CRIT;
    CHECK(alerts_take(&alerts, &n, NULL, 100000, UTC + 100000));
    round_at(100000, 1);
    for (unsigned i = 0; i < manager[0].count; i++) {
        bool fires = manager[0].shown[i].ends_ms > UTC + 101000 && manager[0].shown[i].subject[0] != '\0';

        firing += fires;
        CHECK(!fires || strcmp(manager[0].shown[i].severity, "critical") == 0);
    }
    CHECK_INT(firing, 1);
}

static void
one_bad_alarm_holds_up_no_other(void)
{
    bool task[40] = { false };

    begin(1);
    for (unsigned i = 0; i < 40; i++) {
        char subject[16];
        struct notice n;

        (void)snprintf(subject, sizeof subject, "path=/%u", i);
        n = notice_of(i + 1, subject, false, UTC);
        CHECK(alerts_take(&alerts, &n, &task[i], 0, UTC));
    }
    for (int64_t ms = 0; ms < 100 && told + failed < 40; ms++) {
        if (alerts_batch(&alerts, 0, ms, UTC, &batch) > 0) {
            alerts_answer(&alerts, 0, &batch,
                    strstr(batch.body, "path=/7\"") != NULL ? ALERTS_REFUSED : ALERTS_ACCEPTED, "HTTP 400",
                    ms);
        }
    }
    CHECK_INT(told, 39);
    CHECK_INT(failed, 1);
    CHECK(!task[7]);
}

static void
labels_are_the_same_from_every_receiver_and_name_none(void)
{
    struct notice n = notice_of(1, "path=/a", false, UTC);
    struct shown first;

    begin(1);
    manager[0].count = 0;
    CHECK(alerts_take(&alerts, &n, NULL, 0, UTC));
    round_at(0, 1);
    first = manager[0].shown[0];
    begin(1);
    (void)snprintf(alerts.receiver, sizeof alerts.receiver, "%s", "belfry2");
    n.alarm.id = 77;
    n.alarm.opened_ms += 12;
    (void)snprintf(n.alarm.line, sizeof n.alarm.line, "%s", "rack3-07");
    (void)snprintf(n.alarm.code, sizeof n.alarm.code, "%s", "integrity.removed");
    CHECK(alerts_take(&alerts, &n, NULL, 0, UTC));
    manager[0].count = 0;
    round_at(0, 1);
    CHECK_STR(manager[0].shown[0].labels, first.labels);
    CHECK_STR(first.name, "TocsinIntegrity");
    CHECK(strstr(first.labels, "belfry1") == NULL);
    /* What is about the receiver itself is another matter. */
    n.alarm.host[0] = '\0';
    n.alarm.id = 0;
    (void)snprintf(n.alarm.code, sizeof n.alarm.code, "%s", "belfry.ledger");
    CHECK(alerts_take(&alerts, &n, NULL, 0, UTC));
    manager[0].count = 0;
    round_at(10, 1);
    CHECK_STR(manager[0].shown[0].name, "TocsinBelfryLedger");
    CHECK(strstr(manager[0].shown[0].labels, "belfry2") != NULL);
}

static void
a_full_table_refuses_what_is_open_and_forgets_what_is_over(void)
{
    struct notice n;

    begin(1);
    for (int i = 0; i < ALERTS_MAX; i++) {
        char subject[16];

        (void)snprintf(subject, sizeof subject, "path=/%d", i);
        n = notice_of(i + 1, subject, false, UTC);
        CHECK(alerts_take(&alerts, &n, NULL, 0, UTC));
    }
    n = notice_of(ALERTS_MAX + 1, "path=/more", false, UTC);
    CHECK(!alerts_take(&alerts, &n, NULL, 0, UTC));
    n = notice_of(5, "path=/4", true, UTC);
    CHECK(alerts_take(&alerts, &n, NULL, 0, UTC));
    n = notice_of(ALERTS_MAX + 1, "path=/more", false, UTC);
    CHECK(alerts_take(&alerts, &n, NULL, 0, UTC));
}

int
main(void)
{
    CHECK_RUN(every_byte_arrives_as_it_was_and_none_breaks_the_text);
    CHECK_RUN(every_batch_of_the_worst_alarms_fits_into_its_buffer);
    CHECK_RUN(each_instance_that_is_up_for_a_minute_shows_what_is_open_and_nothing_else);
    CHECK_RUN(nothing_counts_as_told_before_an_instance_has_accepted_it);
    CHECK_RUN(news_that_come_while_a_batch_is_under_way_are_told_after_it);
    CHECK_RUN(what_ends_at_once_is_shown_as_long_as_it_takes_to_be_paged);
    CHECK_RUN(the_time_that_an_alert_is_shown_begins_when_somebody_accepts_it);
    CHECK_RUN(what_ended_in_an_earlier_life_is_not_shown_again);
    CHECK_RUN(an_end_is_said_several_times_and_then_no_more);
    CHECK_RUN(worse_is_another_alert_and_the_milder_one_ends);
    CHECK_RUN(one_bad_alarm_holds_up_no_other);
    CHECK_RUN(labels_are_the_same_from_every_receiver_and_name_none);
    CHECK_RUN(a_full_table_refuses_what_is_open_and_forgets_what_is_over);
    return check_result();
}
