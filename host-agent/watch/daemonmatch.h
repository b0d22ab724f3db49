#ifndef WATCH_DAEMONMATCH_H
#define WATCH_DAEMONMATCH_H
/*
 * daemonmatch - the parts of what makes a process a daemon's: its unit, its arguments, its pid file
 *
 * All of it is text from outside: whoever may start a process chose its arguments, and whoever may write the
 * pid file its content.
 */
#include "conf/conf.h"
#include "watch/procfs.h"

/*
 * In the text of PID/cgroup: does the process belong to this unit of the service manager? Only slices may lie
 * above it, as users may make groups of any name below their own units.
 */
bool daemonmatch_unit(const char *src, size_t len, const char *unit);

/* In the text of PID/cmdline: are these words, one after the other, among the arguments behind the first? */
bool daemonmatch_args(const char *src, size_t len, const char *args);

/* The text of a pid file: a number above 0 and blanks. 0 when it is none. */
int32_t daemonmatch_pid(const char *src, size_t len);

/* Reads a daemon's pid file again if it is another one than at the last call for this place. */
void daemonmatch_pidfile(unsigned place, const char *path);

/* The pid file of this place is there and could not be read: which process it names is not known. */
bool daemonmatch_unread(unsigned place);

/*
 * Does the pid file of this place, as it was read last, name this process? When nothing else says which
 * process it must be (`alone`), it must have begun before the file was written: a pid can be used again.
 */
bool daemonmatch_named(unsigned place, int32_t pid, uint64_t start, bool alone);

#endif
