#include "net.h"
#include "support/check.h"
#include <stdlib.h>

/*
 * The network between agent and receiver fails in each of the ways it can. In each: the fallback begins, an
 * alarm that is sealed meanwhile arrives over the serial line, the network is found again, and then every
 * line is on record, once. What is printed of each: when the fallback began, when the network was found
 * again, which lines arrived where. The bounds are those of a machine that does other things too; bench_net
 * has the figures.
 */
#define LOST_MS 15000
#define BACK_MS 60000

struct cut {
    enum net_space where;
    const char *cut;
    const char *heal;
    bool route; /* the agent's kernel knows of it */
};

static struct net ground;

static bool
begin(const struct net_options *options)
{
    bool good = net_begin(&ground, options) && net_carries(&ground, NET_LINKED_S * 1000);

    CHECK(good);
    return good;
}

/* What the cut did: told over the serial line, which then carries the alarms. */
static void
check_fallback(const struct cut *c, size_t from, int64_t cut_us)
{
    if (c->route) {
        const struct net_told *route = net_wait(&ground, from, "route.lost", NULL, NET_LINE, LOST_MS);

        CHECK(route != NULL);
        printf("  route.lost after %.1f ms\n", net_ms(route, cut_us));
    }
    const struct net_told *lost = net_wait(&ground, from, "net.lost", NULL, NET_LINE, LOST_MS);
    CHECK(lost != NULL);
    printf("  net.lost after %.1f ms: %s\n", net_ms(lost, cut_us), lost != NULL ? lost->detail : "");
    from = ground.events;
    CHECK(net_note_comes(&ground, NET_LINE, LOST_MS));
    net_listen(&ground, 500);
    CHECK(net_find(&ground, from, "port.ok", NULL, "!" NET_LINE) == NULL);
}

static void
check_recovery(size_t from, int64_t heal_us)
{
    const struct net_told *back = net_wait(&ground, from, "net.back", NULL, NULL, BACK_MS);

    CHECK(back != NULL);
    printf("  healed: the receiver's first answer after %.0f ms, net.back after %.0f ms\n",
            (double)(ground.capture->answered_us - heal_us) / 1000, net_ms(back, heal_us));
    CHECK(net_carries(&ground, BACK_MS));
    CHECK(net_all_on_record(&ground));
    CHECK_INT(ground.capture->clear, 0);
}

static void
lose_and_find(const struct cut *c)
{
    size_t from = ground.events;
    int64_t cut_us = net_now_us();

    CHECK(net_do(&ground, c->where, c->cut));
    check_fallback(c, from, cut_us);
    size_t heal_from = ground.events;
    int64_t heal_us = net_now_us();
    ground.capture->since_us = heal_us;
    CHECK(net_do(&ground, c->where, c->heal));
    check_recovery(heal_from, heal_us);
    net_show_where(&ground, from);
}

/* TOCSIN_NET_REPEAT (1) times. */
static void
try_cut(const struct cut *c)
{
    const struct net_options options = { .serial = "policy=fallback" };
    const char *repeat = getenv("TOCSIN_NET_REPEAT");

    for (long i = repeat != NULL ? strtol(repeat, NULL, 10) : 1; i > 0; i--) {
        if (begin(&options)) {
            lose_and_find(c);
        }
        net_end(&ground);
    }
}

/* ---- links and routes ---- */

static void
a_link_down_at_the_agent_is_told_over_the_serial_line_and_healed(void)
{
    try_cut(&(const struct cut){ NET_AGENT, "ip link set up0 down",
            "ip link set up0 up && ip route add default via 10.66.1.1", true });
}

static void
a_link_down_at_the_receiver_is_told_over_the_serial_line_and_healed(void)
{
    try_cut(&(const struct cut){ NET_RECEIVER, "ip link set down0 down",
            "ip link set down0 up && ip route add default via 10.66.2.1", false });
}

static void
a_carrier_that_the_router_takes_away_is_told_over_the_serial_line_and_healed(void)
{
    try_cut(&(const struct cut){ NET_ROUTER, "ip link set a0 down", "ip link set a0 up", true });
}

