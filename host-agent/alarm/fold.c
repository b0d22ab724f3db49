#include "alarm/fold.h"
#include "alarm/order.h"
#include <string.h>

/* The directory of a path, as far as it is known: what was left out of a long path may hold slashes. */
static uint16_t
dir_len(const char *path, uint16_t len)
{
    uint16_t dir = 0;

    for (uint16_t i = 0; i < len; i++) {
        if (path[i] == '%' && i + 1 < len && path[i + 1] == '+') {
            break;
        }
        if (path[i] == '/') {
            dir = i;
        }
    }
    return dir;
}

/* '/' below all others, so that a directory comes right before what is in it. */
static int
rank(const char *path, uint16_t len, uint16_t at)
{
    if (at >= len) {
        return -1;
    }
    return path[at] == '/' ? 0 : (unsigned char)path[at] + 1;
}

static bool
comes_before(const void *items, uint16_t a_index, uint16_t b_index)
{
    const struct fold_item *a = (const struct fold_item *)items + a_index;
    const struct fold_item *b = (const struct fold_item *)items + b_index;
    uint16_t i = 0;

    while (i < a->dir_len && i < b->dir_len && a->path[i] == b->path[i]) {
        i++;
    }
    int a_rank = rank(a->path, a->dir_len, i);
    int b_rank = rank(b->path, b->dir_len, i);
    return a_rank != b_rank ? a_rank < b_rank : a_index < b_index;
}

/* Length of the deepest directory that both are under, or are. */
static uint16_t
common(const char *a, uint16_t a_len, const char *b, uint16_t b_len)
{
    uint16_t last = 0;
    uint16_t i = 0;

    for (; i < a_len && i < b_len && a[i] == b[i]; i++) {
        last = a[i] == '/' ? i : last;
    }
    bool a_ends = i == a_len || a[i] == '/';
    bool b_ends = i == b_len || b[i] == '/';
    return a_ends && b_ends ? i : last;
}

static unsigned
depth(const char *path, uint16_t len)
{
    unsigned slashes = 0;

    for (uint16_t i = 0; i < len; i++) {
        slashes += path[i] == '/' ? 1 : 0;
    }
    return slashes;
}

/* Puts neighbours together that share a directory at least this deep. Returns how many groups are left. */
static unsigned
merge_at(const struct fold_item *item, const uint16_t *order, struct fold_group *group, unsigned count,
        unsigned room, unsigned deep)
{
    unsigned kept = 0;

    for (unsigned i = 1, left = count; i < count; i++) {
        const char *path = item[order[group[kept].first]].path;
        uint16_t shared =
                common(path, group[kept].dir_len, item[order[group[i].first]].path, group[i].dir_len);

        if (left > room && depth(path, shared) >= deep) {
            group[kept].dir_len = shared;
            group[kept].count = (uint16_t)(group[kept].count + group[i].count);
            left--;
        } else {
            group[++kept] = group[i];
        }
    }
    return kept + 1;
}

static unsigned
one_a_directory(const struct fold_item *item, const uint16_t *order, unsigned count, struct fold_group *out)
{
    unsigned groups = 0;

    for (unsigned i = 0; i < count; i++) {
        struct fold_group *last = groups > 0 ? &out[groups - 1] : NULL;
        const struct fold_item *it = &item[order[i]];

        if (last != NULL && last->dir_len == it->dir_len &&
                memcmp(item[order[last->first]].path, it->path, it->dir_len) == 0) {
            last->count++;
        } else {
            out[groups++] = (struct fold_group){ .first = (uint16_t)i, .count = 1, .dir_len = it->dir_len };
        }
    }
    return groups;
}

unsigned
fold_groups(struct fold_item *item, unsigned count, unsigned room, uint16_t *order, struct fold_group *out)
{
    unsigned deepest = 0;

    for (unsigned i = 0; i < count; i++) {
        item[i].dir_len = dir_len(item[i].path, item[i].len);
        order[i] = (uint16_t)i;
        unsigned deep = depth(item[i].path, item[i].dir_len);
        deepest = deep > deepest ? deep : deepest;
    }
    order_sort(order, count, comes_before, item);
    unsigned groups = one_a_directory(item, order, count, out);
    for (unsigned deep = deepest + 1; deep > 0 && groups > room; deep--) {
        groups = merge_at(item, order, out, groups, room, deep - 1);
    }
    return groups;
}
