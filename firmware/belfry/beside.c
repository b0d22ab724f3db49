#include "belfry/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "belfry/out.h"

#define PATH_ROOM 1024
#define LEAVE_MS 20

/* 0, or -errno when this program has no path that can be told. */
static int
program_path(char *out, size_t size, const char *program)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    size_t len = strlen(program);
    char *slash;

    if (n < 0) {
        return -errno;
    }
    out[n] = '\0';
    slash = strrchr(out, '/');
    if (slash == NULL || (size_t)(slash + 1 - out) + len + 1 > size) {
        return -ENAMETOOLONG;
    }
    memcpy(slash + 1, program, len + 1);
    return 0;
}

_Noreturn static void
become(const char *path, int fd, char *const argv[], bool told)
{
    static char *const nothing[] = { NULL };
    sigset_t none;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (fd == BESIDE_FD) {
        (void)fcntl(fd, F_SETFD, 0);
    } else {
        (void)dup2(fd, BESIDE_FD);
    }
    (void)close_range(BESIDE_FD + 1, ~0U, 0);
    (void)execve(path, argv, nothing);
    if (!told) {
        out_warn("%s, which belongs beside this program, cannot be run: %s", argv[0], strerror(errno));
    }
    _exit(127);
}

int
beside_start(struct beside *b, const char *program, char *const argv[], int type)
{
    static char path[PATH_ROOM];
    int pair[2];
    int error = program_path(path, sizeof path, program);
    bool told = b->absent;

    b->fd = -1;
    b->pid = -1;
    if (error != 0) {
        return error;
    }
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return -errno;
    }
    b->absent = faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0;
    b->pid = fork();
    if (b->pid == 0) {
        become(path, pair[1], argv, told && b->absent);
    }
    error = b->pid < 0 ? -errno : 0;
    (void)close(pair[1]);
    if (error != 0) {
        (void)close(pair[0]);
        return error;
    }
    b->fd = pair[0];
    return 0;
}

static pid_t leaving[BESIDE_LEAVING]; /* killed, and not gone yet; 0 for none */

static bool
has_left(pid_t pid)
{
    return waitpid(pid, NULL, WNOHANG) != 0;
}

void
beside_reap(void)
{
    for (unsigned i = 0; i < BESIDE_LEAVING; i++) {
        if (leaving[i] > 1 && has_left(leaving[i])) {
            leaving[i] = 0;
        }
    }
}

/* Lines are not read while we wait, and what a slow disk or a device holds in the kernel cannot be killed: it
 * is left behind. */
static void
let_go(pid_t pid)
{
    bool left;

    (void)kill(pid, SIGKILL);
    left = has_left(pid);
    for (int waited = 0; !left && waited < LEAVE_MS; waited++) {
        (void)poll(NULL, 0, 1);
        left = has_left(pid);
    }
    for (unsigned i = 0; !left && i < BESIDE_LEAVING; i++) {
        if (leaving[i] <= 1) {
            leaving[i] = pid;
            left = true;
        }
    }
}

void
beside_stop(struct beside *b)
{
    if (b->fd >= 0) {
        (void)close(b->fd);
        b->fd = -1;
    }
    if (b->pid > 1) {
        let_go(b->pid);
        b->pid = -1;
    }
}
