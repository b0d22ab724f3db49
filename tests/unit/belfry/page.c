#include "support/check.h"

#include "belfry/page/ask.h"
#include "belfry/page/host.h"
#include "belfry/page/html.h"
#include "belfry/page/metrics.h"
#include "belfry/page/timeline.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1790000000000)

static struct model model;
static struct rows rows;

static void
take(enum model_topic topic, const char *format, ...)
{
    char line[2048];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    model_take(&model, topic, line);
}

static void
status_begins(int64_t now_ms)
{
    model_begin(&model, MODEL_STATUS);
    take(MODEL_STATUS, "belfry\t0.1.0\t4711\t%lld\t0\t0\t0\t%lld", (long long)NOW - 1000, (long long)now_ms);
}

static void
line_is(const char *name, const char *up, uint64_t bytes)
{
    take(MODEL_STATUS, "line\t%s\tserial\t%s\t%d\t%llu\t%lld\t0\t0", name, up, up[0] == 'u' ? 0 : 5,
            (unsigned long long)bytes, (long long)NOW);
}

static void
host_is(const char *name, const char *line, const char *state, uint64_t proved)
{
    take(MODEL_HOSTS_TOPIC, "host\t%s\t%s\t%s\t%lld\t35000\t%llu\t0\t0\t0\t0\t0\tdown\t%s", name, line, state,
            (long long)NOW - 4000, (unsigned long long)proved, line);
}

static void
alarm_is(unsigned id, int severity, const char *host, const char *line, const char *detail)
{
    take(MODEL_ALARMS_TOPIC, "alarm\t%u\topen\t%d\t%s\tdaemon.down\t%s\tOK\t1-K3QF.7\t%s\t%lld\t0\t0\t\t1",
            id, severity, host, line, detail, (long long)NOW - 240000);
}

static struct html_view
view(void)
{
    rows_make(&rows, &model);
    return (struct html_view){ .model = &model, .rows = &rows };
}

static unsigned
times(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        n++;
    }
    return n;
}

/* ---- escaping */

static void
no_byte_from_outside_ends_an_element_an_attribute_or_a_label(void)
{
    char text[256];
    struct sheet s = { .at = NULL };

    for (int i = 1; i < 256; i++) {
        text[i - 1] = (char)i;
    }
    text[255] = '\0';
    sheet_text(&s, text);
    CHECK(sheet_sound(&s));
    for (size_t i = 0; i < s.len; i++) {
        CHECK(s.at[i] >= 0x20 && s.at[i] <= 0x7E && strchr("<>\"'", s.at[i]) == NULL);
    }
    CHECK_INT(times(s.at, "&"), 5);
    CHECK(strstr(s.at, "&lt;=&gt;?") != NULL && strstr(s.at, "%1B") != NULL && strstr(s.at, "%C2") != NULL);
    s.len = 0;
    sheet_label(&s, text);
    CHECK_INT(times(s.at, "\n"), 0);
    CHECK(strstr(s.at, "!\\\"#") != NULL && strstr(s.at, "[\\\\]") != NULL);
    sheet_free(&s);
}

static void
a_sheet_that_gets_too_long_says_so_and_keeps_its_bounds(void)
{
    static char piece[65536];
    struct sheet s = { .at = NULL };

    memset(piece, 'x', sizeof piece);
    for (int i = 0; i < 100; i++) {
        sheet_bytes(&s, piece, sizeof piece);
    }
    CHECK(!sheet_sound(&s) && s.len <= SHEET_MAX && s.len < s.room);
    sheet_free(&s);
}

/* ---- the model */

