#ifndef WATCH_VIEWS_PROCMOUNTS_H
#define WATCH_VIEWS_PROCMOUNTS_H
/*
 * views_procmounts - what is mounted over a process's folder in /proc, so that it shows something else
 */
#include "watch/views.h"

/* "/proc/812" or below it. */
bool procmounts_covers(const char *point);

extern const struct view_ops views_procmounts_ops;

#endif
