/*
 * bench_idle_floor PROCESSES CALLS SECONDS: the least that processes cost which do nothing once a second.
 *
 * Each waits for a timer at the whole second of CLOCK_BOOTTIME, as the agent's do, reads it, and makes CALLS
 * calls of getppid(). Prints what all of them took of a CPU, in microseconds a second, by the kernel's count.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES 64

static long long
spent_ns(void)
{
    char text[128] = "";
    int fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

    if (n <= 0) {
        perror("/proc/self/schedstat");
        exit(2);
    }
    close(fd);
    return strtoll(text, NULL, 10);
}

static int
open_timer(void)
{
    struct timespec now;
    struct itimerspec when = { .it_interval = { .tv_sec = 1 } };
    int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);

    clock_gettime(CLOCK_BOOTTIME, &now);
    when.it_value.tv_sec = now.tv_sec + 1;
    if (fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) != 0) {
        perror("timerfd");
        exit(2);
    }
    return fd;
}

/* The first turn is the start's. */
static long long
rest(int calls, int seconds)
{
    int timer = open_timer();
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = { .events = EPOLLIN };
    uint64_t ticks;
    long long before = 0;

    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) != 0) {
        perror("epoll");
        exit(2);
    }
    for (int turn = 0; turn <= seconds; turn++) {
        if (turn == 1) {
            before = spent_ns();
        }
        if (epoll_wait(epoll, &event, 1, -1) != 1 || read(timer, &ticks, sizeof(ticks)) < 0) {
            exit(2);
        }
        for (int call = 0; call < calls; call++) {
            (void)syscall(SYS_getppid);
        }
    }
    return spent_ns() - before;
}

static int
number(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

int
main(int argc, char **argv)
{
    int processes = argc == 4 ? number(argv[1]) : 0;
    int calls = argc == 4 ? number(argv[2]) : 0;
    int seconds = argc == 4 ? number(argv[3]) : 0;
    long long all = 0;
    int ends[2];

    if (processes < 1 || processes > PROCESSES || calls < 0 || seconds < 1 || pipe(ends) != 0) {
        fprintf(stderr, "usage: bench_idle_floor PROCESSES CALLS SECONDS\n");
        return 2;
    }
    for (int i = 0; i < processes; i++) {
        if (fork() == 0) {
            long long ns = rest(calls, seconds);

            _exit(write(ends[1], &ns, sizeof(ns)) == (ssize_t)sizeof(ns) ? 0 : 2);
        }
    }
    for (int i = 0; i < processes; i++) {
        int status = 0;
        long long ns = 0;

        if (wait(&status) < 0 || status != 0 || read(ends[0], &ns, sizeof(ns)) != (ssize_t)sizeof(ns)) {
            return 2;
        }
        all += ns;
    }
    printf("%.1f\n", (double)all / 1000.0 / seconds);
    return 0;
}