static void
the_worst_comes_first_and_is_said_in_words(void)
{
    CHECK_INT(model_init(&model), 0);
    status_begins(NOW);
    line_is("a-well", "up", 10);
    line_is("b-lost", "lost", 10);
    line_is("c-silent", "up", 10);
    line_is("d-none", "up", 0);
    line_is("e-alarm", "up", 10);
    model_end(&model, MODEL_STATUS);
    model_begin(&model, MODEL_HOSTS_TOPIC);
    host_is("well", "a-well", "alive", 5);
    host_is("gone", "c-silent", "silent", 5);
    host_is("told", "e-alarm", "alive", 5);
    host_is("nowhere", "-", "never", 0);
    model_end(&model, MODEL_HOSTS_TOPIC);
    model_begin(&model, MODEL_ALARMS_TOPIC);
    alarm_is(7, WIRE_WARN, "told", "e-alarm", "name=sshd");
    model_end(&model, MODEL_ALARMS_TOPIC);
    (void)view();
    CHECK_INT(rows.count, 6);
    CHECK_STR(row_name(&rows.row[0]), "c-silent");
    CHECK_STR(rows.row[0].state, "SILENT 4 s");
    CHECK_STR(row_name(&rows.row[1]), "b-lost");
    CHECK_STR(rows.row[1].state, "LINE LOST: Input/output error");
    CHECK_STR(row_name(&rows.row[2]), "e-alarm");
    CHECK_STR(rows.row[2].state, "alive, 1 alarm, worst WARN");
    CHECK_INT(rows.level[ROW_BAD], 2);
    CHECK_INT(rows.level[ROW_WARN], 1);
    CHECK_INT(rows.level[ROW_GOOD], 1);
    CHECK_INT(rows.level[ROW_QUIET], 2);
    model_free(&model);
}

static void
of_several_hosts_on_a_line_the_worst_is_shown_and_the_others_are_counted(void)
{
    CHECK_INT(model_init(&model), 0);
    status_begins(NOW);
    line_is("b", "up", 10);
    line_is("a", "up", 10);
    model_end(&model, MODEL_STATUS);
    model_begin(&model, MODEL_HOSTS_TOPIC);
    host_is("one", "a", "alive", 5);
    take(MODEL_HOSTS_TOPIC, "host\ttwo\tnet\tsilent\t%lld\t35000\t5\t0\t0\t0\t0\t0\tup\tb,a!,net",
            (long long)NOW);
    take(MODEL_HOSTS_TOPIC, "host\tthree\ta\talive\t%lld\t35000\t5\t0\t0\t0\t0\t0\tup\ta,a,nowhere",
            (long long)NOW);
    take(MODEL_HOSTS_TOPIC, "host\tfour\tnet\talive\t%lld\t35000\t5\t0\t0\t0\t0\t0\tup\tnet", (long long)NOW);
    model_end(&model, MODEL_HOSTS_TOPIC);
    (void)view();
    CHECK_INT(rows.count, 3);
    CHECK_STR(row_name(&rows.row[0]), "a");
    CHECK_STR(rows.row[0].host->name, "two");
    CHECK_INT(rows.row[0].others, 2);
    CHECK_STR(row_name(&rows.row[1]), "b");
    CHECK_STR(rows.row[1].host->name, "two");
    CHECK_INT(rows.row[1].others, 0);
    CHECK(rows.row[2].line == NULL && strcmp(row_name(&rows.row[2]), "four") == 0);
    model_free(&model);
}

static void
what_a_whole_answer_does_not_name_is_gone(void)
{
    CHECK_INT(model_init(&model), 0);
    status_begins(NOW);
    line_is("one", "up", 0);
    line_is("two", "up", 0);
    line_is("three", "up", 0);
    model_end(&model, MODEL_STATUS);
    status_begins(NOW + 2000);
    line_is("three", "up", 5000);
    line_is("one", "up", 0);
    model_end(&model, MODEL_STATUS);
    CHECK_INT(model.lines, 2);
    CHECK(model_find_line(&model, "two", 3) == NULL);
    CHECK_INT(model_find_line(&model, "three", 5)->bytes, 5000);
    CHECK_INT((int)model_find_line(&model, "three", 5)->rate, 2500);
    CHECK_INT(past_at(model_find_line(&model, "three", 5)->past, NOW, 0).bytes, 5000);
    model_free(&model);
}

static unsigned
alarms_in_metrics(void)
{
    struct sheet s = { .at = NULL };
    const char *at;
    unsigned n = 0;

    metrics_write(&s, &model, 0, 0);
    CHECK(sheet_sound(&s));
    at = strstr(s.at, "belfry_alarms_open{severity=\"ERRO\"} ");
    CHECK(at != NULL && sscanf(at, "%*s %u", &n) == 1);
    sheet_free(&s);
    return n;
}

