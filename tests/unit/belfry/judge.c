#include "speaker.h"
#include "support/check.h"

#include "belfry/judge/bench.h"

static struct bench bench;
static struct speaker voice;
static struct record seen[2000];
static unsigned count;
static struct bench_moment at;

/* ---- a record in memory */

static void
on_record(void *to, const struct record *r)
{
    (void)to;
    if (count < sizeof seen / sizeof seen[0]) {
        seen[count++] = *r;
    }
}

static bool
tag_of(void *to, const char *host, uint32_t pairing, uint32_t session, const char *nonce, uint32_t number,
        char tag[WIRE_TAG_CHARS])
{
    (void)to;
    for (unsigned i = 0; i < count; i++) {
        const struct record *r = &seen[i];

        if (r->kind == RECORD_LINE && r->pairing == pairing && r->session == session && r->first == number &&
                strcmp(r->nonce, nonce) == 0 && strcmp(r->host, host) == 0) {
            memcpy(tag, r->tag, WIRE_TAG_CHARS);
            return true;
        }
    }
    return false;
}

static bool
key_of(void *to, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
        struct wire_key *key)
{
    (void)to;
    (void)host;
    (void)pairing;
    (void)session;
    (void)nonce;
    (void)key;
    return false;
}

static const struct bench_ops ops = {
    .record = on_record,
    .tag_of = tag_of,
    .key_of = key_of,
};

static void
begin(void)
{
    static const uint8_t random[WIRE_PAIR_RANDOM] = { 1, 2, 3 };
    struct host_record host = { .host = "web03", .pairing = 1 };
    char code[WIRE_PAIR_TEXT + 1];

    bench_free(&bench);
    bench_init(&bench, &ops, NULL);
    count = 0;
    wire_pair_make(random, code);
    CHECK(speaker_init(&voice, "web03", code));
    host.root = voice.root0;
    at = (struct bench_moment){ .line = "a", .now_ms = 1000000, .utc_us = (int64_t)time(NULL) * 1000000 };
    CHECK(bench_take(&bench, &host, at.now_ms) != NULL);
    CHECK(bench_take(&bench, &host, at.now_ms) == NULL);
}

static bool
hear(const char *text, size_t len, enum wire_seen how)
{
    struct wire_line line;

    CHECK_INT(wire_line_parse(text, len - 2, &line), 0);
    return bench_line(&bench, &line, how, &at);
}

static bool
say(const char *line_name, enum wire_severity severity, const char *code, const char *detail)
{
    char text[SPEAKER_LINE];
    size_t len = speaker_say(&voice, severity, code, detail, text);

    at.line = line_name;
    return hear(text, len, WIRE_SEEN_WHOLE);
}

static void
wait_ms(int64_t ms)
{
    at.now_ms += ms;
    at.utc_us += ms * 1000;
    at.line = "";
    bench_tick(&bench, &at);
}

/* The last line that was proved. */
static const struct record *
last_line(void)
{
    unsigned i = count;

    while (i > 0 && seen[i - 1].kind != RECORD_LINE) {
        i--;
    }
    return &seen[i > 0 ? i - 1 : 0];
}

static unsigned
told(enum wire_verdict v)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++) {
        n += seen[i].verdict == v && (seen[i].kind == RECORD_EVENT || v <= WIRE_LATE);
    }
    return n;
}

/* ---- */

static void
a_proved_line_is_a_record_with_all_its_fields(void)
{
    begin();
    CHECK(say("a", WIRE_CRIT, "integrity.changed", "path=/a%20b mode=0644>0666"));
    CHECK_INT(count, 1);
    CHECK_INT(seen[0].kind, RECORD_LINE);
    CHECK_INT(seen[0].verdict, WIRE_OK);
    CHECK_STR(seen[0].host, "web03");
    CHECK_STR(seen[0].line, "a");
    CHECK_STR(seen[0].code, "integrity.changed");
    CHECK_STR(seen[0].detail, "path=/a%20b mode=0644>0666");
    CHECK_INT(seen[0].seen_us, at.utc_us);
    CHECK_INT(strlen(seen[0].tag), WIRE_TAG_CHARS);
    CHECK(strstr(seen[0].bytes, "~") != NULL && strncmp(seen[0].bytes, "!1 CRIT web03 ", 14) == 0);
    CHECK(seen[0].life);
    CHECK(bench.host[0]->changed);
}

