#ifndef WATCH_SLEEPERS_H
#define WATCH_SLEEPERS_H
/*
 * sleepers - processes that have not run since they were looked at
 *
 * One list for all who look at all processes; main thread only. A process has to run to open a descriptor, to
 * take another name, or to run another program. PID/schedstat says whether its first thread did; one with
 * more threads is never known here, and nobody for longer than eight lists, whatever the kernel says.
 */
#include <stdbool.h>
#include <stdint.h>

enum sleepers_who { SLEEPERS_OWNERS, SLEEPERS_DISGUISE };

/* Before a look at all processes. The list is made anew, unless another one's look has just done so. */
void sleepers_begin(int proc, enum sleepers_who who);

/* True when it was added by the same one, and had not run when the list was made. */
bool sleepers_has(int32_t pid, enum sleepers_who who);

/* It was looked at in this look, and is as it should be. */
void sleepers_add(int32_t pid, enum sleepers_who who);

#endif
