/* Every verdict and what leads to it: SPEC.md, section 7. */
#include "lab.h"
#include "wire/judge.h"

#define RECORDS 70000

/* The receiver's record: what it was told to keep. */
struct record {
    uint32_t session;
    uint32_t number;
    char nonce[WIRE_NONCE_CHARS + 1];
    char tag[WIRE_TAG_CHARS];
};

static struct record record[RECORDS];
static unsigned records;
static struct wire_key old_key;
static bool have_old_key;

static bool
tag_of(void *to, uint32_t session, const char *nonce, uint32_t number, char tag[WIRE_TAG_CHARS])
{
    (void)to;
    for (unsigned i = records; i-- > 0;) {
        if (record[i].session == session && record[i].number == number &&
                memcmp(record[i].nonce, nonce, WIRE_NONCE_CHARS) == 0) {
            memcpy(tag, record[i].tag, WIRE_TAG_CHARS);
            return true;
        }
    }
    return false;
}

static bool
key_of(void *to, uint32_t session, const char *nonce, struct wire_key *key)
{
    (void)to;
    (void)session;
    (void)nonce;
    *key = old_key;
    return have_old_key;
}

static const struct wire_judge_ops ops = { .tag_of = tag_of, .key_of = key_of };

static struct wire_judge judge;
static struct wire_events events;
static int64_t now_ms;
static const struct wire_key root_0 = { .bytes = { 42 } };

static struct lab_agent
agent(uint32_t session, const char *nonce)
{
    struct lab_agent a = { .host = "web03", .nonce = nonce, .session = session };
    struct wire_key root = root_0;

    for (uint32_t i = 0; i < session; i++) {
        wire_key_next_root(&root, &root);
    }
    wire_key_session(&root, session, nonce, a.host, &a.key);
    return a;
}

static void
begin(void)
{
    const struct wire_judge_start start = { .host = "web03", .root = root_0, .now_ms = 1000000 };

    records = 0;
    have_old_key = false;
    now_ms = 1000000;
    wire_judge_init(&judge, &start, &ops, NULL);
}

static bool
has_event(enum wire_verdict v)
{
    for (unsigned i = 0; i < events.count; i++) {
        if (events.at[i].verdict == v) {
            return true;
        }
    }
    return false;
}

static const struct wire_event *
event(enum wire_verdict v)
{
    static const struct wire_event none;

    for (unsigned i = 0; i < events.count; i++) {
        if (events.at[i].verdict == v) {
            return &events.at[i];
        }
    }
    CHECK(false);
    return &none;
}

static bool
give(const struct lab_line *l, enum wire_seen seen, uint64_t utc_s)
{
    struct wire_line line;
    bool proved;

    CHECK_INT(wire_line_parse(l->text, l->len, &line), 0);
    proved = wire_judge_line(&judge, &line, seen, now_ms, utc_s, &events, NULL);
    CHECK(events.count <= WIRE_EVENTS_MAX);
    if (proved && (events.at[0].verdict == WIRE_OK || events.at[0].verdict == WIRE_REPAIRED ||
                          events.at[0].verdict == WIRE_LATE)) {
        struct record *r = &record[records++ % RECORDS];

        r->session = line.head.session;
        r->number = line.head.number;
        memcpy(r->nonce, line.head.nonce, sizeof(r->nonce));
        memcpy(r->tag, line.bytes + line.body_len + 1, WIRE_TAG_CHARS);
    }
    return proved;
}

/* Seals at the agent's time and gives it with both clocks right; the verdict on the line. */
static enum wire_verdict
send(struct lab_agent *a, uint32_t number, const char *code, const char *detail)
{
    struct lab_line l = lab_seal(a, number, code, detail);

    give(&l, WIRE_SEEN_WHOLE, LAB_UTC + a->mono_s);
    return events.count > 0 ? events.at[0].verdict : WIRE_VERDICTS;
}

static enum wire_verdict
beat(struct lab_agent *a, uint32_t number)
{
    return send(a, number, "agent.beat", "next=10");
}

static void
pass(struct lab_agent *a, uint32_t seconds)
{
    now_ms += (int64_t)seconds * 1000;
    a->mono_s += seconds;
    wire_judge_tick(&judge, now_ms, &events);
}

static void
lines_in_order_are_ok_and_nothing_else(void)
{
    struct lab_agent a = agent(1, "K3QF");

    begin();
    CHECK_INT(send(&a, 0, "agent.start", "v=0.1 beat=10 prev=none end=first"), WIRE_OK);
    CHECK_INT(events.count, 1);
    for (uint32_t n = 1; n < 100; n++) {
        pass(&a, 10);
        CHECK_INT(events.count, 0);
        CHECK_INT(beat(&a, n), WIRE_OK);
        CHECK_INT(events.count, 1);
        CHECK_INT(events.at[0].first, n);
        CHECK_STR(events.at[0].nonce, "K3QF");
    }
}