static void
an_alarm_stays_until_a_whole_answer_does_not_name_it(void)
{
    struct sheet s = { .at = NULL };
    struct html_view v;

    CHECK_INT(model_init(&model), 0);
    status_begins(NOW);
    line_is("tty", "up", 1);
    model_end(&model, MODEL_STATUS);
    model_begin(&model, MODEL_HOSTS_TOPIC);
    host_is("web1", "tty", "alive", 1);
    model_end(&model, MODEL_HOSTS_TOPIC);
    v = view(); /* none is named yet: not the same as none */
    html_overview(&s, &v);
    metrics_write(&s, &model, 0, 0);
    CHECK(strstr(s.at, "No alarm is open") == NULL && strstr(s.at, "belfry_alarms_open") == NULL);
    sheet_free(&s);
    for (int again = 0; again < 2; again++) {
        model_begin(&model, MODEL_ALARMS_TOPIC);
        alarm_is(1, WIRE_ERRO, "web1", "tty", "name=sshd");
        model_end(&model, MODEL_ALARMS_TOPIC);
    }
    for (int refused = 0; refused < 2; refused++) {
        model_begin(&model, MODEL_ALARMS_TOPIC);
        if (refused) {
            take(MODEL_ALARMS_TOPIC, "error\tthe ledger cannot be read");
            model_end(&model, MODEL_ALARMS_TOPIC);
        }
        v = view();
        CHECK_INT(model.alarms, 1);
        CHECK_INT(model.kept, 1);
        CHECK_INT(v.rows->row[0].level, ROW_BAD);
        CHECK_INT(alarms_in_metrics(), 1);
    }
    model_begin(&model, MODEL_ALARMS_TOPIC);
    model_end(&model, MODEL_ALARMS_TOPIC);
    v = view();
    CHECK_INT(model.alarms, 0);
    CHECK_INT(v.rows->row[0].level, ROW_GOOD);
    CHECK_INT(alarms_in_metrics(), 0);
    model_free(&model);
}

static void
a_line_of_no_proper_name_is_no_line(void)
{
    static const char *const wrong[] = { "", "x onclick=y", "../x", "<b>", "a\"b", "x>", "\xC2\x9B", "-x",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

    CHECK_INT(model_init(&model), 0);
    status_begins(NOW);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        line_is(wrong[i], "up", 0);
    }
    model_end(&model, MODEL_STATUS);
    CHECK_INT(model.lines, 0);
    model_free(&model);
}

static void
a_notifier_that_cannot_tell_is_said_first_and_measured(void)
{
    struct sheet s = { .at = NULL };
    struct html_view v;

    CHECK_INT(model_init(&model), 0);
    status_begins(NOW);
    for (int i = 0; i < MODEL_SINKS + 2; i++) {
        take(MODEL_STATUS, "notifier\tn%d\tsyslog\t%s\t7\t3\t1\t0\t<connection> refused", i,
                i == 1 ? "waits" : "up");
    }
    model_end(&model, MODEL_STATUS);
    CHECK_INT(model.sinks, MODEL_SINKS);
    v = view();
    html_overview(&s, &v);
    CHECK_INT(times(s.at, "<b class=b>Notifier n1 waits for its target</b>"), 1);
    CHECK_INT(times(s.at, "&lt;connection&gt; refused"), 1);
    s.len = 0;
    metrics_write(&s, &model, 0, 0);
    CHECK_INT(times(s.at, "belfry_sink_up{sink=\"n1\"} 0\n"), 1);
    CHECK_INT(times(s.at, "belfry_sink_queue_length{sink=\"n0\"} 7\n"), 1);
    CHECK_INT(times(s.at, "belfry_sink_deliveries_total{sink=\"n0\",result=\"told\"} 3\n"), 1);
    status_begins(NOW);
    model_end(&model, MODEL_STATUS);
    CHECK_INT(model.sinks, 0);
    sheet_free(&s);
    model_free(&model);
}

