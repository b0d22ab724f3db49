#include "net.h"
#include "numbers.h"
#include "support/check.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/*
 * One of the processes between a sealed line and the record is killed or stopped. The witness is a file that
 * the agent writes all lines to: where belfry itself is stopped, nothing else can say what the agent did
 * meanwhile.
 */
#define LOST_MS 15000
#define BACK_MS 60000

static struct net ground;

static bool
begin(void)
{
    const struct net_options options = { .serial = "policy=fallback" };
    bool good = net_begin(&ground, &options) && net_carries(&ground, NET_LINKED_S * 1000);

    CHECK(good);
    return good;
}

static void
end(void)
{
    CHECK(net_carries(&ground, BACK_MS));
    CHECK(net_all_on_record(&ground));
    net_end(&ground);
}

static bool
signal_child(pid_t parent, const char *word, int signal)
{
    pid_t pid = net_child(parent, word);

    CHECK(pid > 1);
    return pid > 1 && kill(pid, signal) == 0;
}

static void
a_gate_that_is_killed_runs_again_and_nothing_is_lost(void)
{
    if (begin()) {
        pid_t before = net_child(ground.belfry, "belfry-gate");

        CHECK(signal_child(ground.belfry, "belfry-gate", SIGKILL));
        net_ring(&ground, 10);
        CHECK(net_carries(&ground, BACK_MS));
        CHECK(net_child(ground.belfry, "belfry-gate") > 1);
        CHECK(net_child(ground.belfry, "belfry-gate") != before);
    }
    end();
}

static void
a_gate_that_is_stopped_is_told_over_the_serial_line_and_found_again(void)
{
    if (begin()) {
        size_t from = ground.events;
        int64_t cut_us = net_now_us();

        CHECK(signal_child(ground.belfry, "belfry-gate", SIGSTOP));
        const struct net_told *lost = net_wait(&ground, from, "net.lost", NULL, NET_LINE, LOST_MS);
        CHECK(lost != NULL);
        printf("  net.lost after %.1f ms: %s\n", net_ms(lost, cut_us), lost != NULL ? lost->detail : "");
        CHECK(net_note_comes(&ground, NET_LINE, LOST_MS));
        from = ground.events;
        CHECK(signal_child(ground.belfry, "belfry-gate", SIGCONT));
        CHECK(net_wait(&ground, from, "net.back", NULL, NULL, BACK_MS) != NULL);
    }
    end();
}

static void
a_receiver_that_is_killed_has_every_line_when_it_runs_again(void)
{
    if (begin()) {
        net_ring(&ground, 20);
        kill(ground.belfry, SIGKILL);
        net_stop(&ground.belfry, SIGKILL);
        net_ring(&ground, 20);
        poll(NULL, 0, 4000);
        CHECK(net_start_belfry(&ground));
    }
    end();
}

/* True when a line with this text comes to be in the witness. */
static bool
witness_has(const char *text, int timeout_ms)
{
    for (int64_t until_us = net_now_us() + (int64_t)timeout_ms * 1000; net_now_us() < until_us;) {
        char line[256];
        bool has = false;
        FILE *f = fopen(net_path(&ground, "witness"), "r");

        while (f != NULL && !has && fgets(line, sizeof(line), f) != NULL) {
            has = strstr(line, text) != NULL;
        }
        if (f != NULL) {
            fclose(f);
        }
        if (has) {
            return true;
        }
        poll(NULL, 0, 20);
    }
    return false;
}

static void
a_receiver_that_is_stopped_is_told_as_lost_and_has_every_line_when_it_goes_on(void)
{
    if (begin()) {
        int64_t cut_us = net_now_us();

        kill(ground.belfry, SIGSTOP);
        net_ring(&ground, 20);
        CHECK(witness_has(" net.lost ", LOST_MS));
        printf("  net.lost after %.0f ms\n", (double)(net_now_us() - cut_us) / 1000);
        net_ring(&ground, 20);
        kill(ground.belfry, SIGCONT);
    }
    end();
}

static void
a_courier_that_is_killed_is_told_and_nothing_is_lost(void)
{
    if (begin()) {
        size_t from = ground.events;

        net_ring(&ground, 10);
        CHECK(signal_child(ground.agent, "courier", SIGKILL));
        net_ring(&ground, 10);
        CHECK(net_wait(&ground, from, "agent.self", "proc=courier", NULL, LOST_MS) != NULL);
    }
    end();
}

static void
a_courier_that_is_stopped_is_told_and_nothing_is_lost(void)
{
    if (begin()) {
        size_t from = ground.events;

        CHECK(signal_child(ground.agent, "courier", SIGSTOP));
        net_ring(&ground, 10);
        CHECK(net_wait(&ground, from, "agent.self", "proc=courier", NULL, LOST_MS) != NULL);
    }
    end();
}

static void
an_agent_that_is_killed_leaves_nothing_unsaid_of_what_it_sealed(void)
{
    if (begin()) {
        net_ring(&ground, 20);
        poll(NULL, 0, 200);
        net_stop(&ground.agent, SIGKILL);
        poll(NULL, 0, 500);
        CHECK(net_start_agent(&ground));
    }
    end();
}

static int
tests(void)
{
    CHECK_RUN(a_gate_that_is_killed_runs_again_and_nothing_is_lost);
    CHECK_RUN(a_gate_that_is_stopped_is_told_over_the_serial_line_and_found_again);
    CHECK_RUN(a_receiver_that_is_killed_has_every_line_when_it_runs_again);
    CHECK_RUN(a_receiver_that_is_stopped_is_told_as_lost_and_has_every_line_when_it_goes_on);
    CHECK_RUN(a_courier_that_is_killed_is_told_and_nothing_is_lost);
    CHECK_RUN(a_courier_that_is_stopped_is_told_and_nothing_is_lost);
    CHECK_RUN(an_agent_that_is_killed_leaves_nothing_unsaid_of_what_it_sealed);
    return check_result();
}

int
main(void)
{
    return net_inside(tests);
}
