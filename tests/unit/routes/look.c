/*
 * Real routes in a network namespace of this test's own: a link of two ends, one of them the far one.
 */
#include "support/check.h"
#include "watch/routelook.h"
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int asking;

static bool ip(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool
ip(const char *format, ...)
{
    char command[300] = "ip ";
    va_list args;

    va_start(args, format);
    vsnprintf(command + 3, sizeof(command) - 3, format, args);
    va_end(args);
    return system(command) == 0;
}

static struct route_target
to(const char *address)
{
    struct route_target t = { .family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET };

    CHECK_INT(inet_pton(t.family, address, t.address), 1);
    return t;
}

static struct route_view
look(const char *address)
{
    struct route_target t = to(address);
    struct route_view v;

    routelook_ask(asking, &t, &v);
    return v;
}

/* The links as they were at first: near0 with an address and a default route over it, its far end far0. */
static void
begin(void)
{
    ip("link del near0 2>/dev/null");
    ip("route flush table main 2>/dev/null");
    CHECK(ip("link set lo up"));
    CHECK(ip("link add near0 type veth peer name far0"));
    CHECK(ip("addr add 10.9.0.2/24 dev near0"));
    CHECK(ip("-6 addr add fd09::2/64 dev near0 nodad"));
    CHECK(ip("link set near0 up"));
    CHECK(ip("link set far0 up"));
    CHECK(ip("route add default via 10.9.0.1"));
    CHECK(ip("-6 route add default via fd09::1"));
}

static void
a_route_over_a_running_link_is_good_and_told_with_link_and_gateway(void)
{
    char text[64];

    begin();
    struct route_view v = look("192.0.2.7");
    CHECK_STR(route_state_name(v.state), "good");
    CHECK_STR(v.name, "near0");
    CHECK_STR(inet_ntop(AF_INET, v.gateway, text, sizeof(text)), "10.9.0.1");
    struct route_view again = look("192.0.2.8");
    CHECK(route_same(&v, &again));
    v = look("2001:db8::7");
    CHECK_STR(route_state_name(v.state), "good");
    CHECK_STR(inet_ntop(AF_INET6, v.gateway, text, sizeof(text)), "fd09::1");
    v = look("127.0.0.1");
    CHECK_STR(route_state_name(v.state), "good");
}

static void
a_default_route_that_was_deleted_is_none(void)
{
    begin();
    CHECK(ip("route del default"));
    struct route_view v = look("192.0.2.7");
    CHECK_STR(route_state_name(v.state), "none");
    CHECK_INT(v.error, -101); /* ENETUNREACH */
    CHECK(ip("-6 route del default"));
    v = look("2001:db8::7");
    CHECK(v.state == ROUTE_NONE || v.state == ROUTE_REFUSED);
}

static void
routes_that_refuse_are_told_as_such(void)
{
    static const char *const kinds[] = { "blackhole", "unreachable", "prohibit" };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        begin();
        CHECK(ip("route add %s 192.0.2.0/24", kinds[i]));
        CHECK_STR(route_state_name(look("192.0.2.7").state), "refused");
        CHECK(ip("-6 route replace %s 2001:db8::/32", kinds[i]));
        CHECK_STR(route_state_name(look("2001:db8::7").state), "refused");
    }
}

static void
a_link_that_is_set_down_takes_the_route_with_it(void)
{
    begin();
    CHECK(ip("link set near0 down"));
    CHECK(look("192.0.2.7").state != ROUTE_GOOD);
    CHECK(look("2001:db8::7").state != ROUTE_GOOD);
}

static void
an_address_that_is_removed_takes_the_route_with_it(void)
{
    begin();
    CHECK(ip("addr del 10.9.0.2/24 dev near0"));
    CHECK(look("192.0.2.7").state != ROUTE_GOOD);
}

/* The route stays: only its marks and the link tell. */
static void
a_carrier_that_is_lost_is_seen_though_the_route_stays(void)
{
    begin();
    CHECK(ip("link set far0 down"));
    bool seen = false;
    for (int i = 0; i < 100 && !seen; i++) {
        uint8_t state = look("192.0.2.7").state;

        seen = state == ROUTE_DEAD || state == ROUTE_LINK_DOWN;
        usleep(50000);
    }
    CHECK(seen);
    CHECK(system("ip route show default | grep -q near0") == 0);
    CHECK(look("2001:db8::7").state != ROUTE_GOOD);
}

