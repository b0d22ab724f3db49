/* A connection from its first byte to its end, against OpenSSL's own server on the other end of a socket
 * pair. */
#include "courier/connection.h"
#include "peer.h"
#include "support/check.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 50
#define LINES 20000

static const uint8_t our_key[TLS_KEY] = { 1, 2, 3 };
static const uint8_t other_key[TLS_KEY] = { 1, 2, 4 };
static const struct wire_talk hello = {
    .kind = WIRE_TALK_HELLO, .host = "web03", .session = 17, .nonce = "K3QF"
};

static struct connection c;
static struct peer peer;
static unsigned end;
static unsigned next;
static unsigned acked;
static unsigned told[COURIER_KINDS];
static uint8_t secret[32];
static char text[64];

static bool
peek(void *to, struct spool_line *out)
{
    (void)to;
    if (next == end) {
        return false;
    }
    int len = snprintf(text, sizeof(text), "!%u", next);
    *out = (struct spool_line){ .bytes = text,
        .len = (size_t)len,
        .id = { .session = 17, .number = next, .nonce = "K3QF" },
        .position = next };
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
    (void)to;
    CHECK_INT(place->number, position);
    acked = (unsigned)position + 1;
}

static void
note(void *to, const struct courier_message *m)
{
    (void)to;
    told[m->kind]++;
    if (m->kind == COURIER_REKEY) {
        memcpy(secret, m->bytes, sizeof(secret));
    }
}

static bool export(void *to, uint8_t out[32])
{
    (void)to;
    return tls_export(&c.tls, out);
}

static const struct conversation_ops ops = {
    .peek = peek, .take = take, .acked = note_acked, .tell = note, .export = export
};

static void
connect_to(enum peer_kind kind, const char *identity, const uint8_t key[TLS_KEY])
{
    int ends[2];

    memset(told, 0, sizeof(told));
    end = next = acked = 0;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    CHECK_INT(connection_init(&c, "web03", our_key), 0);
    peer_begin(&peer, kind, ends[1], identity, key);
    connection_begin(&c, ends[0], &ops, NULL, &hello, 0);
}

/* Lets both ends do what they can. True when the connection has ended meanwhile. */
static bool
run(int64_t now_ms)
{
    bool ended = false;

    for (unsigned i = 0; i < TURNS; i++) {
        ended = connection_work(&c, now_ms) || ended;
        peer_pump(&peer);
    }
    return ended;
}

static void
register_at(int64_t now_ms)
{
    connect_to(PEER_AS_AGREED, "web03", our_key);
    CHECK(!run(now_ms));
    CHECK_STR(peer.heard, "=hello 1 web03 17-K3QF\n");
    peer_say(&peer, "=seen none\n");
    CHECK(!run(now_ms));
    CHECK(connection_up(&c));
}

static void
finish(void)
{
    connection_end(&c, false);
    tls_free(&c.tls);
    peer_end(&peer, false);
}

static void
both_ends_agree_on_one_secret(void)
{
    uint8_t theirs[32];

    register_at(0);
    peer_export(&peer, theirs);
    peer_say(&peer, "=rekey\n");
    CHECK(!run(0));
    CHECK_INT(told[COURIER_REKEY], 1);
    CHECK_MEM(secret, theirs, sizeof(theirs));
    finish();
}

static void
expect_refusal(enum peer_kind kind, const char *identity, const uint8_t key[TLS_KEY], int error)
{
    connect_to(kind, identity, key);
    CHECK(run(0));
    CHECK_INT(c.state, CONNECTION_NONE);
    CHECK_INT(connection_why(&c).value, error);
    CHECK(!peer.shaken || peer.failed || peer.len == 0);
    CHECK_INT(told[COURIER_UP], 0);
    finish();
}

static void
a_peer_with_another_key_is_refused_and_refuses(void)
{
    expect_refusal(PEER_AS_AGREED, "web03", other_key, EKEYREJECTED);
    expect_refusal(PEER_AS_AGREED, "web04", our_key, EKEYREJECTED);
}

static void
a_peer_that_shows_a_certificate_instead_is_refused(void)
{
    expect_refusal(PEER_CERTIFICATE, "web03", our_key, EKEYREJECTED);
}

static void
a_peer_of_another_version_or_group_is_refused(void)
{
    expect_refusal(PEER_TLS12, "web03", our_key, EPROTO);
    expect_refusal(PEER_OTHER_GROUP, "web03", our_key, EKEYREJECTED);
}