static void
a_link_down_behind_the_router_is_told_over_the_serial_line_and_healed(void)
{
    try_cut(&(const struct cut){ NET_ROUTER, "ip link set b0 down", "ip link set b0 up", false });
}

static void
a_deleted_default_route_is_told_over_the_serial_line_and_healed(void)
{
    try_cut(&(const struct cut){
            NET_AGENT, "ip route del default", "ip route add default via 10.66.1.1", true });
}

static void
a_removed_address_is_told_over_the_serial_line_and_healed(void)
{
    try_cut(&(const struct cut){ NET_AGENT, "ip address del 10.66.1.2/24 dev up0",
            "ip address add 10.66.1.2/24 dev up0 && ip route add default via 10.66.1.1", true });
}

static void
a_blackhole_route_is_told_over_the_serial_line_and_healed(void)
{
    try_cut(&(const struct cut){ NET_AGENT, "ip route add blackhole " NET_RECEIVER_ADDRESS,
            "ip route del blackhole " NET_RECEIVER_ADDRESS, true });
}

/* The kernel has a route and is content with it; nobody is at its other end. */
static void
another_default_route_that_does_not_reach_the_receiver_is_told_over_the_serial_line_and_healed(void)
{
    try_cut(&(const struct cut){ NET_AGENT,
            "ip link add dead0 type veth peer name dead1 && ip link set dead1 up && ip link set dead0 up && "
            "ip route replace default dev dead0",
            "ip route replace default via 10.66.1.1 dev up0 && ip link del dead0", false });
}

/* ---- firewalls ---- */

#define WALL(hook, rule) \
    "nft 'table inet wall { chain c { type filter hook " hook " priority 0; " rule "; }; }'"
#define NO_WALL "nft delete table inet wall"

static void
a_firewall_that_drops_at_the_agent_is_told_over_the_serial_line_and_healed(void)
{
    try_cut(&(const struct cut){ NET_AGENT, WALL("output", "tcp dport 8627 drop"), NO_WALL, false });
}

static void
a_firewall_that_rejects_at_the_agent_is_told_over_the_serial_line_and_healed(void)
{
    try_cut(&(const struct cut){
            NET_AGENT, WALL("output", "ip daddr " NET_RECEIVER_ADDRESS " reject"), NO_WALL, false });
}

static void
a_firewall_that_drops_at_the_router_is_told_over_the_serial_line_and_healed(void)
{
    try_cut(&(const struct cut){ NET_ROUTER, WALL("forward", "tcp dport 8627 drop"), NO_WALL, false });
}

static void
a_firewall_that_rejects_at_the_router_is_told_over_the_serial_line_and_healed(void)
{
    try_cut(&(const struct cut){
            NET_ROUTER, WALL("forward", "tcp dport 8627 reject with tcp reset"), NO_WALL, false });
}

static int
tests(void)
{
    CHECK_RUN(a_link_down_at_the_agent_is_told_over_the_serial_line_and_healed);
    CHECK_RUN(a_link_down_at_the_receiver_is_told_over_the_serial_line_and_healed);
    CHECK_RUN(a_carrier_that_the_router_takes_away_is_told_over_the_serial_line_and_healed);
    CHECK_RUN(a_link_down_behind_the_router_is_told_over_the_serial_line_and_healed);
    CHECK_RUN(a_deleted_default_route_is_told_over_the_serial_line_and_healed);
    CHECK_RUN(a_removed_address_is_told_over_the_serial_line_and_healed);
    CHECK_RUN(a_blackhole_route_is_told_over_the_serial_line_and_healed);
    CHECK_RUN(another_default_route_that_does_not_reach_the_receiver_is_told_over_the_serial_line_and_healed);
    CHECK_RUN(a_firewall_that_drops_at_the_agent_is_told_over_the_serial_line_and_healed);
    CHECK_RUN(a_firewall_that_rejects_at_the_agent_is_told_over_the_serial_line_and_healed);
    CHECK_RUN(a_firewall_that_drops_at_the_router_is_told_over_the_serial_line_and_healed);
    CHECK_RUN(a_firewall_that_rejects_at_the_router_is_told_over_the_serial_line_and_healed);
    return check_result();
}

int
main(void)
{
    return net_inside(tests);
}
