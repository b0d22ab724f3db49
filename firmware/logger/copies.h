#ifndef LOGGER_COPIES_H
#define LOGGER_COPIES_H
/*
 * copies - knows a line again that has just been seen
 *
 * The wire repeats lines, and one line comes by several inputs. A copy is the same bytes (wire/SPEC.md,
 * section 2): host and number alone would let a forged line stand in for the true one that is still to come.
 * So would a sum that anybody can compute: who reads the true line on its way makes another one that has it,
 * and is here first by a faster input. A mark is HalfSipHash-2-4 under a key of this start.
 * A window holds the last COPIES_KEPT lines; a copy of an older one counts as new.
 */
#include "wire/line.h"

#define COPIES_KEPT 128

struct copies_key {
    uint32_t half[2];
};

struct copies_mark {
    uint32_t half[2];
};

struct copies {
    struct copies_mark mark[COPIES_KEPT]; /* a ring */
    uint8_t next;
    uint8_t count;
};

void copies_init(struct copies *w);

struct copies_mark copies_mark_of(const struct copies_key *key, const struct wire_line *line);

bool copies_seen(const struct copies *w, const struct copies_mark *mark);

/* The oldest is forgotten when there is no room. */
void copies_add(struct copies *w, const struct copies_mark *mark);

bool copies_full(const struct copies *w);

/* One that is older than all of them; not when the window is full. */
void copies_add_older(struct copies *w, const struct copies_mark *mark);

#endif
