#include "belfry/ctl/request.h"

#include <stdio.h>
#include <string.h>

/* One cursor over the line; `bad` sticks. */
struct cursor {
    const char *at;
    const char *end;
    bool bad;
};

static size_t
take_word(struct cursor *c, const char **word)
{
    const char *blank = memchr(c->at, ' ', (size_t)(c->end - c->at));
    size_t len = (size_t)((blank != NULL ? blank : c->end) - c->at);

    *word = c->at;
    c->bad = c->bad || len == 0;
    c->at = blank != NULL ? blank + 1 : c->end;
    return len;
}

static int64_t
take_id(struct cursor *c)
{
    const char *word;
    size_t len = take_word(c, &word);
    int64_t id = 0;

    if (len > 18) {
        c->bad = true;
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (word[i] < '0' || word[i] > '9') {
            c->bad = true;
            return 0;
        }
        id = id * 10 + (word[i] - '0');
    }
    return id;
}

static void
take_name(struct cursor *c, char *out, size_t size)
{
    const char *word;
    size_t len = take_word(c, &word);

#ifdef PLANT_BELFRY_CTL
    if (len > size + 8) {
#else
    if (len >= size) {
#endif
        c->bad = true;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        c->bad = c->bad || word[i] < 0x21 || word[i] > 0x7E;
    }
    memcpy(out, word, len);
    out[len] = '\0';
}

static int
digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
take_bytes(struct cursor *c, struct ctl_request *out)
{
    const char *word;
    size_t len = take_word(c, &word);

    if (len == 1 && word[0] == '-') {
        return;
    }
    if (len % 2 != 0 || len / 2 > CTL_BYTES) {
        c->bad = true;
        return;
    }
    for (size_t i = 0; i < len / 2; i++) {
        int high = digit_of(word[2 * i]);
        int low = digit_of(word[2 * i + 1]);

        c->bad = c->bad || high < 0 || low < 0;
        out->bytes[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
    out->count = (uint8_t)(len / 2);
}

/* LINE SESSION, and bytes but for "leave". */
static void
take_write(struct cursor *c, struct ctl_request *out)
{
    int64_t session;

    take_name(c, out->line, sizeof out->line);
    session = take_id(c);
    c->bad = c->bad || session < 1 || session > UINT32_MAX;
    out->session = (uint32_t)session;
    if (out->what != CTL_LEAVE) {
        take_bytes(c, out);
    }
}

struct verb {
    const char *name;
    int what;
    bool counts; /* takes a place to begin at */
};

static const struct verb verbs[] = {
    { "status", CTL_STATUS, true },
    { "hosts", CTL_HOSTS, true },
    { "alarms", CTL_ALARMS, true },
    { "recent", CTL_RECENT, false },
    { "beats", CTL_BEATS, true },
    { "ack", CTL_ACK, false },
    { "write", CTL_WRITE, false },
    { "take", CTL_TAKE, false },
    { "leave", CTL_LEAVE, false },
    { "reload", CTL_RELOAD, false },
};

static const struct verb *
find_verb(const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strlen(verbs[i].name) == len && memcmp(verbs[i].name, word, len) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

bool
ctl_writes(const struct ctl_request *r)
{
    return r->what == CTL_WRITE || r->what == CTL_TAKE || r->what == CTL_LEAVE;
}

bool
ctl_changes(const struct ctl_request *r)
{
    return r->what == CTL_ACK || r->what == CTL_RELOAD || ctl_writes(r);
}

bool
ctl_parse(const char *src, size_t len, struct ctl_request *out)
{
    struct cursor c = { .at = src, .end = src + len };
    const struct verb *verb;
    struct ctl_request r;
    const char *word;
    size_t word_len;

    memset(&r, 0, sizeof r);
    if (len >= CTL_REQUEST_MAX) {
        return false;
    }
    word_len = take_word(&c, &word);
    verb = find_verb(word, word_len);
    if (verb == NULL) {
        return false;
    }
    r.what = verb->what;
    if (r.what == CTL_ACK) {
        r.alarm = take_id(&c);
        take_name(&c, r.by, sizeof r.by);
    } else if (ctl_writes(&r)) {
        take_write(&c, &r);
    } else if (verb->counts && c.at != c.end) {
        r.from = take_id(&c);
    }
    if (c.bad || c.at != c.end || src[len - 1] == ' ') {
        return false;
    }
    *out = r;
    return true;
}

static size_t
compose_write(const struct ctl_request *r, const char *name, char out[CTL_REQUEST_MAX])
{
    char hex[2 * CTL_BYTES + 2] = "";

    for (unsigned i = 0; i < r->count && i < CTL_BYTES; i++) {
        (void)snprintf(hex + (size_t)2 * i, 3, "%02x", r->bytes[i]);
    }
    return (size_t)snprintf(out, CTL_REQUEST_MAX, "%s %s %u%s%s\n", name, r->line, r->session,
            r->what == CTL_LEAVE ? "" : " ",
            r->what == CTL_LEAVE ? ""
            : r->count > 0       ? hex
                                 : "-");
}

size_t
ctl_compose(const struct ctl_request *r, char out[CTL_REQUEST_MAX])
{
    const char *name = verbs[0].name;

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        name = verbs[i].what == (int)r->what ? verbs[i].name : name;
    }
    if (r->what == CTL_ACK) {
        return (size_t)snprintf(out, CTL_REQUEST_MAX, "%s %lld %s\n", name, (long long)r->alarm, r->by);
    }
    if (ctl_writes(r)) {
        return compose_write(r, name, out);
    }
    if (r->from > 0) {
        return (size_t)snprintf(out, CTL_REQUEST_MAX, "%s %lld\n", name, (long long)r->from);
    }
    return (size_t)snprintf(out, CTL_REQUEST_MAX, "%s\n", name);
}
