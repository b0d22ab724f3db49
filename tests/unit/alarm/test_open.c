#include "alarm/open.h"
#include "support/check.h"

static struct open_table table;
static uint32_t number;

static struct finding
finding(enum finding_code code, const char *subject, const char *detail)
{
    struct finding f;

    finding_begin(&f, code, "path", subject, strlen(subject));
    finding_addf(&f, "d", "%s", detail);
    return f;
}

static void
begin(void)
{
    memset(&table, 0, sizeof(table));
    number = 100;
    open_init(&table, 0);
}

/* Tells the next; returns its state before, or OPEN_FREE when there is none. */
static enum open_state
tell(int64_t now_ms, int *code)
{
    int64_t due_ms;
    struct open_entry *e = open_next(&table, now_ms, &due_ms);

    if (e == NULL) {
        return OPEN_FREE;
    }
    enum open_state state = (enum open_state)e->state;
    *code = e->finding.code;
    open_told(&table, e, number++, now_ms);
    return state;
}

static void
take(struct finding f, enum finding_op op)
{
    f.op = (uint8_t)op;
    open_take(&table, &f);
}

static void
an_open_finding_is_told_once_however_often_it_is_seen(void)
{
    int code;

    begin();
    for (int i = 0; i < 5; i++) {
        take(finding(FINDING_INTEGRITY_CHANGED, "/a", "1"), FINDING_OPEN);
        CHECK_INT(tell(i, &code), i == 0 ? OPEN_UNTOLD : OPEN_FREE);
    }
    CHECK_INT(open_count(&table), 1);
}

static void
it_is_told_when_it_closes_and_then_is_gone(void)
{
    int code;

    begin();
    take(finding(FINDING_INTEGRITY_CHANGED, "/a", "1"), FINDING_OPEN);
    tell(0, &code);
    take(finding(FINDING_INTEGRITY_CHANGED, "/a", "1"), FINDING_CLOSE);
    CHECK_INT(tell(1, &code), OPEN_CLOSED);
    CHECK_INT(open_count(&table), 0);
    take(finding(FINDING_INTEGRITY_CHANGED, "/a", "1"), FINDING_CLOSE);
    CHECK_INT(tell(2, &code), OPEN_FREE);
}

static void
what_opens_and_closes_before_it_is_told_is_told_twice(void)
{
    int code;

    begin();
    take(finding(FINDING_PORT_UNEXPECTED, "tcp/1", "1"), FINDING_OPEN);
    take(finding(FINDING_PORT_UNEXPECTED, "tcp/1", "1"), FINDING_CLOSE);
    CHECK_INT(tell(0, &code), OPEN_UNTOLD);
    CHECK_INT(tell(0, &code), OPEN_CLOSED);
    CHECK_INT(tell(0, &code), OPEN_FREE);
    CHECK_INT(table.waiting, 0);
}

static void
a_changed_text_is_told_again_but_not_too_often(void)
{
    int code;

    begin();
    take(finding(FINDING_INTEGRITY_CHANGED, "/a", "1"), FINDING_OPEN);
    tell(0, &code);
    take(finding(FINDING_INTEGRITY_CHANGED, "/a", "2"), FINDING_OPEN);
    CHECK_INT(tell(10, &code), OPEN_FREE);
    CHECK_INT(tell(OPEN_UPDATE_MS, &code), OPEN_UPDATED);
    take(finding(FINDING_INTEGRITY_GONE, "/a", "2"), FINDING_OPEN);
    CHECK_INT(tell(2 * OPEN_UPDATE_MS, &code), OPEN_UPDATED);
    CHECK_INT(code, FINDING_INTEGRITY_GONE);
    CHECK_INT(open_count(&table), 1);
}

static void
a_pass_closes_what_it_did_not_see_and_nothing_else(void)
{
    struct finding pass;
    int code;

    begin();
    take(finding(FINDING_INTEGRITY_CHANGED, "/a", "1"), FINDING_OPEN);
    take(finding(FINDING_INTEGRITY_CHANGED, "/b", "1"), FINDING_OPEN);
    take(finding(FINDING_DAEMON_DOWN, "/d", "1"), FINDING_OPEN);
    for (int i = 0; i < 3; i++) {
        tell(0, &code);
    }
    finding_pass(&pass, FINDING_FILES, FINDING_PASS_BEGIN);
    open_take(&table, &pass);
    take(finding(FINDING_INTEGRITY_CHANGED, "/b", "1"), FINDING_OPEN);
    take(finding(FINDING_INTEGRITY_ADDED, "/event", "1"), FINDING_OPEN);
    finding_pass(&pass, FINDING_FILES, FINDING_PASS_END);
    open_take(&table, &pass);
    CHECK_INT(tell(1, &code), OPEN_CLOSED);
    CHECK_INT(tell(1, &code), OPEN_UNTOLD);
    CHECK_INT(tell(1, &code), OPEN_FREE);
    CHECK_INT(open_count(&table), 3);
}

