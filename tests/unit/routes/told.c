/*
 * The detector over real routes, in a network namespace of this test's own.
 */
#include "alarm/clock.h"
#include "support/check.h"
#include "watch/detector.h"
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEARD 64

static struct conf conf;
static struct finding heard[HEARD];
static unsigned count;
static int64_t due_ms;

static void
hear(void *to, const struct finding *f)
{
    (void)to;
    if (count < HEARD) {
        heard[count++] = *f;
    }
}

static void
alive(void *to)
{
    (void)to;
}

static const struct detector_env env = { .conf = &conf, .report = hear, .alive = alive };

static bool
sh(const char *command)
{
    return system(command) == 0;
}

/* Turns the detector's loop for so long. */
static void
turn(int64_t ms)
{
    for (int64_t until = clock_boot_ms() + ms; clock_boot_ms() < until;) {
        struct pollfd p[4];
        int n = detector_routes_ops.fds(p, 4);

        if (poll(p, (nfds_t)n, 20) > 0) {
            detector_routes_ops.ready(p, n);
            due_ms = 0;
        }
        if (clock_boot_ms() >= due_ms) {
            due_ms = detector_routes_ops.work(clock_boot_ms());
        }
    }
}

/* The last finding with this code that is no CLOSE (or is one). */
static const struct finding *
last(enum finding_code code, enum finding_op op)
{
    for (unsigned i = count; i > 0; i--) {
        if (heard[i - 1].code == code && heard[i - 1].op == op) {
            return &heard[i - 1];
        }
    }
    return NULL;
}

static bool
comes(enum finding_code code, enum finding_op op)
{
    for (int i = 0; i < 500 && last(code, op) == NULL; i++) {
        turn(20);
    }
    return last(code, op) != NULL;
}

static void
begin(const char *address)
{
    sh("ip link del near0 2>/dev/null");
    CHECK(sh("ip link set lo up; ip link add near0 type veth peer name far0 && ip addr add 10.9.0.2/24 dev "
             "near0 && "
             "ip link set near0 up && ip link set far0 up && ip route add default via 10.9.0.1"));
    CHECK(conf_init(&conf, "/etc/tocsin/tocsin.conf", NULL));
    CHECK(conf_receiver_parse(address, strlen(address), &conf.receiver));
    CHECK_INT(detector_routes_ops.open(&env), 0);
    due_ms = 0;
    turn(100);
    count = 0;
}

static void
a_way_that_is_there_is_no_finding(void)
{
    begin("192.0.2.7");
    turn(1500);
    CHECK_INT(count, 0);
}

static void
a_deleted_default_route_is_told_and_its_return_only_when_it_stays(void)
{
    begin("192.0.2.7");
    CHECK(sh("ip route del default"));
    CHECK(comes(FINDING_ROUTE_LOST, FINDING_OPEN));
    const struct finding *f = last(FINDING_ROUTE_LOST, FINDING_OPEN);
    CHECK(f != NULL && strncmp(f->text, "to=192.0.2.7 why=none dev=near0 via=10.9.0.1", 44) == 0);
    count = 0;
    CHECK(sh("ip route add default via 10.9.0.1"));
    turn(1000);
    CHECK(last(FINDING_ROUTE_LOST, FINDING_CLOSE) == NULL);
    CHECK(comes(FINDING_ROUTE_LOST, FINDING_CLOSE));
    CHECK(last(FINDING_ROUTE_CHANGED, FINDING_EVENT) == NULL);
}

static void
a_link_that_flaps_is_one_loss(void)
{
    unsigned closed = 0;

    begin("192.0.2.7");
    for (int i = 0; i < 5; i++) {
        CHECK(sh("ip link set near0 down"));
        turn(300);
        CHECK(sh("ip link set near0 up && ip route replace default via 10.9.0.1"));
        turn(300);
    }
    for (unsigned i = 0; i < count; i++) {
        closed += heard[i].op == FINDING_CLOSE;
    }
    CHECK(last(FINDING_ROUTE_LOST, FINDING_OPEN) != NULL);
    CHECK_INT(closed, 0);
    CHECK(comes(FINDING_ROUTE_LOST, FINDING_CLOSE));
}

