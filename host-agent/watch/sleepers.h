#ifndef WATCH_SLEEPERS_H
#define WATCH_SLEEPERS_H
/*
 * sleepers - processes that have not run since they were looked at
 *
 * One table for all who look at many processes; main thread only. A process has to run to open a descriptor,
 * to take another name, or to run another program: the CPU time of all its threads says whether it did. What
 * is not in the table, as there are more processes than places, has to be looked at; so is each one at the
 * eighth time, whatever the kernel says.
 */
#include <stdbool.h>
#include <stdint.h>

enum sleepers_who { SLEEPERS_OWNERS, SLEEPERS_HOLDERS, SLEEPERS_DISGUISE, SLEEPERS_WHO };

/* Before a look at a process: true when the same one added it behind an earlier look, and it did not run
 * since. */
bool sleepers_has(int32_t pid, enum sleepers_who who);

/* Behind the look at the process that was asked about last: it is as it should be. Any other pid is left out.
 */
void sleepers_add(int32_t pid, enum sleepers_who who);

/* The same without counting it as a time that it was passed over. */
bool sleepers_slept(int32_t pid, enum sleepers_who who);

/* The CPU time of all threads of a process in nanoseconds, without a file of /proc; 0: not known. */
int64_t sleepers_ran(int32_t pid);

#endif