static void
above_the_rate_findings_wait_and_the_gravest_goes_first(void)
{
    int code;
    int told = 0;
    int64_t due_ms;

    begin();
    for (int i = 0; i < 100; i++) {
        char subject[16];
        snprintf(subject, sizeof(subject), "mod%d", i);
        take(finding(FINDING_MOUNT_ADDED, subject, "1"), FINDING_OPEN);
    }
    while (tell(0, &code) != OPEN_FREE) {
        told++;
    }
    CHECK_INT(told, OPEN_BURST);
    CHECK_INT(table.waiting, 100 - OPEN_BURST);
    CHECK(open_next(&table, 0, &due_ms) == NULL);
    CHECK(due_ms > 0 && due_ms <= 1000 / OPEN_RATE + 1);
    take(finding(FINDING_PORT_UNEXPECTED, "tcp/1", "1"), FINDING_OPEN);
    CHECK_INT(tell(due_ms, &code), OPEN_UNTOLD);
    CHECK_INT(code, FINDING_PORT_UNEXPECTED);
    told = 0;
    for (int64_t now_ms = 1000; now_ms < 60000; now_ms += 10) {
        told += tell(now_ms, &code) != OPEN_FREE ? 1 : 0;
    }
    CHECK_INT(told, 100 - OPEN_BURST);
}

static void
news_that_end_before_their_turn_are_told_before_the_end(void)
{
    int code;

    begin();
    take(finding(FINDING_INTEGRITY_CHANGED, "/a", "1"), FINDING_OPEN);
    tell(0, &code);
    take(finding(FINDING_INTEGRITY_CHANGED, "/a", "2"), FINDING_OPEN);
    take(finding(FINDING_INTEGRITY_CHANGED, "/a", "2"), FINDING_CLOSE);
    CHECK_INT(tell(1, &code), OPEN_FREE);
    CHECK_INT(tell(OPEN_UPDATE_MS, &code), OPEN_UPDATED);
    CHECK_INT(tell(OPEN_UPDATE_MS, &code), OPEN_CLOSED);
    CHECK_INT(open_count(&table), 0);
}

static void
what_finds_no_room_is_counted_exactly(void)
{
    begin();
    for (int i = 0; i < OPEN_SHARE_FOLDING + 37; i++) {
        char subject[16];
        snprintf(subject, sizeof(subject), "/%d", i);
        take(finding(FINDING_INTEGRITY_ADDED, subject, "1"), FINDING_OPEN);
    }
    CHECK_INT(open_count(&table), OPEN_SHARE_FOLDING);
    CHECK_INT(open_take_turned_away(&table), 37);
    CHECK_INT(open_take_turned_away(&table), 0);
}

static void
a_flood_of_one_source_neither_displaces_nor_delays_the_others(void)
{
    int code = -1;
    int64_t now_ms = 60000;

    begin();
    for (int i = 0; i < OPEN_FINDINGS; i++) {
        char subject[16];
        snprintf(subject, sizeof(subject), "tcp/%d", i);
        take(finding(FINDING_PORT_UNEXPECTED, subject, "1"), FINDING_OPEN);
    }
    while (tell(0, &code) != OPEN_FREE) {
    }
    take(finding(FINDING_INTEGRITY_CHANGED, "/etc/passwd", "1"), FINDING_OPEN);
    take(finding(FINDING_DAEMON_DOWN, "/usr/sbin/sshd", "1"), FINDING_OPEN);
    CHECK_INT(table.turned_away, OPEN_FINDINGS - OPEN_SHARE);
    tell(now_ms, &code);
    CHECK_INT(code, FINDING_INTEGRITY_CHANGED);
    tell(now_ms, &code);
    CHECK_INT(code, FINDING_DAEMON_DOWN);
    tell(now_ms, &code);
    CHECK_INT(code, FINDING_PORT_UNEXPECTED);
}

static void
who_was_quiet_for_a_second_waits_for_nobody_elses_turn_and_only_once(void)
{
    int code;

    begin();
    for (int i = 0; i < 100; i++) {
        char subject[16];
        snprintf(subject, sizeof(subject), "mod%d", i);
        take(finding(FINDING_MOUNT_ADDED, subject, "1"), FINDING_OPEN);
    }
    for (int64_t now_ms = 0; now_ms <= OPEN_CALM_MS; now_ms++) {
        (void)tell(now_ms, &code);
    }
    while (tell(OPEN_CALM_MS, &code) != OPEN_FREE) {
    }
    take(finding(FINDING_DAEMON_DOWN, "a", "1"), FINDING_OPEN);
    take(finding(FINDING_DAEMON_DOWN, "b", "1"), FINDING_OPEN);
    CHECK_INT(tell(OPEN_CALM_MS, &code), OPEN_UNTOLD);
    CHECK_INT(code, FINDING_DAEMON_DOWN);
    CHECK_INT(tell(OPEN_CALM_MS, &code), OPEN_FREE);
}

