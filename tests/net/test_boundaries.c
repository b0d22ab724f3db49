#include "net.h"
#include "support/check.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

/*
 * What a process that is killed leaves behind is its files. Here they are looked at where it may be killed:
 * at each boundary of a system call, while sixty alarms go from the agent to the receiver.
 * TOCSIN_BOUNDARIES_EVERY (1) says each how-manieth.
 */
#define EVENTS 60
#define EVERY "1"
#define SEIZE_MS 300
#define SETTLE_MS 120000
#define END_MS 60000

static struct net ground;

static pid_t
start_looking(pid_t pid, const char *session)
{
    const char *every = getenv("TOCSIN_BOUNDARIES_EVERY");
    char who[16];
    const char *argv[] = { net_program("boundaries"), who, every != NULL ? every : EVERY,
        net_path(&ground, "agent/courier"), net_path(&ground, "belfry/ledger.db"), session,
        pid == ground.belfry ? net_path(&ground, "copy.db") : NULL, NULL };

    snprintf(who, sizeof(who), "%d", (int)pid);
    return net_spawn(&ground, NET_AGENT, argv, -1, -1);
}

/* True when it never saw anything bad. */
static bool
stop_looking(pid_t looker)
{
    int64_t until_us = net_now_us() + (int64_t)END_MS * 1000;
    int status = -1;

    kill(looker, SIGTERM);
    while (waitpid(looker, &status, WNOHANG) == 0 && net_now_us() < until_us) {
        net_listen(&ground, 10);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
looks_good(pid_t pid, const char *session)
{
    size_t from = ground.events;
    pid_t looker = pid > 1 ? start_looking(pid, session) : 0;

    if (looker <= 1) {
        return false;
    }
    net_listen(&ground, SEIZE_MS);
    for (int i = 0; i < EVENTS; i++) {
        CHECK_INT(net_ring(&ground, 1), 1);
        net_listen(&ground, 10);
    }
    for (int64_t until_us = net_now_us() + (int64_t)SETTLE_MS * 1000; net_now_us() < until_us;) {
        unsigned arrived = 0;

        net_listen(&ground, 100);
        for (size_t i = from; i < ground.events; i++) {
            arrived += !ground.event[i].alarm && strcmp(ground.event[i].code, "test.alarm") == 0;
        }
        if (arrived >= EVENTS) {
            break;
        }
    }
    bool good = stop_looking(looker);
    CHECK(net_carries(&ground, SETTLE_MS));
    return good;
}

static bool
begin(const char *belfry)
{
    const struct net_options options = { .no_serial = true, .belfry = belfry };
    bool good = net_begin(&ground, &options) && net_carries(&ground, NET_LINKED_S * 1000);

    CHECK(good);
    return good;
}

static void
wherever_a_process_of_the_receiver_is_killed_what_left_the_spool_is_on_record(void)
{
    if (begin(NULL)) {
        puts("  belfry");
        CHECK(looks_good(ground.belfry, net_path(&ground, "agent/session")));
        puts("  belfry-gate");
        CHECK(looks_good(net_child(ground.belfry, "belfry-gate"), net_path(&ground, "agent/session")));
    }
    net_end(&ground);
}

static void
wherever_a_process_of_the_agent_is_killed_what_left_the_spool_is_on_record(void)
{
    static const char *const roles[] = { "core", "courier", "wire", "netwatch" };

    if (begin(NULL)) {
        puts("  warden");
        CHECK(looks_good(ground.agent, net_path(&ground, "agent/session")));
        for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
            printf("  %s\n", roles[i]);
            fflush(stdout);
            CHECK(looks_good(net_child(ground.agent, roles[i]), net_path(&ground, "agent/session")));
        }
    }
    net_end(&ground);
}

static void
a_receiver_that_acknowledges_before_its_commit_is_found(void)
{
    if (begin(net_program("belfry-ack-early"))) {
        CHECK(!looks_good(ground.belfry, net_path(&ground, "agent/session")));
    }
    net_end(&ground);
}

static void
a_session_file_that_is_written_late_is_found(void)
{
    if (begin(NULL)) {
        char command[4 * NET_PATH];

        snprintf(command, sizeof(command), "cp %s %s", net_path(&ground, "agent/session"),
                net_path(&ground, "late"));
        CHECK(net_do(&ground, NET_AGENT, command));
        net_stop(&ground.agent, SIGKILL);
        CHECK(net_start_agent(&ground) && net_carries(&ground, NET_LINKED_S * 1000));
        CHECK(!looks_good(net_child(ground.agent, "courier"), net_path(&ground, "late")));
    }
    net_end(&ground);
}

static int
tests(void)
{
    CHECK_RUN(wherever_a_process_of_the_receiver_is_killed_what_left_the_spool_is_on_record);
    CHECK_RUN(wherever_a_process_of_the_agent_is_killed_what_left_the_spool_is_on_record);
    CHECK_RUN(a_receiver_that_acknowledges_before_its_commit_is_found);
    CHECK_RUN(a_session_file_that_is_written_late_is_found);
    return check_result();
}

int
main(void)
{
    return net_inside(tests);
}