static void
a_mended_line_is_repaired_and_a_mend_that_fails_says_nothing(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent stranger = { .host = "web03", .nonce = "K3QF", .session = 1, .key = { .bytes = { 1 } } };
    struct lab_line l = lab_seal(&a, 0, "agent.start", "beat=10");

    begin();
    CHECK(give(&l, WIRE_SEEN_REPAIRED, LAB_UTC));
    CHECK_INT(events.at[0].verdict, WIRE_REPAIRED);
    l = lab_seal(&stranger, 1, "agent.beat", "next=10");
    CHECK(!give(&l, WIRE_SEEN_REPAIRED, LAB_UTC));
    CHECK_INT(events.count, 0);
    l.text[0] = '!';
    CHECK(!give(&l, WIRE_SEEN_WHOLE, LAB_UTC));
    CHECK_INT(events.at[0].verdict, WIRE_FORGED);
    CHECK_INT(events.count, 1);
}

static void
a_host_or_session_without_a_key_is_unknown(void)
{
    struct lab_agent other = { .host = "db01", .nonce = "K3QF", .session = 1 };
    struct lab_agent far = { .host = "web03", .nonce = "K3QF", .session = WIRE_SESSION_AHEAD + 1 };
    struct lab_agent a = agent(9, "K3QF");
    struct lab_agent old = agent(9, "9QZ2");
    struct lab_agent next = agent(10, "K3QF");
    struct lab_line l;

    begin();
    CHECK_INT(beat(&other, 0), WIRE_UNKNOWN);
    CHECK_INT(beat(&far, 0), WIRE_UNKNOWN);
    far.session = WIRE_SESSION_AHEAD;
    CHECK_INT(beat(&far, 0), WIRE_FORGED);
    CHECK_INT(beat(&a, 0), WIRE_OK);
    CHECK_INT(beat(&next, 0), WIRE_OK);
    CHECK_INT(beat(&old, 0), WIRE_UNKNOWN);
    l = lab_seal(&other, 3, "agent.beat", "next=1");
    CHECK(!give(&l, WIRE_SEEN_REPAIRED, LAB_UTC));
    CHECK_INT(events.count, 0);
}

static void
a_copy_is_dup_and_another_text_of_one_number_is_clone(void)
{
    struct lab_agent a = agent(1, "K3QF");

    begin();
    for (uint32_t n = 0; n < 10; n++) {
        CHECK_INT(beat(&a, n), WIRE_OK);
    }
    for (uint32_t n = 0; n < 10; n++) {
        CHECK_INT(beat(&a, n), WIRE_DUP);
        CHECK_INT(events.count, 1);
    }
    CHECK_INT(send(&a, 4, "daemon.up", "name=sshd"), WIRE_CLONE);
    CHECK_INT(send(&a, 9, "daemon.up", "name=sshd"), WIRE_CLONE);
}

static void
a_hole_is_told_after_15_seconds_and_late_when_filled(void)
{
    struct lab_agent a = agent(1, "K3QF");

    begin();
    beat(&a, 0);
    beat(&a, 5);
    CHECK_INT(events.count, 1);
    CHECK_INT(wire_judge_due(&judge), now_ms + WIRE_GAP_MS);
    CHECK_INT(send(&a, 3, "daemon.down", "name=x"), WIRE_OK); /* in time: simply OK */
    pass(&a, 14);
    CHECK_INT(events.count, 0);
    pass(&a, 1);
    CHECK_INT(events.count, 2);
    CHECK_INT(events.at[0].verdict, WIRE_GAP);
    CHECK_INT(events.at[0].first, 1);
    CHECK_INT(events.at[0].last, 2);
    CHECK_INT(events.at[1].first, 4);
    CHECK_INT(events.at[1].last, 4);
    CHECK(!events.at[0].bad);
    pass(&a, 1);
    CHECK_INT(events.count, 0);
    CHECK_INT(send(&a, 2, "daemon.down", "name=x"), WIRE_LATE);
    CHECK_INT(send(&a, 2, "daemon.down", "name=y"), WIRE_CLONE);
    CHECK_INT(judge.session[0].holes, 2);
}

static void
a_hole_that_hides_an_alarm_is_bad_even_when_told_before(void)
{
    struct lab_agent a = agent(1, "K3QF");

    begin();
    beat(&a, 0);
    beat(&a, 5);
    beat(&a, 8);
    send(&a, 9, "agent.beat", "next=10 al=0,3,5");
    pass(&a, 15);
    CHECK_INT(events.count, 2);
    CHECK(events.at[0].bad);
    CHECK(!events.at[1].bad);
    send(&a, 10, "agent.beat", "next=10 al=3,7");
    pass(&a, 1);
    CHECK_INT(events.count, 1);
    CHECK_INT(event(WIRE_GAP)->first, 6);
    CHECK(event(WIRE_GAP)->bad);
    send(&a, 11, "agent.beat", "next=10 al=3,6,7");
    pass(&a, 1);
    CHECK_INT(events.count, 0);
    CHECK_INT(send(&a, 7, "port.unexpected", "port=1"), WIRE_LATE);
    CHECK_INT(judge.session[0].bads, 2);
}

