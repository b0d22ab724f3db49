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
    struct wire_judge_session session;
    struct wire_hole hole[WIRE_JUDGE_HOLES];
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
    memcpy(hole, bench.host[0]->judge.hole[0], sizeof hole);
    ahead = at.utc_us / 1000 - at.now_ms;
    for (unsigned i = 0; i < session.holes; i++) {
        hole[i].since_ms += ahead;
    }
    bench_free(&bench);
    bench_init(&bench, &ops, NULL);
    at.now_ms = 5000;
    bench_resume(bench_take(&bench, &host, at.now_ms), &session, hole, at.utc_us / 1000 - at.now_ms);
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
a_connection_is_vouched_for_by_a_beat_that_says_its_token(void)
{
    begin();
    CHECK(say("a", WIRE_INFO, "agent.beat", "next=10 ch=7K3QF9QZ"));
    bench_path_up(&bench, "web03", "[::1]:1", "7K3QF9QZ", &at);
    CHECK(!bench_vouched(&bench, "web03") && !bench_vouched(&bench, "db1"));
    CHECK(say("net", WIRE_INFO, "agent.beat", "next=10"));
    CHECK(say("net", WIRE_INFO, "agent.beat", "next=10 ch=7K3QF9Q"));
    CHECK(say("net", WIRE_INFO, "test.alarm", "ch=7K3QF9QZ"));
    CHECK(!bench_vouched(&bench, "web03"));
    CHECK(say("a", WIRE_INFO, "agent.beat", "next=10 ch=7K3QF9QZ"));
    CHECK(bench_vouched(&bench, "web03"));
    bench_path_up(&bench, "web03", "[::1]:2", "9QZ7K3QF", &at);
    CHECK(!bench_vouched(&bench, "web03"));
}

static void
a_rekey_may_be_said_once_it_is_saved_and_not_again_for_ten_seconds(void)
{
    struct wire_talk hello = { .kind = WIRE_TALK_HELLO, .host = "web03", .session = 1, .nonce = "K3QF" };
    struct wire_talk stranger = hello;
    uint8_t x[WIRE_KEY_SIZE] = { 1 };
    uint8_t y[WIRE_KEY_SIZE] = { 2 };

    begin();
    (void)snprintf(stranger.host, sizeof stranger.host, "db1");
    CHECK(!bench_rekey_begin(&bench, &hello, x, at.now_ms)); /* no line of it is proved yet */
    CHECK(say("net", WIRE_INFO, "agent.beat", "next=10"));
    CHECK(!bench_rekey_begin(&bench, &stranger, x, at.now_ms));
    CHECK(bench_rekey_begin(&bench, &hello, x, at.now_ms));
    CHECK(!bench_rekey_due(&bench, &hello, x));
    bench_saved(bench.host[0]);
    CHECK(!bench_rekey_due(&bench, &stranger, x));
    CHECK(bench_rekey_due(&bench, &hello, x));
    CHECK(!bench_rekey_due(&bench, &hello, x));
    bench_rekey_settle(&bench, &stranger);
    CHECK(bench.host[0]->judge.rekey.pending);
    bench_rekey_settle(&bench, &hello);
    CHECK(!bench.host[0]->judge.rekey.pending && bench.host[0]->changed);
    wait_ms(BENCH_REKEY_MS - 1);
    CHECK(!bench_rekey_begin(&bench, &hello, y, at.now_ms));
    wait_ms(1);
    CHECK(bench_rekey_begin(&bench, &hello, y, at.now_ms));
    bench_saved(bench.host[0]);
    CHECK(!bench_rekey_due(&bench, &hello, x)); /* of an older connection */
    CHECK(bench_rekey_due(&bench, &hello, y));
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

/* ---- two paths */

/* The text of the last record of belfry's own with this code. */
static const char *
own_detail(const char *code)
{
    for (unsigned i = count; i-- > 0;) {
        if (seen[i].kind == RECORD_LOCAL && strcmp(seen[i].code, code) == 0) {
            return seen[i].detail;
        }
    }
    return "";
}

static void
connect_with(const char *token)
{
    at.line = PATH_NET;
    bench_path_up(&bench, "web03", "192.0.2.7:4711", token, &at);
}

static void
cut_as(const char *how)
{
    at.line = PATH_NET;
    bench_path_down(&bench, "web03", how, &at);
}

/* One line on several paths, in this order. */
static void
say_on(const char *const *path, const char *code, const char *detail)
{
    char text[SPEAKER_LINE];
    size_t len = speaker_say(&voice, WIRE_INFO, code, detail, text);

    for (; *path != NULL; path++) {
        at.line = *path;
        CHECK(hear(text, len, WIRE_SEEN_WHOLE));
    }
}

static const char *const on_both[] = { PATH_NET, "a", NULL };
static const char *const on_net[] = { PATH_NET, NULL };
static const char *const on_serial[] = { "a", NULL };

static void
beat_for(const char *const *path, int seconds)
{
    for (int i = 0; i < seconds; i += 10) {
        say_on(path, "agent.beat", "next=10");
        wait_ms(10000);
    }
}

static void
a_connection_that_ends_without_a_goodbye_is_an_alarm_until_the_host_registers_again(void)
{
    static const char *const ends[] = { "fin", "cut", "reset", "timeout", "form", "limit", "unproved" };
    unsigned n = 0;

    begin();
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char want[80];

        connect_with("");
        say_on(on_net, "agent.beat", "next=10");
        CHECK_INT(own("belfry.cut", true), n);
        cut_as(ends[i]);
        n++;
        CHECK_INT(own("belfry.cut", false), n);
        (void)snprintf(want, sizeof want, "host=web03 how=%s peer=192.0.2.7:4711", ends[i]);
        CHECK_STR(own_detail("belfry.cut"), want);
        /* Neither a line on another path nor a connection without one is a registration. */
        say_on(on_serial, "agent.beat", "next=10");
        connect_with("");
        CHECK_INT(own("belfry.cut", true), n - 1);
        say_on(on_net, "agent.beat", "next=10");
        CHECK_INT(own("belfry.cut", true), n);
        beat_for(on_net, 60);
    }
}

