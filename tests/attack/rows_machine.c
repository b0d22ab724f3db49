#include "attack.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define OVER_MS 15000

/*
 * Against the machine the agent runs on: stopped in order, starved of what programs need.
 */
static bool
stop_in_order(const struct attack_row *row)
{
    (void)row;
    return attack_ground.agent > 1 && kill(attack_ground.agent, SIGTERM) == 0;
}

static bool
start_again(const struct attack_row *row)
{
    (void)row;
    return attack_restart_agent();
}

/* ---- a library for every program ---- */

static const char *
is_static(const struct attack_row *row)
{
    (void)row;
    return getenv("TOCSIN_ATTACK_AGENT") != NULL ? NULL : "not the static agent (TOCSIN_ATTACK_AGENT)";
}

static bool
start_preloaded(const struct attack_row *row)
{
    (void)row;
    net_stop(&attack_ground.agent, SIGTERM);
    unlink(ATTACK_PRELOADED);
    setenv("LD_PRELOAD", PRELOADED_LIBRARY, 1);
    net_spawn_agent(&attack_ground); /* which takes it out of our own environment */
    return access(ATTACK_PRELOADED, F_OK) < 0;
}

/* It runs, and nothing was loaded into it. */
static const struct net_told *
runs_without(const struct attack_row *row, size_t from, int timeout_ms)
{
    const struct net_told *e = net_wait(&attack_ground, from, "agent.start", NULL, row->line, timeout_ms);

    return access(ATTACK_PRELOADED, F_OK) < 0 ? e : NULL;
}

/* ---- a disk ---- */

static size_t before;

static bool
fill_disk(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    return attack_do("dd if=/dev/zero of=" ATTACK_DISK "/much bs=1k count=970 2>/dev/null");
}

static bool
make_room(const struct attack_row *row)
{
    (void)row;
    return attack_do("rm " ATTACK_DISK "/much") && attack_wait(before, "disk.ok", ATTACK_DISK, OVER_MS);
}

/* ---- load ---- */

#define PROCESSES_MOST 4096

static pid_t bomb;

/* Far more than the machine has processors for, at once, and for a while; they end with their first one. */
static void
explode(long processes)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    for (long i = 0; i < processes && i < PROCESSES_MOST; i++) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (volatile unsigned long n = 0;; n++) {
            }
        }
    }
    for (;;) {
        pause();
    }
}

static bool
fork_bomb(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    bomb = fork();
    if (bomb == 0) {
        explode(24 * sysconf(_SC_NPROCESSORS_ONLN));
    }
    return bomb > 1;
}

/* The beat that says how late it may be comes all the while. */
static bool
end_it(const struct attack_row *row)
{
    (void)row;
    if (bomb > 1) {
        kill(-bomb, SIGKILL);
    }
    net_stop(&bomb, SIGKILL);
    CHECK(attack_wait_alarm(before, "belfry.silent", NULL, "open", 0) == NULL);
    return attack_wait(before, "load.ok", NULL, 2 * OVER_MS) && attack_all_well();
}

const struct attack_row attack_on_machine[] = {
    { .name = "stop in order",
            .limit_ms = 1000,
            .strike = stop_in_order,
            .heal = start_again,
            .code = "agent.stop" },
    { .name = "LD_PRELOAD: no effect",
            .limit_ms = 5000,
            .prepare = is_static,
            .strike = start_preloaded,
            .shown = runs_without,
            .heal = start_again },
    { .name = "fill a disk",
            .limit_ms = 5000,
            .strike = fill_disk,
            .heal = make_room,
            .code = "disk.full",
            .detail = ATTACK_DISK },
    { .name = "fork bomb",
            .limit_ms = 5000,
            .slow = true,
            .strike = fork_bomb,
            .heal = end_it,
            .code = "load.high",
            .detail = "what=cpu" },
    { .name = NULL },
};