/* Every pattern of loss over twelve lines: what is missing is told exactly. */
static void
all_4096_loss_patterns_give_the_exact_missing_list(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_line line[14];

    for (uint32_t n = 0; n < 14; n++) {
        line[n] = lab_seal(&a, n, "agent.beat", "next=60");
    }
    for (unsigned lost = 0; lost < 4096; lost++) {
        bool missing[14] = { false };

        begin();
        give(&line[0], WIRE_SEEN_WHOLE, LAB_UTC);
        for (unsigned n = 1; n <= 12; n++) {
            if (!(lost >> (n - 1) & 1)) {
                CHECK(give(&line[n], WIRE_SEEN_WHOLE, LAB_UTC));
            }
        }
        give(&line[13], WIRE_SEEN_WHOLE, LAB_UTC);
        wire_judge_tick(&judge, now_ms + WIRE_GAP_MS, &events);
        for (unsigned i = 0; i < events.count; i++) {
            CHECK_INT(events.at[i].verdict, WIRE_GAP);
            for (uint32_t n = events.at[i].first; n <= events.at[i].last; n++) {
                CHECK(!missing[n]);
                missing[n] = true;
            }
        }
        for (unsigned n = 1; n <= 12; n++) {
            CHECK_INT(missing[n], lost >> (n - 1) & 1);
        }
        CHECK(!missing[0] && !missing[13]);
    }
}

static void
silence_is_told_once_after_three_promised_beats_and_five_seconds(void)
{
    static const struct {
        const char *detail;
        int64_t dead_s;
    } promise[] = { { "next=10", 35 }, { "next=30", 95 }, { "next=60", 185 }, { "next=4000000000", 185 },
        { "next=0", 8 } };

    for (unsigned i = 0; i < sizeof(promise) / sizeof(promise[0]); i++) {
        struct lab_agent a = agent(1, "K3QF");

        begin();
        pass(&a, 1000); /* nobody promised anything yet */
        CHECK_INT(events.count, 0);
        send(&a, 0, "agent.beat", promise[i].detail);
        CHECK_INT(wire_judge_due(&judge), now_ms + promise[i].dead_s * 1000 + 1);
        pass(&a, (uint32_t)promise[i].dead_s);
        CHECK_INT(events.count, 0);
        now_ms++;
        pass(&a, 0);
        CHECK_INT(events.count, 1);
        CHECK_INT(event(WIRE_SILENT)->value, promise[i].dead_s);
        CHECK_INT(wire_judge_due(&judge), INT64_MAX);
        pass(&a, 1000);
        CHECK_INT(events.count, 0);
        beat(&a, 1);
        pass(&a, 36);
        CHECK(has_event(WIRE_SILENT));
    }
}

static void
neither_copies_nor_hole_fillers_nor_last_words_are_life(void)
{
    struct lab_agent a = agent(1, "K3QF");

    begin();
    send(&a, 0, "agent.start", "beat=10 prev=none end=first res=1-3");
    beat(&a, 8);
    pass(&a, 30);
    CHECK_INT(beat(&a, 8), WIRE_CLONE); /* the same number at another time */
    CHECK_INT(send(&a, 5, "daemon.down", "name=x"), WIRE_LATE);
    CHECK_INT(send(&a, 2, "agent.self", "state=lost"), WIRE_OK);
    pass(&a, 6);
    CHECK(has_event(WIRE_SILENT));
    beat(&a, 9);
    pass(&a, 34);
    CHECK(!has_event(WIRE_SILENT));
}

static void
last_words_above_all_before_and_lines_of_an_older_session_are_no_life(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent b = agent(2, "9QZ2");

    begin();
    send(&a, 0, "agent.start", "beat=10 prev=none end=first res=1-3");
    pass(&a, 30);
    CHECK_INT(send(&a, 2, "agent.self", "state=lost"), WIRE_OK);
    pass(&a, 6);
    CHECK(has_event(WIRE_SILENT));
    b.mono_s = a.mono_s;
    send(&b, 0, "agent.start", "beat=10 prev=1-K3QF.? end=unclean");
    pass(&b, 30);
    CHECK_INT(beat(&a, 9), WIRE_OK);
    pass(&b, 6);
    CHECK(has_event(WIRE_SILENT));
}

static void
only_the_newest_line_changes_the_promise(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent b = agent(2, "9QZ2");

    begin();
    send(&a, 0, "agent.start", "beat=20 prev=none end=first");
    CHECK_INT(wire_judge_due(&judge), now_ms + 65001);
    beat(&a, 3);
    send(&a, 2, "agent.beat", "next=60");
    CHECK_INT(judge.next_s, 10);
    send(&b, 0, "agent.start", "beat=30 prev=1-K3QF.? end=unclean");
    send(&a, 4, "agent.beat", "next=60");
    send(&a, 1, "agent.start", "beat=60");
    CHECK_INT(judge.next_s, 30);
}

