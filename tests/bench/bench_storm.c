/*
 * bench_storm: 10,000 findings a second into the core for TOCSIN_STORM_SECONDS (60), with a line of 9600 baud
 * as its channel. How long a graver finding that another detector raises meanwhile, each second at another
 * moment, takes until its line begins; how many findings came a second; whether each is accounted for; and
 * how much the core's own memory grows behind a warm-up in which its tables fill. Prints a line a figure,
 * tab-separated: name, ours, reference's name, reference, ratio, goal, met|short.
 */
#include "support/storm.h"
#include "wire/line.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WARM_MS 12000
#define WARM_GRAVES 3
#define SECOND_MS 1000
#define PAGE_KB 4
#define LINE_MS ((WIRE_LINE_MAX + 2) * 10 * 1000.0 / STORM_BAUD)
#define GOAL_MS (LINE_MS + 100)
#define RATE_GOAL 9900

static struct storm storm;

static unsigned
seconds(void)
{
    const char *text = getenv("TOCSIN_STORM_SECONDS");
    unsigned n = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 60;

    return n > 0 && n < STORM_GRAVES - WARM_GRAVES ? n : 60;
}

static void
raise_each_second(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        int64_t wait_ms = rand() % SECOND_MS;

        storm_go_on(&storm, wait_ms, true);
        storm_raise(&storm);
        storm_go_on(&storm, SECOND_MS - wait_ms, true);
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
print_latency(void)
{
    static double ms[STORM_GRAVES];
    unsigned count = storm.graves - WARM_GRAVES;

    for (unsigned i = 0; i < count; i++) {
        const struct storm_grave *g = &storm.grave[WARM_GRAVES + i];

        ms[i] = g->begun_us != 0 ? (double)(g->begun_us - g->raised_us) / 1e3 : 1e6;
    }
    qsort(ms, count, sizeof(ms[0]), by_value);
    printf("storm.grave max\t%.1f ms\tmedian\t%.1f ms\t\t<= %.0f ms\t%s\n", ms[count - 1], ms[count / 2],
            GOAL_MS, ms[count - 1] <= GOAL_MS ? "met" : "short");
}

int
main(void)
{
    if (!storm_begin(&storm)) {
        return 1;
    }
    storm_fill(&storm);
    storm_go_on(&storm, WARM_MS, true);
    raise_each_second(WARM_GRAVES);
    long before_kb = storm_memory_kb(&storm);
    uint64_t before = storm.sent;
    unsigned count = seconds();

    raise_each_second(count);
    double rate = (double)(storm.sent - before) / count;
    long grown = (storm_memory_kb(&storm) - before_kb) / PAGE_KB;

    storm_go_on(&storm, SECOND_MS, false);
    int status = storm_end(&storm);
    uint64_t counted = storm.told + storm_folded(&storm) + storm.dropped + storm.untold;

    print_latency();
    printf("storm.rate\t%.0f /s\tfor\t%u s\t\t>= %d /s\t%s\n", rate, count, RATE_GOAL,
            rate >= RATE_GOAL ? "met" : "short");
    printf("storm.counted\t%" PRIu64 "\tsent\t%" PRIu64 "\t\t= sent\t%s\n", counted, storm.sent,
            counted == storm.sent ? "met" : "short");
    printf("storm.memory\t+%ld pages\tof\t%ld kB\t\t<= 0 pages\t%s\n", grown, before_kb,
            grown <= 0 ? "met" : "short");
    return status == 0 ? 0 : 1;
}