static void
a_goodbye_a_newer_connection_a_window_and_our_own_end_are_no_cut(void)
{
    begin();
    connect_with("");
    say_on(on_net, "agent.start", "beat=10");
    connect_with(""); /* a newer one: the gate ends the other */
    cut_as(NULL);
    connect_with("");
    bench_expect(bench_find(&bench, "web03"), at.now_ms + 60000);
    cut_as("cut");
    bench_expect(bench_find(&bench, "web03"), at.now_ms);
    connect_with("");
    say_on(on_serial, "agent.stop", "why=asked");
    cut_as("fin");
    cut_as("fin"); /* which it is already */
    bench_path_down(&bench, "web99", "fin", &at);
    CHECK_INT(own("belfry.cut", false) + own("belfry.cut", true), 0);
}

static void
greet_as(uint32_t session, const char *nonce)
{
    struct wire_talk hello = { .kind = WIRE_TALK_HELLO, .session = session, .host = "web03" };

    memcpy(hello.nonce, nonce, WIRE_NONCE_CHARS);
    bench_path_hello(&bench, &hello);
}

static void
the_end_of_a_connection_is_judged_by_the_session_that_held_it(void)
{
    begin();
    connect_with("");
    greet_as(1, "K3QF");
    say_on(on_both, "agent.start", "beat=10");
    say_on(on_serial, "agent.stop", "why=asked");
    speaker_session(&voice, 2, "MMMM");
    say_on(on_serial, "agent.start", "beat=10"); /* and the network takes its time to tell the end */
    cut_as("fin");
    CHECK_INT(own("belfry.cut", false), 0);
    connect_with("");
    greet_as(2, "MMMM");
    say_on(on_both, "agent.stop", "why=asked");
    cut_as("fin");
    CHECK_INT(own("belfry.cut", false), 0);
    connect_with("");
    greet_as(3, "NNNN"); /* killed before it could say anything */
    cut_as("cut");
    CHECK_INT(own("belfry.cut", false), 1);
}

static void
a_path_that_ends_while_another_lives_is_told_once_until_it_is_back(void)
{
    begin();
    say_on(on_both, "agent.start", "beat=10");
    beat_for(on_both, 60);
    beat_for(on_net, 30);
    CHECK_INT(own("belfry.path", false), 0);
    beat_for(on_net, 60);
    CHECK_INT(own("belfry.path", false), 1);
    CHECK(strncmp(own_detail("belfry.path"), "path=a why=quiet seconds=", 25) == 0);
    CHECK_INT(told(WIRE_SILENT), 0);
    beat_for(on_both, 10);
    CHECK_INT(own("belfry.path", true), 1);
    beat_for(on_serial, 90);
    CHECK_INT(own("belfry.path", false), 2);
    CHECK(strncmp(own_detail("belfry.path"), "path=net why=quiet seconds=", 27) == 0);
}

