#include "logger/latch.h"

/* clang-format off */
static const enum latch table[LATCH_STATES][LATCH_EVENTS] = {
    /*                 RAISE          END           ACKNOWLEDGE */
    [LATCH_CLEAR]  = { LATCH_RAISED,  LATCH_CLEAR,  LATCH_CLEAR },
    [LATCH_RAISED] = { LATCH_RAISED,  LATCH_GONE,   LATCH_SEEN },
    [LATCH_SEEN]   = { LATCH_RAISED,  LATCH_CLEAR,  LATCH_SEEN },
    [LATCH_GONE]   = { LATCH_RAISED,  LATCH_GONE,   LATCH_CLEAR },
};
/* clang-format on */

enum latch
latch_next(enum latch state, enum latch_event event)
{
    return table[state][event];
}

bool
latch_calls(enum latch state)
{
    return state == LATCH_RAISED || state == LATCH_GONE;
}
