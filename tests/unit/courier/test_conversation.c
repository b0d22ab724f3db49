/* What is said on one connection: the receiver here is a script, and the lines are a plain array. */
#include "courier/conversation.h"
#include "support/check.h"
#include "wire/keys.h"

#define LINES 2000
#define SESSION_LINES 1000 /* of the first session; the rest are of the next */

static struct conversation talk;
static unsigned end;   /* lines that there are */
static unsigned next;  /* to be sent */
static unsigned acked; /* lines that are on record */
static unsigned told[COURIER_KINDS];
static char token[WIRE_TALK_TOKEN_CHARS + 1];
static char line_text[64];

static struct spool_id
place_at(unsigned i)
{
    struct spool_id p = { .session = i < SESSION_LINES ? 17 : 18, .number = i % SESSION_LINES };

    memcpy(p.nonce, i < SESSION_LINES ? "K3QF" : "9QZ2", WIRE_NONCE_CHARS);
    return p;
}

static bool
peek(void *to, struct spool_line *out)
{
    (void)to;
    if (next == end) {
        return false;
    }
    int len = snprintf(line_text, sizeof(line_text), "!line %u of what is kept", next);
    *out = (struct spool_line){
        .bytes = line_text, .len = (size_t)len, .id = place_at(next), .position = next
    };
    return true;
}

static void
take(void *to)
{
    (void)to;
    next++;
}

static void
note_acked(void *to, const struct spool_id *place, uint64_t position)
{
    struct spool_id expected = place_at((unsigned)position);

    (void)to;
    CHECK(conversation_same(place, &expected));
    CHECK(position >= acked && position < next);
    acked = (unsigned)position + 1;
}

static struct wire_key rekeyed_with;

static void
note(void *to, const struct courier_message *m)
{
    (void)to;
    told[m->kind]++;
    if (m->kind == COURIER_PATH) {
        memcpy(token, m->bytes, WIRE_TALK_TOKEN_CHARS);
    }
    if (m->kind == COURIER_REKEY) {
        memcpy(rekeyed_with.bytes, m->bytes, sizeof(rekeyed_with.bytes));
    }
}

static bool export(void *to, uint8_t out[32])
{
    (void)to;
    memset(out, 0x5A, 32);
    return true;
}

static const struct conversation_ops ops = {
    .peek = peek, .take = take, .acked = note_acked, .tell = note, .export = export
};

/* A new connection: what is not on record is to be sent again. */
static void
begin(void)
{
    const struct wire_talk hello = {
        .kind = WIRE_TALK_HELLO, .host = "web03", .session = 18, .nonce = "9QZ2"
    };

    next = acked;
    conversation_begin(&talk, &ops, NULL, &hello);
}

static void
begin_with(unsigned lines)
{
    memset(told, 0, sizeof(told));
    end = lines;
    acked = 0;
    begin();
}

static void
hear(const char *text)
{
    conversation_hear(&talk, text, strlen(text));
}

/* What it wants to send, all at once; NUL-terminated. */
static const char *
said(void)
{
    static char text[CONVERSATION_OUT + 1];

    conversation_fill(&talk);
    memcpy(text, talk.out, talk.out_len);
    text[talk.out_len] = '\0';
    conversation_sent(&talk, talk.out_len);
    return text;
}

static void
say_all(void)
{
    while (said()[0] != '\0') {
    }
}

static void
nothing_is_sent_before_the_receiver_has_said_what_it_has(void)
{
    begin_with(3);
    CHECK_STR(said(), "=hello 1 web03 18-9QZ2\n");
    CHECK_STR(said(), "");
    CHECK_INT(conversation_ping(&talk), 0);
    hear("=seen none\n");
    CHECK_STR(said(), "!line 0 of what is kept\n!line 1 of what is kept\n!line 2 of what is kept\n");
    CHECK_INT(told[COURIER_UP], 1);
}

/* The second connection, after one that ended before anything that was sent was acknowledged. */
static void
begin_after_sending(unsigned first, unsigned lines)
{
    begin_with(lines);
    said();
    acked = next = first;
    hear("=seen none\n");
    say_all();
    begin();
    said();
}

