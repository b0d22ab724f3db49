#include "courier/conversation.h"
#include "wire/keys.h"
#include <string.h>

/* One when it begins, and one a day: ten years. */
#define REKEYS_MAX 4096

typedef void hear_fn(struct conversation *c, const struct wire_talk *talk);

static void
finish(struct conversation *c, enum conversation_end end)
{
    if (c->state != CONVERSATION_OVER) {
        c->state = CONVERSATION_OVER;
        c->end = end;
    }
}

static void
tell(struct conversation *c, enum courier_kind kind)
{
    struct courier_message m = { .kind = (uint8_t)kind };

    c->ops->tell(c->to, &m);
}

static void
answered(struct conversation *c)
{
    c->answers++;
    tell(c, COURIER_ACK);
}

bool
conversation_same(const struct spool_id *a, const struct spool_id *b)
{
    return a->session == b->session && a->number == b->number &&
           memcmp(a->nonce, b->nonce, WIRE_NONCE_CHARS) == 0;
}

static struct spool_id
place_of(const struct wire_talk *talk)
{
    struct spool_id p = { .session = talk->session, .number = talk->number };

    memcpy(p.nonce, talk->nonce, sizeof(p.nonce));
    return p;
}

/* ---- what the receiver says */

static void
refuse(struct conversation *c, const struct wire_talk *talk)
{
    (void)talk;
    finish(c, CONVERSATION_FORM);
}

static bool
within(const struct spool_id *p, const struct spool_id *last)
{
    return p->session == last->session && p->number <= last->number &&
           memcmp(p->nonce, last->nonce, WIRE_NONCE_CHARS) == 0;
}

/*
 * No answer for the lines that wait: a receiver that says this to each connection and then ends it, as one
 * does that cannot prove the first line, takes none.
 *
 * Who is said to have sent what it did not is one of two: a machine that was set back while it ran, or
 * copied, seals the same numbers again, and of its lines none is on record.
 */
static void
welcome(struct conversation *c, const struct wire_talk *talk)
{
    struct spool_line line;

    c->seen = place_of(talk);
    c->any_seen = !talk->none && within(&c->seen, &c->uttered);
    c->state = CONVERSATION_TALKING;
    tell(c, COURIER_UP);
    c->answers++;
    if (!c->ops->peek(c->to, &line)) {
        tell(c, COURIER_ACK);
    }
}

static struct conversation_sent *
sent_at(struct conversation *c, unsigned i)
{
    return &c->sent[(c->first + i) % CONVERSATION_UNDER_WAY];
}

/* Only what has left counts as sent: a line that still waits in `out` is not the receiver's to acknowledge.
 */
static void
acknowledge(struct conversation *c, const struct wire_talk *talk)
{
    struct spool_id place = place_of(talk);

    for (unsigned i = 0; i < c->count; i++) {
        const struct conversation_sent s = *sent_at(c, i);

#ifndef PLANT_CONVERSATION
        if (s.end > c->said) {
            break;
        }
#endif
        if (conversation_same(&s.id, &place)) {
            c->first = (c->first + i + 1) % CONVERSATION_UNDER_WAY;
            c->count -= i + 1;
            c->any_acked = true;
            c->acked = place;
            c->ops->acked(c->to, &place, s.position);
            answered(c);
            return;
        }
    }
    if (c->any_acked && conversation_same(&c->acked, &place)) {
        answered(c);
        return;
    }
    finish(c, CONVERSATION_UNSENT);
}

/* A receiver that answers behind a line it does not acknowledge lives, and has no place to keep the line. */
static void
pong(struct conversation *c, const struct wire_talk *talk)
{
    if (talk->number <= c->ponged || talk->number > c->pinged) {
        finish(c, CONVERSATION_UNSENT);
        return;
    }
    c->ponged = talk->number;
    if (c->count == 0 || sent_at(c, 0)->pinged >= talk->number) {
        answered(c);
    }
}

static void
path(struct conversation *c, const struct wire_talk *talk)
{
    struct courier_message m = { .kind = COURIER_PATH };

    memcpy(m.bytes, talk->token, WIRE_TALK_TOKEN_CHARS);
    c->ops->tell(c->to, &m);
}

static void
rekey(struct conversation *c, const struct wire_talk *talk)
{
    struct courier_message m = { .kind = COURIER_REKEY };
    struct wire_key x;

    (void)talk;
    if (++c->rekeys > REKEYS_MAX) {
        finish(c, CONVERSATION_FORM);
    } else if (c->ops->export(c->to, x.bytes)) {
        for (uint32_t n = 1; n < c->rekeys; n++) {
            wire_key_next_exporter(&x, &x);
        }
        memcpy(m.bytes, x.bytes, sizeof(m.bytes));
        c->ops->tell(c->to, &m);
    }
    wire_wipe(&x, sizeof(x));
    wire_wipe(&m, sizeof(m));
}

