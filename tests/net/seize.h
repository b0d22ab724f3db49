#ifndef TESTS_NET_SEIZE_H
#define TESTS_NET_SEIZE_H
/*
 * seize - tracing a process that runs, with all its threads
 */
#include <stdbool.h>
#include <sys/types.h>

/* -1 for what is no pid above 1. */
pid_t seize_pid_of(const char *text);

/* Each thread stops for waitpid(); later ones are traced by themselves. False when there was none. */
bool seize_all(pid_t pid);

/* True when this is the entry of a system call, or its return. */
bool seize_is_boundary(int status);

/* Lets a thread that has stopped go on to the next boundary, with its signal where there is one. */
void seize_go_on(pid_t tid, int status);

#endif
