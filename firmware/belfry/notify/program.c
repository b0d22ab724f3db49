#include "belfry/notify/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

int
program_watch(void)
{
    sigset_t set;
    int fd;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &set, NULL);
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

static int
describe(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, int in)
{
    sigset_t all;
    sigset_t none;
    int r;

    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    r = in >= 0 ? posix_spawn_file_actions_adddup2(files, in, STDIN_FILENO)
                : posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (r == 0) {
        /* Standard output carries events: what a program prints goes with the errors. */
        r = posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO);
    }
    if (r == 0) {
        r = posix_spawnattr_setflags(
                attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    }
    (void)posix_spawnattr_setsigdefault(attr, &all);
    (void)posix_spawnattr_setsigmask(attr, &none);
    return r;
}

pid_t
program_start(char *const argv[], char *const envp[], int in)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    pid_t pid = -1;
    int r;

    if (posix_spawn_file_actions_init(&files) != 0) {
        return -ENOMEM;
    }
    if (posix_spawnattr_init(&attr) != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return -ENOMEM;
    }
    r = describe(&files, &attr, in);
    if (r == 0) {
        r = posix_spawn(&pid, argv[0], &files, &attr, argv, envp);
    }
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&files);
    return r == 0 ? pid : -r;
}

pid_t
program_ended(int watch, int *status)
{
    struct signalfd_siginfo info;
    pid_t pid;

    while (read(watch, &info, sizeof info) > 0) {
    }
    pid = waitpid(-1, status, WNOHANG);
    return pid > 0 ? pid : 0;
}

void
program_kill(pid_t pid)
{
    if (pid > 1) {
        (void)kill(-pid, SIGKILL);
        (void)kill(pid, SIGKILL); /* the group may not be made yet */
    }
}
