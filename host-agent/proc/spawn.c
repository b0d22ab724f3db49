#include "proc/spawn.h"
#include "conf/name.h"
#include "proc/role.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_FD_FREE 16

static int
move_away(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD_FREE);

    if (moved < 0) {
        _exit(SPAWN_FAILED);
    }
    return moved;
}

/* Puts the descriptors where a role expects them. */
static void
place(const int fds[SPAWN_FDS])
{
    int moved[SPAWN_FDS];

    for (int i = 0; i < SPAWN_FDS; i++) {
        moved[i] = fds[i] < 0 ? -1 : move_away(fds[i]);
    }
    for (int i = 0; i < SPAWN_FDS; i++) {
        if (moved[i] >= 0) {
            dup2(moved[i], ROLE_FD_CONTROL + i);
        } else {
            close(ROLE_FD_CONTROL + i);
        }
    }
}

/* In the child. */
static void
become(const struct spawn_order *order)
{
    char index[4];
    char id[12];
    char role[16];
    char name[16];
    char option[8];
    char *argv[] = { name, option, role, index, id, NULL };
    char *envp[] = { NULL };
    sigset_t none;
    int program = move_away(order->program);

    if (name_disguised()) {
        snprintf(name, sizeof(name), "%s", name_program());
        snprintf(option, sizeof(option), "%s", ROLE_OPTION_DISGUISED);
        snprintf(role, sizeof(role), "%u", (unsigned)order->role);
    } else {
        snprintf(name, sizeof(name), "%s", order->name);
        snprintf(option, sizeof(option), "%s", ROLE_OPTION);
        snprintf(role, sizeof(role), "%s", role_name(order->role));
    }
    snprintf(index, sizeof(index), "%u", order->index);
    snprintf(id, sizeof(id), "%u", order->id);
    place(order->fds);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Who stops a service tells all its processes. The warden ends them, in order. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, 0);
    syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
    _exit(errno == ENOENT ? SPAWN_NOT_FOUND : SPAWN_FAILED);
}

pid_t
spawn_role(const struct spawn_order *order)
{
    pid_t pid = fork();

    if (pid == 0) {
        become(order);
    }
    return pid < 0 ? -errno : pid;
}
