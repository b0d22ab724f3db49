#include "net.h"
#include "support/check.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The network is there, but bad; or it comes and goes; or what stands around it is gone.
 */
#define BACK_MS 60000

static struct net ground;

static bool
begin(const struct net_options *options)
{
    bool good = net_begin(&ground, options) && net_carries(&ground, NET_LINKED_S * 1000);

    CHECK(good);
    return good;
}

static unsigned
count(size_t from, const char *code)
{
    unsigned many = 0;

    for (size_t i = from; i < ground.events; i++) {
        many += !ground.event[i].alarm && strcmp(ground.event[i].code, code) == 0;
    }
    return many;
}

/* Losses, each told again while it lasts. */
static unsigned
losses(size_t from)
{
    unsigned many = 0;
    bool lost = false;

    for (size_t i = from; i < ground.events; i++) {
        const struct net_told *e = &ground.event[i];

        if (!e->alarm && strcmp(e->code, "net.lost") == 0) {
            many += !lost;
            lost = true;
        } else if (!e->alarm && strcmp(e->code, "net.back") == 0) {
            lost = false;
        }
    }
    return many;
}

static void
with_a_third_of_loss_and_half_a_second_of_delay_lines_go_on_to_arrive(void)
{
    const struct net_options options = { .no_serial = true, .relay = true };

    if (begin(&options)) {
        size_t from = ground.events;
        unsigned arrived = 0;

        ground.relay->delay_ms = 250;
        ground.relay->loss_percent = 15; /* each way: 28 % of what goes and comes back */
        for (int i = 0; i < 20; i++) {
            net_ring(&ground, 1);
            net_listen(&ground, 1000);
        }
        for (size_t i = from; i < ground.events; i++) {
            arrived += !ground.event[i].alarm && strcmp(ground.event[i].code, "test.alarm") == 0;
        }
        /* Three seconds without an answer are a loss, and such a line may have some: not one after the other.
         */
        printf("  %u of 20 arrived meanwhile, lost %u times\n", arrived, losses(from));
        CHECK(arrived >= 5);
        CHECK(losses(from) <= 2);
        ground.relay->delay_ms = 0;
        ground.relay->loss_percent = 0;
        CHECK(net_carries(&ground, BACK_MS));
        CHECK(net_all_on_record(&ground));
    }
    net_end(&ground);
}

/* Down for a second, up for a second, and so on. */
static void
flap(enum net_space where, const char *down, const char *up, int seconds, unsigned least_lost)
{
    const struct net_options options = { .serial = "policy=fallback" };

    if (begin(&options)) {
        size_t from = ground.events;

        for (int i = 0; i < seconds; i += 2) {
            CHECK(net_do(&ground, where, down));
            net_listen(&ground, 1000);
            CHECK(net_do(&ground, where, up));
            net_listen(&ground, 1000);
        }
        unsigned lost = losses(from);
        unsigned back = count(from, "net.back");
        printf("  lost %u times, back %u times\n", lost, back);
        CHECK(lost >= least_lost && lost <= 4);
        CHECK(back <= lost);
        CHECK(lost == 0 || net_wait(&ground, from, "net.back", NULL, NULL, BACK_MS) != NULL);
        CHECK(net_carries(&ground, BACK_MS));
        CHECK(net_all_on_record(&ground));
    }
    net_end(&ground);
}

static void
a_route_that_flaps_each_second_is_told_as_lost_four_times_a_minute_at_most(void)
{
    flap(NET_AGENT, "ip route add blackhole " NET_RECEIVER_ADDRESS,
            "ip route del blackhole " NET_RECEIVER_ADDRESS, 60, 1);
}

/* What is acknowledged each second may as well be no loss at all. */
static void
a_link_behind_the_router_that_flaps_each_second_is_told_as_lost_four_times_at_most(void)
{
    flap(NET_ROUTER, "ip link set b0 down", "ip link set b0 up", 30, 0);
}

/* ---- what stands around it */

/* What names mean, in this mount namespace. */
static void
set_hosts(const char *text)
{
    static int fd = -1;
    char path[] = "/tmp/tocsin-net-hosts-XXXXXX";
    char by_fd[64];

    if (fd < 0) {
        fd = mkostemp(path, O_CLOEXEC);
        snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", fd);
        CHECK(fd >= 0 && fchmod(fd, 0644) == 0 && mount(by_fd, "/etc/hosts", NULL, MS_BIND, NULL) == 0);
        unlink(path);
    }
    CHECK(ftruncate(fd, 0) == 0);
    CHECK(pwrite(fd, text, strlen(text), 0) == (ssize_t)strlen(text));
}

static void
a_receiver_whose_name_means_nothing_any_more_is_found_where_it_was(void)
{
    const struct net_options options = { .serial = "policy=fallback", .receiver = "belfry.test" };

    set_hosts(NET_RECEIVER_ADDRESS " belfry.test\n");
    if (begin(&options)) {
        size_t from = ground.events;

        set_hosts("");
        CHECK(net_do(&ground, NET_ROUTER, "ip link set b0 down"));
        CHECK(net_wait(&ground, from, "net.lost", NULL, NET_LINE, 15000) != NULL);
        CHECK(net_do(&ground, NET_ROUTER, "ip link set b0 up"));
        CHECK(net_wait(&ground, from, "net.back", NULL, NULL, BACK_MS) != NULL);
        CHECK(net_carries(&ground, BACK_MS));
        net_stop(&ground.agent, SIGKILL);
        CHECK(net_start_agent(&ground));
        CHECK(net_carries(&ground, BACK_MS));
        CHECK(net_all_on_record(&ground));
    }
    net_end(&ground);
}

static void
set_clock(const char *seconds)
{
    FILE *f = fopen(net_path(&ground, "clock"), "w");

    CHECK(f != NULL && fputs(seconds, f) >= 0);
    if (f != NULL) {
        fclose(f);
    }
}

static void
a_clock_that_is_stepped_is_no_loss_of_the_network_and_loses_no_line(void)
{
    const struct net_options options = { .serial = "policy=fallback", .clock = STEPPED_CLOCK };
    static const char *const steps[] = { "3600", "-86400", "0" };

    if (begin(&options)) {
        size_t from = ground.events;
        uint64_t before = ground.capture->packets;

        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
            set_clock(steps[i]);
            net_ring(&ground, 3);
            net_listen(&ground, 5000);
            CHECK(net_carries(&ground, BACK_MS));
        }
        CHECK(ground.capture->packets > before);
        CHECK_INT(count(from, "net.lost"), 0);
        CHECK_INT(count(from, "belfry.silent"), 0);
        CHECK(net_all_on_record(&ground));
    }
    net_end(&ground);
}

static int
tests(void)
{
    CHECK_RUN(with_a_third_of_loss_and_half_a_second_of_delay_lines_go_on_to_arrive);
    CHECK_RUN(a_receiver_whose_name_means_nothing_any_more_is_found_where_it_was);
    CHECK_RUN(a_clock_that_is_stepped_is_no_loss_of_the_network_and_loses_no_line);
    CHECK_RUN(a_route_that_flaps_each_second_is_told_as_lost_four_times_a_minute_at_most);
    CHECK_RUN(a_link_behind_the_router_that_flaps_each_second_is_told_as_lost_four_times_at_most);
    return check_result();
}

int
main(void)
{
    return net_inside(tests);
}
