#ifndef LOGGER_LATCH_H
#define LOGGER_LATCH_H
/*
 * latch - a condition that a person has to acknowledge (the sequence of ISA-18.1, "ringback")
 *
 * One a condition: alarm, silence, reserve full, fault.
 */
#include <stdbool.h>

enum latch {
    LATCH_CLEAR,
    LATCH_RAISED, /* it is so, and nobody has acknowledged */
    LATCH_SEEN,   /* it is so, acknowledged */
    LATCH_GONE,   /* it was so, and nobody has acknowledged */
    LATCH_STATES
};

enum latch_event {
    LATCH_RAISE, /* it is so, or is so once more */
    LATCH_END,
    LATCH_ACKNOWLEDGE,
    LATCH_EVENTS
};

enum latch latch_next(enum latch state, enum latch_event event);

/* True while somebody still has to come. */
bool latch_calls(enum latch state);

#endif