static void
lines_on_record_are_not_sent(void)
{
    begin_after_sending(SESSION_LINES, SESSION_LINES + 3);
    hear("=seen 18-9QZ2.1\n");
    CHECK_STR(said(), "!line 1002 of what is kept\n");
    CHECK_INT(acked, SESSION_LINES + 2);
}

/* =seen says nothing about the sessions before: an acknowledgement must not cover what was only skipped. */
static void
lines_of_an_earlier_session_are_sent_though_a_later_one_is_on_record(void)
{
    begin_after_sending(SESSION_LINES - 1, SESSION_LINES + 2);
    hear("=seen 18-9QZ2.0\n");
    CHECK_STR(said(), "!line 999 of what is kept\n");
    hear("=ack 17-K3QF.999\n");
    CHECK_STR(said(), "!line 1001 of what is kept\n");
    CHECK_INT(acked, SESSION_LINES + 1);
    hear("=ack 18-9QZ2.1\n");
    CHECK_INT(acked, SESSION_LINES + 2);
    CHECK(conversation_idle(&talk));
}

/*
 * A machine that was set back to a moment when it ran, or its copy, seals the numbers again that the receiver
 * has on record. If it took that for its own lines, none of them would ever be told.
 */
static void
what_is_on_record_beyond_all_that_was_sent_is_anothers(void)
{
    begin_after_sending(SESSION_LINES, SESSION_LINES + 2);
    end = SESSION_LINES + 3;
    hear("=seen 18-9QZ2.2\n");
    CHECK_STR(said(), "!line 1000 of what is kept\n!line 1001 of what is kept\n!line 1002 of what is kept\n");
    CHECK_INT(acked, SESSION_LINES);
}

static void
another_session_of_the_same_number_is_not_on_record(void)
{
    begin_with(1);
    said();
    hear("=seen 17-9QZ2.500\n");
    CHECK_STR(said(), "!line 0 of what is kept\n");
}

static void
an_ack_takes_all_lines_before_it_with_it(void)
{
    begin_with(5);
    said();
    hear("=seen none\n");
    say_all();
    hear("=ack 17-K3QF.3\n");
    CHECK_INT(acked, 4);
    CHECK(conversation_waits(&talk));
    hear("=ack 17-K3QF.3\n=ack 17-K3QF.4\n");
    CHECK_INT(acked, 5);
    CHECK(!conversation_waits(&talk));
    CHECK_INT(told[COURIER_ACK], 3);
}

static void
an_ack_for_what_was_never_sent_ends_the_connection(void)
{
    static const char *const acks[] = { "=ack 17-K3QF.3\n", "=ack 17-K3QG.0\n", "=ack 16-K3QF.0\n",
        "=ack 18-9QZ2.0\n", "=pong 1\n", "=pong 0\n" };

    for (size_t i = 0; i < sizeof(acks) / sizeof(acks[0]); i++) {
        begin_with(3);
        said();
        hear("=seen none\n");
        say_all();
        end = 4;
        hear(acks[i]);
        CHECK_INT(talk.state, CONVERSATION_OVER);
        CHECK_INT(talk.end, CONVERSATION_UNSENT);
        CHECK_INT(acked, 0);
    }
}

static void
a_line_that_waits_to_be_written_is_not_sent_yet(void)
{
    begin_with(2);
    said();
    hear("=seen none\n");
    conversation_fill(&talk);
    conversation_sent(&talk, talk.out_len - 1);
    hear("=ack 17-K3QF.0\n");
    CHECK_INT(acked, 1);
    hear("=ack 17-K3QF.1\n");
    CHECK_INT(talk.end, CONVERSATION_UNSENT);
    CHECK_INT(acked, 1);
}

static void
a_line_acknowledged_twice_is_not_acknowledged_for_the_one_before(void)
{
    begin_with(3);
    said();
    hear("=seen none\n");
    say_all();
    hear("=ack 17-K3QF.1\n=ack 17-K3QF.0\n");
    CHECK_INT(talk.end, CONVERSATION_UNSENT);
}

static void
after_a_reconnect_nothing_acknowledged_is_sent_again(void)
{
    begin_with(4);
    said();
    hear("=seen none\n");
    say_all();
    hear("=ack 17-K3QF.1\n");
    begin();
    said();
    hear("=seen none\n");
    CHECK_STR(said(), "!line 2 of what is kept\n!line 3 of what is kept\n");
}