static void
more_alarms_than_are_kept_are_counted(void)
{
    CHECK_INT(model_init(&model), 0);
    model_begin(&model, MODEL_HOSTS_TOPIC);
    host_is("told", "tty", "alive", 5);
    model_end(&model, MODEL_HOSTS_TOPIC);
    model_begin(&model, MODEL_ALARMS_TOPIC);
    for (unsigned i = 0; i < 2 * MODEL_ALARMS; i++) {
        alarm_is(i, WIRE_ERRO, "told", "tty", "name=sshd");
    }
    model_end(&model, MODEL_ALARMS_TOPIC);
    CHECK_INT(model.alarms, 2 * MODEL_ALARMS);
    CHECK_INT(model.kept, MODEL_ALARMS);
    CHECK_INT(model.host[0].alarms, 2 * MODEL_ALARMS);
    CHECK_INT(model.by_severity[WIRE_ERRO], 2 * MODEL_ALARMS);
    model_free(&model);
}

/* ---- the past */

static void
the_past_has_beats_of_before_and_of_now_and_ends_after_six_hours(void)
{
    struct sheet s = { .at = NULL };
    const struct model_line *l;

    CHECK_INT(model_init(&model), 0);
    status_begins(NOW);
    line_is("tty", "up", 0);
    model_end(&model, MODEL_STATUS);
    for (int minute = 0; minute < 400; minute++) {
        take(MODEL_BEATS, "beats\ttty\tweb\t%lld\t6", (long long)(NOW / 60000 - minute));
    }
    model_begin(&model, MODEL_ALARMS_TOPIC);
    alarm_is(1, WIRE_CRIT, "", "tty", "x");
    model_end(&model, MODEL_ALARMS_TOPIC);
    l = model_find_line(&model, "tty", 3);
    CHECK_INT(past_at(l->past, NOW, 1).beats, 12);
    CHECK_INT(past_at(l->past, NOW, PAST_SPANS - 1).beats, 12);
    CHECK_INT(past_at(l->past, NOW, PAST_SPANS).beats, 0);
    CHECK((past_at(l->past, NOW, 2).marks & PAST_ERRO) != 0);
    timeline_svg(&s, l, NOW, true);
    CHECK(sheet_sound(&s) && s.len < 2000 && times(s.at, "<path") == 8 && times(s.at, "style") == 0);
    s.len = 0;
    timeline_words(&s, l, NOW);
    CHECK(strstr(s.at, "beats 180, bytes 0 of 180, alarms ") != NULL);
    sheet_free(&s);
    /* An hour later, and after a clock that was set back. */
    status_begins(NOW + 3600000);
    line_is("tty", "up", 0);
    CHECK_INT(past_at(l->past, NOW + 3600000, 10).beats, 0);
    CHECK_INT(past_at(l->past, NOW + 3600000, 31).beats, 12);
    status_begins(NOW - 86400000);
    line_is("tty", "up", 7);
    CHECK_INT(past_at(l->past, NOW - 86400000, 0).bytes, 0);
    CHECK_INT(past_at(l->past, NOW - 86400000, 31).beats, 0);
    model_free(&model);
}

/* ---- documents */

static void
five_hundred_lines_are_a_page_of_at_most_60_kb(void)
{
    struct sheet s = { .at = NULL };
    char name[2][32];
    struct html_view v;

    CHECK_INT(model_init(&model), 0);
    status_begins(NOW);
    for (int i = 0; i < 500; i++) {
        (void)snprintf(name[0], sizeof name[0], "rack%d-%02d", i / 48, i % 48);
        line_is(name[0], "up", 100);
    }
    model_end(&model, MODEL_STATUS);
    model_begin(&model, MODEL_HOSTS_TOPIC);
    for (int i = 0; i < 500; i++) {
        (void)snprintf(name[0], sizeof name[0], "rack%d-%02d", i / 48, i % 48);
        (void)snprintf(name[1], sizeof name[1], "web%03d", i);
        host_is(name[1], name[0], i == 3 ? "silent" : "alive", 100);
    }
    model_end(&model, MODEL_HOSTS_TOPIC);
    model_begin(&model, MODEL_ALARMS_TOPIC);
    for (unsigned i = 0; i < 50; i++) {
        alarm_is(i, WIRE_ERRO, "web003", "rack0-03", "name=sshd state=failed exit=1");
    }
    model_end(&model, MODEL_ALARMS_TOPIC);
    v = view();
    html_overview(&s, &v);
    CHECK(sheet_sound(&s));
    printf("     %zu bytes\n", s.len);
    CHECK(s.len <= 61440);
    CHECK_INT(times(s.at, "<a href=/l/"), 500);
    CHECK_INT(times(s.at, "<img"), HTML_PICTURES);
    CHECK(strstr(s.at, "30 more: <a href=/alarms>") != NULL);
    s.len = 0;
    html_text(&s, &v);
    CHECK_INT(times(s.at, "\n"), 503);
    sheet_free(&s);
    model_free(&model);
}