static void
more_than_the_socket_takes_arrives_whole_and_in_order(void)
{
    unsigned expected = 0;
    char ack[40];

    register_at(0);
    end = LINES;
    peer.len = 0;
    while (acked < LINES && c.state == CONNECTION_OPEN) {
        CHECK(!run(0));
        for (const char *at = peer.heard; at < peer.heard + peer.len; at = strchr(at, '\n') + 1) {
            CHECK_INT(strtoul(at + 1, NULL, 10), expected++);
        }
        peer.len = 0;
        snprintf(ack, sizeof(ack), "=ack 17-K3QF.%u\n", expected - 1);
        peer_say(&peer, ack);
    }
    CHECK_INT(acked, LINES);
    CHECK(!run(0) && conversation_idle(&c.talk));
    finish();
}

/* Nothing that was written is lost when the peer reads late. */
static void
a_peer_that_does_not_read_stops_the_lines_and_nothing_else(void)
{
    register_at(0);
    end = LINES;
    for (unsigned i = 0; i < TURNS; i++) {
        CHECK(!connection_work(&c, 0));
    }
    CHECK(next <= CONVERSATION_UNDER_WAY);
    CHECK(!run(0));
    CHECK_INT(c.talk.out_len, 0);
    finish();
}

static void
a_peer_that_answers_no_check_in_is_left(void)
{
    register_at(1000);
    for (unsigned i = 1; i <= 3; i++) {
        CHECK_INT(connection_check_in(&c, false, 1000 + i * 1000), i == 1 ? 1 : 0);
        CHECK(!run(1000 + i * 1000));
    }
    CHECK(!run(4999));
    CHECK_INT(connection_due(&c), 5000);
    CHECK(run(5000));
    CHECK_INT(connection_why(&c).value, ETIMEDOUT);
    finish();
}

static void
an_answer_begins_the_count_anew(void)
{
    register_at(1000);
    for (unsigned i = 1; i <= 20; i++) {
        connection_check_in(&c, true, 1000 + i * 1000);
        CHECK(!run(1000 + i * 1000));
        if (i % 3 == 0) {
            snprintf(text, sizeof(text), "=pong %u\n", i);
            peer_say(&peer, text);
            CHECK(!run(1000 + i * 1000));
        }
    }
    finish();
}

static void
a_handshake_that_stands_still_is_ended(void)
{
    connect_to(PEER_AS_AGREED, "web03", our_key);
    CHECK(!connection_work(&c, 0));
    CHECK(!connection_work(&c, CONNECTION_GREET_MS));
    CHECK(connection_work(&c, CONNECTION_GREET_MS + 1));
    finish();
    connect_to(PEER_AS_AGREED, "web03", our_key);
    CHECK(!run(CONNECTION_GREET_MS));
    CHECK(peer.shaken);
    CHECK(run(CONNECTION_GREET_MS + 1));
    CHECK_INT(connection_why(&c).value, ETIMEDOUT);
    finish();
}

static void
an_end_is_told_by_how_it_came(void)
{
    register_at(0);
    peer_say(&peer, "=close replaced\n");
    CHECK(run(0));
    CHECK_INT(connection_why(&c).value, 0);
    CHECK_STR((const char *)connection_why(&c).bytes, "replaced");
    finish();

    register_at(0);
    peer_end(&peer, false);
    peer.fd = -1;
    CHECK(connection_work(&c, 0));
    CHECK_INT(connection_why(&c).value, ECONNRESET);
    tls_free(&c.tls);

    register_at(0);
    peer_say(&peer, "=ack 17-K3QF.0\n");
    CHECK(run(0));
    CHECK_STR((const char *)connection_why(&c).bytes, "answers what was never sent");
    finish();
}

static void
a_goodbye_ends_the_session_in_order_and_nothing_else_does(void)
{
    register_at(0);
    connection_end(&c, true);
    peer_pump(&peer);
    CHECK(peer.ended && !peer.failed);
    finish();
    register_at(0);
    connection_end(&c, false);
    peer_pump(&peer);
    CHECK(!peer.ended && peer.failed);
    finish();
}

int
main(void)
{
    signal(SIGPIPE, SIG_IGN);
    CHECK_RUN(both_ends_agree_on_one_secret);
    CHECK_RUN(a_peer_with_another_key_is_refused_and_refuses);
    CHECK_RUN(a_peer_that_shows_a_certificate_instead_is_refused);
    CHECK_RUN(a_peer_of_another_version_or_group_is_refused);
    CHECK_RUN(more_than_the_socket_takes_arrives_whole_and_in_order);
    CHECK_RUN(a_peer_that_does_not_read_stops_the_lines_and_nothing_else);
    CHECK_RUN(a_peer_that_answers_no_check_in_is_left);
    CHECK_RUN(an_answer_begins_the_count_anew);
    CHECK_RUN(a_handshake_that_stands_still_is_ended);
    CHECK_RUN(an_end_is_told_by_how_it_came);
    CHECK_RUN(a_goodbye_ends_the_session_in_order_and_nothing_else_does);
    return check_result();
}
