#ifndef WATCH_VIEWS_PIDS_H
#define WATCH_VIEWS_PIDS_H
/*
 * views_pids - processes that the kernel knows by their number, and that the list of /proc does not show
 */
#include "watch/views.h"

extern const struct view_ops views_pids_ops;

/* The kernel counts more threads than the list accounts for: sweep soon, and not a little at a time; of `all`
 * numbers that there can be where a sweep did not find them. */
void views_pids_hurry(struct views *v, bool all);

#endif
