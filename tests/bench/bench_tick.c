/*
 * bench_tick: what a second of guarding costs when nothing happens. The detectors of procscan and netwatch in
 * this process, with TOCSIN_BENCH_LISTENERS (20) TCP listeners and TOCSIN_BENCH_DAEMONS (10) daemons of one
 * process each. CPU time of a tick: the median, and the mean with the looks at everything that come once a
 * minute. Prints a line a figure, tab-separated: name, ours, reference's name, reference, ratio, goal,
 * met|short.
 */
#include "watch/detector.h"
#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICKS 600
#define SETTLE 20
#define GOAL_US 150.0

static const struct detector_ops *const all[] = { &detector_ports_ops, &detector_daemons_ops,
    &detector_processes_ops, &detector_mounts_ops, &detector_clock_ops, &detector_routes_ops,
    &detector_system_ops };

#define ALL (sizeof(all) / sizeof(all[0]))

static struct conf conf;
static double cost_us[ALL + 1][TICKS]; /* the last: all together */
static pid_t daemons[CONF_DAEMONS];
static unsigned daemon_count;
static char dir[] = "/tmp/tocsin-bench-XXXXXX";

static void
ignore(void *to, const struct finding *f)
{
    (void)to;
    (void)f;
}

static void
alive(void *to)
{
    (void)to;
}

static double
now_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static unsigned
setting(const char *name, unsigned otherwise, unsigned max)
{
    const char *text = getenv(name);
    unsigned n = text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;

    return n < max ? n : max;
}

static bool
listen_on(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1) != 0) {
            return false;
        }
    }
    snprintf(conf.port[0].process[0], CONF_PATH, "bench_tick");
    conf.port[0].processes = 1;
    conf.ports = 1;
    return true;
}

static bool
run_daemon(unsigned i)
{
    char command[256];
    char seconds[] = "1000";

    snprintf(conf.daemon[i].exe, CONF_PATH, "%s/d%u", dir, i);
    snprintf(command, sizeof(command), "cp /bin/sleep %s", conf.daemon[i].exe);
    if (system(command) != 0) {
        return false;
    }
    conf.daemons++;
    daemons[i] = fork();
    if (daemons[i] == 0) {
        char *argv[] = { conf.daemon[i].exe, seconds, NULL };

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execv(argv[0], argv);
        _exit(1);
    }
    daemon_count++;
    return daemons[i] > 1;
}

static void
end_daemons(void)
{
    char command[64];

    for (unsigned i = 0; i < daemon_count; i++) {
        if (daemons[i] > 1) {
            kill(daemons[i], SIGKILL);
            waitpid(daemons[i], NULL, 0);
        }
    }
    snprintf(command, sizeof(command), "rm -r %s", dir);
    (void)!system(command);
}

/* One second later each time, as far as the detectors know. */
static void
tick(int64_t now_ms, double out_us[ALL])
{
    static int64_t due_ms[ALL];

    for (size_t i = 0; i < ALL; i++) {
        struct pollfd fds[DETECTOR_FDS];
        double from_us = now_us(CLOCK_PROCESS_CPUTIME_ID);
        int n = all[i]->fds(fds, DETECTOR_FDS);

        if (poll(fds, (nfds_t)n, 0) > 0) {
            all[i]->ready(fds, n);
        }
        for (unsigned again = 0; due_ms[i] <= now_ms && again < 50; again++) {
            due_ms[i] = all[i]->work(now_ms);
        }
        out_us[i] = now_us(CLOCK_PROCESS_CPUTIME_ID) - from_us;
    }
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
print(const char *name, double *us, bool goal)
{
    double mean = 0;

    for (unsigned i = 0; i < TICKS; i++) {
        mean += us[i] / TICKS;
    }
    qsort(us, TICKS, sizeof(us[0]), by_value);
    printf("tick.%s\t%.1f us\tmean with passes\t%.1f us\t\t%s\t%s\n", name, us[TICKS / 2], mean,
            goal ? "<= 150 us" : "",
            !goal                      ? ""
            : us[TICKS / 2] <= GOAL_US ? "met"
                                       : "short");
}

static void
open_one(const struct detector_ops *ops, const struct detector_env *env)
{
    if (ops->open(env) != 0) {
        fprintf(stderr, "bench_tick: %s cannot be opened\n", ops->name);
    }
}

/* The listeners are in a network namespace of their own: others of this machine are not to be measured. */
static void
open_all(const struct detector_env *env)
{
    /* The proc connector speaks in the first one only. */
    open_one(&detector_daemons_ops, env);
    open_one(&detector_processes_ops, env);
    conf.own_netns = unshare(CLONE_NEWNET) == 0;
    if (!listen_on(setting("TOCSIN_BENCH_LISTENERS", 20, 10000))) {
        perror("bench_tick: listen");
    }
    for (size_t i = 0; i < ALL; i++) {
        if (all[i] != &detector_daemons_ops && all[i] != &detector_processes_ops) {
            open_one(all[i], env);
        }
    }
}

int
main(void)
{
    const struct detector_env env = { .conf = &conf, .report = ignore, .alive = alive };
    struct timespec boot;
    double us[ALL];

    if (mkdtemp(dir) == NULL || !conf_init(&conf, NULL, NULL)) {
        perror("bench_tick");
        return 1;
    }
    for (unsigned i = 0; i < setting("TOCSIN_BENCH_DAEMONS", 10, CONF_DAEMONS); i++) {
        if (!run_daemon(i)) {
            end_daemons();
            return 1;
        }
    }
    usleep(100000);
    snprintf(conf.mount[0].path, CONF_PATH, "/");
    conf.mounts = 1;
    open_all(&env);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    int64_t now_ms = (int64_t)boot.tv_sec * 1000;

    for (int n = -SETTLE; n < TICKS; n++, now_ms += 1000) {
        tick(now_ms, us);
        for (size_t i = 0; n >= 0 && i < ALL; i++) {
            cost_us[i][n] = us[i];
            cost_us[ALL][n] += us[i];
        }
    }
    for (size_t i = 0; i < ALL; i++) {
        print(all[i]->name, cost_us[i], false);
    }
    print("all", cost_us[ALL], true);
    end_daemons();
    return 0;
}
