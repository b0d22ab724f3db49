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

bool
ctl_parse(const char *src, size_t len, struct ctl_request *out)
{
    struct cursor c = { .at = src, .end = src + len };
    struct ctl_request r;
    const char *verb;
    size_t verb_len;

    memset(&r, 0, sizeof r);
    if (len >= CTL_REQUEST_MAX) {
        return false;
    }
    verb_len = take_word(&c, &verb);
    if (verb_len == 6 && memcmp(verb, "status", 6) == 0) {
        r.what = CTL_STATUS;
    } else if (verb_len == 3 && memcmp(verb, "ack", 3) == 0) {
        r.what = CTL_ACK;
        r.alarm = take_id(&c);
        take_name(&c, r.by, sizeof r.by);
    } else {
        return false;
    }
    if (c.bad || c.at != c.end || (len > 0 && src[len - 1] == ' ')) {
        return false;
    }
    *out = r;
    return true;
}

size_t
ctl_compose(const struct ctl_request *r, char out[CTL_REQUEST_MAX])
{
    if (r->what == CTL_ACK) {
        return (size_t)snprintf(out, CTL_REQUEST_MAX, "ack %lld %s\n", (long long)r->alarm, r->by);
    }
    return (size_t)snprintf(out, CTL_REQUEST_MAX, "status\n");
}