static void
a_stop_that_is_not_the_newest_line_ends_nothing(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent b = agent(2, "9QZ2");

    begin();
    beat(&a, 0);
    beat(&a, 5);
    send(&a, 3, "agent.stop", "why=x");
    CHECK(judge.alive);
    beat(&b, 0);
    send(&a, 6, "agent.stop", "why=x");
    CHECK(judge.alive);
    send(&b, 1, "agent.stop", "why=x");
    CHECK(!judge.alive);
}

static void
a_receiver_that_starts_again_notices_silence_from_then_on(void)
{
    struct wire_judge_start start = {
        .host = "web03", .root = root_0, .alive = true, .next_s = 10, .now_ms = 5000
    };

    wire_judge_init(&judge, &start, &ops, NULL);
    wire_judge_tick(&judge, 40000, &events);
    CHECK_INT(events.count, 0);
    wire_judge_tick(&judge, 40001, &events);
    CHECK(has_event(WIRE_SILENT));
}

static void
a_planned_stop_ends_life_without_an_alarm(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent b = agent(2, "9QZ2");

    begin();
    beat(&a, 0);
    CHECK_INT(send(&a, 1, "agent.stop", "why=shutdown back=600"), WIRE_OK);
    CHECK_INT(events.count, 1);
    CHECK(judge.session[0].ended);
    pass(&a, 100000);
    CHECK_INT(events.count, 0);
    b.mono_s = a.mono_s;
    CHECK_INT(send(&b, 0, "agent.start", "beat=10 prev=1-K3QF.1 end=clean"), WIRE_OK);
    CHECK_INT(events.count, 1);
    pass(&b, 36);
    CHECK(has_event(WIRE_SILENT));
}

static void
sessions_that_were_never_seen_are_told(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent b = agent(2, "K3QF");
    struct lab_agent c = agent(7, "9QZ2");

    begin();
    beat(&a, 0);
    beat(&b, 0);
    CHECK(!has_event(WIRE_SKIPPED_SESSION));
    CHECK_INT(beat(&c, 0), WIRE_OK);
    CHECK_INT(event(WIRE_SKIPPED_SESSION)->first, 3);
    CHECK_INT(event(WIRE_SKIPPED_SESSION)->last, 6);
    CHECK_INT(judge.root_session, 7);
    begin();
    CHECK_INT(beat(&c, 0), WIRE_OK);
    CHECK_INT(event(WIRE_SKIPPED_SESSION)->first, 1);
}

static void
a_session_that_was_passed_over_is_proved_when_it_comes_after_all(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent c = agent(7, "9QZ2");
    struct lab_agent late = agent(4, "AAAA");
    struct lab_agent later = agent(6, "BBBB");
    struct lab_agent first = agent(2, "CCCC");

    begin();
    beat(&a, 0);
    beat(&c, 0);
    CHECK_INT(beat(&late, 2), WIRE_OK);
    CHECK_INT(events.count, 1);
    CHECK_INT(judge.newest, 7);
    CHECK_INT(judge.root_session, 7);
    CHECK_INT(beat(&late, 0), WIRE_OK); /* fills its own hole */
    CHECK_INT(beat(&late, 2), WIRE_DUP);
    CHECK_INT(beat(&later, 0), WIRE_OK);
    CHECK_INT(beat(&first, 0), WIRE_OK);
    CHECK_INT(events.count, 1);
    CHECK_INT(beat(&c, 1), WIRE_OK);
}

static void
a_session_that_came_late_begins_once(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent c = agent(4, "9QZ2");
    struct lab_agent late = agent(2, "AAAA");
    struct lab_agent again = agent(2, "BBBB");
    struct lab_agent other = agent(3, "AAAA");

    begin();
    beat(&a, 0);
    beat(&c, 0);
    CHECK_INT(beat(&late, 0), WIRE_OK);
    CHECK_INT(beat(&again, 0), WIRE_UNKNOWN);
    CHECK_INT(beat(&other, 0), WIRE_OK);
}

static void
lines_of_a_late_session_are_no_life(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent c = agent(3, "9QZ2");
    struct lab_agent late = agent(2, "AAAA");

    begin();
    beat(&a, 0);
    beat(&c, 0);
    int64_t life_ms = judge.life_ms;
    pass(&c, 20);
    late.mono_s = c.mono_s;
    CHECK_INT(beat(&late, 0), WIRE_OK);
    CHECK(judge.life_ms == life_ms);
}

static void
of_many_gaps_between_sessions_the_oldest_is_forgotten(void)
{
    struct lab_agent old = agent(2, "AAAA");
    struct lab_agent newer = agent(4, "AAAA");

    begin();
    for (uint32_t session = 1; session <= 1 + 2 * (WIRE_JUDGE_PASSED + 1); session += 2) {
        struct lab_agent a = agent(session, "K3QF");

        CHECK_INT(beat(&a, 0), WIRE_OK);
    }
    CHECK_INT(beat(&old, 0), WIRE_UNKNOWN);
    CHECK_INT(beat(&newer, 0), WIRE_OK);
}

