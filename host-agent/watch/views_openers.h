#ifndef WATCH_VIEWS_OPENERS_H
#define WATCH_VIEWS_OPENERS_H
/*
 * views_openers - processes that hold a device of one of our channels open
 *
 * By the number of the device that the wire has open, so that another node or another name of it is no way
 * round. inotify tells of each opening of the node that the wire opened; behind it come looks at the
 * descriptors of all processes, most of them only at those that have more or less of them than before.
 */
#include "watch/views.h"

extern const struct view_ops views_openers_ops;

/* The wire of this channel has opened the device, by device_of(); 0: it has none open. */
void views_openers_device(struct views *v, unsigned channel, uint64_t device);

#endif
