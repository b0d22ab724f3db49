/*
 * stepper PID N [PID...]: lets a process (all its threads) go on to the Nth boundary of a system call from
 * now, entry and return each being one, and kills it there; the others are killed with it. Prints which
 * boundary it was. "ended" when the process ended before; "quiet" when it made no call for QUIET_S seconds.
 */
#include "seize.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUIET_S 20

static volatile sig_atomic_t quiet;

static void
on_alarm(int sig)
{
    (void)sig;
    quiet = 1;
}

static void
tell(pid_t tid, unsigned long boundary)
{
    struct __ptrace_syscall_info info;

    memset(&info, 0, sizeof(info));
    (void)ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info);
    bool entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;
    printf("killed at %lu %s %lld\n", boundary, entry ? "entry" : "return",
            entry ? (long long)info.entry.nr : (long long)info.exit.rval);
}

static int
step(pid_t pid, unsigned long wanted, pid_t *const others, unsigned count)
{
    unsigned long seen = 0;
    int status;

    for (;;) {
        pid_t tid = waitpid(-1, &status, __WALL);

        if (tid < 0 && errno == EINTR && !quiet) {
            continue;
        }
        if (tid < 0) {
            puts(quiet ? "quiet" : "ended");
            return quiet ? 3 : 2;
        }
        if (!WIFSTOPPED(status)) {
            continue;
        }
        alarm(QUIET_S);
        if (seize_is_boundary(status) && ++seen == wanted) {
            for (unsigned i = 0; i < count; i++) {
                kill(others[i], SIGKILL);
            }
            tell(tid, seen);
            kill(pid, SIGKILL);
            return 0;
        }
        seize_go_on(tid, status);
    }
}

int
main(int argc, char **argv)
{
    static pid_t others[64];
    unsigned count = 0;
    pid_t pid = argc > 2 ? seize_pid_of(argv[1]) : -1;
    unsigned long wanted = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    struct sigaction action = { .sa_handler = on_alarm };

    for (int i = 3; i < argc && count < 64; i++) {
        others[count] = seize_pid_of(argv[i]);
        count += others[count] > 1;
    }
    if (pid < 0 || wanted == 0) {
        fprintf(stderr, "usage: stepper PID N [PID...]\n");
        return 64;
    }
    sigaction(SIGALRM, &action, NULL);
    if (!seize_all(pid)) {
        fprintf(stderr, "stepper: %d: %s\n", (int)pid, strerror(errno));
        return 1;
    }
    alarm(QUIET_S);
    return step(pid, wanted, others, count);
}