static void
hostile_text_is_inert_in_every_document(void)
{
    static const char hostile[] = "<script>alert(1)</script>\x1B[2J\" onload='x' &amp; \xE2\x80\xAE %41";
    struct sheet s = { .at = NULL };
    struct html_view v;

    CHECK_INT(model_init(&model), 0);
    status_begins(NOW);
    line_is("tty", "up", 1);
    model_end(&model, MODEL_STATUS);
    model_begin(&model, MODEL_HOSTS_TOPIC);
    host_is("<i>\x1B]0;x", "tty", "alive", 1);
    model_end(&model, MODEL_HOSTS_TOPIC);
    model_begin(&model, MODEL_ALARMS_TOPIC);
    alarm_is(1, WIRE_CRIT, hostile, "tty", hostile);
    model_end(&model, MODEL_ALARMS_TOPIC);
    v = view();
    html_overview(&s, &v);
    html_alarms(&s, &v);
    html_line(&s, &v, model_find_line(&model, "tty", 3));
    html_text(&s, &v);
    metrics_write(&s, &model, 0, 0);
    CHECK(sheet_sound(&s));
    CHECK_INT(times(s.at, "<script>"), 0);
    CHECK_INT(times(s.at, "<i>\x1B"), 0);
    CHECK_INT(times(s.at, "onload='"), 0);
    CHECK(times(s.at, "&lt;script&gt;") >= 2);
    for (size_t i = 0; i < s.len; i++) {
        CHECK(s.at[i] == '\n' || (s.at[i] >= 0x20 && s.at[i] <= 0x7E));
    }
    sheet_free(&s);
    model_free(&model);
}

/* ---- asking */

static void
feed(struct ask *a, const char *text)
{
    CHECK(ask_take(a, text, strlen(text)));
}

/* The request that is due at `ms`, "" for none. */
static const char *
asks(struct ask *a, int64_t ms)
{
    static char out[CTL_REQUEST_MAX];
    size_t n = ask_request(a, ms, out);

    out[n > 0 ? n - 1 : 0] = '\0';
    return out;
}

static void
all_is_asked_piece_by_piece_and_what_changed_at_once(void)
{
    struct ask a;

    CHECK_INT(model_init(&model), 0);
    ask_init(&a, &model, 0);
    CHECK_STR(asks(&a, 0), "status");
    CHECK_STR(asks(&a, 0), "");
    feed(&a,
            "belfry\t0.1.0\t1\t1\t0\t0\t0\t1790000000000\nline\tone\tpty\tup\t0\t0\t0\t0\t0\nmore\t1\nend\n");
    CHECK_STR(asks(&a, 0), "status 1");
    feed(&a, "line\ttwo\tpty\tup\t0\t0\t0\t0\t0\ne");
    feed(&a, "nd\n");
    CHECK_INT(model.lines, 2);
    CHECK_STR(asks(&a, 0), "hosts");
    feed(&a, "end\n");
    CHECK_STR(asks(&a, 0), "alarms");
    feed(&a, "alarm\t1\topen\t2\t\tx.y\tone\tOK\t-\td\t1\t0\t0\t\t1\nmore\t96\nchanged\nend\n");
    CHECK_STR(asks(&a, 0), "alarms 96");
    feed(&a, "end\n");
    CHECK_INT(model.alarms, 1);
    CHECK_STR(asks(&a, 0), "hosts"); /* it changed meanwhile */
    feed(&a, "end\n");
    CHECK_STR(asks(&a, 0), "alarms");
    feed(&a, "end\n");
    CHECK_STR(asks(&a, 0), "recent");
    feed(&a, "end\n");
    CHECK_INT(a.rounds, 3);
    CHECK_STR(asks(&a, 0), "beats");
    feed(&a, "beats\tone\tweb\t29833333\t6\nmore\t5000\nend\n");
    CHECK_STR(asks(&a, ASK_BEATS_MS - 1), "");
    CHECK_STR(asks(&a, ASK_BEATS_MS), "beats 5000");
    feed(&a, "changed\nbeats\tone\tweb\t29833000\t6\nmore\t4000\nend\n");
    CHECK_STR(asks(&a, ASK_CALM_MS), "hosts"); /* what changed goes before the past */
    feed(&a, "end\n");
    CHECK_STR(asks(&a, ASK_CALM_MS), "alarms");
    feed(&a, "end\n");
    CHECK_STR(asks(&a, ASK_CALM_MS), "recent");
    feed(&a, "end\n");
    CHECK_STR(asks(&a, ASK_CALM_MS), "beats 4000");
    feed(&a, "beats\tone\tweb\t29000000\t6\nmore\t3000\nend\n"); /* older than what is shown */
    CHECK_STR(asks(&a, ASK_ROUND_MS - 1), "");
    CHECK_STR(asks(&a, ASK_ROUND_MS), "status");
    model_free(&model);
}

