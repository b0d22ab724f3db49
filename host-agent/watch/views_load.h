#ifndef WATCH_VIEWS_LOAD_H
#define WATCH_VIEWS_LOAD_H
/*
 * views_load - so much runs on the machine that those who guard it may come too late
 */
#include "watch/views.h"

#define LOAD_RUNNING 16        /* threads for each processor that run or want to, */
#define LOAD_TASKS_PERCENT 80  /* of the processes that the kernel allows, */
#define LOAD_MEMORY_PERCENT 20 /* of the time in which nobody got on for want of memory: it is told */

/* Reads "0.20 0.18 0.12 3/80 11206\n", the text of /proc/loadavg. */
bool load_average_parse(const char *src, size_t len, uint64_t *running, uint64_t *tasks);

/* Reads the whole percent behind "full avg10=" in the text of /proc/pressure/memory. */
bool load_pressure_parse(const char *src, size_t len, uint64_t *percent);

/* Reads whom the kernel killed for want of memory, and who waited for some, of the text of /proc/vmstat. */
bool load_vmstat_parse(const char *src, size_t len, uint64_t *kills, uint64_t *stalls);

extern const struct view_ops views_load_ops;

#endif
