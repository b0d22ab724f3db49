/*
 * belfry-port with devices that hang: the linker leads these calls here. One that is about the
 * pseudo-terminal N waits as long as there is a file open-N, set-N or close-N in the folder that the test
 * made.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_tcsetattr(int fd, int when, const struct termios *t);
int __wrap_tcsetattr(int fd, int when, const struct termios *t);
int __real_close(int fd);
int __wrap_close(int fd);

static void
hang(const char *what, const struct stat *st)
{
    char path[64];

    if (!S_ISCHR(st->st_mode) || major(st->st_rdev) < 136 || major(st->st_rdev) > 143) {
        return;
    }
    (void)snprintf(
            path, sizeof path, "/tmp/belfry-ports-%ld/%s-%u", (long)getppid(), what, minor(st->st_rdev));
    while (access(path, F_OK) == 0) {
        (void)poll(NULL, 0, 5);
    }
}

int
__wrap_open(const char *path, int flags, ...)
{
    struct stat st;
    va_list more;
    int mode;

    va_start(more, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(more, int) : 0;
    va_end(more);
    if (stat(path, &st) == 0) {
        hang("open", &st);
    }
    return __real_open(path, flags, mode);
}

int
__wrap_tcsetattr(int fd, int when, const struct termios *t)
{
    struct stat st;

    if (fstat(fd, &st) == 0) {
        hang("set", &st);
    }
    return __real_tcsetattr(fd, when, t);
}

int
__wrap_close(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0) {
        hang("close", &st);
    }
    return __real_close(fd);
}
