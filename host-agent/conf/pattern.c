#include "conf/pattern.h"
#include <string.h>

static bool
is_wild(char c)
{
    return c == '*' || c == '?' || c == '[';
}

static bool
is_deep(const struct pattern *p, unsigned part)
{
    return p->len[part] == 2 && memcmp(p->text + p->at[part], "**", 2) == 0;
}

/* Behind a '[': the ']' that ends the class, or NULL. One that stands first is a byte of the class. */
static const char *
class_end(const char *at, const char *end)
{
#ifdef PLANT_PATTERN
    end += 2;
#endif
    if (at < end && (*at == '!' || *at == '^')) {
        at++;
    }
    return end - at > 1 ? memchr(at + 1, ']', (size_t)(end - at - 1)) : NULL;
}

static const char *
part_fault(const char *at, const char *end)
{
    bool deep = false;

    for (const char *c = at; c < end; c++) {
        deep = deep || (c + 1 < end && c[0] == '*' && c[1] == '*');
        if (*c == '[') {
            c = class_end(c + 1, end);
            if (c == NULL) {
                return "a ] for each [ before the next slash ([[] is the byte itself)";
            }
        }
    }
    return deep && end - at != 2 ? "** alone between two slashes" : NULL;
}

const char *
pattern_parse(struct pattern *p, const char *text, size_t len)
{
    bool wild = false;

    *p = (struct pattern){ .text = text, .plain = len > 1 ? len : 0 };
    for (size_t at = 1; at < len;) {
        const char *slash = memchr(text + at, '/', len - at);
        size_t end = slash != NULL ? (size_t)(slash - text) : len;

        for (size_t i = at; !wild && i < end; i++) {
            wild = is_wild(text[i]);
            p->plain = wild ? at - 1 : p->plain;
        }
        const char *fault = wild ? part_fault(text + at, text + end) : NULL;
        if (fault != NULL) {
            return fault;
        }
        if (wild && (p->parts == PATTERN_PARTS || len > PATTERN_LENGTH)) {
            return "at most 31 names from the first wildcard on";
        }
        if (wild) {
            p->at[p->parts] = (uint8_t)at;
            p->len[p->parts++] = (uint8_t)(end - at);
        }
        at = end + 1;
    }
    return NULL;
}

/* The class that begins behind `*at`, which moves behind it. */
static bool
in_class(const char **at, const char *end, unsigned char byte)
{
    const char *c = *at, *close = class_end(c, end);
    bool others = c < end && (*c == '!' || *c == '^'), found = false;

    for (c += others; c < close; c++) {
        unsigned char first = (unsigned char)*c, last = first;

        if (close - c > 2 && c[1] == '-') {
            last = (unsigned char)c[2];
            c += 2;
        }
        found = found || (byte >= first && byte <= last);
    }
    *at = close + 1;
    return found != others;
}

/* One byte against what stands at `*part`, which moves behind it. */
static bool
match_byte(const char **part, const char *end, unsigned char byte)
{
    char c = *(*part)++;

    if (c == '[') {
        return in_class(part, end, byte);
    }
    return c == '?' || (unsigned char)c == byte;
}

bool
pattern_name(const char *part, size_t part_len, const void *name, size_t len)
{
    const char *at = part, *end = part + part_len, *star = NULL;
    const unsigned char *byte = name, *name_end = byte + len, *mark = byte;

    while (byte < name_end) {
        const char *next = at;

        if (at < end && *at == '*') {
            star = ++at;
            mark = byte;
        } else if (at < end && match_byte(&next, end, *byte)) {
            at = next;
            byte++;
        } else if (star != NULL) {
            /* Only the last star can take one more: an earlier one would but leave it less. */
            at = star;
            byte = ++mark;
        } else {
            return false;
        }
    }
    while (at < end && *at == '*') {
        at++;
    }
    return at == end;
}

/* A ** that is not the last part may stand for no name at all. */
static uint32_t
with_skipped(const struct pattern *p, uint32_t places)
{
    for (unsigned i = 0; i + 1 < p->parts; i++) {
        if ((places >> i & 1) != 0 && is_deep(p, i)) {
            places |= (uint32_t)1 << (i + 1);
        }
    }
    return places;
}

uint32_t
pattern_begin(const struct pattern *p)
{
    return p->parts > 0 ? with_skipped(p, 1) : 0;
}

uint32_t
pattern_step(const struct pattern *p, uint32_t places, const void *name, size_t len, bool *whole)
{
    uint32_t next = 0;

    *whole = false;
    for (unsigned i = 0; i < p->parts; i++) {
        bool last = i + 1 == p->parts, deep = is_deep(p, i);

        if ((places >> i & 1) == 0 || (!deep && !pattern_name(p->text + p->at[i], p->len[i], name, len))) {
            continue;
        }
        next |= deep ? (uint32_t)1 << i : 0;
        next |= !deep && !last ? (uint32_t)1 << (i + 1) : 0;
        *whole = *whole || last;
    }
    return with_skipped(p, next);
}

static bool
begins_with(const struct pattern *p, const char *path, size_t len)
{
    return len >= p->plain && memcmp(path, p->text, p->plain) == 0 &&
           (len == p->plain || path[p->plain] == '/');
}

bool
pattern_covers(const struct pattern *p, const void *path, size_t len)
{
    const char *text = path;
    uint32_t places = pattern_begin(p);
    size_t at = p->plain + 1;
    bool whole = p->parts == 0;

    if (!begins_with(p, text, len)) {
        return false;
    }
    while (!whole && places != 0 && at < len) {
        const char *slash = memchr(text + at, '/', len - at);
        size_t end = slash != NULL ? (size_t)(slash - text) : len;

        places = pattern_step(p, places, text + at, end - at, &whole);
        at = end + 1;
    }
    return whole;
}

void
pattern_plain(const char *text, char *out)
{
    struct pattern p;

    if (pattern_parse(&p, text, strlen(text)) != NULL || p.plain == 0) {
        memcpy(out, "/", 2);
        return;
    }
    memcpy(out, text, p.plain);
    out[p.plain] = '\0';
}