static void
another_gateway_is_told_as_a_change_and_not_as_a_loss(void)
{
    begin("192.0.2.7");
    CHECK(sh("ip route replace default via 10.9.0.3"));
    CHECK(comes(FINDING_ROUTE_CHANGED, FINDING_EVENT));
    const struct finding *f = last(FINDING_ROUTE_CHANGED, FINDING_EVENT);
    CHECK(f != NULL && strcmp(f->text, "to=192.0.2.7 dev=near0>near0 via=10.9.0.1>10.9.0.3") == 0);
    CHECK(last(FINDING_ROUTE_LOST, FINDING_OPEN) == NULL);
}

static void
without_a_receiver_nothing_is_looked_at(void)
{
    struct pollfd p[1];

    CHECK(conf_init(&conf, "/etc/tocsin/tocsin.conf", NULL));
    CHECK_INT(detector_routes_ops.check(&env), 0);
    CHECK_INT(detector_routes_ops.open(&env), 0);
    CHECK_INT(detector_routes_ops.fds(p, 1), 0);
    CHECK(detector_routes_ops.work(clock_boot_ms()) == INT64_MAX);
    CHECK_INT(count, 0);
}

static void
the_way_to_a_name_is_looked_at_from_when_its_address_is_known(void)
{
    static const uint8_t first[16] = { 192, 0, 2, 7 };
    static const uint8_t second[16] = { 198, 51, 100, 7 };

    begin("belfry.example.org");
    CHECK(sh("ip route del default"));
    turn(1500);
    CHECK_INT(count, 0);
    detector_routes_ops.receiver(AF_INET, first);
    due_ms = 0;
    CHECK(comes(FINDING_ROUTE_LOST, FINDING_OPEN));
    const struct finding *f = last(FINDING_ROUTE_LOST, FINDING_OPEN);
    CHECK(f != NULL && strncmp(f->text, "to=belfry.example.org why=none ", 31) == 0);
    CHECK(sh("ip route add 198.51.100.0/24 via 10.9.0.3"));
    detector_routes_ops.receiver(AF_INET, second);
    CHECK(comes(FINDING_ROUTE_LOST, FINDING_CLOSE));
    detector_routes_ops.receiver(AF_INET, first);
    CHECK(sh("ip route add default via 10.9.0.1"));
    turn(1500);
    CHECK(last(FINDING_ROUTE_CHANGED, FINDING_EVENT) == NULL);
}

static void
the_address_of_a_receiver_that_is_no_name_stays(void)
{
    static const uint8_t other[16] = { 127, 0, 0, 1 };

    begin("192.0.2.7");
    CHECK(sh("ip route del default"));
    detector_routes_ops.receiver(AF_INET, other);
    CHECK(comes(FINDING_ROUTE_LOST, FINDING_OPEN));
}

static void
one_pass_of_check_tells_what_is_lost(void)
{
    begin("192.0.2.7");
    CHECK(sh("ip route del default"));
    count = 0;
    CHECK_INT(detector_routes_ops.check(&env), 0);
    CHECK_INT(count, 1);
    CHECK(last(FINDING_ROUTE_LOST, FINDING_OPEN) != NULL);
}

int
main(void)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
        printf("skip: needs root, for a network namespace of its own\n");
        return 77;
    }
    if (!sh("ip link show lo >/dev/null 2>&1")) {
        printf("skip: needs ip (iproute2)\n");
        return 77;
    }
    CHECK_RUN(without_a_receiver_nothing_is_looked_at);
    CHECK_RUN(a_way_that_is_there_is_no_finding);
    CHECK_RUN(a_deleted_default_route_is_told_and_its_return_only_when_it_stays);
    CHECK_RUN(a_link_that_flaps_is_one_loss);
    CHECK_RUN(another_gateway_is_told_as_a_change_and_not_as_a_loss);
    CHECK_RUN(the_way_to_a_name_is_looked_at_from_when_its_address_is_known);
    CHECK_RUN(the_address_of_a_receiver_that_is_no_name_stays);
    CHECK_RUN(one_pass_of_check_tells_what_is_lost);
    return check_result();
}
