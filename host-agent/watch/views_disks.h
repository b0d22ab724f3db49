#ifndef WATCH_VIEWS_DISKS_H
#define WATCH_VIEWS_DISKS_H
/*
 * views_disks - the file systems of what is watched and of the agent's state: how full they are
 */
#include "watch/views.h"

#define DISKS_PERCENT 95 /* from here on it is told, */
#define DISKS_OVER 93    /* and below this it is over */

/*
 * Percent that are used, rounded up: of what others than root may have. 100 when nothing is left; 0 of
 * nothing.
 */
unsigned disks_percent(uint64_t total, uint64_t unused, uint64_t available);

extern const struct view_ops views_disks_ops;

#endif
