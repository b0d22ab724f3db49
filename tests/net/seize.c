#include "seize.h"
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

pid_t
seize_pid_of(const char *text)
{
    char *end;
    long pid = strtol(text, &end, 10);

    return *end == '\0' && pid > 1 && pid <= INT32_MAX ? (pid_t)pid : -1;
}

bool
seize_all(pid_t pid)
{
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE;
    char path[64];
    bool any = false;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    for (struct dirent *e; tasks != NULL && (e = readdir(tasks)) != NULL;) {
        pid_t tid = seize_pid_of(e->d_name);

        if (tid > 1 && ptrace(PTRACE_SEIZE, tid, NULL, options) == 0) {
            any = ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 || any;
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return any;
}

bool
seize_is_boundary(int status)
{
    return WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80);
}

void
seize_go_on(pid_t tid, int status)
{
    bool of_the_process = status >> 16 == 0 && !seize_is_boundary(status);

    (void)ptrace(PTRACE_SYSCALL, tid, NULL, of_the_process ? (long)WSTOPSIG(status) : 0L);
}
