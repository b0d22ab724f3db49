#include "belfry/nats/fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- out */

void
fields_put(struct fields_out *w, const char *text)
{
    size_t len = strlen(text);

    if (len == 0) {
        text = "-";
        len = 1;
    }
    for (size_t i = 0; i < len; i++) {
        w->bad = w->bad || text[i] < 0x20 || text[i] > 0x7E;
    }
    if (w->bad || w->size - w->len < len + 2) {
        w->bad = true;
        return;
    }
    if (w->len > 0) {
        w->at[w->len++] = '\t';
    }
    memcpy(w->at + w->len, text, len);
    w->len += len;
    w->at[w->len] = '\0';
}

void
fields_put_number(struct fields_out *w, uint64_t n)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, n);
    fields_put(w, text);
}

void
fields_put_time(struct fields_out *w, int64_t ms)
{
    fields_put_number(w, ms > 0 ? (uint64_t)ms : 0);
}

/* ---- in */

void
fields_split(struct fields_in *r, const char *src, size_t len)
{
    size_t start = 0;

    memset(r, 0, sizeof *r);
    for (size_t i = 0; i <= len; i++) {
        if (i < len && src[i] != '\t') {
            r->bad = r->bad || src[i] < 0x20 || src[i] > 0x7E;
            continue;
        }
        if (r->count == FIELDS_MAX || i == start) {
            r->bad = true;
            return;
        }
        r->field[r->count++] = (struct field){ .at = src + start, .len = i - start };
        start = i + 1;
    }
}

struct field
fields_next(struct fields_in *r)
{
    static const struct field none = { .at = "", .len = 0 };

    if (r->taken >= r->count) {
        r->bad = true;
        return none;
    }
    return r->field[r->taken++];
}

bool
field_is(struct field f, const char *word)
{
    return f.len == strlen(word) && memcmp(f.at, word, f.len) == 0;
}

void
fields_text(struct fields_in *r, char *out, size_t size)
{
    struct field f = fields_next(r);

    out[0] = '\0';
    if (field_is(f, "-")) {
        return;
    }
#ifndef PLANT_BELFRY_MESSAGE
    if (f.len >= size) {
        r->bad = true;
        return;
    }
#else
    (void)size;
#endif
    memcpy(out, f.at, f.len);
    out[f.len] = '\0';
}

static bool
decimal(struct field f, uint64_t most, uint64_t *out)
{
    uint64_t n = 0;

    if (f.len == 0 || (f.len > 1 && f.at[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < f.len; i++) {
        unsigned digit = (unsigned)(unsigned char)f.at[i] - '0';

        if (digit > 9 || digit > most || n > (most - digit) / 10) {
            return false;
        }
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

uint64_t
fields_number(struct fields_in *r, uint64_t most)
{
    uint64_t n = 0;

    r->bad = !decimal(fields_next(r), most, &n) || r->bad;
    return n;
}

uint64_t
fields_number_until(struct fields_in *r, struct field *f, char end)
{
    const char *stop = end == '\0' ? f->at + f->len : memchr(f->at, end, f->len);
    struct field part = { .at = f->at, .len = stop != NULL ? (size_t)(stop - f->at) : 0 };
    uint64_t n = 0;

    if (stop == NULL || !decimal(part, UINT32_MAX, &n)) {
        r->bad = true;
        return 0;
    }
    f->len -= part.len + (end != '\0');
    f->at = stop + (end != '\0');
    return n;
}

bool
fields_choice(struct fields_in *r, const char *yes, const char *no)
{
    struct field f = fields_next(r);

    r->bad = r->bad || (!field_is(f, yes) && !field_is(f, no));
    return field_is(f, yes);
}

bool
fields_done(const struct fields_in *r)
{
    return !r->bad && r->taken == r->count;
}