static void
lines_of_two_inputs_fill_each_others_holes(void)
{
    char lost[SPEAKER_LINE];
    size_t len;

    begin();
    CHECK(say("a", WIRE_INFO, "agent.beat", "next=10"));
    len = speaker_say(&voice, WIRE_CRIT, "daemon.down", "name=sshd", lost);
    CHECK(say("a", WIRE_INFO, "agent.beat", "next=10"));
    at.line = "b";
    CHECK(hear(lost, len, WIRE_SEEN_WHOLE));
    wait_ms(20000);
    CHECK_INT(told(WIRE_GAP), 0);
    CHECK_INT(told(WIRE_OK), 3);
    CHECK_STR(seen[2].line, "b");
}

static void
a_hole_is_told_after_15_s_and_what_fills_it_is_late_and_a_copy_is_only_counted(void)
{
    char lost[SPEAKER_LINE];
    size_t len;

    begin();
    (void)say("a", WIRE_INFO, "agent.beat", "next=60");
    len = speaker_say(&voice, WIRE_CRIT, "daemon.down", "name=sshd", lost);
    (void)say("a", WIRE_INFO, "agent.beat", "next=60 al=1");
    wait_ms(14000);
    CHECK_INT(told(WIRE_GAP), 0);
    CHECK(bench_due(&bench) <= at.now_ms + 1000);
    wait_ms(1001);
    CHECK_INT(told(WIRE_GAP), 1);
    CHECK(seen[count - 1].bad);
    CHECK_STR(seen[count - 1].detail, "session=1-K3QF lines=1-1 missing=1 bad=yes");
    CHECK_STR(seen[count - 1].line, "a");
    at.line = "a";
    CHECK(hear(lost, len, WIRE_SEEN_WHOLE));
    CHECK_INT(seen[count - 1].verdict, WIRE_LATE);
    CHECK(!seen[count - 1].life);
    unsigned before = count;
    CHECK(hear(lost, len, WIRE_SEEN_WHOLE));
    CHECK_INT(count, before);
    CHECK_INT(bench.host[0]->keep.copies, 1);
}

static void
a_judge_that_is_resumed_knows_holes_and_copies_and_told_gaps(void)
{
    struct host_record host;
    static struct wire_judge_session session;
    char lost[SPEAKER_LINE];
    char copy[SPEAKER_LINE];
    char late[SPEAKER_LINE];
    size_t lost_len;
    size_t copy_len;
    int64_t ahead;

    begin();
    lost_len = speaker_say(&voice, WIRE_CRIT, "daemon.down", "name=sshd", lost);
    copy_len = speaker_say(&voice, WIRE_INFO, "agent.beat", "next=10", copy);
    CHECK(hear(copy, copy_len, WIRE_SEEN_WHOLE));
    wait_ms(16000);
    CHECK_INT(told(WIRE_GAP), 1);
    (void)speaker_say(&voice, WIRE_INFO, "agent.beat", "next=60", late);
    CHECK(say("a", WIRE_INFO, "agent.beat", "next=60")); /* a second hole, not told yet */
    /* The receiver ends; what it saved is given back in another life, on another clock. */
    host = bench.host[0]->keep;
    host.root = bench.host[0]->judge.root;
    host.root_session = bench.host[0]->judge.root_session;
    host.next_s = bench.host[0]->judge.next_s;
    host.alive = bench.host[0]->judge.alive;
    session = bench.host[0]->judge.session[0];
    ahead = at.utc_us / 1000 - at.now_ms;
    for (unsigned i = 0; i < session.holes; i++) {
        session.hole[i].since_ms += ahead;
    }
    bench_free(&bench);
    bench_init(&bench, &ops, NULL);
    at.now_ms = 5000;
    bench_resume(bench_take(&bench, &host, at.now_ms), &session, at.utc_us / 1000 - at.now_ms);
    CHECK(hear(copy, copy_len, WIRE_SEEN_WHOLE));
    CHECK_INT(bench.host[0]->keep.copies, 1);
    wait_ms(14900);
    CHECK_INT(told(WIRE_GAP), 1);
    wait_ms(200);
    CHECK_INT(told(WIRE_GAP), 2);
    CHECK(hear(lost, lost_len, WIRE_SEEN_WHOLE));
    CHECK_INT(seen[count - 1].verdict, WIRE_LATE);
    CHECK_INT(told(WIRE_FORGED) + told(WIRE_ROLLBACK) + told(WIRE_SKIPPED_SESSION), 0);
}

