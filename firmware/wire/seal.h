#ifndef WIRE_SEAL_H
#define WIRE_SEAL_H
/*
 * seal - the tag that proves a line and the check that finds damage
 */
#include "wire/keys.h"
#include "wire/line.h"

/*
 * Appends " ~", tag and check to the `body_len` characters already in `line`. Returns the whole length (no
 * NUL is written), or WIRE_E_SIZE when it would pass WIRE_LINE_MAX or `size`.
 */
int wire_seal(const struct wire_key *leaf, char *line, size_t body_len, size_t size);

/* True when the tag was made with this key. Constant time in the tag. */
bool wire_tag_proves(const struct wire_key *leaf, const struct wire_line *line);

/*
 * The check over the first `len` characters; true when the last four are the check over all before them. Both
 * stand in line.c: who only reads lines needs no hash.
 */
void wire_check_make(const char *line, size_t len, char check[WIRE_CHECK_CHARS]);
bool wire_check_ok(const char *line, size_t len);

#endif
