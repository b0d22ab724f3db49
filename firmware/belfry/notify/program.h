#ifndef BELFRY_NOTIFY_PROGRAM_H
#define BELFRY_NOTIFY_PROGRAM_H
/*
 * program - runs other people's programs, without a shell. For kinds that do (`runs_programs`).
 */
#include <signal.h>
#include <sys/types.h>

/* Once: a descriptor that can be read when a program has ended. Or -errno. */
int program_watch(void);

/*
 * Starts `argv[0]` with that environment and nothing else of ours, in a process group of its own. Its
 * standard input is `in`
 * (-1: nothing), its output goes to standard error. The process, or -errno.
 */
pid_t program_start(char *const argv[], char *const envp[], int in);

/* The next that has ended, and its status as waitpid(2) has it; 0 for none. */
pid_t program_ended(int watch, int *status);

/* It and all that it started. */
void program_kill(pid_t pid);

#endif
