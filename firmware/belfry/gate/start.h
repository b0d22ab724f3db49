#ifndef BELFRY_GATE_START_H
#define BELFRY_GATE_START_H
/*
 * start - belfry's hold of its gate: the process and the link to it
 */
#include "belfry/beside.h"
#include "belfry/conf.h"

/* Runs belfry-gate from the directory of this program. 0 or -errno; that it cannot be run shows as its end.
 */
int gate_process_start(struct beside *p, const struct conf *conf);

/* Waits for it to end, `patience_ms` at most; then it is killed. */
void gate_process_stop(struct beside *p, int patience_ms);

#endif
