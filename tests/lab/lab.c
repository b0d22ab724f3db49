#include "lab.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * lab BELFRY TOCSIN [--keep] [--quiet]      the first ring, from deed to proved line
 * lab BELFRY TOCSIN --rounds N              the same deeds N times: medians, as TSV
 */
#define SILENCE_US 30000000
#define GOAL_P99_MS 5.0
#define ROUND_PAUSE_US 600000 /* the agent tells at most two changed files a second one by one */

static struct lab lab;

struct result {
    const char *what;
    double ms;
};

static bool
do_and_tell(const struct deed *deed, bool undo, struct result *r)
{
    struct lab_event told;

    if (!lab.quiet) {
        printf("\n%s%s\n", deed->name, undo ? ": undone" : "");
        fflush(stdout);
    }
    r->what = undo ? deed->undo_code : deed->code;
    r->ms = lab_do(&lab, deed, undo, 0, !lab.quiet, &told);
    return r->ms >= 0;
}

static double
kill_and_wait_for_silence(void)
{
    struct lab_event e;

    if (!lab.quiet) {
        printf("\nthe whole agent is killed\n");
        fflush(stdout);
    }
    int64_t from_us = lab_now_us();
    lab_kill_agent(&lab);
    while (lab_event(&lab, &e, from_us + SILENCE_US)) {
        if (!lab.quiet) {
            lab_show(&e, from_us);
        }
        if (strcmp(e.verdict, "SILENT") == 0) {
            return (double)(e.at_us - from_us) / 1000;
        }
    }
    return -1;
}

static bool
play(void)
{
    struct result results[2 * LAB_DEEDS + 1];
    int count = 0;
    bool good = true;

    for (int i = 0; i < LAB_DEEDS; i++) {
        good = do_and_tell(&lab_deeds[i], false, &results[count++]) && good;
        good = do_and_tell(&lab_deeds[i], true, &results[count++]) && good;
    }
    if (!lab.keep) {
        results[count++] = (struct result){ "SILENT", kill_and_wait_for_silence() };
        good = results[count - 1].ms >= 0 && good;
    }
    printf("\n%-22s %-18s %12s\n", "deed", "proved as", "ms");
    for (int i = 0; i < count; i++) {
        const char *deed = i >= 2 * LAB_DEEDS ? "the agent is killed"
                           : i % 2 == 0       ? lab_deeds[i / 2].name
                                              : "  undone";

        if (results[i].ms >= 0) {
            printf("%-22s %-18s %12.2f\n", deed, results[i].what, results[i].ms);
        } else {
            printf("%-22s %-18s %12s\n", deed, results[i].what, "NOT PROVED");
        }
    }
    return good;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y ? 1 : 0;
}

/*
 * The floor: what the disk alone costs. Each proved line is on belfry's disk before it is told, so no deed
 * can be told sooner than one append and fdatasync in the same folder take.
 */
static double
median_sync_ms(int rounds)
{
    char path[LAB_PATH];
    char record[200] = { 0 };
    double ms[64];
    int fd = open(lab_path(&lab, "floor", path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int done = 0;

    for (int i = 0; fd >= 0 && i < rounds && i < 64; i++) {
        int64_t from_us = lab_now_us();
        if (write(fd, record, sizeof(record)) != (ssize_t)sizeof(record) || fdatasync(fd) < 0) {
            break;
        }
        ms[done++] = (double)(lab_now_us() - from_us) / 1000;
    }
    if (fd >= 0) {
        close(fd);
    }
    qsort(ms, (size_t)done, sizeof(*ms), compare);
    return done > 0 ? ms[done / 2] : 0;
}

/* Events that are not waited for must not fill the pipe. */
static void
pause_for(int64_t us)
{
    struct lab_event e;
    int64_t until_us = lab_now_us() + us;

    while (lab_event(&lab, &e, until_us)) {
    }
}

static bool
measure(int rounds)
{
    static const struct {
        const char *name;
        double goal_ms;
    } rows[LAB_QUICK_DEEDS] = { { "latency-file", 5 }, { "latency-port", 50 }, { "latency-daemon", 5 } };
    struct lab_event told;
    bool good = true;

    for (int d = 0; d < LAB_QUICK_DEEDS; d++) {
        double *ms = calloc((size_t)rounds, sizeof(*ms));
        int done = 0;

        for (int i = 0; ms != NULL && i < rounds; i++) {
            double took = lab_do(&lab, &lab_deeds[d], false, i, false, &told);
            pause_for(ROUND_PAUSE_US / 2);
            bool undone = lab_do(&lab, &lab_deeds[d], true, i, false, &told) >= 0;
            pause_for(ROUND_PAUSE_US / 2);
            if (took >= 0 && undone) {
                ms[done++] = took;
            }
        }
        if (done < rounds) {
            fprintf(stderr, "lab: %s: %d of %d proved\n", lab_deeds[d].name, done, rounds);
            good = false;
        }
        if (done > 0) {
            qsort(ms, (size_t)done, sizeof(*ms), compare);
            double median = ms[done / 2];
            double floor_ms = median_sync_ms(50);
            printf("%s\t%.3f ms\tone fdatasync\t%.3f ms\t%.2f\t<= %.0f ms\t%s\n", rows[d].name, median,
                    floor_ms, floor_ms > 0 ? median / floor_ms : 0, rows[d].goal_ms,
                    median <= rows[d].goal_ms ? "met" : "short");
            double p99 = ms[done * 99 / 100];
            printf("%s-p99\t%.3f ms\tone fdatasync\t%.3f ms\t%.2f\t<= %.0f ms\t%s\n", rows[d].name, p99,
                    floor_ms, floor_ms > 0 ? p99 / floor_ms : 0, GOAL_P99_MS,
                    p99 <= GOAL_P99_MS ? "met" : "short");
            fprintf(stderr, "lab: %s: %d proved, p99 %.3f ms, worst %.3f ms\n", lab_deeds[d].name, done,
                    ms[done * 99 / 100], ms[done - 1]);
            fflush(stdout);
        }
        free(ms);
    }
    return good;
}

static void
explain_keep(void)
{
    printf("\nBoth ends go on running.\n"
           "  %s --config %s/belfry.conf status\n"
           "  %s --config %s/tocsin.conf --state %s/agent check\n"
           "  kill %d %d %d && rm -r %s      to end it\n",
            lab.belfry, lab.dir, lab.agent, lab.dir, lab.dir, (int)lab.agent_pid, (int)lab.belfry_pid,
            (int)lab.daemon_pid, lab.dir);
}

int
main(int argc, char **argv)
{
    int rounds = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: lab BELFRY TOCSIN [--keep] [--quiet] [--rounds N]\n");
        return 2;
    }
    lab.belfry = argv[1];
    lab.tocsin = argv[2];
    for (int i = 3; i < argc; i++) {
        lab.keep = lab.keep || strcmp(argv[i], "--keep") == 0;
        lab.quiet = lab.quiet || strcmp(argv[i], "--quiet") == 0;
        if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
            rounds = (int)strtol(argv[++i], NULL, 10);
            lab.quiet = true;
        }
    }
    signal(SIGPIPE, SIG_IGN);
    bool good = lab_begin(&lab) && (rounds > 0 ? measure(rounds) : play());
    if (lab.keep && good) {
        explain_keep();
    } else {
        lab_end(&lab);
    }
    return good ? 0 : 1;
}
