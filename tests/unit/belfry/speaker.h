#ifndef TESTS_UNIT_BELFRY_SPEAKER_H
#define TESTS_UNIT_BELFRY_SPEAKER_H
/*
 * speaker - a paired agent reduced to its voice: it seals lines
 */
#include "wire/keys.h"
#include "wire/line.h"
#include "wire/pair.h"
#include "wire/seal.h"
#include "wire/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SPEAKER_LINE (WIRE_LINE_MAX + 3) /* with CR, LF and NUL */

struct speaker {
    char host[WIRE_HOST_MAX + 1];
    char nonce[WIRE_NONCE_CHARS + 1];
    struct wire_key root0;
    struct wire_key psk;
    uint32_t session;
    struct wire_key key;
    struct wire_tree tree;
    time_t begun;
};

static inline void
speaker_session(struct speaker *s, uint32_t session, const char *nonce)
{
    struct wire_key root = s->root0;

    for (uint32_t i = 0; i < session; i++) {
        wire_key_next_root(&root, &root);
    }
    s->session = session;
    (void)snprintf(s->nonce, sizeof s->nonce, "%s", nonce);
    wire_key_session(&root, session, s->nonce, s->host, &s->key);
    wire_tree_init(&s->tree, &s->key, WIRE_TREE_DEPTH);
    s->begun = time(NULL);
}

/* False when `code` is no pairing code. */
static inline bool
speaker_init(struct speaker *s, const char *host, const char *code)
{
    char secret[WIRE_PAIR_CHARS];
    size_t at;

    memset(s, 0, sizeof *s);
    (void)snprintf(s->host, sizeof s->host, "%s", host);
    if (wire_pair_parse(code, strlen(code), secret, &at) != 0) {
        return false;
    }
    wire_key_root(secret, host, &s->root0);
    wire_key_psk(secret, host, &s->psk);
    speaker_session(s, 1, "K3QF");
    return true;
}

/* The number that the next line gets: so many were said. */
static inline uint32_t
speaker_next(const struct speaker *s)
{
    return s->tree.next;
}

/* A sealed line with CR, LF and a NUL; its length without the NUL. */
static inline size_t
speaker_say(struct speaker *s, enum wire_severity severity, const char *code, const char *detail,
        char out[SPEAKER_LINE])
{
    struct wire_head h = { .severity = severity, .session = s->session, .number = s->tree.next };
    struct wire_key leaf;
    time_t now = time(NULL);
    int n;

    (void)snprintf(h.host, sizeof h.host, "%s", s->host);
    (void)snprintf(h.nonce, sizeof h.nonce, "%s", s->nonce);
    (void)snprintf(h.code, sizeof h.code, "%s", code);
    h.utc_s = (uint64_t)now;
    h.mono_s = (uint32_t)(now - s->begun);
    if (wire_tree_next(&s->tree, &leaf) != 0) {
        abort();
    }
    n = wire_line_compose(&h, detail, strlen(detail), out, WIRE_LINE_MAX);
    n = n < 0 ? n : wire_seal(&leaf, out, (size_t)n, WIRE_LINE_MAX);
    if (n < 0) {
        (void)fprintf(stderr, "cannot seal: %s %s\n", code, detail);
        abort();
    }
    memcpy(out + n, "\r\n", 3);
    return (size_t)n + 2;
}

#endif
