#include "net.h"
#include "support/check.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What is asked of a monitor that an intruder cannot silence, a test each: it registers at its start with a
 * receiver over an encrypted channel, and checks in each time; an alarm is raised if it disappears; it
 * detects an outage of the network and the loss of the route; and then it logs an alarm to a device close to
 * write-only.
 */
#define WAIT_MS 15000

static struct net ground;
static const struct net_options by_network = { .no_serial = true };
static const struct net_options by_both = { .serial = "policy=fallback" };

static bool
begin(const struct net_options *options)
{
    bool good = net_begin(&ground, options) && net_carries(&ground, NET_LINKED_S * 1000);

    CHECK(good);
    return good;
}

static void
it_registers_with_the_receiver_at_its_start_over_an_encrypted_channel(void)
{
    if (begin(&by_network)) {
        const struct net_told *start = net_find(&ground, 0, "agent.start", NULL, "!" NET_LINE);

        CHECK(start != NULL && strcmp(start->verdict, "OK") == 0);
        net_ring(&ground, 20);
        net_listen(&ground, 1500);
        printf("  %llu packets, %llu bytes between the two, %llu packets in clear\n",
                (unsigned long long)ground.capture->packets, (unsigned long long)ground.capture->bytes,
                (unsigned long long)ground.capture->clear);
        CHECK(ground.capture->packets > 20);
        CHECK(ground.capture->bytes > 2000);
        CHECK_INT(ground.capture->clear, 0);
    }
    net_end(&ground);
}

static void
it_says_over_that_channel_what_runs(void)
{
    if (begin(&by_network)) {
        CHECK(net_wait(&ground, 0, "agent.run", "bin=", "!" NET_LINE, WAIT_MS) != NULL);
        CHECK(net_wait(&ground, 0, "agent.run", "conf=", "!" NET_LINE, WAIT_MS) != NULL);
        CHECK(net_wait(&ground, 0, "agent.run", "base=", "!" NET_LINE, WAIT_MS) != NULL);
        CHECK(net_wait(&ground, 0, "agent.run", "kernel=", "!" NET_LINE, WAIT_MS) != NULL);
    }
    net_end(&ground);
}

static void
it_checks_in_each_second_and_is_answered(void)
{
    if (begin(&by_network)) {
        net_listen(&ground, 1000);
        for (int i = 0; i < 4; i++) {
            ground.capture->since_us = net_now_us();
            net_listen(&ground, 2000);
            CHECK(ground.capture->asked_us > ground.capture->since_us);
            CHECK(ground.capture->answered_us > ground.capture->since_us);
        }
    }
    net_end(&ground);
}

static const struct net_told *
wait_alarm(size_t from, const char *code, int timeout_ms)
{
    int64_t until_us = net_now_us() + (int64_t)timeout_ms * 1000;

    do {
        for (size_t i = from; i < ground.events; i++) {
            const struct net_told *e = &ground.event[i];

            if (e->alarm && strcmp(e->code, code) == 0 && strcmp(e->verdict, "open") == 0) {
                return e;
            }
        }
        net_listen(&ground, 50);
    } while (net_now_us() < until_us);
    return NULL;
}

/* All of it at once: nobody is left to say a last word. */
static void
kill_agent(void)
{
    pid_t child;

    kill(ground.agent, SIGSTOP);
    while ((child = net_child(ground.agent, "tocsin")) > 1) {
        kill(child, SIGKILL);
        while (waitid(P_PID, (id_t)child, NULL, WEXITED | WNOHANG | WNOWAIT) == 0 && kill(child, 0) == 0 &&
                net_child(ground.agent, "tocsin") == child) {
            poll(NULL, 0, 1);
        }
    }
    net_stop(&ground.agent, SIGKILL);
}