static void
an_unproved_line_never_moves_the_root(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent forger = { .host = "web03", .nonce = "K3QF", .session = 4000 };

    begin();
    beat(&a, 0);
    CHECK_INT(beat(&forger, 0), WIRE_FORGED);
    CHECK_INT(judge.root_session, 1);
    CHECK_INT(judge.newest, 1);
    CHECK_INT(beat(&a, 1), WIRE_OK);
}

static void
one_session_number_with_two_nonces_is_a_rollback(void)
{
    struct lab_agent a = agent(3, "K3QF");
    struct lab_agent again = agent(3, "9QZ2");
    struct lab_agent later = agent(4, "AAAA");

    begin();
    beat(&a, 0);
    CHECK_INT(beat(&again, 0), WIRE_OK);
    CHECK_STR(event(WIRE_ROLLBACK)->nonce, "9QZ2");
    CHECK_INT(event(WIRE_ROLLBACK)->session, 3);
    CHECK_INT(beat(&again, 1), WIRE_OK);
    CHECK_INT(events.count, 1);
    /* The session after says it follows one that we know under another nonce. */
    send(&later, 0, "agent.start", "prev=3-ZZZZ.9 end=clean");
    CHECK(has_event(WIRE_ROLLBACK));
}

static void
an_unclean_end_is_told_and_the_lost_tail_is_a_hole(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent b = agent(2, "9QZ2");
    struct lab_agent c = agent(3, "AAAA");

    begin();
    beat(&a, 0);
    CHECK_INT(send(&b, 0, "agent.start", "beat=10 prev=1-K3QF.? end=unclean"), WIRE_OK);
    CHECK_INT(event(WIRE_UNCLEAN_END)->session, 1);
    CHECK_STR(event(WIRE_UNCLEAN_END)->nonce, "K3QF");
    CHECK_INT(events.count, 2);
    CHECK_INT(judge.session[0].holes, 0);
    send(&c, 0, "agent.start", "beat=10 prev=2-9QZ2.4 end=clean");
    CHECK_INT(events.count, 1);
    pass(&c, 15);
    CHECK_INT(event(WIRE_GAP)->session, 2);
    CHECK_INT(event(WIRE_GAP)->first, 1);
    CHECK_INT(event(WIRE_GAP)->last, 4);
    CHECK_INT(send(&b, 3, "agent.beat", ""), WIRE_LATE);
    CHECK_INT(judge.newest, 3);
}

static void
numbers_beyond_what_the_agent_claims_are_a_tampered_spool(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent b = agent(2, "9QZ2");

    begin();
    for (uint32_t n = 0; n < 10; n++) {
        beat(&a, n);
    }
    send(&b, 0, "agent.start", "prev=1-K3QF.6 end=clean");
    CHECK_INT(event(WIRE_TAMPERED_SPOOL)->first, 7);
    CHECK_INT(event(WIRE_TAMPERED_SPOOL)->last, 9);
    CHECK_INT(event(WIRE_TAMPERED_SPOOL)->session, 1);
    beat(&a, 10);
    CHECK_INT(event(WIRE_TAMPERED_SPOOL)->first, 10);
    begin();
    beat(&a, 9);
    send(&b, 0, "agent.start", "prev=1-K3QF.6 end=unclean"); /* what it lost it cannot know */
    CHECK(!has_event(WIRE_TAMPERED_SPOOL));
}

static void
clocks_that_part_are_told_once_until_they_agree_again(void)
{
    struct lab_agent a = agent(1, "K3QF");
    uint32_t n = 0;

    begin();
    beat(&a, n++);
    pass(&a, 10);
    a.utc_offset_s = 5;
    beat(&a, n++);
    CHECK(!has_event(WIRE_CLOCK));
    a.utc_offset_s = 3600;
    beat(&a, n++);
    CHECK_INT(event(WIRE_CLOCK)->value, 3600);
    beat(&a, n++);
    CHECK(!has_event(WIRE_CLOCK));
    a.utc_offset_s = -7200;
    beat(&a, n++);
    CHECK_INT(event(WIRE_CLOCK)->value, -7200);
    a.utc_offset_s = 0;
    beat(&a, n++);
    CHECK(!has_event(WIRE_CLOCK));
    beat(&a, n++);
    a.utc_offset_s = -6;
    beat(&a, n++);
    CHECK_INT(event(WIRE_CLOCK)->value, -6);
    begin();
    a.utc_offset_s = 6;
    beat(&a, 0);
    CHECK_INT(event(WIRE_CLOCK)->value, 6);
}

