#include "wire/talk.h"

#include <string.h>

/* The words, and what follows each. */
enum follows { FOLLOWS_HELLO, FOLLOWS_PLACE, FOLLOWS_NUMBER, FOLLOWS_TOKEN, FOLLOWS_NOTHING, FOLLOWS_REASON };

struct word {
    const char *text;
    enum follows follows;
};

static const struct word words[WIRE_TALK_KINDS] = {
    [WIRE_TALK_HELLO] = { "hello", FOLLOWS_HELLO },
    [WIRE_TALK_WELCOME] = { "seen", FOLLOWS_PLACE },
    [WIRE_TALK_ACK] = { "ack", FOLLOWS_PLACE },
    [WIRE_TALK_PING] = { "ping", FOLLOWS_NUMBER },
    [WIRE_TALK_PONG] = { "pong", FOLLOWS_NUMBER },
    [WIRE_TALK_PATH] = { "ch", FOLLOWS_TOKEN },
    [WIRE_TALK_REKEY] = { "rekey", FOLLOWS_NOTHING },
    [WIRE_TALK_CLOSE] = { "close", FOLLOWS_REASON },
};

static const char *const reasons[WIRE_CLOSE_REASONS] = {
    [WIRE_CLOSE_REPLACED] = "replaced",
    [WIRE_CLOSE_UNPROVED] = "unproved",
    [WIRE_CLOSE_UNPAIRED] = "unpaired",
    [WIRE_CLOSE_FORM] = "form",
    [WIRE_CLOSE_LIMIT] = "limit",
    [WIRE_CLOSE_STOPPING] = "stopping",
};

const char *
wire_talk_reason_name(enum wire_talk_reason reason)
{
    return reasons[reason];
}

/* ---- writing */

struct pen {
    char *out;
    size_t size;
    size_t len;
    bool full;
};

static void
put(struct pen *p, const char *text, size_t len)
{
    if (p->full || len >= p->size - p->len) {
        p->full = true;
        return;
    }
    memcpy(p->out + p->len, text, len);
    p->len += len;
    p->out[p->len] = '\0';
}

static void
put_text(struct pen *p, const char *text)
{
    put(p, text, strlen(text));
}

static void
put_number(struct pen *p, uint32_t n)
{
    char digits[10];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put(p, digits + at, sizeof(digits) - at);
}

static void
put_session(struct pen *p, const struct wire_talk *t)
{
    put_number(p, t->session);
    put_text(p, "-");
    put_text(p, t->nonce);
}

static void
put_place(struct pen *p, const struct wire_talk *t)
{
    if (t->none) {
        put_text(p, "none");
        return;
    }
    put_session(p, t);
    put_text(p, ".");
    put_number(p, t->number);
}

static void
put_hello(struct pen *p, const struct wire_talk *t)
{
    put_number(p, WIRE_TALK_VERSION);
    put_text(p, " ");
    put_text(p, t->host);
    put_text(p, " ");
    put_session(p, t);
    if (t->token[0] != '\0') {
        put_text(p, " ");
        put_text(p, t->token);
    }
}

static void
put_what_follows(struct pen *p, const struct wire_talk *t)
{
    switch (words[t->kind].follows) {
    case FOLLOWS_HELLO:
        put_hello(p, t);
        break;
    case FOLLOWS_PLACE:
        put_place(p, t);
        break;
    case FOLLOWS_NUMBER:
        put_number(p, t->number);
        break;
    case FOLLOWS_TOKEN:
        put_text(p, t->token);
        break;
    case FOLLOWS_REASON:
        put_text(p, reasons[t->reason]);
        break;
    case FOLLOWS_NOTHING:
        break;
    }
}

int
wire_talk_compose(const struct wire_talk *talk, char *out, size_t size)
{
    struct pen p = { .out = out, .size = size };
    struct wire_talk back;

    if (talk->kind >= WIRE_TALK_KINDS ||
            (talk->kind == WIRE_TALK_CLOSE && talk->reason >= WIRE_CLOSE_REASONS)) {
        return WIRE_E_FORM;
    }
    put_text(&p, "=");
    put_text(&p, words[talk->kind].text);
    if (words[talk->kind].follows != FOLLOWS_NOTHING) {
        put_text(&p, " ");
    }
    put_what_follows(&p, talk);
    if (p.full) {
        return WIRE_E_SIZE;
    }
    return wire_talk_parse(out, p.len, &back) == 0 ? (int)p.len : WIRE_E_FORM;
}