static void
an_alarm_is_raised_at_once_if_it_disappears_and_another_if_it_stays_away(void)
{
    if (begin(&by_network)) {
        size_t from = ground.events;
        int64_t killed_us = net_now_us();

        kill_agent();
        const struct net_told *cut = wait_alarm(from, "belfry.cut", WAIT_MS);
        CHECK(cut != NULL);
        double cut_ms = net_ms(cut, killed_us);
        const struct net_told *silent = wait_alarm(from, "belfry.silent", WAIT_MS);
        CHECK(silent != NULL);
        printf("  belfry.cut after %.0f ms, belfry.silent after %.0f ms\n", cut_ms,
                net_ms(silent, killed_us));
    }
    net_end(&ground);
}

static void
it_detects_an_outage_of_the_network_that_its_kernel_knows_nothing_of(void)
{
    if (begin(&by_both)) {
        size_t from = ground.events;

        CHECK(net_do(&ground, NET_ROUTER,
                "nft 'table inet wall { chain c { type filter hook forward priority 0; "
                "policy drop; }; }'"));
        CHECK(net_wait(&ground, from, "net.lost", NULL, NET_LINE, WAIT_MS) != NULL);
        CHECK(net_find(&ground, from, "route.lost", NULL, NULL) == NULL);
    }
    net_end(&ground);
}

static void
it_detects_the_loss_of_the_route(void)
{
    if (begin(&by_both)) {
        size_t from = ground.events;

        CHECK(net_do(&ground, NET_AGENT, "ip route del default"));
        CHECK(net_wait(&ground, from, "route.lost", NULL, NET_LINE, WAIT_MS) != NULL);
        CHECK(net_wait(&ground, from, "net.lost", NULL, NET_LINE, WAIT_MS) != NULL);
    }
    net_end(&ground);
}

/* How the agent's processes have the device open; -1 when none has. */
static int
open_flags_of(pid_t pid, const char *device)
{
    char path[64];
    char real[256];
    char target[256];
    char line[64];
    int flags = -1;

    if (realpath(device, real) == NULL) {
        return -1;
    }
    for (int fd = 0; fd < 64 && flags < 0; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
        ssize_t len = readlink(path, target, sizeof(target) - 1);
        target[len > 0 ? len : 0] = '\0';
        if (strcmp(target, real) == 0) {
            snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
            FILE *f = fopen(path, "r");
            while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
                if (strncmp(line, "flags:", 6) == 0) {
                    flags = (int)strtol(line + 6, NULL, 8);
                }
            }
            if (f != NULL) {
                fclose(f);
            }
        }
    }
    return flags;
}

static void
when_the_network_is_lost_it_logs_alarms_to_a_device_close_to_write_only(void)
{
    if (begin(&by_both)) {
        size_t from = ground.events;

        CHECK(net_do(&ground, NET_AGENT, "ip link set up0 down"));
        CHECK(net_wait(&ground, from, "net.lost", NULL, NET_LINE, WAIT_MS) != NULL);
        CHECK(net_note_comes(&ground, NET_LINE, WAIT_MS));
        int flags = open_flags_of(net_child(ground.agent, "wire"), net_path(&ground, "serial"));
        CHECK(flags >= 0);
        CHECK_INT(flags & O_ACCMODE, O_WRONLY);
    }
    net_end(&ground);
}

static int
tests(void)
{
    CHECK_RUN(it_registers_with_the_receiver_at_its_start_over_an_encrypted_channel);
    CHECK_RUN(it_says_over_that_channel_what_runs);
    CHECK_RUN(it_checks_in_each_second_and_is_answered);
    CHECK_RUN(an_alarm_is_raised_at_once_if_it_disappears_and_another_if_it_stays_away);
    CHECK_RUN(it_detects_an_outage_of_the_network_that_its_kernel_knows_nothing_of);
    CHECK_RUN(it_detects_the_loss_of_the_route);
    CHECK_RUN(when_the_network_is_lost_it_logs_alarms_to_a_device_close_to_write_only);
    return check_result();
}

int
main(void)
{
    return net_inside(tests);
}