static void
an_answer_that_makes_no_sense_or_does_not_come_ends_it(void)
{
    static char long_line[ASK_LINE_MAX + 10];
    struct ask a;

    CHECK_INT(model_init(&model), 0);
    ask_init(&a, &model, 0);
    CHECK(!ask_take(&a, "unasked\n", 8));
    ask_init(&a, &model, 0);
    CHECK_STR(asks(&a, 0), "status");
    memset(long_line, 'x', sizeof long_line);
    CHECK(!ask_take(&a, long_line, sizeof long_line));
    ask_init(&a, &model, 0);
    CHECK_STR(asks(&a, 0), "status");
    CHECK_STR(asks(&a, ASK_PATIENCE_MS), "");
    CHECK(!a.bad);
    CHECK_STR(asks(&a, ASK_PATIENCE_MS + 1), "");
    CHECK(a.bad);
    ask_init(&a, &model, 0);
    CHECK_STR(asks(&a, 0), "status");
    feed(&a, "more\t0\nend\n"); /* would never end */
    CHECK_STR(asks(&a, 0), "hosts");
    model_free(&model);
}

static void
only_addresses_and_localhost_are_taken_for_a_host(void)
{
    static const char *const good[] = { "localhost", "LOCALHOST:8628", "127.0.0.1", "127.0.0.1:8628", "[::1]",
        "[::1]:8628" };
    static const char *const wrong[] = { "", ":", "evil.example", "localhost.evil.example",
        "127.0.0.1.evil.example", "[::1", "[::1]x", "127.0.0.1:x", "localhost:8628:9", "[localhost]",
        "0x7f000001", "[]", "127.0.0.1:12345678" };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK(host_fits(good[i]));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!host_fits(wrong[i]));
    }
    CHECK(!host_fits(NULL));
}

int
main(void)
{
    CHECK_RUN(no_byte_from_outside_ends_an_element_an_attribute_or_a_label);
    CHECK_RUN(a_sheet_that_gets_too_long_says_so_and_keeps_its_bounds);
    CHECK_RUN(the_worst_comes_first_and_is_said_in_words);
    CHECK_RUN(of_several_hosts_on_a_line_the_worst_is_shown_and_the_others_are_counted);
    CHECK_RUN(what_a_whole_answer_does_not_name_is_gone);
    CHECK_RUN(an_alarm_stays_until_a_whole_answer_does_not_name_it);
    CHECK_RUN(a_line_of_no_proper_name_is_no_line);
    CHECK_RUN(a_notifier_that_cannot_tell_is_said_first_and_measured);
    CHECK_RUN(more_alarms_than_are_kept_are_counted);
    CHECK_RUN(the_past_has_beats_of_before_and_of_now_and_ends_after_six_hours);
    CHECK_RUN(five_hundred_lines_are_a_page_of_at_most_60_kb);
    CHECK_RUN(hostile_text_is_inert_in_every_document);
    CHECK_RUN(all_is_asked_piece_by_piece_and_what_changed_at_once);
    CHECK_RUN(an_answer_that_makes_no_sense_or_does_not_come_ends_it);
    CHECK_RUN(only_addresses_and_localhost_are_taken_for_a_host);
    return check_result();
}
