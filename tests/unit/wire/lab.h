#ifndef TESTS_UNIT_WIRE_LAB_H
#define TESTS_UNIT_WIRE_LAB_H
/*
 * lab - agents that seal lines for the wire tests, and a random source that is the same in every run
 */
#include <stdio.h>

#include "support/check.h"
#include "wire/seal.h"
#include "wire/tree.h"

struct lab_random {
    uint64_t state;
};

static inline uint32_t
lab_draw(struct lab_random *r, uint32_t below)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (uint32_t)((r->state >> 32) * below >> 32);
}

#define LAB_UTC 1795289645u

struct lab_agent {
    const char *host;
    const char *nonce;
    uint32_t session;
    struct wire_key key; /* of the session */
    uint32_t mono_s;
    int64_t utc_offset_s;
};

/* A sealed line, NUL behind it. */
struct lab_line {
    char text[WIRE_LINE_MAX + 1];
    size_t len;
};

static inline struct lab_line
lab_seal(const struct lab_agent *a, uint32_t number, const char *code, const char *detail)
{
    struct lab_line l;
    struct wire_key leaf;
    struct wire_head head = {
        .severity = WIRE_INFO,
        .session = a->session,
        .number = number,
        .mono_s = a->mono_s,
        .utc_s = (uint64_t)(LAB_UTC + a->mono_s + a->utc_offset_s),
    };
    int n;

    snprintf(head.host, sizeof(head.host), "%s", a->host);
    snprintf(head.nonce, sizeof(head.nonce), "%s", a->nonce);
    snprintf(head.code, sizeof(head.code), "%s", code);
    n = wire_line_compose(&head, detail, strlen(detail), l.text, sizeof(l.text));
    CHECK(n > 0);
    wire_tree_at(&a->key, number, WIRE_TREE_DEPTH, &leaf);
    n = wire_seal(&leaf, l.text, n > 0 ? (size_t)n : 0, WIRE_LINE_MAX);
    CHECK(n > 0);
    l.len = n > 0 ? (size_t)n : 0;
    l.text[l.len] = '\0';
    return l;
}

#endif
