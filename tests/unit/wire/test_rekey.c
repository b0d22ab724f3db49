/* A rekey as the judge sees it: what is pending, what settles it, which roots prove. SPEC.md, section 9. */
#include "lab.h"
#include "wire/judge.h"

#define TAGS 64

static struct wire_judge judge;
static struct wire_events events;
static const struct wire_key root_0 = { .bytes = { 42 } };
static const struct wire_key x1 = { .bytes = { 1, 1, 1 } };
static const struct wire_key x2 = { .bytes = { 2, 2, 2 } };
static char id1[WIRE_REKEY_ID + 1];
static char id2[WIRE_REKEY_ID + 1];

/* The record of what was proved: session, nonce, number and tag as text. */
static char record[TAGS][64];
static unsigned records;

static void
place_text(char out[64], uint32_t session, const char *nonce, uint32_t number)
{
    snprintf(out, 64, "%u-%.4s.%u ", session, nonce, number);
}

static bool
tag_of(void *to, uint32_t session, const char *nonce, uint32_t number, char tag[WIRE_TAG_CHARS])
{
    char place[64];

    (void)to;
    place_text(place, session, nonce, number);
    for (unsigned i = 0; i < records; i++) {
        if (strncmp(record[i], place, strlen(place)) == 0) {
            memcpy(tag, record[i] + strlen(place), WIRE_TAG_CHARS);
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
    (void)key;
    return false;
}

static const struct wire_judge_ops ops = { .tag_of = tag_of, .key_of = key_of };

static void
begin(void)
{
    const struct wire_judge_start start = { .host = "web03", .root = root_0, .now_ms = 1000000 };

    records = 0;
    wire_key_rekey_id(&x1, id1);
    wire_key_rekey_id(&x2, id2);
    wire_judge_init(&judge, &start, &ops, NULL);
}

/* What the receiver has on its disk, and what it makes of that. */
static void
restart(void)
{
    static struct wire_judge before;
    struct wire_judge_start start = { .host = "web03",
        .root = judge.root,
        .root_session = judge.root_session,
        .rekeyed = judge.rekeyed,
        .next_root = judge.next_root,
        .rekey = judge.rekey,
        .now_ms = 1000000 };

    memcpy(start.passed, judge.passed, sizeof(start.passed));
    before = judge;
    wire_judge_init(&judge, &start, &ops, NULL);
    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        if (before.session[i].used) {
            wire_judge_resume(&judge, &before.session[i], before.hole[i]);
        }
    }
}

/* An agent in this session whose root took x (NULL for none) when session `in` ran. */
static struct lab_agent
agent(uint32_t session, const char *nonce, const struct wire_key *x, uint32_t in)
{
    struct lab_agent a = { .host = "web03", .nonce = nonce, .session = session };
    struct wire_key root = root_0;

    for (uint32_t i = 0; i < session; i++) {
        wire_key_next_root(&root, &root);
        if (x != NULL && i == in) {
            wire_key_rekey(&root, x, &root);
        }
    }
    wire_key_session(&root, session, nonce, a.host, &a.key);
    return a;
}

static enum wire_verdict
send(const struct lab_agent *a, uint32_t number, const char *code, const char *detail)
{
    struct lab_line l = lab_seal(a, number, code, detail);
    struct wire_line line;

    CHECK_INT(wire_line_parse(l.text, l.len, &line), 0);
    if (wire_judge_line(&judge, &line, WIRE_SEEN_WHOLE, 1000000, LAB_UTC, &events, NULL) &&
            events.at[0].verdict != WIRE_DUP && records < TAGS) {
        char *r = record[records++];

        place_text(r, a->session, a->nonce, number);
        strncat(r, line.bytes + line.body_len + 1, WIRE_TAG_CHARS);
    }
    return events.at[0].verdict;
}

static enum wire_verdict
beat(const struct lab_agent *a, uint32_t number)
{
    return send(a, number, "agent.beat", "next=10");
}

static enum wire_verdict
stored(const struct lab_agent *a, uint32_t number, const char *id)
{
    char text[32];

    snprintf(text, sizeof(text), "id=%s", id);
    return send(a, number, "agent.rekey", text);
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

static void
nothing_is_pending_but_for_the_newest_session_that_was_proved(void)
{
    struct lab_agent a = agent(3, "AAAA", NULL, 0);
    struct lab_agent twin = agent(3, "BBBB", NULL, 0);

    begin();
    CHECK(!wire_judge_pending(&judge, 0, "0000", &x1));
    CHECK(!wire_judge_pending(&judge, 3, "AAAA", &x1));
    CHECK_INT(beat(&a, 0), WIRE_OK);
    CHECK(!wire_judge_pending(&judge, 2, "AAAA", &x1));
    CHECK(!wire_judge_pending(&judge, 4, "AAAA", &x1));
    CHECK(!wire_judge_pending(&judge, 3, "AAAB", &x1));
    CHECK(wire_judge_pending(&judge, 3, "AAAA", &x1));
    CHECK(!wire_judge_pending(&judge, 3, "AAAA", &x2));
    CHECK_STR(judge.rekey.id, id1);

    begin();
    CHECK_INT(beat(&a, 0), WIRE_OK);
    CHECK_INT(beat(&twin, 0), WIRE_OK);
    CHECK(!wire_judge_pending(&judge, 3, "AAAA", &x1));
    CHECK(!wire_judge_pending(&judge, 3, "BBBB", &x1));
}

/* Session 3 with x1 pending. */
static struct lab_agent
with_pending(void)
{
    struct lab_agent a = agent(3, "AAAA", NULL, 0);

    begin();
    CHECK_INT(beat(&a, 0), WIRE_OK);
    CHECK(wire_judge_pending(&judge, 3, "AAAA", &x1));
    return a;
}

static void
the_agents_word_replaces_the_root_of_the_session_to_come(void)
{
    struct lab_agent a = with_pending();
    struct lab_agent plain = agent(4, "BBBB", NULL, 0);
    struct lab_agent rekeyed = agent(4, "BBBB", &x1, 3);

    CHECK_INT(stored(&a, 1, id1), WIRE_OK);
    CHECK_INT(events.count, 1);
    CHECK(!judge.rekey.pending);
    CHECK_INT(beat(&plain, 0), WIRE_FORGED);
    CHECK_INT(beat(&a, 2), WIRE_OK);
    CHECK_INT(beat(&rekeyed, 0), WIRE_OK);
    CHECK_INT(beat(&plain, 1), WIRE_FORGED);
    CHECK_INT(beat(&a, 3), WIRE_OK);
}

static void
a_line_under_the_rekeyed_root_does_as_well(void)
{
    for (uint32_t session = 4; session < 9; session++) {
        struct lab_agent a = with_pending();
        struct lab_agent plain = agent(session, "BBBB", NULL, 0);
        struct lab_agent rekeyed = agent(session, "BBBB", &x1, 3);
        struct lab_agent next = agent(session + 1, "CCCC", &x1, 3);

        CHECK_INT(beat(&rekeyed, 0), WIRE_OK);
        CHECK_INT(has_event(WIRE_SKIPPED_SESSION), session > 4);
        CHECK(!judge.rekey.pending);
        CHECK_INT(beat(&plain, 1), WIRE_FORGED);
        /* The word itself comes late: it says nothing new. */
        CHECK_INT(stored(&a, 1, id1), WIRE_OK);
        CHECK_INT(events.count, 1);
        CHECK_INT(beat(&rekeyed, 1), WIRE_OK);
        CHECK_INT(beat(&next, 0), WIRE_OK);
    }
}

static void
a_line_under_the_root_as_it_was_says_that_it_was_never_stored(void)
{
    for (uint32_t session = 4; session < 9; session++) {
        struct lab_agent a = with_pending();
        struct lab_agent plain = agent(session, "BBBB", NULL, 0);
        struct lab_agent rekeyed = agent(session + 1, "CCCC", &x1, 3);

        CHECK_INT(beat(&plain, 0), WIRE_OK);
        CHECK(!judge.rekey.pending);
        CHECK_INT(beat(&rekeyed, 0), WIRE_FORGED);
        CHECK_INT(beat(&a, 1), WIRE_OK);
        CHECK(wire_judge_pending(&judge, session, "BBBB", &x2));
    }
}

static void
a_later_session_from_before_a_rekey_that_was_stored_is_a_rollback(void)
{
    struct lab_agent a = with_pending();
    struct lab_agent plain = agent(4, "BBBB", NULL, 0);

    CHECK_INT(beat(&plain, 0), WIRE_OK);
    restart();
    CHECK_INT(stored(&a, 1, id1), WIRE_OK);
    CHECK(has_event(WIRE_ROLLBACK));
    CHECK_INT(events.at[1].session, 4);
    CHECK_INT(stored(&a, 1, id1), WIRE_DUP);
    CHECK_INT(events.count, 1);
}

static void
a_copy_another_id_or_another_session_settles_nothing(void)
{
    struct lab_agent a = with_pending();
    struct lab_agent twin = agent(3, "BBBB", NULL, 0);
    struct lab_agent rekeyed = agent(4, "CCCC", &x1, 3);

    CHECK_INT(stored(&a, 1, id2), WIRE_OK);
    CHECK(judge.rekey.pending && has_event(WIRE_ROLLBACK)); /* whose is it? */
    CHECK_INT(send(&a, 2, "agent.rekey", "id="), WIRE_OK);
    CHECK(judge.rekey.pending && has_event(WIRE_ROLLBACK));
    CHECK_INT(send(&a, 3, "agent.rekey", ""), WIRE_OK);
    CHECK(judge.rekey.pending && has_event(WIRE_ROLLBACK));
    CHECK_INT(send(&a, 4, "agent.beat", "id=WMMEJNWR"), WIRE_OK);
    CHECK_INT(stored(&twin, 0, id1), WIRE_OK);
    CHECK(has_event(WIRE_ROLLBACK));
    CHECK(judge.rekey.pending);
    CHECK_INT(stored(&a, 5, id1), WIRE_OK);
    CHECK(judge.rekeyed && !judge.rekey.pending);
    CHECK(wire_judge_pending(&judge, 3, "AAAA", &x2) == false); /* two nonces */
    CHECK_INT(stored(&a, 5, id1), WIRE_DUP);
    CHECK_INT(events.count, 1);
    CHECK_INT(beat(&rekeyed, 0), WIRE_OK);
}

/* Somebody with the key for the network stands between, or the ledger is an old one. */
static void
an_x_that_only_the_agent_has_is_a_rollback(void)
{
    struct lab_agent a = agent(3, "AAAA", NULL, 0);

    begin();
    CHECK_INT(beat(&a, 0), WIRE_OK);
    CHECK_INT(stored(&a, 1, id1), WIRE_OK);
    CHECK(has_event(WIRE_ROLLBACK));
    CHECK_INT(stored(&a, 1, id1), WIRE_DUP);
    CHECK_INT(events.count, 1);

    a = with_pending();
    CHECK(wire_judge_pending_drop(&judge, 3, "AAAA", ""));
    CHECK_INT(stored(&a, 1, id1), WIRE_OK);
    CHECK(has_event(WIRE_ROLLBACK));
}

static void
a_session_before_with_the_same_nonce_settles_nothing(void)
{
    struct lab_agent before = agent(2, "AAAA", NULL, 0);
    struct lab_agent a = agent(3, "AAAA", NULL, 0);

    begin();
    CHECK_INT(beat(&before, 0), WIRE_OK);
    CHECK_INT(beat(&a, 0), WIRE_OK);
    CHECK(wire_judge_pending(&judge, 3, "AAAA", &x1));
    CHECK_INT(stored(&before, 1, id1), WIRE_OK);
    CHECK(judge.rekey.pending && !has_event(WIRE_ROLLBACK));
}

static void
several_rekeys_of_one_session_add_up(void)
{
    struct lab_agent a = with_pending();
    struct lab_agent both = { .host = "web03", .nonce = "BBBB", .session = 4 };
    struct wire_key root = root_0;

    for (uint32_t i = 0; i < 4; i++) {
        wire_key_next_root(&root, &root);
    }
    wire_key_rekey(&root, &x1, &root);
    wire_key_rekey(&root, &x2, &root);
    wire_key_session(&root, 4, "BBBB", "web03", &both.key);

    CHECK_INT(stored(&a, 1, id1), WIRE_OK);
    CHECK(wire_judge_pending(&judge, 3, "AAAA", &x2));
    restart();
    CHECK_INT(beat(&both, 0), WIRE_OK);
    CHECK_INT(judge.root_session, 4);
    CHECK(!judge.rekeyed && !judge.rekey.pending);

    a = with_pending();
    CHECK_INT(stored(&a, 1, id1), WIRE_OK);
    CHECK(wire_judge_pending(&judge, 3, "AAAA", &x2));
    CHECK_INT(stored(&a, 2, id2), WIRE_OK);
    CHECK_INT(beat(&both, 0), WIRE_OK);
}

/* Session 4 was rekeyed or not, and its lines come after those of session 6. */
static void
a_session_that_was_passed_over_has_the_root_that_its_successor_showed(void)
{
    for (int rekeyed = 0; rekeyed < 2; rekeyed++) {
        const struct wire_key *x = rekeyed ? &x1 : NULL;
        struct lab_agent later = agent(6, "CCCC", x, 3);
        struct lab_agent late = agent(4, "BBBB", x, 3);
        struct lab_agent wrong = agent(5, "DDDD", rekeyed ? NULL : &x1, 3);

        with_pending();
        CHECK_INT(beat(&later, 0), WIRE_OK);
        restart();
        CHECK(beat(&wrong, 0) != WIRE_OK);
        CHECK_INT(beat(&late, 0), WIRE_OK);
        CHECK(!has_event(WIRE_ROLLBACK));
    }
}

static void
what_a_hello_says_forgets_only_what_was_never_taken_up(void)
{
    struct lab_agent plain = agent(4, "BBBB", NULL, 0);

    with_pending();
    CHECK(!wire_judge_pending_drop(&judge, 4, "BBBB", "")); /* it may have been stored before */
    CHECK(!wire_judge_pending_drop(&judge, 3, "AAAB", ""));
    CHECK(!wire_judge_pending_drop(&judge, 3, "AAAA", id1)); /* stored, or being stored */
    CHECK(judge.rekey.pending);
    CHECK(wire_judge_pending_drop(&judge, 3, "AAAA", id2));
    CHECK(!wire_judge_pending_drop(&judge, 3, "AAAA", id2));
    CHECK(wire_judge_pending(&judge, 3, "AAAA", &x2));
    CHECK(wire_judge_pending_drop(&judge, 3, "AAAA", ""));
    CHECK_INT(beat(&plain, 0), WIRE_OK);
}

static void
a_receiver_that_starts_again_knows_what_is_pending_and_what_was_rekeyed(void)
{
    struct lab_agent a = with_pending();
    struct lab_agent rekeyed = agent(4, "BBBB", &x1, 3);
    struct lab_agent plain = agent(4, "BBBB", NULL, 0);

    restart();
    CHECK_INT(stored(&a, 1, id1), WIRE_OK);
    restart();
    CHECK_INT(beat(&plain, 0), WIRE_FORGED);
    CHECK_INT(beat(&rekeyed, 0), WIRE_OK);
    restart();
    CHECK_INT(beat(&rekeyed, 1), WIRE_OK);
    CHECK_INT(judge.root_session, 4);

    with_pending();
    restart();
    CHECK_INT(beat(&rekeyed, 0), WIRE_OK);
}

static void
the_running_session_with_another_nonce_is_a_rollback_after_a_rekey_too(void)
{
    struct lab_agent a = with_pending();
    struct lab_agent image = agent(3, "ZZZZ", NULL, 0);
    struct lab_agent rekeyed = agent(4, "BBBB", &x1, 3);

    CHECK_INT(stored(&a, 1, id1), WIRE_OK);
    CHECK_INT(beat(&image, 0), WIRE_OK);
    CHECK(has_event(WIRE_ROLLBACK));
    CHECK_INT(beat(&rekeyed, 0), WIRE_OK);
    CHECK(!has_event(WIRE_ROLLBACK));
}

/* The receiver said =rekey and the agent's session file cannot be written: nothing is said, ever. */
static void
an_agent_that_never_stores_goes_on_as_before(void)
{
    struct lab_agent a = with_pending();
    struct lab_agent again = agent(3, "BBBB", NULL, 0); /* read-only: it begins the same session again */

    for (uint32_t n = 1; n < 20; n++) {
        CHECK_INT(beat(&a, n), WIRE_OK);
    }
    CHECK(judge.rekey.pending);
    CHECK_INT(beat(&again, 0), WIRE_OK);
    CHECK(has_event(WIRE_ROLLBACK));
    CHECK(judge.rekey.pending);
}

static void
a_forged_line_moves_and_settles_nothing(void)
{
    struct lab_agent wrong = agent(4, "BBBB", &x2, 3);

    with_pending();
    for (uint32_t session = 3; session < 3 + WIRE_SESSION_AHEAD; session += 511) {
        wrong.session = session;
        CHECK_INT(beat(&wrong, 0), WIRE_FORGED);
    }
    wrong.session = 3 + WIRE_SESSION_AHEAD + 1;
    CHECK_INT(beat(&wrong, 0), WIRE_UNKNOWN);
    CHECK(judge.rekey.pending);
    CHECK_INT(judge.root_session, 3);
}

static void
keys_that_are_used_up_are_wiped(void)
{
    static const struct wire_key none;
    struct lab_agent a = with_pending();
    struct lab_agent rekeyed = agent(4, "BBBB", &x1, 3);

    CHECK_INT(stored(&a, 1, id1), WIRE_OK);
    CHECK(wire_key_equal(&judge.rekey.x, &none));
    CHECK_INT(beat(&rekeyed, 0), WIRE_OK);
    CHECK(wire_key_equal(&judge.next_root, &none));
}

int
main(void)
{
    CHECK_RUN(nothing_is_pending_but_for_the_newest_session_that_was_proved);
    CHECK_RUN(the_agents_word_replaces_the_root_of_the_session_to_come);
    CHECK_RUN(a_line_under_the_rekeyed_root_does_as_well);
    CHECK_RUN(a_line_under_the_root_as_it_was_says_that_it_was_never_stored);
    CHECK_RUN(a_later_session_from_before_a_rekey_that_was_stored_is_a_rollback);
    CHECK_RUN(a_copy_another_id_or_another_session_settles_nothing);
    CHECK_RUN(an_x_that_only_the_agent_has_is_a_rollback);
    CHECK_RUN(a_session_before_with_the_same_nonce_settles_nothing);
    CHECK_RUN(several_rekeys_of_one_session_add_up);
    CHECK_RUN(a_session_that_was_passed_over_has_the_root_that_its_successor_showed);
    CHECK_RUN(what_a_hello_says_forgets_only_what_was_never_taken_up);
    CHECK_RUN(a_receiver_that_starts_again_knows_what_is_pending_and_what_was_rekeyed);
    CHECK_RUN(the_running_session_with_another_nonce_is_a_rollback_after_a_rekey_too);
    CHECK_RUN(an_agent_that_never_stores_goes_on_as_before);
    CHECK_RUN(a_forged_line_moves_and_settles_nothing);
    CHECK_RUN(keys_that_are_used_up_are_wiped);
    return check_result();
}
