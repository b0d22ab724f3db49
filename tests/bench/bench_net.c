/*
 * bench_net - how long after a cut of the network the first byte is on the serial line, and how long after
 * its healing everything is on record
 *
 * Both ends, a router between them (tests/net/net.h). Each round begins anew, so that no loss counts as
 * flapping. The figure is the worst of TOCSIN_NET_REPEAT (20) rounds, beside it the median; times are from
 * before the command that cuts until belfry has read the line. A line a figure, as in the other benchmarks.
 */
#include "net.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 100
#define WAIT_MS 15000
#define LINES 1000

struct figure {
    const char *name;
    enum net_space where;
    const char *cut;
    int route_ms; /* the goals; 0: the kernel knows nothing of it */
    int lost_ms;
};

#define WALL(hook, rule) \
    "nft 'table inet wall { chain c { type filter hook " hook " priority 0; " rule "; }; }'"

static const struct figure figures[] = {
    { "link", NET_AGENT, "ip link set up0 down", 50, 600 },
    { "route", NET_AGENT, "ip route del default", 50, 600 },
    { "address", NET_AGENT, "ip address del 10.66.1.2/24 dev up0", 50, 600 },
    { "blackhole", NET_AGENT, "ip route add blackhole " NET_RECEIVER_ADDRESS, 50, 600 },
    { "carrier", NET_ROUTER, "ip link set a0 down", 50, 1100 },
    { "firewall.drop", NET_AGENT, WALL("output", "ip daddr " NET_RECEIVER_ADDRESS " drop"), 0, 1200 },
    { "firewall.reject", NET_AGENT, WALL("output", "ip daddr " NET_RECEIVER_ADDRESS " reject"), 0, 1200 },
    { "firewall.tcp", NET_AGENT, WALL("output", "tcp dport 8627 drop"), 0, 3500 },
    { "silence", NET_ROUTER, WALL("forward", "tcp dport 8627 drop"), 0, 3500 },
};

static struct net ground;

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void
print(const char *name, const char *what, double *ms, unsigned rounds, int goal_ms)
{
    qsort(ms, rounds, sizeof(*ms), compare);
    double worst = ms[0] < 0 ? -1 : ms[rounds - 1]; /* -1: it was not told at all */
    printf("net.%s.%s\t%.1f ms\tmedian of %u\t%.1f ms\t\t<= %d ms\t%s\n", what, name, worst, rounds,
            ms[rounds / 2], goal_ms, worst >= 0 && worst <= goal_ms ? "met" : "short");
    fflush(stdout);
}

static bool
cut_once(const struct figure *f, double *route_ms, double *lost_ms)
{
    const struct net_options options = { .serial = "policy=fallback", .no_witness = true };
    bool begun = net_begin(&ground, &options) && net_carries(&ground, NET_LINKED_S * 1000);

    if (begun) {
        /* The kernel tells of carriers once a second, and the links have only just come up. */
        net_listen(&ground, f->where == NET_ROUTER ? 2500 : 0);
        size_t from = ground.events;
        int64_t cut_us = net_now_us();

        net_do(&ground, f->where, f->cut);
        *lost_ms = net_ms(net_wait(&ground, from, "net.lost", NULL, NET_LINE, WAIT_MS), cut_us);
        *route_ms = net_ms(net_find(&ground, from, "route.lost", NULL, NET_LINE), cut_us);
    }
    net_end(&ground);
    return begun;
}

static bool
measure_cut(const struct figure *f, unsigned rounds)
{
    double route_ms[ROUNDS_MAX];
    double lost_ms[ROUNDS_MAX];

    for (unsigned i = 0; i < rounds; i++) {
        if (!cut_once(f, &route_ms[i], &lost_ms[i])) {
            return false;
        }
    }
    if (f->route_ms > 0) {
        print(f->name, "route", route_ms, rounds, f->route_ms);
    }
    print(f->name, "lost", lost_ms, rounds, f->lost_ms);
    return true;
}

/* The last of the waiting lines and net.back are on record, whichever is later. */
static double
wait_healed(size_t from, int64_t heal_us)
{
    unsigned alarms = 0;
    double last_ms = -1;
    net_wait(&ground, from, "net.back", NULL, NULL, 60000);

    for (int waited = 0; waited < WAIT_MS && alarms < LINES; waited += 50) {
        net_listen(&ground, 50);
        alarms = 0;
        for (size_t i = from; i < ground.events; i++) {
            const struct net_told *e = &ground.event[i];

            if (!e->alarm && strcmp(e->code, "test.alarm") == 0) {
                alarms++;
                last_ms = net_ms(e, heal_us);
            }
        }
    }
    const struct net_told *back = net_find(&ground, from, "net.back", NULL, NULL);
    if (alarms < LINES || back == NULL) {
        return -1;
    }
    return last_ms > net_ms(back, heal_us) ? last_ms : net_ms(back, heal_us);
}

static bool
heal_once(double *ms)
{
    const struct net_options options = { .no_serial = true, .no_witness = true };
    bool begun = net_begin(&ground, &options) && net_carries(&ground, NET_LINKED_S * 1000);

    if (begun) {
        net_do(&ground, NET_ROUTER, WALL("forward", "tcp dport 8627 drop"));
        net_listen(&ground, 5000);
        size_t from = ground.events;
        net_ring(&ground, LINES);
        net_listen(&ground, 1000);
        int64_t heal_us = net_now_us();
        net_do(&ground, NET_ROUTER, "nft delete table inet wall");
        *ms = wait_healed(from, heal_us);
    }
    net_end(&ground);
    return begun;
}

static int
measure(void)
{
    const char *text = getenv("TOCSIN_NET_REPEAT");
    unsigned rounds = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 20;
    double heal_ms[ROUNDS_MAX];

    rounds = rounds < 1 ? 1 : rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        if (!measure_cut(&figures[i], rounds)) {
            return 1;
        }
    }
    for (unsigned i = 0; i < rounds; i++) {
        if (!heal_once(&heal_ms[i])) {
            return 1;
        }
    }
    print("1000", "healed", heal_ms, rounds, 6000);
    return 0;
}

int
main(void)
{
    int status = net_inside(measure);

    return status == 77 ? 0 : status;
}
