#ifndef BELFRY_KEEPER_START_H
#define BELFRY_KEEPER_START_H
/*
 * start - belfry's hold of its keeper: the process that compresses and drops rotated parts of transcripts
 *
 * One a belfry, main loop only. It knows nothing of its own: one that died is started again, after 1 s and
 * then twice as long each time, a minute at most.
 */
#include "belfry/beside.h"
#include "belfry/keeper/link.h"

#include <stdbool.h>

struct keeper {
    struct beside process;
    int64_t start_ms; /* when to start it again */
    int64_t begun_ms;
    int64_t wait_ms;
};

/* `dir` is STATE/lines. A keeper that runs on other terms is replaced; its end is not waited for. 0 or
 * -errno; then keeper_look() tries again. */
int keeper_start(struct keeper *k, const struct conf *conf, int dir, uint64_t floor, int64_t now_ms);

/* There is a new part. */
void keeper_wake(const struct keeper *k);

/* Once a second: starts it again when it has ended. */
void keeper_look(struct keeper *k, const struct conf *conf, int dir, uint64_t floor, int64_t now_ms);

void keeper_stop(struct keeper *k);

#endif