/* ---- reading */

struct eye {
    const char *src;
    size_t len;
};

/* What stands before the next `end`, which is skipped; the whole rest when there is none. */
static struct eye
take_to(struct eye *e, char end)
{
    const char *at = e->len > 0 ? memchr(e->src, end, e->len) : NULL;
    struct eye part = { .src = e->src, .len = at != NULL ? (size_t)(at - e->src) : e->len };
    size_t used = part.len + (at != NULL ? 1 : 0);

    e->src += used;
    e->len -= used;
    return part;
}

static bool
equals(const struct eye *e, const char *text)
{
    return strlen(text) == e->len && memcmp(e->src, text, e->len) == 0;
}

static bool
take_base32(const struct eye *e, size_t chars, char *out)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    if (e->len != chars) {
        return false;
    }
    for (size_t i = 0; i < chars; i++) {
        if (e->src[i] == '\0' || strchr(alphabet, e->src[i]) == NULL) {
            return false;
        }
        out[i] = e->src[i];
    }
    out[chars] = '\0';
    return true;
}

static bool
take_number(const struct eye *e, uint32_t *out)
{
    return wire_decimal(e->src, e->len, out);
}

static bool
take_session(struct eye e, struct wire_talk *t)
{
    struct eye session = take_to(&e, '-');

    return take_number(&session, &t->session) && take_base32(&e, WIRE_NONCE_CHARS, t->nonce);
}

static bool
take_place(struct eye e, struct wire_talk *t)
{
    if (t->kind == WIRE_TALK_WELCOME && equals(&e, "none")) {
        t->none = true;
        return true;
    }
    struct eye session = take_to(&e, '.');

    return take_session(session, t) && take_number(&e, &t->number) && t->number <= WIRE_NUMBER_MAX;
}

static bool
take_hello(struct eye e, struct wire_talk *t)
{
    struct eye number = take_to(&e, ' ');
    struct eye host = take_to(&e, ' ');
    bool with_token = e.len > 0 && memchr(e.src, ' ', e.len) != NULL;
    struct eye session = take_to(&e, ' ');
    uint32_t version;

    if (!take_number(&number, &version) || version != WIRE_TALK_VERSION ||
            !wire_host_valid(host.src, host.len) || !take_session(session, t)) {
        return false;
    }
    memcpy(t->host, host.src, host.len);
    t->host[host.len] = '\0';
    return with_token ? take_base32(&e, WIRE_TALK_TOKEN_CHARS, t->token) : e.len == 0;
}

static bool
take_reason(const struct eye *e, struct wire_talk *t)
{
    for (unsigned i = 0; i < WIRE_CLOSE_REASONS; i++) {
        if (equals(e, reasons[i])) {
            t->reason = (enum wire_talk_reason)i;
            return true;
        }
    }
    return false;
}

static bool
take_what_follows(const struct eye *rest, struct wire_talk *t)
{
    switch (words[t->kind].follows) {
    case FOLLOWS_HELLO:
        return take_hello(*rest, t);
    case FOLLOWS_PLACE:
        return take_place(*rest, t);
    case FOLLOWS_NUMBER:
        return take_number(rest, &t->number);
    case FOLLOWS_TOKEN:
        return take_base32(rest, WIRE_TALK_TOKEN_CHARS, t->token);
    case FOLLOWS_REASON:
        return take_reason(rest, t);
    case FOLLOWS_NOTHING:
        break;
    }
    return true;
}

int
wire_talk_parse(const char *src, size_t len, struct wire_talk *out)
{
    struct eye e = { .src = src, .len = len };
    struct wire_talk t = { .kind = WIRE_TALK_KINDS };

    if (len < 2 || len > WIRE_TALK_MAX || src[0] != '=') {
        return WIRE_E_FORM;
    }
    bool alone = memchr(src, ' ', len) == NULL;
    e.src++;
    e.len--;
    struct eye word = take_to(&e, ' ');
    for (unsigned i = 0; i < WIRE_TALK_KINDS; i++) {
        if (equals(&word, words[i].text)) {
            t.kind = (enum wire_talk_kind)i;
        }
    }
    bool fits = t.kind != WIRE_TALK_KINDS;
#ifndef PLANT_TALK
    fits = fits && alone == (words[t.kind].follows == FOLLOWS_NOTHING);
#else
    (void)alone;
#endif
    if (!fits || !take_what_follows(&e, &t)) {
        return WIRE_E_FORM;
    }
    *out = t;
    return 0;
}
