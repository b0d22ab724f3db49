#ifndef ALARM_TOKENS_H
#define ALARM_TOKENS_H
/*
 * tokens - deals "key=value key=value" out over lines of little room
 *
 * What does not fit into the first line goes into further ones. A value that is longer than a line is
 * shortened in the first ("path=/usr/l%+40+/x.so") and told whole in the further ones, in pieces
 * ("path-1=/usr/li", ...).
 */
#include "alarm/finding.h"

struct tokens {
    const char *text;
    size_t len;
    bool dealt[64];  /* tokens told whole in the first line */
    size_t at;       /* next token to look at in tokens_more(), as an offset */
    unsigned index;  /* its number */
    size_t piece_at; /* offset in its value, when it is told in pieces */
    unsigned piece;
};

void tokens_begin(struct tokens *t, const char *text);

/* Details of the first line, at most `room` columns; `of` >= 0 goes behind the subject. Returns the length.
 */
size_t tokens_first(struct tokens *t, size_t room, int64_t of, char *out, size_t size);

/* Details of the next further line, "of=N ...", or 0 when all is told. */
size_t tokens_more(struct tokens *t, size_t room, uint32_t of, char *out, size_t size);

#endif
