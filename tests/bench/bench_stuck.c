/*
 * bench_stuck: what channels that are stuck cost the one that is well. A whole agent (TOCSIN_BIN/tocsin), in
 * turn with all its channels well and with a line, a printer, a device and a receiver that are stuck:
 * TOCSIN_BENCH_ROUNDS (3) of each, TOCSIN_STUCK_SECONDS (10) long. How long a test alarm takes on the good
 * channel, how regular a check of each second is, what a process has grown by at most, and how long the end
 * takes. TOCSIN_STUCK_WHAT, of line,printer,device,receiver, leaves the others well. In namespaces of its
 * own. Prints a line a figure, tab-separated: name, ours, reference's name, reference, ratio, goal,
 * met|short.
 */
#include "net/net.h"
#include "support/stuck.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define ROUNDS_MAX 50
#define RINGS_MAX 60000
#define WARM_RINGS 120
#define RING_MS 100
#define RINGS_A_SECOND 10
#define STOP_GOAL_MS 1000

struct figures {
    double ring_us[RINGS_MAX];
    unsigned rings;
    double period_ms[ROUNDS_MAX];
    double stop_ms[ROUNDS_MAX];
    unsigned rounds;
    long grown_kb;
    char grown[32]; /* the role that did most */
};

static struct figures well, held;

static unsigned
setting(const char *name, unsigned otherwise, unsigned most)
{
    const char *text = getenv(name);
    char *end = NULL;
    unsigned long n = text != NULL ? strtoul(text, &end, 10) : otherwise;

    if (n == 0 || n > most || (end != NULL && *end != '\0')) {
        (void)fprintf(stderr, "bench_stuck: %s=%s: expected 1 to %u\n", name, text, most);
        exit(2);
    }
    return (unsigned)n;
}

static unsigned
what_is_stuck(void)
{
    /* In the order of STUCK_LINE and those that follow it. */
    static const char *const names[] = { "line", "printer", "device", "receiver" };
    const char *text = getenv("TOCSIN_STUCK_WHAT");
    unsigned what = 0;

    for (unsigned i = 0; text != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        what |= strstr(text, names[i]) != NULL ? 1U << i : 0;
    }
    if (text != NULL && what == 0) {
        (void)fprintf(stderr, "bench_stuck: TOCSIN_STUCK_WHAT=%s: expected some of %s,%s,%s,%s\n", text,
                names[0], names[1], names[2], names[3]);
        exit(2);
    }
    return text != NULL ? what : STUCK_ALL;
}

static void
measure_growth(struct figures *f, const struct stuck_process *before, unsigned count, struct stuck *s)
{
    stuck_measure(s);
    for (unsigned i = 0; i < count && i < s->processes; i++) {
        long kb = s->process[i].own_kb - before[i].own_kb;

        if (kb > f->grown_kb && s->process[i].pid == before[i].pid) {
            f->grown_kb = kb;
            memcpy(f->grown, before[i].role, sizeof(f->grown));
        }
    }
}

static bool
round_of(struct figures *f, unsigned what, unsigned seconds)
{
    static struct stuck s;
    static struct stuck_process warm[STUCK_PROCESSES];
    unsigned warmed = 0;
    unsigned passes = 0;
    int64_t first_ms = 0;
    int64_t last_ms = 0;
    int status;

    bool began = stuck_begin(&s, what);
    for (unsigned i = 0; began && i < WARM_RINGS + seconds * RINGS_A_SECOND; i++) {
        int64_t us = stuck_ring(&s);

        if (i == WARM_RINGS) {
            stuck_measure(&s);
            memcpy(warm, s.process, sizeof warm);
            warmed = s.processes;
        }
        if (us < 0) {
            began = false;
        } else if (i >= WARM_RINGS && f->rings < RINGS_MAX) {
            f->ring_us[f->rings++] = (double)us;
        }
        int64_t pass_ms = stuck_pass_ms(&s, "clock");
        if (i >= WARM_RINGS && pass_ms > last_ms) {
            passes += first_ms != 0 ? 1 : 0;
            first_ms = first_ms == 0 ? pass_ms : first_ms;
            last_ms = pass_ms;
        }
        poll(NULL, 0, RING_MS);
    }
    f->period_ms[f->rounds] = passes > 0 ? (double)(last_ms - first_ms) / passes : 0;
    measure_growth(f, warm, warmed, &s);
    f->stop_ms[f->rounds++] = (double)stuck_end(&s, &status);
    return began && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
quantile(double *of, unsigned count, unsigned percent)
{
    qsort(of, count, sizeof(of[0]), by_value);
    return count > 0 ? of[(count - 1) * percent / 100] : 0;
}

static void
print_ratio(const char *name, const char *unit, double ours, double reference, double most)
{
    double ratio = reference > 0 ? ours / reference : 0;

    printf("%s\t%.1f %s\tall well\t%.1f %s\t%.2f\t<= %.2f\t%s\n", name, ours, unit, reference, unit, ratio,
            most, ratio <= most ? "met" : "short");
}

static int
inside(void)
{
    unsigned rounds = setting("TOCSIN_BENCH_ROUNDS", 3, ROUNDS_MAX);
    unsigned seconds = setting("TOCSIN_STUCK_SECONDS", 10, RINGS_MAX / RINGS_A_SECOND / rounds);
    unsigned what = what_is_stuck();

    for (unsigned i = 0; i < rounds; i++) {
        if (!round_of(&well, 0, seconds) || !round_of(&held, what, seconds)) {
            return 1;
        }
    }
    double p99 = quantile(held.ring_us, held.rings, 99);
    print_ratio("stuck.latency p99", "us", p99, quantile(well.ring_us, well.rings, 99), 1.10);
    print_ratio("stuck.latency median", "us", quantile(held.ring_us, held.rings, 50),
            quantile(well.ring_us, well.rings, 50), 1.10);
    print_ratio("stuck.period", "ms", quantile(held.period_ms, held.rounds, 50),
            quantile(well.period_ms, well.rounds, 50), 1.05);
    printf("stuck.grown by\t%ld KiB %s\tall well\t%ld KiB %s\t\t<= 0 KiB\t%s\n", held.grown_kb, held.grown,
            well.grown_kb, well.grown, held.grown_kb <= 0 ? "met" : "short");
    double stop_ms = quantile(held.stop_ms, held.rounds, 100);
    printf("stuck.stop max\t%.0f ms\tall well\t%.0f ms\t\t<= %d ms\t%s\n", stop_ms,
            quantile(well.stop_ms, well.rounds, 100), STOP_GOAL_MS,
            stop_ms <= STOP_GOAL_MS ? "met" : "short");
    return 0;
}

int
main(void)
{
    return net_inside(inside);
}
