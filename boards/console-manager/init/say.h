#ifndef APPLIANCE_SAY_H
#define APPLIANCE_SAY_H
/*
 * say - lines of belfry-init, and of belfry by way of it, on the machine's consoles
 *
 * They go through /dev/kmsg: one record a line, to every console, never cut into by the kernel's own. Of
 * alarms and faults ten each 10 s are said and the rest is counted, since a console line takes its time and
 * the machine waits for it.
 */
#include <stdarg.h>
#include <stddef.h>

/* Begins. Before, and where there is no /dev/kmsg, nothing is said. */
void say_open(void);

/* What somebody should do something about; passes `quiet`. */
void say_alarm(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What somebody at a console would want to know; passes `quiet`. */
void say_news(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What went wrong and is seen to; passes `quiet`, as KERN_ERR. */
void say_fault(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What is well; `quiet` hides it. */
void say_well(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whole lines of another program's standard error as faults; what is not printable becomes '?'. What begins a
 * line is kept for the next call. */
void say_of_others(const char *text, size_t len);

#endif
