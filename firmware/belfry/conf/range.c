/* Ranges as rack1-[01-48]: one line of the file for many lines of the receiver. */
#include "belfry/conf/parse.h"

#include <stdio.h>
#include <string.h>

struct range {
    const char *at;  /* the opening bracket */
    const char *end; /* behind the closing one */
    uint64_t first;
    uint64_t last;
    int width; /* digits to fill up to with zeros */
};

static size_t
take_digits(const char *at, uint64_t *out)
{
    size_t n = strspn(at, "0123456789");

    *out = 0;
    for (size_t i = 0; i < n && n <= 9; i++) {
        *out = *out * 10 + (uint64_t)(at[i] - '0');
    }
    return n <= 9 ? n : 0;
}

/* The next "[digits-digits]" from `at` on. Other brackets are text. */
static bool
next_range(const char *at, struct range *r)
{
    for (at = strchr(at, '['); at != NULL; at = strchr(at + 1, '[')) {
        size_t low = take_digits(at + 1, &r->first);
        size_t high = low > 0 && at[1 + low] == '-' ? take_digits(at + low + 2, &r->last) : 0;

        if (high > 0 && at[low + 2 + high] == ']') {
            r->at = at;
            r->end = at + low + high + 3;
            r->width = at[1] == '0' ? (int)low : 1;
            return true;
        }
    }
    return false;
}

bool
conf_range(const char *text, unsigned *count)
{
    struct range r;
    struct range second;

    *count = 0;
    if (!next_range(text, &r)) {
        return true;
    }
    if (r.first > r.last || r.last - r.first >= CONF_LINES || next_range(r.end, &second)) {
        return false;
    }
    *count = (unsigned)(r.last - r.first) + 1;
    return true;
}

static bool
add(struct conf_word *out, const char *text, size_t len)
{
    if (len >= sizeof out->text - out->len) {
        return false;
    }
    memcpy(out->text + out->len, text, len);
    out->len += len;
    out->text[out->len] = '\0';
    return true;
}

bool
conf_range_at(const struct conf_word *w, unsigned count, unsigned at, struct conf_word *out)
{
    const char *from = w->text;
    struct range r;

    out->len = 0;
    out->too_long = false;
    out->text[0] = '\0';
    while (next_range(from, &r)) {
        char value[16];
        int len = snprintf(value, sizeof value, "%0*u", r.width, (unsigned)(r.first + at));

        if (r.first > r.last || r.last - r.first != count - 1 || !add(out, from, (size_t)(r.at - from)) ||
                !add(out, value, (size_t)len)) {
            return false;
        }
        from = r.end;
    }
    return add(out, from, strlen(from));
}