static void
lines_that_waited_on_their_way_do_not_judge_the_clock(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_line kept[3];
    uint32_t n = 0;

    begin();
    for (; n < 3; n++) {
        kept[n] = lab_seal(&a, n, "agent.beat", "next=10");
        pass(&a, 10);
    }
    for (uint32_t i = 0; i < n; i++) {
        give(&kept[i], WIRE_SEEN_WHOLE, LAB_UTC + a.mono_s);
        CHECK(!has_event(WIRE_CLOCK));
    }
    for (int i = 0; i < 3; i++) {
        beat(&a, n++);
        CHECK(!has_event(WIRE_CLOCK));
        pass(&a, 10);
    }
}

static void
a_clock_that_stays_behind_is_told_after_a_while(void)
{
    struct lab_agent a = agent(1, "K3QF");

    begin();
    a.utc_offset_s = -6;
    beat(&a, 0);
    CHECK(!has_event(WIRE_CLOCK));
    pass(&a, 10);
    beat(&a, 1);
    CHECK(!has_event(WIRE_CLOCK));
    pass(&a, 10);
    beat(&a, 2);
    CHECK_INT(event(WIRE_CLOCK)->value, -6);
    pass(&a, 10);
    beat(&a, 3);
    CHECK(!has_event(WIRE_CLOCK));
}

static void
a_transcript_without_a_clock_shows_steps_all_the_same(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_line l = lab_seal(&a, 0, "agent.beat", "");

    begin();
    give(&l, WIRE_SEEN_WHOLE, 0);
    CHECK_INT(events.count, 1);
    a.utc_offset_s = 6;
    l = lab_seal(&a, 1, "agent.beat", "");
    give(&l, WIRE_SEEN_WHOLE, 0);
    CHECK_INT(event(WIRE_CLOCK)->value, 6);
}

static void
late_lines_do_not_judge_the_clock(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_line kept[4];

    begin();
    beat(&a, 0);
    for (uint32_t n = 1; n < 4; n++) {
        kept[n] = lab_seal(&a, n, "daemon.down", "name=x");
    }
    pass(&a, 30);
    beat(&a, 6);
    for (uint32_t n = 1; n < 4; n++) {
        give(&kept[n], WIRE_SEEN_WHOLE, LAB_UTC + a.mono_s);
        CHECK_INT(events.count, 1);
    }
}

static void
reserved_numbers_are_not_missing_whenever_they_become_known(void)
{
    struct lab_agent a = agent(1, "K3QF");

    begin();
    send(&a, 0, "agent.start", "res=1-4");
    beat(&a, 5);
    CHECK_INT(judge.session[0].holes, 0);
    CHECK_INT(send(&a, 3, "agent.self", "state=lost"), WIRE_OK);
    CHECK_INT(send(&a, 3, "agent.self", "state=lost"), WIRE_DUP);
    begin();
    CHECK_INT(send(&a, 2, "agent.start", "res=0-1"), WIRE_OK); /* last words sealed before the start */
    CHECK_INT(events.count, 1);
    CHECK_INT(judge.session[0].holes, 0);
    CHECK_INT(send(&a, 1, "agent.self", "state=lost"), WIRE_OK);
    begin();
    beat(&a, 9);
    CHECK_INT(judge.session[0].holes, 1);
    CHECK_INT(send(&a, 0, "agent.start", "res=3-4"), WIRE_OK);
    CHECK_INT(judge.session[0].holes, 2);
    CHECK_INT(judge.hole[0][0].last, 2);
    CHECK_INT(judge.hole[0][1].first, 5);
    pass(&a, 15);
    CHECK_INT(events.count, 2);
    begin();
    send(&a, 0, "agent.start", "res=7-8");
    beat(&a, 12);
    CHECK_INT(judge.session[0].holes, 2);
}

static void
torn_heads_are_told_when_there_are_too_many_a_minute(void)
{
    begin();
    for (unsigned minute = 0; minute < 3; minute++) {
        unsigned told = 0;

        for (unsigned i = 0; i < 59; i++) {
            wire_judge_torn(&judge, now_ms + (int64_t)i * 1000, &events);
            told += events.count;
            CHECK_INT(events.count, i == WIRE_TORN_MINUTE);
        }
        CHECK_INT(told, 1);
        now_ms += 60000;
    }
    for (unsigned i = 0; i < 100; i++) {
        wire_judge_torn(&judge, now_ms, &events);
        CHECK(events.count == 0 || i == WIRE_TORN_MINUTE);
        now_ms += 2000; /* 30 a minute is noise */
    }
}

