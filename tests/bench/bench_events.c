/*
 * bench_events [ROUNDS]: from a file's close() in another process to the finding, through the whole file
 * detector. Two parts: until the kernel lets the detector go on, which is the machine's, and what the
 * detector does then, which is ours. Each deed is the only one under way.
 */
#include "unit/fs/ground.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 100000
#define SIZE 4096
#define GOAL_MEDIAN_US 60.0
#define GOAL_P99_US 500.0

struct shared {
    volatile double closed_us;
    volatile int round;
};

static double took[3][ROUNDS_MAX]; /* woken, looked, in all */
static double told_us;
static bool swept;

static double
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
report(void *to, const struct finding *f)
{
    (void)to;
    swept = swept || f->op == FINDING_PASS_END;
    if (strncmp(f->text, "path=", 5) == 0) {
        told_us = now_us();
    }
}

static void
write_once(struct shared *shared, int round)
{
    static char text[SIZE];

    usleep(300);
    memset(text, 'a' + round % 26, sizeof(text));
    int fd = open(ground_path("file"), O_WRONLY);

    if (pwrite(fd, text, sizeof(text), 0) != sizeof(text)) {
        _exit(1);
    }
    shared->closed_us = now_us();
    close(fd);
}

/* By one process, or by a `fresh` one each, of which nothing was looked up before. */
static void
write_in_turn(struct shared *shared, int rounds, bool fresh)
{
    for (int i = 0; i < rounds; i++) {
        while (shared->round < i) {
            usleep(50);
        }
        pid_t pid = fresh ? fork() : 0;
        if (pid == 0) {
            write_once(shared, i);
        }
        if (fresh && pid == 0) {
            usleep(2000);
            _exit(0);
        }
        if (fresh) {
            waitpid(pid, NULL, 0);
        }
    }
    _exit(0);
}

static bool
turn(double *woken_us)
{
    struct pollfd fds[DETECTOR_FDS];
    int64_t now_ms = (int64_t)(now_us() / 1e3);
    int64_t due_ms = detector_files_ops.work(now_ms);
    int n = detector_files_ops.fds(fds, DETECTOR_FDS);
    int ready = poll(fds, (nfds_t)n, due_ms <= now_ms ? 0 : 200);

    *woken_us = now_us();
    if (ready > 0) {
        detector_files_ops.ready(fds, n);
    }
    return ready > 0;
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
show(const char *name, double *values, int count, bool judged)
{
    qsort(values, (size_t)count, sizeof(*values), by_value);
    double median = values[count / 2], p99 = values[count * 99 / 100];

    printf("%s, median\t%.1f us\t\t\t\t%s\t%s\n", name, median, judged ? "<= 60 us" : "",
            !judged                    ? ""
            : median <= GOAL_MEDIAN_US ? "met"
                                       : "short");
    printf("%s, p99\t%.1f us\t\t\t\t%s\t%s\n", name, p99, judged ? "<= 500 us" : "",
            !judged              ? ""
            : p99 <= GOAL_P99_US ? "met"
                                 : "short");
    printf("%s, least\t%.1f us\t\t\t\t\t\n", name, values[0]);
}

static int
measure(struct shared *shared, int rounds)
{
    double woken_us;
    int count = 0;

    while (count < rounds) {
        told_us = 0;
        shared->round = count;
        for (double end = now_us() + 2e6; told_us < shared->closed_us || told_us == 0;) {
            if (now_us() > end) {
                return count;
            }
            turn(&woken_us);
        }
        took[0][count] = woken_us - shared->closed_us;
        took[1][count] = told_us - woken_us;
        took[2][count] = told_us - shared->closed_us;
        count++;
    }
    return count;
}

/* True when all was told. */
static bool
part(const char *name, struct shared *shared, int rounds, bool fresh)
{
    char title[64];

    shared->round = -1;
    shared->closed_us = 0;
    pid_t pid = fork();
    if (pid == 0) {
        write_in_turn(shared, rounds, fresh);
    }
    int count = measure(shared, rounds);
    waitpid(pid, NULL, 0);
    for (int i = 0; i < 3 && count == rounds; i++) {
        static const char *const parts[] = { "woken", "looked", "deed to finding" };

        snprintf(title, sizeof(title), "%s, %s", parts[i], name);
        show(title, took[i], count, i == 2);
    }
    return count == rounds;
}

int
main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 2000;
    double woken_us;
    struct shared *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (rounds < 1 || rounds > ROUNDS_MAX || shared == MAP_FAILED) {
        return 2;
    }
    ground_open();
    ground_write("file", "abc");
    ground.env.report = report;
    if (!ground_baseline() || detector_files_ops.open(&ground.env) < 0) {
        return 1;
    }
    while (!swept) {
        turn(&woken_us);
    }
    bool told = part("one doer", shared, rounds, false) && part("a doer each", shared, rounds, true);
    ground_close();
    return told ? 0 : 1;
}