static void
a_host_that_is_gone_on_all_paths_is_one_silence_and_no_path(void)
{
    begin();
    say_on(on_both, "agent.start", "beat=10");
    beat_for(on_both, 60);
    for (int i = 0; i < 20; i++) { /* the last breath of one path comes later than that of the other */
        wait_ms(1000);
    }
    say_on(on_net, "agent.beat", "next=10");
    for (int i = 0; i < 300; i++) {
        wait_ms(1000);
    }
    CHECK_INT(told(WIRE_SILENT), 1);
    CHECK_INT(own("belfry.path", false), 0);
    /* It comes back on one path first. */
    say_on(on_net, "agent.beat", "next=10");
    wait_ms(1000);
    beat_for(on_both, 60);
    CHECK_INT(own("belfry.path", false), 0);
}

static void
copies_that_were_kept_back_show_no_life_on_a_path(void)
{
    static char kept[40][SPEAKER_LINE];
    size_t len[40];

    begin();
    say_on(on_both, "agent.start", "beat=10");
    voice.begun -= 1000000; /* the agent's seconds are said by hand */
    for (int i = 0; i < 40; i++) {
        voice.begun -= 10;
        len[i] = speaker_say(&voice, WIRE_INFO, "agent.beat", "next=10", kept[i]);
        at.line = PATH_NET;
        CHECK(hear(kept[i], len[i], WIRE_SEEN_WHOLE));
        wait_ms(10000);
        if (i % 2 == 1) { /* let go at half the speed: always a number that was not heard here */
            at.line = "a";
            CHECK(hear(kept[i / 2], len[i / 2], WIRE_SEEN_WHOLE));
        }
    }
    CHECK_INT(own("belfry.path", false), 1);
    CHECK_INT(own("belfry.path", true), 0);
    CHECK_INT(told(WIRE_CLONE) + told(WIRE_GAP), 0);
}

static void
the_same_lines_over_again_show_no_life_on_a_path(void)
{
    char text[SPEAKER_LINE];
    size_t len;

    begin();
    say_on(on_both, "agent.start", "beat=10");
    len = speaker_say(&voice, WIRE_INFO, "agent.beat", "next=10", text);
    at.line = PATH_NET;
    CHECK(hear(text, len, WIRE_SEEN_WHOLE));
    for (int i = 0; i < 10; i++) {
        at.line = "a";
        CHECK(hear(text, len, WIRE_SEEN_WHOLE));
        beat_for(on_net, 10);
    }
    CHECK_INT(own("belfry.path", false), 1);
}

/* ---- the token of the connection, said on another path */

static bool
linked(void)
{
    const struct bench_host *h = bench_find(&bench, "web03");
    const struct path *path = paths_find(&bench.host[0]->paths, "a");

    return path != NULL && h->net.up && strcmp(path->keep.token, h->net.token[0]) == 0;
}

static void
a_beat_with_the_token_of_the_connection_links_the_paths(void)
{
    begin();
    say_on(on_both, "agent.start", "beat=10");
    connect_with("ABCDEFGH");
    say_on(on_both, "agent.beat", "next=10");
    CHECK(!linked());
    say_on(on_net, "agent.beat", "next=10 ch=ABCDEFGH"); /* over the connection itself it shows nothing */
    CHECK(!linked());
    say_on(on_both, "agent.beat", "next=10 ch=ABCDEFGH");
    CHECK(linked());
    connect_with("01234567");
    CHECK(!linked());
    say_on(on_serial, "agent.beat", "next=10 ch=01234567");
    CHECK(linked());
    cut_as("cut");
    CHECK(!linked());
    CHECK_INT(own("belfry.path", false), 0);
}

static void
a_token_that_nobody_gave_is_told_until_a_given_one_is_said(void)
{
    begin();
    say_on(on_both, "agent.start", "beat=10");
    connect_with("ABCDEFGH");
    beat_for(on_both, 40);
    say_on(on_serial, "agent.beat", "next=10 ch=ZZZZZZZZ");
    say_on(on_serial, "agent.beat", "next=10 ch=ZZZZZZZZ");
    CHECK_INT(own("belfry.path", false), 1);
    CHECK_STR(own_detail("belfry.path"), "why=token path=a ch=ZZZZZZZZ");
    say_on(on_both, "agent.beat", "next=10");
    CHECK_INT(own("belfry.path", true), 0);
    say_on(on_serial, "agent.beat", "next=10 ch=ABCDEFGH");
    CHECK_INT(own("belfry.path", true), 1);
    /* Of any length, and in another line, it is none. */
    say_on(on_serial, "agent.beat", "next=10 ch=ABCDEFGHI");
    CHECK_INT(own("belfry.path", false), 2);
    say_on(on_serial, "agent.beat", "next=10 ch=ABCDEFGH");
    say_on(on_serial, "daemon.changed", "name=x ch=ZZZZZZZZ");
    CHECK_INT(own("belfry.path", false), 2);
    /* A copy of an earlier line proves what was then. */
    CHECK_INT(own("belfry.path", true), 2);
}

