#include "courier/connection.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define READS_A_TURN 16

int
connection_init(struct connection *c, const char *identity, const uint8_t key[TLS_KEY])
{
    memset(c, 0, sizeof(*c));
    c->fd = -1;
    return tls_init(&c->tls, identity, key);
}

void
connection_begin(struct connection *c, int fd, const struct conversation_ops *ops, void *to,
        const struct wire_talk *hello, int64_t now_ms)
{
    connection_end(c, false);
    c->fd = fd;
    c->state = CONNECTION_SHAKING;
    c->wants = POLLOUT;
    c->more = false;
    c->began_ms = now_ms;
    c->up_ms = 0;
    c->answers = 0;
    c->asked = 0;
    c->result = 0;
    c->error = -tls_begin(&c->tls, fd);
    conversation_begin(&c->talk, ops, to, hello);
}

static bool
fail(struct connection *c, int result, int error)
{
    c->result = result;
    c->error = error;
    connection_end(c, false);
    return true;
}

/* True when the connection has ended. */
static bool
shake(struct connection *c)
{
    int done = tls_shake(&c->tls);

    if (done < 0) {
        return fail(c, done, c->tls.error);
    }
    c->wants = tls_events(&c->tls);
    if (done > 0) {
        c->state = CONNECTION_OPEN;
    }
    return false;
}

static bool
hear(struct connection *c)
{
    char bytes[1024];

    c->more = false;
    for (unsigned turn = 0; turn < READS_A_TURN; turn++) {
        ssize_t n = tls_read(&c->tls, bytes, sizeof(bytes));
        if (n == TLS_AGAIN) {
            c->wants |= tls_events(&c->tls);
            return false;
        }
        if (n < 0) {
            return fail(c, (int)n, c->tls.error);
        }
        conversation_hear(&c->talk, bytes, (size_t)n);
        if (c->talk.state == CONVERSATION_OVER) {
            return fail(c, 0, 0);
        }
    }
    c->more = true;
    return false;
}

static bool
say(struct connection *c)
{
    for (;;) {
        conversation_fill(&c->talk);
        if (c->talk.out_len == 0) {
            return false;
        }
        ssize_t n = tls_write(&c->tls, c->talk.out, c->talk.out_len);
        if (n == TLS_AGAIN) {
            c->wants |= tls_events(&c->tls);
            return false;
        }
        if (n < 0) {
            return fail(c, (int)n, c->tls.error);
        }
        conversation_sent(&c->talk, (size_t)n);
    }
}

static bool
late(struct connection *c, int64_t now_ms)
{
    if (c->up_ms == 0) {
        return now_ms - c->began_ms > CONNECTION_GREET_MS;
    }
    return c->asked >= CONNECTION_CHECK_INS && now_ms - c->asked_ms >= CONNECTION_SILENT_MS;
}

static void
note_answers(struct connection *c, int64_t now_ms)
{
    if (c->talk.answers != c->answers) {
        c->answers = c->talk.answers;
        c->asked = 0;
        c->up_ms = c->up_ms == 0 ? now_ms : c->up_ms;
    }
}

bool
connection_work(struct connection *c, int64_t now_ms)
{
    if (c->state == CONNECTION_NONE) {
        return false;
    }
    if (c->error != 0) {
        return fail(c, TLS_FAILED, c->error);
    }
    if (c->state == CONNECTION_SHAKING && shake(c)) {
        return true;
    }
    if (c->state == CONNECTION_OPEN) {
        c->wants = POLLIN;
        if (hear(c) || say(c)) {
            return true;
        }
        note_answers(c, now_ms);
    }
    return late(c, now_ms) ? fail(c, TLS_FAILED, ETIMEDOUT) : false;
}

uint32_t
connection_check_in(struct connection *c, bool ask, int64_t now_ms)
{
    uint32_t number = 0;

    if (!connection_up(c)) {
        return 0;
    }
    if (ask || !conversation_waits(&c->talk)) {
        number = conversation_ping(&c->talk);
    }
    if (c->asked++ == 0) {
        c->asked_ms = now_ms;
    }
    return number;
}

bool
connection_up(const struct connection *c)
{
    return c->state == CONNECTION_OPEN && c->talk.state == CONVERSATION_TALKING;
}

bool
connection_unanswered(const struct connection *c, int64_t now_ms)
{
    return connection_up(c) && c->asked > 0 && now_ms - c->asked_ms >= CONNECTION_ANSWER_MS;
}

int64_t
connection_due(const struct connection *c)
{
    if (c->state == CONNECTION_NONE) {
        return INT64_MAX;
    }
    if (c->more || c->error != 0) {
        return 0;
    }
    if (c->up_ms == 0) {
        return c->began_ms + CONNECTION_GREET_MS + 1;
    }
    return c->asked >= CONNECTION_CHECK_INS ? c->asked_ms + CONNECTION_SILENT_MS : INT64_MAX;
}

void
connection_end(struct connection *c, bool in_order)
{
    if (c->state == CONNECTION_NONE) {
        return;
    }
    tls_end(&c->tls, in_order);
    close(c->fd);
    c->fd = -1;
    c->state = CONNECTION_NONE;
}

struct courier_message
connection_why(const struct connection *c)
{
    struct courier_message m = { .kind = COURIER_DOWN };
    const char *words = "";

    switch (c->result) {
    case 0:
        words = conversation_words(&c->talk);
        break;
    case TLS_FAILED:
        m.value = c->error;
        break;
    case TLS_KEY_REFUSED:
        m.value = EKEYREJECTED;
        break;
    case TLS_PROTOCOL:
        m.value = EPROTO;
        break;
    default:
        m.value = ECONNRESET;
        break;
    }
    memcpy(m.bytes, words, strnlen(words, sizeof(m.bytes) - 1));
    return m;
}