/* Else a receiver that has no room on its disk, and answers all the same, keeps what is grave from going
 * elsewhere. */
static void
a_pong_before_the_lines_in_front_of_its_ping_are_acknowledged_is_no_answer(void)
{
    begin_with(2);
    said();
    hear("=seen none\n");
    say_all();
    CHECK_INT(conversation_ping(&talk), 1);
    end = 3;
    say_all();
    CHECK_INT(conversation_ping(&talk), 2);
    hear("=pong 1\n");
    CHECK_INT(told[COURIER_ACK], 0);
    CHECK_INT(talk.state, CONVERSATION_TALKING);
    hear("=ack 17-K3QF.1\n=pong 2\n");
    CHECK_INT(told[COURIER_ACK], 1);
    CHECK_INT(conversation_ping(&talk), 3);
    hear("=ack 17-K3QF.2\n=pong 3\n");
    CHECK_INT(told[COURIER_ACK], 3);
}

/* Else who cannot prove the first line, and says so each time, is called a network that carries. */
static void
a_receiver_that_greets_and_takes_no_line_has_not_answered(void)
{
    begin_with(1);
    for (unsigned i = 0; i < 3; i++) {
        said();
        hear("=seen none\n");
        say_all();
        hear("=close unproved\n");
        begin();
    }
    CHECK_INT(told[COURIER_UP], 3);
    CHECK_INT(told[COURIER_ACK], 0);
}

static void
a_pong_counts_though_a_line_behind_its_ping_waits(void)
{
    begin_with(0);
    said();
    hear("=seen none\n");
    CHECK_INT(conversation_ping(&talk), 1);
    end = 1;
    say_all();
    hear("=pong 1\n");
    CHECK_INT(told[COURIER_ACK], 2);
}

/* What is under way is bounded, however long the receiver says nothing, and goes on when it does. */
static void
all_lines_arrive_in_order_through_a_bounded_window(void)
{
    unsigned expected = 0;
    char wanted[64];

    begin_with(LINES);
    said();
    hear("=seen none\n");
    while (acked < LINES && talk.state == CONVERSATION_TALKING) {
        const char *text;

        while ((text = said())[0] != '\0') {
            for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
                snprintf(wanted, sizeof(wanted), "!line %u of", expected++);
                CHECK_MEM(at, wanted, strlen(wanted));
            }
        }
        CHECK(expected - acked <= CONVERSATION_UNDER_WAY);
        struct spool_id p = place_at(expected - 1);
        snprintf(wanted, sizeof(wanted), "=ack %u-%s.%u\n", p.session, p.nonce, p.number);
        hear(wanted);
    }
    CHECK_INT(acked, LINES);
}

static void
what_comes_in_pieces_is_heard_like_what_comes_whole(void)
{
    const char *text = "=seen none\n=ch 7K3QF9QZ\n=rekey\n=ack 17-K3QF.0\n";

    begin_with(1);
    said();
    for (const char *at = text; *at != '\0'; at++) {
        conversation_hear(&talk, at, 1);
        say_all();
    }
    CHECK_INT(talk.state, CONVERSATION_TALKING);
    CHECK_STR(token, "7K3QF9QZ");
    CHECK_INT(told[COURIER_REKEY], 1);
    CHECK_INT(acked, 1);
}

static void
a_pong_answers_one_ping_and_those_before(void)
{
    begin_with(0);
    said();
    hear("=seen none\n");
    CHECK_INT(conversation_ping(&talk), 1);
    CHECK_INT(conversation_ping(&talk), 2);
    CHECK_STR(said(), "=ping 1\n=ping 2\n");
    CHECK(conversation_waits(&talk));
    hear("=pong 2\n");
    CHECK(!conversation_waits(&talk));
    hear("=pong 1\n");
    CHECK_INT(talk.state, CONVERSATION_OVER);
}

