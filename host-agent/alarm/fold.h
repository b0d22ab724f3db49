#ifndef ALARM_FOLD_H
#define ALARM_FOLD_H
/*
 * fold - the few directories that many paths are under
 *
 * A pure function of the paths. Directories that are close to each other are put together, the deepest common
 * parents first, until there are no more groups than wanted.
 */
#include <stdint.h>

struct fold_item {
    const char *path; /* escaped, maybe shortened in the middle */
    uint16_t len;
    uint16_t dir_len; /* set by fold_groups(): the directory, without the slash behind it; 0 for "/" */
};

struct fold_group {
    uint16_t first; /* in the order */
    uint16_t count;
    uint16_t dir_len; /* of the first item's path: what all of them are under */
};

/*
 * Writes the items' order, in which a group's stand together, and at most `room` groups (room > 0). `order`
 * and `out` have room for as many as there are items. Returns how many groups there are.
 */
unsigned fold_groups(
        struct fold_item *item, unsigned count, unsigned room, uint16_t *order, struct fold_group *out);

#endif