static void
closed(struct conversation *c, const struct wire_talk *talk)
{
    c->reason = talk->reason;
    finish(c, CONVERSATION_CLOSED);
}

/* clang-format off */
static hear_fn *const table[CONVERSATION_STATES][WIRE_TALK_KINDS] = {
    /*                           HELLO   WELCOME  ACK          PING    PONG    PATH    REKEY   CLOSE */
    [CONVERSATION_GREETING] = { refuse, welcome, refuse,      refuse, refuse, refuse, refuse, closed },
    [CONVERSATION_TALKING]  = { refuse, refuse,  acknowledge, refuse, pong,   path,   rekey,  closed },
};
/* clang-format on */

static void
hear_line(struct conversation *c)
{
    struct wire_talk talk;

    if (wire_talk_parse(c->in, c->in_len, &talk) != 0) {
        finish(c, CONVERSATION_FORM);
        return;
    }
    table[c->state][talk.kind](c, &talk);
}

void
conversation_hear(struct conversation *c, const char *bytes, size_t len)
{
    while (len > 0 && c->state != CONVERSATION_OVER) {
        const char *end = memchr(bytes, '\n', len);
        size_t part = end != NULL ? (size_t)(end - bytes) : len;

        if (part > sizeof(c->in) - c->in_len) {
            finish(c, CONVERSATION_FORM);
            return;
        }
        memcpy(c->in + c->in_len, bytes, part);
        c->in_len += part;
        part += end != NULL ? 1 : 0;
        bytes += part;
        len -= part;
        if (end != NULL) {
            hear_line(c);
            c->in_len = 0;
        }
    }
}

/* ---- what the agent says */

static bool
put(struct conversation *c, const char *bytes, size_t len)
{
    if (len + 1 > sizeof(c->out) - c->out_len) {
        return false;
    }
    memcpy(c->out + c->out_len, bytes, len);
    c->out_len += len;
    c->out[c->out_len++] = '\n';
    return true;
}

static bool
put_talk(struct conversation *c, const struct wire_talk *talk)
{
    char text[WIRE_TALK_MAX + 1];
    int len = wire_talk_compose(talk, text, sizeof(text));

    return len > 0 && put(c, text, (size_t)len);
}

void
conversation_begin(
        struct conversation *c, const struct conversation_ops *ops, void *to, const struct wire_talk *hello)
{
    const struct spool_id uttered = c->uttered;

    memset(c, 0, sizeof(*c));
    c->uttered = uttered;
    c->ops = ops;
    c->to = to;
    if (!put_talk(c, hello)) {
        finish(c, CONVERSATION_FORM);
    }
}

static bool
on_record(const struct conversation *c, const struct spool_id *p)
{
    return c->any_seen && within(p, &c->seen);
}

/* Behind lines that are under way, one that is on record waits for them: acknowledgements are cumulative. */
static bool
send_one(struct conversation *c, const struct spool_line *line)
{
    if (on_record(c, &line->id)) {
        if (c->count > 0) {
            return false;
        }
        struct spool_line gone = *line;
        c->ops->take(c->to);
        c->ops->acked(c->to, &gone.id, gone.position);
        return true;
    }
    if (c->count == CONVERSATION_UNDER_WAY || !put(c, line->bytes, line->len)) {
        return false;
    }
    *sent_at(c, c->count++) = (struct conversation_sent){
        .id = line->id, .position = line->position, .end = c->said + c->out_len, .pinged = c->pinged
    };
    c->uttered = line->id;
    c->ops->take(c->to);
    return true;
}

void
conversation_fill(struct conversation *c)
{
    struct spool_line line;

    while (c->state == CONVERSATION_TALKING && c->ops->peek(c->to, &line)) {
        if (!send_one(c, &line)) {
            return;
        }
    }
}

void
conversation_sent(struct conversation *c, size_t len)
{
    c->out_len -= len;
    c->said += len;
    memmove(c->out, c->out + len, c->out_len);
}

uint32_t
conversation_ping(struct conversation *c)
{
    struct wire_talk ping = { .kind = WIRE_TALK_PING, .number = c->pinged + 1 };

    if (c->state != CONVERSATION_TALKING || !put_talk(c, &ping)) {
        return 0;
    }
    return ++c->pinged;
}

bool
conversation_waits(const struct conversation *c)
{
    return c->state == CONVERSATION_GREETING || c->count > 0 || c->ponged < c->pinged;
}

bool
conversation_idle(struct conversation *c)
{
    struct spool_line line;

    return c->state == CONVERSATION_TALKING && c->count == 0 && c->out_len == 0 &&
           !c->ops->peek(c->to, &line);
}

const char *
conversation_words(const struct conversation *c)
{
    static const char *const words[CONVERSATION_ENDS] = {
        [CONVERSATION_FORM] = "unknown words",
        [CONVERSATION_UNSENT] = "answers what was never sent",
    };

    return c->end == CONVERSATION_CLOSED ? wire_talk_reason_name(c->reason) : words[c->end];
}