/* Every word in every state: what is not in the table ends the conversation, and tells the core nothing. */
static void
a_word_out_of_place_ends_the_connection(void)
{
    static const char *const words[] = { "=hello 1 web03 18-9QZ2", "=seen none", "=seen 17-K3QF.0",
        "=ack 17-K3QF.0", "=ping 1", "=pong 1", "=ch 7K3QF9QZ", "=rekey", "", "!1", "=", "=ack", "=seen",
        "=unknown 1", "=rekey 1", "=close", "=close tired", "=ack 17-K3QF.0 ", "=pong 1\r" };

    for (unsigned talking = 0; talking < 2; talking++) {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            bool fits = talking ? strcmp(words[i], "=rekey") == 0 || strncmp(words[i], "=ch ", 4) == 0
                                : strncmp(words[i], "=seen ", 6) == 0;

            begin_with(0);
            said();
            if (talking) {
                hear("=seen none\n");
            }
            unsigned before = told[COURIER_ACK];
            hear(words[i]);
            hear("\n");
            CHECK_INT(talk.state == CONVERSATION_OVER, !fits);
            CHECK(fits || told[COURIER_ACK] == before);
        }
    }
}

static void
a_line_without_an_end_ends_the_connection(void)
{
    begin_with(0);
    for (unsigned i = 0; i <= WIRE_TALK_MAX; i++) {
        CHECK_INT(talk.state, CONVERSATION_GREETING);
        hear("=");
    }
    CHECK_INT(talk.end, CONVERSATION_FORM);
}

static void
the_reason_of_a_close_is_kept(void)
{
    for (unsigned i = 0; i < WIRE_CLOSE_REASONS; i++) {
        char text[32];

        begin_with(0);
        said();
        if (i % 2 == 1) {
            hear("=seen none\n");
        }
        snprintf(text, sizeof(text), "=close %s\n=seen none\n", wire_talk_reason_name(i));
        hear(text);
        CHECK_INT(talk.state, CONVERSATION_OVER);
        CHECK_STR(conversation_words(&talk), wire_talk_reason_name(i));
    }
}

static void
each_rekey_of_a_connection_has_a_secret_of_its_own(void)
{
    struct wire_key want;

    memset(&want, 0x5A, sizeof(want));
    begin_with(0);
    said();
    hear("=seen none\n");
    for (int n = 0; n < 4; n++) {
        hear("=rekey\n");
        CHECK(wire_key_equal(&rekeyed_with, &want));
        wire_key_next_exporter(&want, &want);
    }
    CHECK_INT(talk.state, CONVERSATION_TALKING);
}

int
main(void)
{
    CHECK_RUN(nothing_is_sent_before_the_receiver_has_said_what_it_has);
    CHECK_RUN(lines_on_record_are_not_sent);
    CHECK_RUN(lines_of_an_earlier_session_are_sent_though_a_later_one_is_on_record);
    CHECK_RUN(what_is_on_record_beyond_all_that_was_sent_is_anothers);
    CHECK_RUN(another_session_of_the_same_number_is_not_on_record);
    CHECK_RUN(an_ack_takes_all_lines_before_it_with_it);
    CHECK_RUN(an_ack_for_what_was_never_sent_ends_the_connection);
    CHECK_RUN(a_line_that_waits_to_be_written_is_not_sent_yet);
    CHECK_RUN(a_line_acknowledged_twice_is_not_acknowledged_for_the_one_before);
    CHECK_RUN(after_a_reconnect_nothing_acknowledged_is_sent_again);
    CHECK_RUN(all_lines_arrive_in_order_through_a_bounded_window);
    CHECK_RUN(what_comes_in_pieces_is_heard_like_what_comes_whole);
    CHECK_RUN(a_pong_answers_one_ping_and_those_before);
    CHECK_RUN(a_pong_before_the_lines_in_front_of_its_ping_are_acknowledged_is_no_answer);
    CHECK_RUN(a_receiver_that_greets_and_takes_no_line_has_not_answered);
    CHECK_RUN(a_pong_counts_though_a_line_behind_its_ping_waits);
    CHECK_RUN(a_word_out_of_place_ends_the_connection);
    CHECK_RUN(a_line_without_an_end_ends_the_connection);
    CHECK_RUN(the_reason_of_a_close_is_kept);
    CHECK_RUN(each_rekey_of_a_connection_has_a_secret_of_its_own);
    return check_result();
}