static void
more_holes_than_can_be_followed_are_a_flood_and_none_goes_untold(void)
{
    struct lab_agent a = agent(1, "K3QF");
    unsigned floods = 0;
    uint32_t gaps = 0;

    begin();
    for (uint32_t n = 0; n < 600; n++) {
        beat(&a, 2 * n);
        floods += has_event(WIRE_FLOOD);
        for (unsigned i = 0; i < events.count; i++) {
            if (events.at[i].verdict == WIRE_GAP) {
                CHECK_INT(events.at[i].first, 2 * gaps + 1);
                gaps++;
            }
        }
    }
    CHECK_INT(floods, 1);
    CHECK_INT(judge.session[0].holes, WIRE_JUDGE_HOLES);
    now_ms += WIRE_GAP_MS;
    for (wire_judge_tick(&judge, now_ms, &events); events.count > 0;
            wire_judge_tick(&judge, now_ms, &events)) {
        gaps += events.count;
    }
    CHECK_INT(gaps, 599);
    CHECK_INT(send(&a, 1, "agent.beat", ""), WIRE_LATE); /* its hole is no longer followed */
}

/* A split when all places are taken: the oldest hole goes, whichever it is. */
static void
splitting_a_hole_when_all_are_taken_keeps_them_in_order(void)
{
    for (unsigned which = 0; which < 2; which++) {
        struct lab_agent a = agent(1, "K3QF");

        begin();
        beat(&a, 0);
        for (uint32_t n = 0; n < WIRE_JUDGE_HOLES; n++) {
            beat(&a, 4 * n + 4);
        }
        CHECK_INT(judge.session[0].holes, WIRE_JUDGE_HOLES);
        CHECK_INT(send(&a, which == 0 ? 2 : 1022, "agent.beat", ""), WIRE_OK);
        CHECK(has_event(WIRE_FLOOD));
        CHECK_INT(event(WIRE_GAP)->first, 1);
        CHECK_INT(judge.session[0].holes, WIRE_JUDGE_HOLES);
        for (unsigned i = 1; i < judge.session[0].holes; i++) {
            CHECK(judge.hole[0][i].first > judge.hole[0][i - 1].last + 1);
            CHECK(judge.hole[0][i].first <= judge.hole[0][i].last);
        }
        wire_judge_tick(&judge, now_ms + WIRE_GAP_MS, &events);
        CHECK_INT(event(WIRE_GAP)->first, 5); /* what lies before was told already */
    }
}

static void
a_session_that_is_followed_no_more_tells_its_holes(void)
{
    static const char *const nonce[] = { "AAAA", "BBBB", "CCCC", "DDDD", "EEEE" };

    begin();
    for (uint32_t s = 1; s <= 5; s++) {
        struct lab_agent a = agent(s, nonce[s - 1]);

        beat(&a, 0);
        beat(&a, 2 + s);
        CHECK(!has_event(WIRE_ROLLBACK));
    }
    CHECK_INT(judge.newest, 5);
    begin();
    for (uint32_t s = 1; s <= 5; s++) {
        struct lab_agent a = agent(s, nonce[s - 1]);

        for (uint32_t n = 0; n < 20 && s == 1; n++) {
            beat(&a, 2 * n + 1);
        }
        beat(&a, 50);
        if (s == 5) {
            CHECK_INT(event(WIRE_GAP)->session, 1);
            CHECK_INT(event(WIRE_GAP)->first, 0);
            CHECK_INT(event(WIRE_FLOOD)->session, 1);
            CHECK(event(WIRE_FLOOD)->value > 0);
        }
    }
}

static void
a_line_of_an_old_session_is_judged_by_the_record(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_agent b = agent(8, "9QZ2");

    begin();
    beat(&a, 0);
    memset(&judge.session[0], 0, sizeof(judge.session[0]));
    beat(&b, 0);
    CHECK_INT(beat(&a, 1), WIRE_UNKNOWN);
    have_old_key = true;
    old_key = a.key;
    CHECK_INT(beat(&a, 0), WIRE_DUP);
    CHECK_INT(beat(&a, 1), WIRE_LATE);
    CHECK_INT(send(&a, 1, "daemon.up", "name=x"), WIRE_CLONE);
    old_key = b.key;
    CHECK_INT(beat(&a, 2), WIRE_FORGED);
}

static void
a_resumed_session_goes_on_where_it_was(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct wire_judge_start start = { .host = "web03", .now_ms = 9 };
    struct wire_judge_session saved;
    struct wire_hole hole[WIRE_JUDGE_HOLES];

    begin();
    beat(&a, 0);
    beat(&a, 7);
    saved = judge.session[0];
    memcpy(hole, judge.hole[0], sizeof(hole));
    start.root = judge.root;
    start.root_session = judge.root_session;
    wire_judge_init(&judge, &start, &ops, NULL);
    wire_judge_resume(&judge, &saved, hole);
    CHECK_INT(beat(&a, 8), WIRE_OK);
    CHECK_INT(events.count, 1);
    CHECK_INT(beat(&a, 3), WIRE_OK);
    CHECK_INT(judge.session[0].holes, 2);
    for (uint32_t s = 2; s < 9; s++) {
        saved.number = s;
        wire_judge_resume(&judge, &saved, hole);
    }
    CHECK_INT(judge.newest, 8);
    for (uint32_t number = 3; number > 0; number--) {
        saved.number = number;
        wire_judge_resume(&judge, &saved, hole);
    }
    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        CHECK(judge.session[i].number >= 5);
    }
    /* A root that is older than the sessions on record: what it proves began before. */
    a = agent(4, "ZZZZ");
    CHECK_INT(beat(&a, 0), WIRE_OK);
    CHECK(has_event(WIRE_ROLLBACK));
}