static void
silence_is_told_once_and_again_after_life(void)
{
    begin();
    (void)say("a", WIRE_INFO, "agent.start", "beat=10");
    wait_ms(34000);
    CHECK_INT(told(WIRE_SILENT), 0);
    wait_ms(2000);
    wait_ms(60000);
    CHECK_INT(told(WIRE_SILENT), 1);
    (void)say("a", WIRE_INFO, "agent.beat", "next=10");
    CHECK(last_line()->life);
    wait_ms(36000);
    CHECK_INT(told(WIRE_SILENT), 2);
}

/* Records of belfry's own with this code. */
static unsigned
own(const char *code, bool over)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++) {
        n += seen[i].kind == RECORD_LOCAL && seen[i].over == over && strcmp(seen[i].code, code) == 0;
    }
    return n;
}

static void
silence_that_is_expected_is_told_when_the_window_is_over(void)
{
    begin();
    (void)say("a", WIRE_INFO, "agent.start", "beat=10");
    bench_expect(bench_find(&bench, "web03"), at.now_ms + 600000);
    wait_ms(599000);
    CHECK_INT(told(WIRE_SILENT), 0);
    wait_ms(2000);
    CHECK_INT(told(WIRE_SILENT), 1);
}

static void
a_goodbye_that_nobody_expects_is_told_when_the_agent_does_not_come_back(void)
{
    begin();
    (void)say("a", WIRE_INFO, "agent.start", "beat=10");
    (void)say("a", WIRE_INFO, "agent.stop", "why=asked");
    wait_ms(34000);
    CHECK_INT(own("belfry.stopped", false), 0);
    CHECK(bench_due(&bench) <= at.now_ms + 1001);
    wait_ms(2000);
    wait_ms(60000);
    CHECK_INT(own("belfry.stopped", false), 1);
    CHECK_STR(seen[count - 1].host, "web03");
    CHECK_INT(told(WIRE_SILENT), 0);
    speaker_session(&voice, 2, "MMMM");
    (void)say("a", WIRE_INFO, "agent.start", "beat=10");
    CHECK_INT(own("belfry.stopped", true), 1);
    wait_ms(1000);
    CHECK_INT(own("belfry.stopped", false), 1);
}

static void
an_agent_that_is_started_again_at_once_is_no_alarm(void)
{
    begin();
    (void)say("a", WIRE_INFO, "agent.start", "beat=10");
    (void)say("a", WIRE_INFO, "agent.stop", "why=asked");
    wait_ms(20000);
    speaker_session(&voice, 2, "MMMM");
    (void)say("a", WIRE_INFO, "agent.start", "beat=10");
    wait_ms(30000);
    CHECK_INT(own("belfry.stopped", false) + own("belfry.stopped", true), 0);
}

static void
a_goodbye_in_a_declared_window_is_told_only_when_the_window_is_over(void)
{
    begin();
    (void)say("a", WIRE_INFO, "agent.start", "beat=10");
    bench_expect(bench_find(&bench, "web03"), at.now_ms + 600000);
    (void)say("a", WIRE_INFO, "agent.stop", "why=asked");
    wait_ms(599000);
    CHECK_INT(own("belfry.stopped", false), 0);
    wait_ms(2000);
    CHECK_INT(own("belfry.stopped", false), 1);
}

static void
an_agent_that_had_said_goodbye_is_waited_for_again_after_our_own_restart(void)
{
    struct host_record host = {
        .host = "web03", .pairing = 2, .root_session = 4, .next_s = 10, .last_ms = 1
    };

    begin();
    CHECK(bench_take(&bench, &host, at.now_ms) != NULL);
    wait_ms(34000);
    CHECK_INT(own("belfry.stopped", false), 0);
    wait_ms(2000);
    CHECK_INT(own("belfry.stopped", false), 1);
    /* Paired, and never started: nobody has stopped. */
    host.pairing = 3;
    host.root_session = 0;
    CHECK(bench_take(&bench, &host, at.now_ms) != NULL);
    wait_ms(99000);
    CHECK_INT(own("belfry.stopped", false), 1);
}

