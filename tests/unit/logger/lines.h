#ifndef TESTS_UNIT_LOGGER_LINES_H
#define TESTS_UNIT_LOGGER_LINES_H
/*
 * lines - lines of the wire's form for the logger's tests. The tags are any: a recorder cannot tell.
 */
#include <stdio.h>

#include "support/check.h"
#include "wire/base32.h"
#include "wire/seal.h"

struct lines_random {
    uint64_t state;
};

static inline uint32_t
lines_draw(struct lines_random *r, uint32_t below)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (uint32_t)((r->state >> 32) * below >> 32);
}

/* NUL behind it. */
struct lines_line {
    char text[WIRE_LINE_MAX + 1];
    size_t len;
};

/* `tag` is any number; the same one gives the same line. */
static inline struct lines_line
lines_make(enum wire_severity severity, const char *host, uint32_t number, const char *code,
        const char *detail, uint32_t tag)
{
    struct lines_line l;
    struct wire_head head = {
        .severity = severity, .nonce = "K3QF", .session = 17, .number = number, .utc_s = 1795289645u
    };
    struct lines_random r = { .state = 0x9E3779B97F4A7C15u ^ tag ^ (uint64_t)number << 32 };
    uint8_t raw[13];
    int n;

    snprintf(head.host, sizeof(head.host), "%s", host);
    snprintf(head.code, sizeof(head.code), "%s", code);
    n = wire_line_compose(&head, detail, strlen(detail), l.text, sizeof(l.text));
    CHECK(n > 0);
    for (unsigned i = 0; i < sizeof(raw); i++) {
        raw[i] = (uint8_t)lines_draw(&r, 256);
    }
    memcpy(l.text + n, " ~", 2);
    l.len = (size_t)n + 2;
    wire_base32(raw, WIRE_TAG_CHARS, l.text + l.len);
    l.len += WIRE_TAG_CHARS;
    wire_check_make(l.text, l.len, l.text + l.len);
    l.len += WIRE_CHECK_CHARS;
    l.text[l.len] = '\0';
    return l;
}

static inline struct wire_line
lines_parse(const struct lines_line *l)
{
    struct wire_line line = { .len = 0 };

    CHECK_INT(wire_line_parse(l->text, l->len, &line), 0);
    return line;
}

#endif
