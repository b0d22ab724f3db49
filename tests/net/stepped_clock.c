/*
 * stepped_clock - UTC as somebody else set it, for one program: LD_PRELOAD=libstepped_clock.so
 * STEPPED_CLOCK=FILE
 *
 * FILE holds a number of seconds in text, looked at each time. The machine's own clock cannot be set for a
 * test, and a time namespace has none of its own. Only programs that are linked dynamically see it, and no
 * timer does.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long
step(void)
{
    char text[24] = "";
    const char *path = getenv("STEPPED_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

    if (fd >= 0) {
        close(fd);
    }
    return len > 0 ? strtol(text, NULL, 10) : 0;
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
    int r = (int)syscall(SYS_clock_gettime, clock, t);

    if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        t->tv_sec += step();
    }
    return r;
}

time_t
time(time_t *out)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    if (out != NULL) {
        *out = t.tv_sec;
    }
    return t.tv_sec;
}
