#ifndef WIRE_TREE_H
#define WIRE_TREE_H
/*
 * tree - one key a line, each gone once used
 *
 * A binary tree of keys (a seekable forward-secure generator): a node derives its two children, the leaves
 * are the line keys. The sealing side holds only the right-hand nodes still ahead and wipes what it has used,
 * so a stolen state says nothing of lines before. The proving side reaches any leaf in `depth` steps.
 */
#include "wire/keys.h"

#define WIRE_TREE_DEPTH 24 /* 2^24 lines a session */

#define WIRE_TREE_E_END (-1) /* all leaves are used */

struct wire_tree {
    struct wire_key node[WIRE_TREE_DEPTH + 1];
    uint8_t level[WIRE_TREE_DEPTH + 1];
    uint8_t depth;
    uint8_t count;
    uint32_t next; /* number of the leaf that wire_tree_next() gives */
};

/* `depth` 1 to WIRE_TREE_DEPTH. The caller wipes `root`. */
void wire_tree_init(struct wire_tree *t, const struct wire_key *root, unsigned depth);

/* The next leaf's key; its number was t->next. WIRE_TREE_E_END when there is none. The caller wipes the leaf.
 */
int wire_tree_next(struct wire_tree *t, struct wire_key *leaf);

/* Any leaf, number < 2^depth. */
void wire_tree_at(const struct wire_key *root, uint32_t number, unsigned depth, struct wire_key *leaf);

#endif
