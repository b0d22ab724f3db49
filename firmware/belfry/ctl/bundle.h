#ifndef BELFRY_CTL_BUNDLE_H
#define BELFRY_CTL_BUNDLE_H
/*
 * bundle - checks a proof bundle (firmware/belfry/BUNDLE.md), line by line
 *
 * One object a bundle, of fixed size. The file is hostile.
 */
#include "wire/hash.h"
#include "wire/keys.h"
#include "wire/line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUNDLE_LINE 400 /* with its LF */
#define BUNDLE_BY 64
#define BUNDLE_SESSIONS 65536 /* of 10 years with 18 starts a day */
#define BUNDLE_HEX ((size_t)64)

struct bundle_session {
    uint32_t number;
    char nonce[WIRE_NONCE_CHARS + 1];
    uint32_t top;
    uint32_t first; /* and last number that is there */
    uint32_t last;
    uint64_t lines;
};

/* A line with the key that the bundle has for it; it proves it or not. */
typedef void bundle_line_fn(void *to, const struct wire_line *line, bool proved);

struct bundle {
    enum { BUNDLE_BEGIN, BUNDLE_HOST, BUNDLE_MADE, BUNDLE_BODY, BUNDLE_END } expects;
    bundle_line_fn *fn;
    void *to;
    struct wire_hasher hash;
    char host[WIRE_HOST_MAX + 1];
    int64_t made_ms;
    char by[BUNDLE_BY];
    uint64_t lines;
    uint64_t proved;
    char digest[BUNDLE_HEX + 1]; /* as computed, once BUNDLE_END */
    unsigned sessions;
    struct bundle_session session[BUNDLE_SESSIONS];
};

void bundle_begin(struct bundle *b, bundle_line_fn *fn, void *to);

/* The next line, without its LF. NULL, or what is wrong with it: then no more is fed. */
const char *bundle_feed(struct bundle *b, const char *src, size_t len);

/* Behind the last line: NULL, or what is missing. */
const char *bundle_finish(const struct bundle *b);

/* Numbers of the session that are not there, up to the highest that its belfry knew of. */
uint64_t bundle_missing(const struct bundle_session *s);

/* `out` has BUNDLE_HEX + 1 bytes. */
void bundle_hex(const uint8_t src[WIRE_HASH_SIZE], char *out);

#endif
