#ifndef TESTS_UNIT_VIEWS_APART_H
#define TESTS_UNIT_VIEWS_APART_H
/*
 * apart - runs a test in namespaces of its own, so that nothing of it is seen outside
 */
#include "support/check.h"
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

/* False when that is not allowed here. Its failed checks count. */
static inline bool
apart(int flags, void (*body)(void))
{
    int status = -1;
    pid_t outer = fork();

    if (outer == 0) {
        if (unshare(flags) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
            _exit(CHECK_SKIPPED);
        }
        pid_t inner = fork();

        if (inner == 0) {
            check_failures = 0;
            body();
            fflush(stdout);
            _exit(check_failures > 0);
        }
        waitpid(inner, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    waitpid(outer, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_SKIPPED) {
        return false;
    }
    CHECK_INT(status, 0);
    return true;
}

static inline void
put_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

#endif
