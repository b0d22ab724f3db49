#include "wire/tree.h"

#include <string.h>

#include "wire/hash.h"

/* A node's children, left then right. */
struct children {
    struct wire_key side[2];
};

_Static_assert(sizeof(struct children) == sizeof(uint8_t[2][WIRE_KEY_SIZE]), "two keys without a gap");

static void
children_init(struct wire_hasher *h)
{
    wire_hash_derive_init(h, "tocsin 2026 v1 tree node");
}

static void
children_of(struct wire_hasher *h, const struct wire_key *parent, struct children *c)
{
    wire_hash_derive_with(h, parent->bytes, WIRE_KEY_SIZE, c->side[0].bytes, sizeof(*c));
}

void
wire_tree_init(struct wire_tree *t, const struct wire_key *root, unsigned depth)
{
    memset(t, 0, sizeof(*t));
    t->node[0] = *root;
    t->depth = (uint8_t)depth;
    t->count = 1;
}

int
wire_tree_next(struct wire_tree *t, struct wire_key *leaf)
{
    struct wire_hasher h;
    struct children c;
    unsigned top;

    if (t->count == 0) {
        return WIRE_TREE_E_END;
    }
    children_init(&h);
    for (top = t->count - 1u; t->level[top] < t->depth; top++) {
        children_of(&h, &t->node[top], &c);
        t->node[top] = c.side[1];
        t->node[top + 1] = c.side[0];
        t->level[top]++;
        t->level[top + 1] = t->level[top];
    }
    *leaf = t->node[top];
    wire_wipe(&t->node[top], sizeof(t->node[top]));
    wire_wipe(&c, sizeof(c));
    wire_wipe(&h, sizeof(h));
    t->count = (uint8_t)top;
    t->next++;
    return 0;
}

void
wire_tree_at(const struct wire_key *root, uint32_t number, unsigned depth, struct wire_key *leaf)
{
    struct wire_hasher h;
    struct wire_key at = *root;
    struct children c;

    children_init(&h);
    for (unsigned bit = depth; bit-- > 0;) {
        children_of(&h, &at, &c);
        at = c.side[number >> bit & 1];
    }
    *leaf = at;
    wire_wipe(&at, sizeof(at));
    wire_wipe(&c, sizeof(c));
    wire_wipe(&h, sizeof(h));
}
