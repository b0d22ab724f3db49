#ifndef BELFRY_KEEPER_SWEEP_H
#define BELFRY_KEEPER_SWEEP_H
/*
 * sweep - one look at STATE/lines: what is not kept any more is dropped, what is not compressed is
 *
 * Only rotated parts are touched: nobody writes to them. In this order: what was left half done; parts beyond
 * a line's bounds; the oldest parts of all, while less than the floor is free; compression.
 */
#include "belfry/keeper/link.h"
#include "belfry/transcript/part.h"

struct sweep {
    int dir;
    uint64_t floor; /* bytes of the file system that stay free; 0 for no floor */
    const struct keeper_line *line;
    unsigned lines;         /* by name */
    bool (*stop)(void *to); /* asked between parts */
    void *to;
};

struct sweep_result {
    unsigned dropped;
    unsigned packed;
    unsigned failed; /* could not be compressed: tried again by the next sweep */
};

/* `now_s` is UTC. 0 or -errno: the directory cannot be read. */
int sweep_run(const struct sweep *s, int64_t now_s, struct sweep_result *out);

/* True when less than the floor is free. */
bool sweep_is_due(const struct sweep *s);

#endif