static void
a_host_that_is_not_listed_any_more_is_a_stranger(void)
{
    struct host_record other = { .host = "web04", .pairing = 1 };

    begin();
    bench_list_begin(&bench);
    CHECK(bench_take(&bench, &other, at.now_ms) != NULL);
    bench_list_end(&bench);
    CHECK_INT(bench.hosts, 1);
    CHECK(bench_find(&bench, "web03") == NULL);
    CHECK(bench_find(&bench, "web04") != NULL);
    CHECK(!say("a", WIRE_INFO, "agent.start", "beat=10"));
    CHECK_INT(told(WIRE_UNKNOWN), 1);
}

static void
forged_lines_beyond_ten_a_minute_become_a_count(void)
{
    char text[SPEAKER_LINE];
    struct speaker thief;

    begin();
    thief = voice;
    memset(&thief.key, 1, sizeof thief.key);
    wire_tree_init(&thief.tree, &thief.key, WIRE_TREE_DEPTH);
    for (int i = 0; i < 500; i++) {
        size_t len = speaker_say(&thief, WIRE_CRIT, "daemon.down", "name=x", text);

        CHECK(!hear(text, len, WIRE_SEEN_WHOLE));
        CHECK(!hear(text, len, WIRE_SEEN_REPAIRED)); /* of which nothing can be said */
    }
    CHECK_INT(told(WIRE_FORGED), BENCH_TOLD_A_MINUTE);
    CHECK_INT(bench.host[0]->keep.forged, 500);
    CHECK(strstr(seen[0].detail, "line=%211%20CRIT%20web03%20") != NULL);
    wait_ms(61000);
    CHECK_INT(told(WIRE_FORGED), BENCH_TOLD_A_MINUTE + 1);
    CHECK_STR(seen[count - 1].detail, "more=490 seconds=60");
}

static void
strangers_are_told_once_a_minute_and_counted(void)
{
    struct speaker other;
    char text[SPEAKER_LINE];

    begin();
    other = voice;
    (void)snprintf(other.host, sizeof other.host, "%s", "mail");
    for (int i = 0; i < 130; i++) {
        size_t len = speaker_say(&other, WIRE_CRIT, "daemon.down", "name=x", text);

        CHECK(!hear(text, len, WIRE_SEEN_WHOLE));
        wait_ms(1000);
    }
    CHECK_INT(told(WIRE_UNKNOWN), 3);
    CHECK_INT(bench.unknown, 130);
}

static void
torn_heads_count_for_the_host_last_seen_on_that_line(void)
{
    begin();
    (void)say("a", WIRE_INFO, "agent.beat", "next=60");
    for (int i = 0; i < 200; i++) {
        at.line = "b";
        bench_torn(&bench, &at);
    }
    CHECK_INT(told(WIRE_TORN), 0);
    for (int i = 0; i < 200; i++) {
        at.line = "a";
        bench_torn(&bench, &at);
    }
    CHECK_INT(told(WIRE_TORN), 1);
    CHECK_INT(bench.torn, 400);
}

int
main(void)
{
    CHECK_RUN(a_proved_line_is_a_record_with_all_its_fields);
    CHECK_RUN(lines_of_two_inputs_fill_each_others_holes);
    CHECK_RUN(a_hole_is_told_after_15_s_and_what_fills_it_is_late_and_a_copy_is_only_counted);
    CHECK_RUN(a_judge_that_is_resumed_knows_holes_and_copies_and_told_gaps);
    CHECK_RUN(silence_is_told_once_and_again_after_life);
    CHECK_RUN(silence_that_is_expected_is_told_when_the_window_is_over);
    CHECK_RUN(a_goodbye_that_nobody_expects_is_told_when_the_agent_does_not_come_back);
    CHECK_RUN(an_agent_that_is_started_again_at_once_is_no_alarm);
    CHECK_RUN(a_goodbye_in_a_declared_window_is_told_only_when_the_window_is_over);
    CHECK_RUN(an_agent_that_had_said_goodbye_is_waited_for_again_after_our_own_restart);
    CHECK_RUN(a_host_that_is_not_listed_any_more_is_a_stranger);
    CHECK_RUN(forged_lines_beyond_ten_a_minute_become_a_count);
    CHECK_RUN(strangers_are_told_once_a_minute_and_counted);
    CHECK_RUN(torn_heads_count_for_the_host_last_seen_on_that_line);
    return check_result();
}
