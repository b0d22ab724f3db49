#ifndef TESTS_FUZZ_NOTICE_H
#define TESTS_FUZZ_NOTICE_H
/* A notice whose texts are what a fuzzer says: each up to a NUL. */
#include "belfry/record.h"

#include <string.h>

static inline void
take_text(char *out, size_t size, const uint8_t **at, const uint8_t *end)
{
    size_t len = 0;

    while (*at < end && **at != '\0' && len + 1 < size) {
        out[len++] = (char)*(*at)++;
    }
    while (*at < end && **at != '\0') {
        (*at)++;
    }
    *at += *at < end;
    out[len] = '\0';
}

static inline void
take_notice(struct notice *n, const uint8_t *at, const uint8_t *end)
{
    struct alarm *a = &n->alarm;

    memset(n, 0, sizeof *n);
    if (at < end) {
        a->severity = (enum wire_severity)(*at % WIRE_SEVERITIES);
        n->closed = *at++ & 0x80;
    }
    for (unsigned i = 0; i < 8 && at < end; i++) {
        n->seq = n->seq << 7 | *at++;
        n->made_ms = n->seq;
    }
    n->seq &= INT64_MAX;
    n->made_ms = n->seq % INT64_C(253402300800000); /* to the end of the year 9999 */
    take_text(a->host, sizeof a->host, &at, end);
    take_text(a->code, sizeof a->code, &at, end);
    take_text(a->subject, sizeof a->subject, &at, end);
    take_text(a->detail, sizeof a->detail, &at, end);
    take_text(a->line, sizeof a->line, &at, end);
    take_text(a->verdict, sizeof a->verdict, &at, end);
    take_text(a->nonce, sizeof a->nonce, &at, end);
}

#endif