static void
the_key_of_a_proved_line_is_given_and_no_other(void)
{
    struct lab_agent a = agent(1, "K3QF");
    struct lab_line l = lab_seal(&a, 0, "agent.beat", "");
    struct wire_key key = { { 7 } };
    struct wire_line line;

    begin();
    wire_line_parse(l.text, l.len, &line);
    CHECK(wire_judge_line(&judge, &line, WIRE_SEEN_WHOLE, now_ms, 0, &events, &key));
    CHECK(wire_key_equal(&key, &a.key));
    key.bytes[0] = (uint8_t)(a.key.bytes[0] ^ 1);
    line.head.number = 1;
    CHECK(!wire_judge_line(&judge, &line, WIRE_SEEN_WHOLE, now_ms, 0, &events, &key));
    CHECK(!wire_key_equal(&key, &a.key));
}

static void
every_verdict_has_a_name_of_its_own(void)
{
    for (int a = 0; a < WIRE_VERDICTS; a++) {
        CHECK(wire_verdict_name((enum wire_verdict)a)[0] != '?');
        for (int b = 0; b < a; b++) {
            CHECK(strcmp(wire_verdict_name((enum wire_verdict)a), wire_verdict_name((enum wire_verdict)b)) !=
                    0);
        }
    }
    CHECK_STR(wire_verdict_name(WIRE_SKIPPED_SESSION), "SKIPPED-SESSION");
}

int
main(void)
{
    CHECK_RUN(lines_in_order_are_ok_and_nothing_else);
    CHECK_RUN(a_mended_line_is_repaired_and_a_mend_that_fails_says_nothing);
    CHECK_RUN(a_host_or_session_without_a_key_is_unknown);
    CHECK_RUN(a_copy_is_dup_and_another_text_of_one_number_is_clone);
    CHECK_RUN(a_hole_is_told_after_15_seconds_and_late_when_filled);
    CHECK_RUN(a_hole_that_hides_an_alarm_is_bad_even_when_told_before);
    CHECK_RUN(all_4096_loss_patterns_give_the_exact_missing_list);
    CHECK_RUN(silence_is_told_once_after_three_promised_beats_and_five_seconds);
    CHECK_RUN(neither_copies_nor_hole_fillers_nor_last_words_are_life);
    CHECK_RUN(last_words_above_all_before_and_lines_of_an_older_session_are_no_life);
    CHECK_RUN(only_the_newest_line_changes_the_promise);
    CHECK_RUN(a_stop_that_is_not_the_newest_line_ends_nothing);
    CHECK_RUN(a_receiver_that_starts_again_notices_silence_from_then_on);
    CHECK_RUN(a_planned_stop_ends_life_without_an_alarm);
    CHECK_RUN(sessions_that_were_never_seen_are_told);
    CHECK_RUN(a_session_that_was_passed_over_is_proved_when_it_comes_after_all);
    CHECK_RUN(a_session_that_came_late_begins_once);
    CHECK_RUN(lines_of_a_late_session_are_no_life);
    CHECK_RUN(of_many_gaps_between_sessions_the_oldest_is_forgotten);
    CHECK_RUN(an_unproved_line_never_moves_the_root);
    CHECK_RUN(one_session_number_with_two_nonces_is_a_rollback);
    CHECK_RUN(an_unclean_end_is_told_and_the_lost_tail_is_a_hole);
    CHECK_RUN(numbers_beyond_what_the_agent_claims_are_a_tampered_spool);
    CHECK_RUN(clocks_that_part_are_told_once_until_they_agree_again);
    CHECK_RUN(lines_that_waited_on_their_way_do_not_judge_the_clock);
    CHECK_RUN(a_clock_that_stays_behind_is_told_after_a_while);
    CHECK_RUN(a_transcript_without_a_clock_shows_steps_all_the_same);
    CHECK_RUN(late_lines_do_not_judge_the_clock);
    CHECK_RUN(reserved_numbers_are_not_missing_whenever_they_become_known);
    CHECK_RUN(torn_heads_are_told_when_there_are_too_many_a_minute);
    CHECK_RUN(more_holes_than_can_be_followed_are_a_flood_and_none_goes_untold);
    CHECK_RUN(splitting_a_hole_when_all_are_taken_keeps_them_in_order);
    CHECK_RUN(a_session_that_is_followed_no_more_tells_its_holes);
    CHECK_RUN(a_line_of_an_old_session_is_judged_by_the_record);
    CHECK_RUN(a_resumed_session_goes_on_where_it_was);
    CHECK_RUN(the_key_of_a_proved_line_is_given_and_no_other);
    CHECK_RUN(every_verdict_has_a_name_of_its_own);
    return check_result();
}