/* One more each 100 ms keeps the rate used up, and too few of them wait for the sources to take turns. */
static void
a_flood_of_graver_findings_at_the_rate_holds_up_no_quiet_source(void)
{
    static const int64_t every_ms = 1000 / OPEN_RATE;
    int code = -1;
    int64_t now_ms;

    begin();
    for (int i = 0; i < OPEN_BURST + OPEN_RATE / 2; i++) {
        char subject[16];
        snprintf(subject, sizeof(subject), "tcp/%d", i);
        take(finding(FINDING_PORT_UNEXPECTED, subject, "1"), FINDING_OPEN);
    }
    for (now_ms = 0; now_ms < 10 * every_ms; now_ms += every_ms) {
        while (tell(now_ms, &code) != OPEN_FREE) {
        }
        take(finding(FINDING_PORT_UNEXPECTED, "tcp/x", "1"), FINDING_BRIEF);
    }
    CHECK(table.waiting > 0 && table.waiting <= OPEN_RATE);
    take(finding(FINDING_DAEMON_DOWN, "a", "1"), FINDING_OPEN);
    code = -1;
    for (int turn = 0; turn < 3 && code != FINDING_DAEMON_DOWN; turn++) {
        (void)tell(now_ms, &code);
    }
    CHECK_INT(code, FINDING_DAEMON_DOWN);
}

/* What has told something just now has its turn all the same, as soon as the others had theirs. */
static void
in_the_smallest_flood_the_sources_take_turns(void)
{
    static const int64_t every_ms = 1000 / OPEN_RATE;
    int code = -1;
    int64_t now_ms;

    begin();
    for (int i = 0; i < OPEN_BURST + 1; i++) {
        char subject[16];
        snprintf(subject, sizeof(subject), "tcp/%d", i);
        take(finding(FINDING_PORT_UNEXPECTED, subject, "1"), FINDING_OPEN);
    }
    take(finding(FINDING_DAEMON_DOWN, "a", "1"), FINDING_OPEN);
    while (tell(0, &code) != OPEN_FREE) {
    }
    for (now_ms = every_ms; table.waiting > 1; now_ms += every_ms) {
        (void)tell(now_ms, &code);
    }
    take(finding(FINDING_DAEMON_DOWN, "b", "1"), FINDING_OPEN);
    for (int turn = 0; turn < 2; turn++) {
        take(finding(FINDING_PORT_UNEXPECTED, turn == 0 ? "tcp/x" : "tcp/y", "1"), FINDING_BRIEF);
        CHECK_INT(tell(now_ms, &code), OPEN_UNTOLD);
        now_ms += every_ms;
        if (code == FINDING_DAEMON_DOWN) {
            break;
        }
    }
    CHECK_INT(code, FINDING_DAEMON_DOWN);
}

static struct finding
of_courier(const char *key, const char *state)
{
    struct finding f;

    finding_begin(&f, FINDING_AGENT_SELF, key, "courier", strlen("courier"));
    finding_addf(&f, "state", "%s", state);
    return f;
}

static void
things_of_one_name_and_different_kinds_are_different_findings(void)
{
    int code;

    begin();
    take(of_courier("image", "differs"), FINDING_OPEN);
    CHECK_INT(tell(0, &code), OPEN_UNTOLD);
    take(of_courier("proc", "killed"), FINDING_OPEN);
    CHECK_INT(tell(1, &code), OPEN_UNTOLD);
    CHECK_INT(open_count(&table), 2);
    take(of_courier("proc", "killed"), FINDING_CLOSE);
    CHECK_INT(tell(2, &code), OPEN_CLOSED);
    CHECK_INT(open_count(&table), 1);
}

static void
what_no_line_has_told_of_is_counted_whatever_it_waits_for(void)
{
    int code;

    begin();
    take(finding(FINDING_DAEMON_DOWN, "a", "1"), FINDING_OPEN);
    CHECK_INT(open_untold(&table), 1);
    (void)tell(0, &code);
    CHECK_INT(open_untold(&table), 0);
    for (int i = 0; i < OPEN_SINGLES + 30; i++) {
        char subject[16];
        snprintf(subject, sizeof(subject), "/d/%d", i);
        take(finding(FINDING_INTEGRITY_ADDED, subject, "1"), FINDING_OPEN);
    }
    CHECK_INT(open_untold(&table), OPEN_SINGLES + 30);
    while (tell(1, &code) != OPEN_FREE) {
    }
    CHECK_INT(open_untold(&table), 30);
    take(finding(FINDING_INTEGRITY_ADDED, "/d/30", "1"), FINDING_CLOSE);
    CHECK_INT(open_untold(&table), 30);
    open_hurry(&table);
    CHECK_INT(tell(2, &code), OPEN_UNTOLD);
    CHECK_INT(code, FINDING_INTEGRITY_MANY);
    CHECK_INT(open_untold(&table), 0);
}

