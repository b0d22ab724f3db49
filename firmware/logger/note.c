#include "logger/note.h"

#include <string.h>

#include "wire/seal.h"

#define SEAL_CHARS (2 + WIRE_CHECK_CHARS) /* " ~" and the check */
#define DIGITS_MAX 10
#define CODE_FIELD 4 /* blanks before a note's code */

struct pen {
    char *at;
    char *end;
    bool full;
};

static void
put_bytes(struct pen *p, const char *src, size_t len)
{
    if (p->full || len > (size_t)(p->end - p->at)) {
        p->full = true;
        return;
    }
    memcpy(p->at, src, len);
    p->at += len;
}

static void
put_text(struct pen *p, const char *text)
{
    put_bytes(p, text, strlen(text));
}

static void
put_number(struct pen *p, uint32_t n)
{
    char digits[DIGITS_MAX];
    unsigned at = DIGITS_MAX;

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put_bytes(p, digits + at, DIGITS_MAX - at);
}

static void
put_head(struct pen *p, const struct note_place *place, enum wire_severity severity, const char *code)
{
    put_text(p, "#1 ");
    put_text(p, wire_severity_name(severity));
    put_text(p, " ");
    put_text(p, place->serial);
    put_text(p, " ");
    put_number(p, place->boot);
    put_text(p, ".");
    put_number(p, place->number);
    put_text(p, "@");
    put_number(p, place->uptime_s);
    put_text(p, " ");
    put_text(p, code);
}

/* All of it or nothing. */
static void
put_detail(struct pen *p, const struct note_detail *d)
{
    char *from = p->at;

    put_text(p, " ");
    put_text(p, d->key);
    put_text(p, "=");
    if (d->text != NULL) {
        put_text(p, d->text);
    } else {
        put_number(p, d->number);
    }
    if (p->full) {
        p->at = from;
    }
}

size_t
note_compose(char out[NOTE_MAX], const struct note_place *place, enum wire_severity severity,
        const char *code, const struct note_detail *details, unsigned count)
{
    struct pen p = { .at = out, .end = out + NOTE_MAX - SEAL_CHARS };
    size_t len;

    put_head(&p, place, severity, code);
    for (unsigned i = 0; i < count; i++) {
        put_detail(&p, &details[i]);
    }
    memcpy(p.at, " ~", 2);
    len = (size_t)(p.at - out) + 2;
    wire_check_make(out, len, out + len);
    return len + WIRE_CHECK_CHARS;
}

bool
note_is(const char *line, size_t len, const char *code)
{
    size_t code_len = strlen(code);
    const char *at = line;
    const char *end = line + len;

    if (len < 3 || memcmp(line, "#1 ", 3) != 0) {
        return false;
    }
    for (unsigned field = 0; field < CODE_FIELD; field++) {
        at = memchr(at, ' ', (size_t)(end - at));
        if (at == NULL) {
            return false;
        }
        at++;
    }
    return (size_t)(end - at) > code_len && memcmp(at, code, code_len) == 0 && at[code_len] == ' ';
}