/* An answer of the kernel's about a link that is up and runs, with this word on its carrier. */
static unsigned
state_with_carrier(uint8_t carrier)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg link;
        struct rtattr attribute;
        uint8_t carrier[4];
    } m = { .head = { .nlmsg_len = sizeof(m), .nlmsg_type = RTM_NEWLINK, .nlmsg_seq = 7 },
        .link = { .ifi_flags = IFF_UP | IFF_RUNNING },
        .attribute = { .rta_len = RTA_LENGTH(1), .rta_type = IFLA_CARRIER },
        .carrier = { carrier } };
    struct route_view v = { .state = ROUTE_GOOD };
    int error;

    CHECK_INT(routelook_parse_link((const uint8_t *)&m, sizeof(m), 7, &v, &error), ROUTELOOK_ROUTE);
    return v.state;
}

static void
a_link_that_still_runs_without_a_carrier_is_down(void)
{
    CHECK_INT(state_with_carrier(1), ROUTE_GOOD);
    CHECK_INT(state_with_carrier(0), ROUTE_LINK_DOWN);
}

static void
of_several_next_hops_one_that_lives_is_enough(void)
{
    begin();
    CHECK(ip("link add dead0 type veth peer name gone0"));
    CHECK(ip("addr add 10.8.0.2/24 dev dead0"));
    CHECK(ip("link set dead0 up"));
    CHECK(ip("link set gone0 up"));
    CHECK(ip("route replace default nexthop via 10.8.0.1 nexthop via 10.9.0.1"));
    CHECK_STR(route_state_name(look("192.0.2.7").state), "good");
    CHECK(ip("link set gone0 down"));
    struct route_view v;
    for (int i = 0; i < 100 && strcmp((v = look("192.0.2.7")).name, "near0") != 0; i++) {
        usleep(50000);
    }
    CHECK_STR(route_state_name(v.state), "good");
    CHECK_STR(v.name, "near0");
    CHECK(ip("link del dead0"));
}

static void
another_gateway_is_another_way(void)
{
    begin();
    struct route_view before = look("192.0.2.7");
    CHECK(ip("route replace default via 10.9.0.3"));
    struct route_view after = look("192.0.2.7");
    CHECK_STR(route_state_name(after.state), "good");
    CHECK(!route_same(&before, &after));
}

static void
each_change_wakes_who_listens(void)
{
    static const char *const deeds[] = { "route del default", "addr del 10.9.0.2/24 dev near0",
        "link set near0 down", "rule add to 192.0.2.0/24 blackhole", "rule del to 192.0.2.0/24 blackhole" };
    int fd = routelook_events_open();
    bool lost;

    CHECK(fd >= 0);
    begin();
    while (routelook_events_drain(fd, &lost)) {
        usleep(20000);
    }
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        CHECK(ip("%s", deeds[i]));
        CHECK_INT(poll(&p, 1, 2000), 1);
        CHECK(routelook_events_drain(fd, &lost));
        CHECK(!lost);
    }
    close(fd);
}

static void
events_that_found_no_room_are_told_as_lost(void)
{
    int fd = routelook_events_open();
    int size = 1;
    bool lost = false;

    begin();
    CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0);
    CHECK(system("i=0; while [ $i -lt 40 ]; do ip addr add 10.9.1.$i/32 dev near0; i=$((i+1)); done") == 0);
    CHECK(routelook_events_drain(fd, &lost));
    CHECK(lost);
    close(fd);
}

int
main(void)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
        printf("skip: needs root, for a network namespace of its own\n");
        return 77;
    }
    if (system("ip link show lo >/dev/null 2>&1") != 0) {
        printf("skip: needs ip (iproute2)\n");
        return 77;
    }
    asking = routelook_open();
    CHECK(asking >= 0);
    CHECK_RUN(a_route_over_a_running_link_is_good_and_told_with_link_and_gateway);
    CHECK_RUN(a_default_route_that_was_deleted_is_none);
    CHECK_RUN(routes_that_refuse_are_told_as_such);
    CHECK_RUN(a_link_that_is_set_down_takes_the_route_with_it);
    CHECK_RUN(an_address_that_is_removed_takes_the_route_with_it);
    CHECK_RUN(a_carrier_that_is_lost_is_seen_though_the_route_stays);
    CHECK_RUN(a_link_that_still_runs_without_a_carrier_is_down);
    CHECK_RUN(of_several_next_hops_one_that_lives_is_enough);
    CHECK_RUN(another_gateway_is_another_way);
    CHECK_RUN(each_change_wakes_who_listens);
    CHECK_RUN(events_that_found_no_room_are_told_as_lost);
    return check_result();
}
