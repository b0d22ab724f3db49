#ifndef WATCH_BASELINE_TEXT_H
#define WATCH_BASELINE_TEXT_H
/*
 * baseline_text - a baseline as text that other mtree(5) readers understand: one entry a line, to be kept in
 * version control and reviewed with diff (BASELINE.md)
 *
 * There is one text for a baseline, and what is read must be that text to the byte.
 */
#include "watch/baseline.h"
#include <stdio.h>

#define BASELINE_TEXT_LINE (1u << 20) /* bytes; more than the longest entry takes */

/* An entry's line, without newline, into BASELINE_TEXT_LINE bytes. Returns its length. */
size_t baseline_text_put(char *out, const struct baseline_entry *e);

/* What was read from a line. Big: keep it static. */
struct baseline_text {
    struct baseline_entry entry; /* points into what follows */
    const char *expected;        /* what is missing at `column`; NULL: it is an entry */
    size_t column;               /* from 1 */
    uint8_t path[BASELINE_PATH_MAX];
    uint8_t link[BASELINE_LINK_MAX];
    uint8_t xattrs[BASELINE_XATTRS_MAX];
    char again[BASELINE_TEXT_LINE];
};

/* False with `expected` set when the line is no entry's. */
bool baseline_text_take(struct baseline_text *t, const char *line, size_t len);

/* Writes all of it. 0 or -errno with `error` set. */
int baseline_export(const struct baseline *b, FILE *out, struct baseline_error *error);

/*
 * Makes the baseline in a directory from text, like baseline_write_end(). 0, or -errno with `error` set and
 * the baseline that was there left; -EBADMSG: it is not such text ("line 3, column 7: ... is expected").
 */
int baseline_import(FILE *in, const char *dir, uint8_t root[WIRE_HASH_SIZE], struct baseline_error *error);

#endif