static void
a_beat_that_waited_while_connections_came_and_went_is_no_alarm(void)
{
    static const char *const tokens[] = { "AAAAAAAA", "BBBBBBBB", "CCCCCCCC", "DDDDDDDD", "EEEEEEEE",
        "FFFFFFFF" };

    begin();
    say_on(on_both, "agent.start", "beat=10");
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        connect_with(tokens[i]);
        wait_ms(1000);
    }
    say_on(on_serial, "agent.beat",
            "next=10 ch=AAAAAAAA"); /* too old to be known, and too early to be told */
    say_on(on_serial, "agent.beat", "next=10 ch=CCCCCCCC");
    cut_as("cut");
    beat_for(on_serial, 20);
    say_on(on_serial, "agent.beat", "next=10 ch=AAAAAAAA"); /* there is nothing to compare it with */
    CHECK_INT(own("belfry.path", false), 0);
}

/* ---- one record, whatever path its line took */

static void
a_line_that_comes_on_both_paths_is_one_record(void)
{
    begin();
    say_on(on_both, "agent.start", "beat=10");
    say_on(on_serial, "daemon.changed", "name=sshd");
    beat_for(on_both, 30);
    CHECK_INT(told(WIRE_OK), 5);
    CHECK_INT(count, 5);
    CHECK_INT(bench.host[0]->keep.copies, 4);
    CHECK_INT(bench.host[0]->keep.proved, 5);
    CHECK_STR(seen[0].line, PATH_NET);
    CHECK_STR(seen[1].line, "a");
}

static void
a_hole_of_one_path_is_filled_by_the_other_before_it_is_a_gap(void)
{
    char lost[SPEAKER_LINE];
    size_t len;

    begin();
    say_on(on_both, "agent.start", "beat=10");
    len = speaker_say(&voice, WIRE_CRIT, "daemon.down", "name=sshd", lost); /* torn on the serial line */
    say_on(on_serial, "agent.beat", "next=10");
    wait_ms(14000); /* and the network takes its time */
    at.line = PATH_NET;
    CHECK(hear(lost, len, WIRE_SEEN_WHOLE));
    CHECK_INT(last_line()->verdict, WIRE_OK);
    CHECK_STR(last_line()->line, PATH_NET);
    wait_ms(14000);
    CHECK_INT(told(WIRE_GAP), 0);
}

static void
two_texts_of_one_number_are_a_clone_whichever_path_they_took(void)
{
    const char *const way[2] = { PATH_NET, "a" };

    for (int first = 0; first < 2; first++) {
        struct speaker twin;
        char text[2][SPEAKER_LINE];
        size_t len[2];

        begin();
        say_on(on_both, "agent.start", "beat=10");
        twin = voice;
        len[0] = speaker_say(&voice, WIRE_INFO, "agent.beat", "next=10", text[0]);
        len[1] = speaker_say(&twin, WIRE_CRIT, "daemon.down", "name=sshd", text[1]);
        for (int i = 0; i < 2; i++) {
            at.line = way[i ^ first];
            CHECK(hear(text[i], len[i], WIRE_SEEN_WHOLE));
        }
        CHECK_INT(told(WIRE_CLONE), 1);
        CHECK_STR(seen[count - 1].line, way[1 ^ first]);
        CHECK_INT(told(WIRE_OK), 2);
    }
}

static void
what_waited_for_minutes_on_the_slow_path_is_a_copy_and_says_nothing_of_clocks(void)
{
    static char text[60][SPEAKER_LINE];
    size_t len[60];

    begin();
    say_on(on_both, "agent.start", "beat=10");
    for (int i = 0; i < 60; i++) {
        len[i] = speaker_say(&voice, WIRE_INFO, "agent.beat", "next=10", text[i]);
        at.line = PATH_NET;
        CHECK(hear(text[i], len[i], WIRE_SEEN_WHOLE));
    }
    wait_ms(30000);
    at.now_ms += 300000; /* without a tick: nothing is judged meanwhile */
    at.utc_us += INT64_C(300000000);
    for (int i = 0; i < 60; i++) {
        at.line = "a";
        CHECK(hear(text[i], len[i], WIRE_SEEN_WHOLE));
    }
    CHECK_INT(bench.host[0]->keep.copies, 61);
    CHECK_INT(told(WIRE_LATE) + told(WIRE_CLOCK) + told(WIRE_GAP) + told(WIRE_CLONE), 0);
    CHECK_INT(told(WIRE_OK), 61);
}

