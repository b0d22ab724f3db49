/* The key tree: what the sealing side holds is exactly what is still ahead. */
#include "lab.h"

#define DEPTH 16

static const struct wire_key seed = { .bytes = { 1, 2, 3 } };

static bool
is_zero(const void *at, size_t len)
{
    const uint8_t *p = at;

    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

/* The nodes from the last to the first cover the leaves next, next + 1, ... 2^depth - 1 without gap or
 * overlap. */
static bool
covers_what_is_ahead(const struct wire_tree *t)
{
    uint64_t leaf = t->next;

    for (unsigned i = t->count; i-- > 0;) {
        uint64_t width = (uint64_t)1 << (t->depth - t->level[i]);

        if (leaf % width != 0) {
            return false;
        }
        leaf += width;
    }
    return leaf == (uint64_t)1 << t->depth;
}

/* Each node is the one that the way from the root gives. */
static bool
nodes_are_in_place(const struct wire_tree *t)
{
    uint32_t leaf = t->next;

    for (unsigned i = t->count; i-- > 0;) {
        unsigned below = t->depth - t->level[i];
        struct wire_key want;

        wire_tree_at(&seed, leaf >> below, t->level[i], &want);
        if (!wire_key_equal(&want, &t->node[i])) {
            return false;
        }
        leaf += 1u << below;
    }
    return true;
}

static void
every_leaf_to_depth_16_is_that_of_random_access(void)
{
    for (unsigned depth = 1; depth <= DEPTH; depth++) {
        struct wire_tree t;
        struct wire_key leaf;
        struct wire_key want;
        unsigned most = 0;

        wire_tree_init(&t, &seed, depth);
        for (uint32_t n = 0; n < 1u << depth; n++) {
            CHECK_INT(t.next, n);
            CHECK_INT(wire_tree_next(&t, &leaf), 0);
            wire_tree_at(&seed, n, depth, &want);
            CHECK_MEM(leaf.bytes, want.bytes, WIRE_KEY_SIZE);
            most = t.count > most ? t.count : most;
        }
        CHECK(most <= depth);
        CHECK_INT(t.count, 0);
        CHECK_INT(wire_tree_next(&t, &leaf), WIRE_TREE_E_END);
        CHECK(is_zero(t.node, sizeof(t.node)));
    }
}

static void
what_is_held_covers_the_leaves_ahead_and_nothing_else(void)
{
    for (unsigned depth = 1; depth <= DEPTH; depth++) {
        struct wire_tree t;
        struct wire_key leaf;

        wire_tree_init(&t, &seed, depth);
        while (wire_tree_next(&t, &leaf) == 0) {
            CHECK(covers_what_is_ahead(&t));
            CHECK(is_zero(&t.node[t.count], sizeof(t.node) - t.count * sizeof(t.node[0])));
            CHECK(depth > 10 || nodes_are_in_place(&t));
        }
    }
}

static void
no_two_leaves_of_2_to_the_16_are_the_same(void)
{
    static uint64_t seen[1 << DEPTH];
    struct wire_tree t;
    struct wire_key leaf;

    wire_tree_init(&t, &seed, DEPTH);
    for (uint32_t n = 0; n < 1u << DEPTH; n++) {
        uint32_t at;
        uint64_t head;

        wire_tree_next(&t, &leaf);
        memcpy(&head, leaf.bytes, sizeof(head));
        for (at = (uint32_t)head % (1u << DEPTH); seen[at] != 0; at = (at + 1) % (1u << DEPTH)) {
            CHECK(seen[at] != head);
        }
        seen[at] = head;
    }
}

static void
the_last_leaves_of_the_full_tree_can_be_reached(void)
{
    struct wire_key a;
    struct wire_key b;

    wire_tree_at(&seed, WIRE_NUMBER_MAX, WIRE_TREE_DEPTH, &a);
    wire_tree_at(&seed, WIRE_NUMBER_MAX - 1, WIRE_TREE_DEPTH, &b);
    CHECK(!wire_key_equal(&a, &b));
}

int
main(void)
{
    CHECK_RUN(every_leaf_to_depth_16_is_that_of_random_access);
    CHECK_RUN(what_is_held_covers_the_leaves_ahead_and_nothing_else);
    CHECK_RUN(no_two_leaves_of_2_to_the_16_are_the_same);
    CHECK_RUN(the_last_leaves_of_the_full_tree_can_be_reached);
    return check_result();
}
