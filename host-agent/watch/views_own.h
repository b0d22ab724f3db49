#ifndef WATCH_VIEWS_OWN_H
#define WATCH_VIEWS_OWN_H
/*
 * views_own - the agent's own processes: traced, stopped, or with limits that somebody else set
 *
 * Two processes run it, each of which looks at all: who holds one of them is told by the other. Both hear
 * the proc connector, which tells of each tracer, and look seldom then; where it is not heard, at each look.
 */
#include "watch/views.h"

/* What PID/status says of a thread. */
struct own_status {
    bool stopped;
    uint32_t tracer; /* who traces it; 0 for nobody */
};

/* Reads the text of PID/status. False when it is none. */
bool own_status_parse(const char *src, size_t len, struct own_status *out);

extern const struct view_ops views_own_ops;

#endif