static void
copies_on_one_path_do_not_end_a_silence(void)
{
    static char text[20][SPEAKER_LINE];
    size_t len[20];

    begin();
    say_on(on_both, "agent.start", "beat=10");
    for (int i = 0; i < 20; i++) {
        len[i] = speaker_say(&voice, WIRE_INFO, "agent.beat", "next=10", text[i]);
        at.line = PATH_NET;
        CHECK(hear(text[i], len[i], WIRE_SEEN_WHOLE));
    }
    for (int i = 0; i < 20; i++) { /* they come one by one on the other path: its own life, not the agent's */
        wait_ms(10000);
        at.line = "a";
        CHECK(hear(text[i], len[i], WIRE_SEEN_WHOLE));
    }
    CHECK_INT(told(WIRE_SILENT), 1);
    CHECK(bench.host[0]->judge.silent_told);
    CHECK_INT(own("belfry.path", false), 0); /* which is said already */
    beat_for(on_net, 10);
    wait_ms(1000);
    CHECK_INT(own("belfry.path", false), 0);
}

static void
after_a_pause_of_ours_paths_may_come_back_one_after_the_other(void)
{
    begin();
    say_on(on_both, "agent.start", "beat=10");
    beat_for(on_both, 30);
    at.now_ms += 60000; /* without a tick */
    at.utc_us += INT64_C(60000000);
    say_on(on_serial, "agent.beat", "next=10");
    wait_ms(1000);
    beat_for(on_serial, 20);
    beat_for(on_both, 20);
    CHECK_INT(own("belfry.path", false), 0);
}

static void
in_a_declared_window_no_path_is_told_and_after_it_the_one_that_is_still_gone(void)
{
    begin();
    say_on(on_both, "agent.start", "beat=10");
    bench_expect(bench_find(&bench, "web03"), at.now_ms + 200000);
    beat_for(on_net, 190);
    CHECK_INT(own("belfry.path", false), 0);
    beat_for(on_net, 20);
    CHECK_INT(own("belfry.path", false), 1);
}