static void
an_event_is_told_and_never_open(void)
{
    int code;

    begin();
    take(finding(FINDING_TIME_STEP, "clock", "1"), FINDING_EVENT);
    take(finding(FINDING_TIME_STEP, "clock", "1"), FINDING_EVENT);
    CHECK_INT(open_count(&table), 0);
    CHECK_INT(tell(0, &code), OPEN_UNTOLD);
    CHECK_INT(tell(0, &code), OPEN_UNTOLD);
    CHECK_INT(tell(0, &code), OPEN_FREE);
}

static void
no_event_takes_the_room_of_other_findings_by_coming_often(void)
{
    begin();
    for (int i = 0; i < 2 * OPEN_SHARE; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        take(finding(FINDING_AGENT_SELF, "baseline", text), FINDING_EVENT);
    }
    CHECK_INT(table.held[FINDING_SELF], OPEN_EVENTS);
    CHECK_INT(open_take_turned_away(&table), 2 * OPEN_SHARE - OPEN_EVENTS);
    for (int i = 0; i < 2 * OPEN_SHARE; i++) {
        take(finding(FINDING_PORT_UNEXPECTED, "tcp/4444", "1"), FINDING_BRIEF);
    }
    CHECK_INT(table.held[FINDING_PORTS], OPEN_EVENTS);
    take(finding(FINDING_AGENT_SELF, "fscheck", "1"), FINDING_OPEN);
    take(finding(FINDING_PORT_UNEXPECTED, "tcp/4445", "1"), FINDING_OPEN);
    CHECK_INT(open_count(&table), 2);
}

static void
what_was_brief_is_told_as_over_too_and_is_news_of_what_is_open(void)
{
    int code;

    begin();
    take(finding(FINDING_PORT_UNEXPECTED, "tcp/1", "1"), FINDING_BRIEF);
    CHECK_INT(open_count(&table), 0);
    CHECK_INT(tell(0, &code), OPEN_UNTOLD);
    CHECK_INT(tell(0, &code), OPEN_CLOSED);
    CHECK_INT(tell(0, &code), OPEN_FREE);
    take(finding(FINDING_PORT_GONE, "tcp/2", "1"), FINDING_OPEN);
    tell(0, &code);
    take(finding(FINDING_PORT_WRONG, "tcp/2", "1"), FINDING_BRIEF);
    CHECK_INT(tell(OPEN_UPDATE_MS, &code), OPEN_UPDATED);
    CHECK_INT(code, FINDING_PORT_WRONG);
    CHECK_INT(tell(OPEN_UPDATE_MS, &code), OPEN_FREE);
    CHECK_INT(open_count(&table), 1);
}

int
main(void)
{
    CHECK_RUN(an_open_finding_is_told_once_however_often_it_is_seen);
    CHECK_RUN(it_is_told_when_it_closes_and_then_is_gone);
    CHECK_RUN(what_opens_and_closes_before_it_is_told_is_told_twice);
    CHECK_RUN(a_changed_text_is_told_again_but_not_too_often);
    CHECK_RUN(a_pass_closes_what_it_did_not_see_and_nothing_else);
    CHECK_RUN(above_the_rate_findings_wait_and_the_gravest_goes_first);
    CHECK_RUN(news_that_end_before_their_turn_are_told_before_the_end);
    CHECK_RUN(what_finds_no_room_is_counted_exactly);
    CHECK_RUN(a_flood_of_one_source_neither_displaces_nor_delays_the_others);
    CHECK_RUN(who_was_quiet_for_a_second_waits_for_nobody_elses_turn_and_only_once);
    CHECK_RUN(a_flood_of_graver_findings_at_the_rate_holds_up_no_quiet_source);
    CHECK_RUN(in_the_smallest_flood_the_sources_take_turns);
    CHECK_RUN(things_of_one_name_and_different_kinds_are_different_findings);
    CHECK_RUN(what_no_line_has_told_of_is_counted_whatever_it_waits_for);
    CHECK_RUN(an_event_is_told_and_never_open);
    CHECK_RUN(no_event_takes_the_room_of_other_findings_by_coming_often);
    CHECK_RUN(what_was_brief_is_told_as_over_too_and_is_news_of_what_is_open);
    return check_result();
}
