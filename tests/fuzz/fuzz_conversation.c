/*
 * What the receiver says: the input is a script of its bytes, of what leaves towards it, and of new lines. A
 * line is on record only when it had left, and the lines leave in order, each once a connection.
 */
#include "courier/conversation.h"
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES 4096
#define SESSION_LINES 64

static struct conversation talk;
static unsigned end;
static unsigned next;
static unsigned acked;
static unsigned left; /* lines of which the last byte has left, from the first one that was not acked then */
static uint64_t left_bytes;
static bool over;
static char text[32];

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

static struct spool_id
place_at(unsigned i)
{
    struct spool_id p = { .session = i / SESSION_LINES, .number = i % SESSION_LINES };

    memcpy(p.nonce, i / SESSION_LINES % 2 == 0 ? "K3QF" : "9QZ2", WIRE_NONCE_CHARS);
    return p;
}

static bool
peek(void *to, struct spool_line *out)
{
    (void)to;
    if (next == end) {
        return false;
    }
    int len = snprintf(text, sizeof(text), "!%u", next);
    *out = (struct spool_line){ .bytes = text, .len = (size_t)len, .id = place_at(next), .position = next };
    return true;
}

static void
take(void *to)
{
    (void)to;
    next++;
}

/* On record: it had left, or =seen said so before it would have. */
static void
note_acked(void *to, const struct spool_id *place, uint64_t position)
{
    struct spool_id expected = place_at((unsigned)position);

    (void)to;
    check(conversation_same(place, &expected));
    check(position >= acked && position < next);
    check(position < left ||
            (talk.any_seen && place->session == talk.seen.session && place->number <= talk.seen.number));
    acked = (unsigned)position + 1;
}

static void
note(void *to, const struct courier_message *m)
{
    (void)to;
    check(m->kind == COURIER_UP || m->kind == COURIER_ACK || m->kind == COURIER_PATH ||
            m->kind == COURIER_REKEY);
    check(!over);
}

static bool export(void *to, uint8_t out[32])
{
    (void)to;
    memset(out, 1, 32);
    return true;
}

static const struct conversation_ops ops = {
    .peek = peek, .take = take, .acked = note_acked, .tell = note, .export = export
};

/* The numbers of the lines that leave, which rise. */
static void
send(size_t len)
{
    conversation_fill(&talk);
    len = len < talk.out_len ? len : talk.out_len;
    for (size_t i = 0; i < len; i++) {
        static unsigned number;
        static bool line;
        char c = talk.out[i];

        if (left_bytes++ == 0 || c == '!') {
            number = 0;
            line = c == '!';
        } else if (c == '=') {
            line = false;
        } else if (c == '\n' && line) {
            check(number >= left);
            left = number + 1;
        } else {
            number = number * 10 + (unsigned)(c - '0');
        }
    }
    conversation_sent(&talk, len);
}

static void
hear(const char *bytes, size_t len)
{
    conversation_hear(&talk, bytes, len);
    check(talk.in_len <= sizeof(talk.in) && talk.count <= CONVERSATION_UNDER_WAY);
    check(!over || talk.state == CONVERSATION_OVER);
    over = talk.state == CONVERSATION_OVER;
}

static void
hear_place(const char *word, unsigned i)
{
    struct spool_id p = place_at(i);
    char line[WIRE_TALK_MAX];

    hear(line, (size_t)snprintf(line, sizeof(line), "=%s %u-%s.%u\n", word, p.session, p.nonce, p.number));
}

static size_t
step(const uint8_t *at, size_t size)
{
    char line[WIRE_TALK_MAX];
    size_t raw = at[1] % 96u;

    switch (at[0] % 8) {
    case 0:
        raw = raw < size - 2 ? raw : size - 2;
        hear((const char *)at + 2, raw);
        return 2 + raw;
    case 1:
        hear("=seen none\n", 11);
        break;
    case 2:
        hear_place("seen", acked + at[1] % 80u);
        break;
    case 3:
        hear_place("ack", acked + at[1]);
        break;
    case 4:
        send((size_t)at[1] * 8);
        break;
    case 5:
        (void)conversation_ping(&talk);
        break;
    case 6:
        hear(line, (size_t)snprintf(line, sizeof(line), "=pong %u\n", at[1] % 8u));
        break;
    default:
        end = end + at[1] < LINES ? end + at[1] : LINES;
        break;
    }
    return 2;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct wire_talk hello = {
        .kind = WIRE_TALK_HELLO, .host = "web03", .session = 1, .nonce = "9QZ2"
    };

    end = next = acked = left = 0;
    left_bytes = 0;
    over = false;
    memset(&talk, 0, sizeof(talk));
    talk.uttered = place_at(size > 0 ? data[0] : 0);
    conversation_begin(&talk, &ops, NULL, &hello);
    while (size >= 2) {
        size_t used = step(data, size);

        data += used;
        size -= used;
    }
    return 0;
}