static void
a_host_is_followed_on_eight_paths_and_the_network_is_always_one_of_them(void)
{
    static const char *const lines[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", NULL };

    begin();
    say_on(lines, "agent.start", "beat=10");
    CHECK_INT(bench.host[0]->paths.count, PATHS_MAX - 1);
    say_on(on_both, "agent.beat", "next=10");
    CHECK_INT(bench.host[0]->paths.count, PATHS_MAX);
    CHECK(paths_find(&bench.host[0]->paths, PATH_NET) != NULL);
    CHECK(paths_find(&bench.host[0]->paths, "h") == NULL);
    beat_for(lines, 60);
    CHECK_INT(own("belfry.path", false), 1); /* the network */
}

static void
last_words_that_were_sealed_in_advance_show_no_life_on_a_path(void)
{
    static char words[10][SPEAKER_LINE];
    size_t len[10];

    begin();
    say_on(on_both, "agent.start", "beat=10 res=1-10");
    for (int i = 0; i < 10; i++) {
        len[i] = speaker_say(&voice, WIRE_CRIT, "agent.self", "proc=scribe state=gone", words[i]);
    }
    for (int i = 0; i < 9; i++) {
        at.line = "a";
        CHECK(hear(words[i], len[i], WIRE_SEEN_WHOLE));
        beat_for(on_net, 10);
    }
    CHECK_INT(own("belfry.path", false), 1);
}

static void
an_agent_that_disappears_is_an_alarm_on_every_way_it_can_disappear(void)
{
    /* Killed: the kernel ends its connection at once. */
    begin();
    connect_with("");
    say_on(on_both, "agent.start", "beat=10");
    cut_as("cut");
    CHECK_INT(own("belfry.cut", false), 1);
    /* Unplugged on the network only, then on all paths; stopped in order, by whoever holds the machine. */
    begin();
    say_on(on_both, "agent.start", "beat=10");
    beat_for(on_serial, 60);
    CHECK_INT(own("belfry.path", false), 1);
    CHECK_INT(told(WIRE_SILENT), 0);
    beat_for(on_serial, 10);
    wait_ms(36000);
    CHECK_INT(told(WIRE_SILENT), 1);
    say_on(on_serial, "agent.stop", "why=asked");
    wait_ms(36000);
    CHECK_INT(own("belfry.stopped", false), 1);
}

static void
lines_of_a_session_that_is_over_show_no_life_on_a_path(void)
{
    static char kept[12][SPEAKER_LINE];
    size_t len[12];

    begin();
    say_on(on_both, "agent.start", "beat=10");
    for (int i = 0; i < 12; i++) {
        len[i] = speaker_say(&voice, WIRE_INFO, "agent.beat", "next=10", kept[i]);
    }
    speaker_session(&voice, 2, "MMMM");
    say_on(on_net, "agent.start", "beat=10");
    for (int i = 0; i < 12; i++) {
        at.line = "a";
        CHECK(hear(kept[i], len[i], WIRE_SEEN_WHOLE));
        beat_for(on_net, 10);
    }
    CHECK_INT(own("belfry.path", false), 1);
    CHECK_INT(own("belfry.path", true), 0);
}

static void
copies_of_a_clone_show_no_life_on_a_path(void)
{
    static char kept[12][SPEAKER_LINE];
    struct speaker twin;
    size_t len[12];

    begin();
    say_on(on_both, "agent.start", "beat=10");
    for (int i = 0; i < 12; i++) {
        len[i] = speaker_say(&voice, WIRE_INFO, "agent.beat", "next=10", kept[i]);
        at.line = PATH_NET;
        CHECK(hear(kept[i], len[i], WIRE_SEEN_WHOLE));
    }
    twin = voice;
    speaker_session(&twin, 1, "MMMM");
    for (int i = 0; i < 12; i++) {
        char text[SPEAKER_LINE];
        size_t n = speaker_say(&twin, WIRE_INFO, "agent.beat", "next=10", text);

        at.line = i == 0 ? "a" : PATH_NET;
        CHECK(hear(text, n, WIRE_SEEN_WHOLE));
        at.line = "a";
        CHECK(hear(kept[i], len[i], WIRE_SEEN_WHOLE));
        wait_ms(10000);
    }
    CHECK_INT(told(WIRE_ROLLBACK), 1);
    CHECK_INT(own("belfry.path", false), 1);
}

static void
a_connection_that_comes_and_goes_is_one_alarm_until_one_has_lasted(void)
{
    begin();
    say_on(on_both, "agent.start", "beat=10");
    for (int i = 0; i < 60; i++) {
        connect_with("");
        say_on(on_net, "agent.beat", "next=10");
        wait_ms(1000);
        cut_as("reset");
    }
    CHECK_INT(own("belfry.cut", false), 2); /* the first was over with the second connection */
    CHECK_INT(own("belfry.cut", true), 1);
    connect_with("");
    say_on(on_net, "agent.beat", "next=10");
    CHECK_INT(own("belfry.cut", true), 1);
    wait_ms(16000);
    say_on(on_net, "agent.beat", "next=10");
    CHECK_INT(own("belfry.cut", true), 2);
}

static void
an_agent_that_is_started_again_and_again_does_not_hide_a_path_that_is_gone(void)
{
    begin();
    say_on(on_both, "agent.start", "beat=10");
    for (uint32_t i = 2; i < 8; i++) {
        say_on(on_net, "agent.stop", "why=asked");
        speaker_session(&voice, i, "MMMM");
        wait_ms(10000);
        say_on(on_net, "agent.start", "beat=10");
    }
    CHECK_INT(own("belfry.path", false), 1);
    CHECK_INT(own("belfry.stopped", false) + told(WIRE_SILENT), 0);
}

static void
what_falls_due_between_two_looks_at_all_hosts_is_told_to_the_millisecond(void)
{
    char lost[SPEAKER_LINE];
    int64_t from_ms;

    begin();
    CHECK(say("a", WIRE_INFO, "agent.start", "beat=60"));
    wait_ms(1);
    (void)speaker_say(&voice, WIRE_CRIT, "daemon.down", "name=sshd", lost);
    CHECK(say("a", WIRE_INFO, "agent.beat", "next=60"));
    from_ms = at.now_ms;
    while (told(WIRE_GAP) == 0 && at.now_ms < from_ms + 20000) {
        CHECK(bench_due(&bench) <= from_ms + WIRE_GAP_MS);
        wait_ms(1);
    }
    CHECK_INT(at.now_ms - from_ms, WIRE_GAP_MS);
    /* A window that is taken back leaves a silence that is due already. */
    bench_expect(bench_find(&bench, "web03"), at.now_ms + 900000);
    wait_ms(400000);
    wait_ms(1);
    CHECK_INT(told(WIRE_SILENT), 0);
    bench_expect(bench_find(&bench, "web03"), at.now_ms);
    wait_ms(1);
    CHECK_INT(told(WIRE_SILENT), 1);
}

/* ---- paths by chance: the same from each seed */

#define CHANCE_LINES 512
#define CHANCE_PATHS 2

/* An agent whose lines take their time on two paths; each may be dead for a while. */
struct chance {
    uint32_t seed;
    char text[CHANCE_LINES][SPEAKER_LINE];
    size_t len[CHANCE_LINES];
    unsigned lines;
    bool tears; /* copies are torn, at most every other one of a path */
    struct {
        int64_t due_ms[CHANCE_LINES];
        unsigned next; /* of the lines, in order */
        int64_t dead_ms;
        int64_t last_ms; /* the path lived */
        bool lost;       /* the line before was torn on its way */
    } way[CHANCE_PATHS];
};

static uint32_t
chance_below(struct chance *c, uint32_t n)
{
    c->seed = c->seed * 1664525 + 1013904223;
    return (c->seed >> 8) % n;
}

/* One more line under way on all paths, none of which overtakes another of its path. */
static void
chance_say(struct chance *c)
{
    unsigned i = c->lines++;

    voice.begun -= 10;
    c->len[i] = speaker_say(&voice, WIRE_INFO, "agent.beat", "next=10", c->text[i]);
    for (int w = 0; w < CHANCE_PATHS; w++) {
        int64_t due_ms = at.now_ms + chance_below(c, 4000);

        if (i > 0 && due_ms < c->way[w].due_ms[i - 1]) {
            due_ms = c->way[w].due_ms[i - 1];
        }
        c->way[w].due_ms[i] = due_ms;
    }
}

static void
chance_deliver(struct chance *c)
{
    for (int w = 0; w < CHANCE_PATHS; w++) {
        while (c->way[w].next < c->lines && c->way[w].due_ms[c->way[w].next] <= at.now_ms) {
            unsigned i = c->way[w].next++;
            bool dead = at.now_ms < c->way[w].dead_ms;
            bool torn = c->tears && !c->way[w].lost && chance_below(c, 5) == 0;

            c->way[w].lost = torn;
            if (!dead && !torn) {
                at.line = w == 0 ? PATH_NET : "a";
                CHECK(hear(c->text[i], c->len[i], WIRE_SEEN_WHOLE));
                c->way[w].last_ms = at.now_ms;
            }
        }
    }
}

static void
chance_begin(struct chance *c, uint32_t seed)
{
    memset(c, 0, sizeof *c);
    c->seed = seed;
    begin();
    voice.begun -= 100000;
    say_on(on_both, "agent.start", "beat=10");
    for (int w = 0; w < CHANCE_PATHS; w++) {
        c->way[w].last_ms = at.now_ms;
    }
}

static void
chance_second(struct chance *c, int second)
{
    if (second % 10 == 0) {
        chance_say(c);
    }
    chance_deliver(c);
    wait_ms(1000);
}

static void
delays_and_lost_copies_and_silences_of_the_whole_host_are_never_told_as_a_path(void)
{
    static struct chance c;

    for (uint32_t seed = 0; seed < 300; seed++) {
        chance_begin(&c, seed);
        for (int second = 0; second < 1000; second++) {
            c.tears = second % 150 > 40 && second % 150 < 80; /* not beside an outage: it would be longer */
            if (second % 150 == 100) {
                /* Not for just the patience: who is back at its end may well be late on one path. */
                int64_t until_ms =
                        at.now_ms + (chance_below(&c, 2) == 0 ? 0 : 50000) + chance_below(&c, 12000);

                c.way[0].dead_ms = until_ms;
                c.way[1].dead_ms = until_ms + chance_below(&c, 3000);
            }
            chance_second(&c, second);
        }
        CHECK_INT(own("belfry.path", false), 0);
        CHECK_INT(told(WIRE_CLONE), 0);
    }
}

static void
a_path_that_is_dead_for_two_minutes_is_always_told_in_time_and_only_it(void)
{
    static struct chance c;

    for (uint32_t seed = 0; seed < 300; seed++) {
        int w = (int)(seed % 2);
        int64_t from_ms;

        chance_begin(&c, seed);
        c.tears = true;
        for (int second = 0; second < 60 + (int)(seed % 20); second++) {
            chance_second(&c, second);
        }
        from_ms = at.now_ms;
        c.way[w].dead_ms = from_ms + 120000;
        for (int second = 0; second < 120; second++) {
            chance_second(&c, second);
            if (own("belfry.path", false) > 0) {
                /* The patience, and the next lines on the other path: one of them may be torn. */
                CHECK(at.now_ms - c.way[w].last_ms <= 35000 + 20000 + 4000 + 1000);
                CHECK(at.now_ms - c.way[w].last_ms > 35000);
                break;
            }
        }
        CHECK_INT(own("belfry.path", false), 1);
        CHECK(strncmp(own_detail("belfry.path"), w == 0 ? "path=net " : "path=a why", 9) == 0);
        for (int second = 0; second < 150; second++) {
            chance_second(&c, second);
        }
        CHECK_INT(own("belfry.path", false), 1);
        CHECK_INT(own("belfry.path", true), 1);
        CHECK_INT(told(WIRE_SILENT), 0);
    }
}

static void
a_path_that_is_slower_by_less_than_the_patience_lives(void)
{
    static struct chance c;

    chance_begin(&c, 1);
    for (int second = 0; second < 400; second++) {
        if (second % 10 == 0) {
            chance_say(&c);
            c.way[1].due_ms[c.lines - 1] = at.now_ms + 28000;
        }
        chance_deliver(&c);
        wait_ms(1000);
    }
    CHECK_INT(own("belfry.path", false), 0);
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
    CHECK_RUN(a_connection_is_vouched_for_by_a_beat_that_says_its_token);
    CHECK_RUN(a_rekey_may_be_said_once_it_is_saved_and_not_again_for_ten_seconds);
    CHECK_RUN(forged_lines_beyond_ten_a_minute_become_a_count);
    CHECK_RUN(strangers_are_told_once_a_minute_and_counted);
    CHECK_RUN(torn_heads_count_for_the_host_last_seen_on_that_line);
    CHECK_RUN(a_connection_that_ends_without_a_goodbye_is_an_alarm_until_the_host_registers_again);
    CHECK_RUN(a_goodbye_a_newer_connection_a_window_and_our_own_end_are_no_cut);
    CHECK_RUN(the_end_of_a_connection_is_judged_by_the_session_that_held_it);
    CHECK_RUN(a_path_that_ends_while_another_lives_is_told_once_until_it_is_back);
    CHECK_RUN(a_host_that_is_gone_on_all_paths_is_one_silence_and_no_path);
    CHECK_RUN(copies_that_were_kept_back_show_no_life_on_a_path);
    CHECK_RUN(the_same_lines_over_again_show_no_life_on_a_path);
    CHECK_RUN(a_beat_with_the_token_of_the_connection_links_the_paths);
    CHECK_RUN(a_token_that_nobody_gave_is_told_until_a_given_one_is_said);
    CHECK_RUN(a_beat_that_waited_while_connections_came_and_went_is_no_alarm);
    CHECK_RUN(a_line_that_comes_on_both_paths_is_one_record);
    CHECK_RUN(a_hole_of_one_path_is_filled_by_the_other_before_it_is_a_gap);
    CHECK_RUN(two_texts_of_one_number_are_a_clone_whichever_path_they_took);
    CHECK_RUN(what_waited_for_minutes_on_the_slow_path_is_a_copy_and_says_nothing_of_clocks);
    CHECK_RUN(copies_on_one_path_do_not_end_a_silence);
    CHECK_RUN(an_agent_that_disappears_is_an_alarm_on_every_way_it_can_disappear);
    CHECK_RUN(after_a_pause_of_ours_paths_may_come_back_one_after_the_other);
    CHECK_RUN(in_a_declared_window_no_path_is_told_and_after_it_the_one_that_is_still_gone);
    CHECK_RUN(a_host_is_followed_on_eight_paths_and_the_network_is_always_one_of_them);
    CHECK_RUN(last_words_that_were_sealed_in_advance_show_no_life_on_a_path);
    CHECK_RUN(lines_of_a_session_that_is_over_show_no_life_on_a_path);
    CHECK_RUN(copies_of_a_clone_show_no_life_on_a_path);
    CHECK_RUN(a_connection_that_comes_and_goes_is_one_alarm_until_one_has_lasted);
    CHECK_RUN(an_agent_that_is_started_again_and_again_does_not_hide_a_path_that_is_gone);
    CHECK_RUN(what_falls_due_between_two_looks_at_all_hosts_is_told_to_the_millisecond);
    CHECK_RUN(delays_and_lost_copies_and_silences_of_the_whole_host_are_never_told_as_a_path);
    CHECK_RUN(a_path_that_is_dead_for_two_minutes_is_always_told_in_time_and_only_it);
    CHECK_RUN(a_path_that_is_slower_by_less_than_the_patience_lives);
    return check_result();
}
