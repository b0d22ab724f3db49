#include "net.h"
#include "support/check.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

/*
 * An agent whose processes die of SIGILL when they ask for memory behind the start (support/counting.c): what
 * makes it work, and each of its processes killed, ends none. The same with an allocation planted in each
 * role.
 */
#define PLACE "/mnt"
#define TREE PLACE "/tree"
#define TOLD_MS 20000
#define ENDED_MS 10000
#define LOOKS_MS 5000 /* two sweeps, and each view more than once */
#define FILES "300"

static struct net ground;
static const char *bin;
static const char *const roles[] = { "wire 0", "wire 1", "fscheck", "procscan", "netwatch", "core" };
#define ROLES_HERE (sizeof(roles) / sizeof(roles[0]))

static const struct net_options options = { .baseline = true,
    .agent = "Watch " TREE "\nWatch /etc\nSweep 2\nDaemon " PLACE "/bin/belfry\n"
             "View hidden-processes on 2\nView disguised-processes on 2\nView proc-mounts on 2\n"
             "View hidden-ports on 2\nView promiscuous on 2\nView firewall on 2\nView accounts on 2\n"
             "View preload on 2\nView channel-openers on 2\n",
    .views = "hidden-processes disguised-processes proc-mounts hidden-ports promiscuous firewall "
             "kernel-taint modules accounts preload channel-openers own-processes full-disks load" };

/* Both ends, with this program in the agent's place. */
static bool
begin(const char *agent)
{
    char command[512];

    snprintf(command, sizeof(command),
            "cd %s && rm -rf " PLACE "/bin " TREE " && mkdir " PLACE "/bin " TREE " && cp %s " PLACE
            "/bin/tocsin && "
            "cp tocsin-courier belfry belfry-gate " PLACE "/bin/ && echo one >" TREE "/one",
            bin, agent);
    setenv("TOCSIN_BIN", PLACE "/bin", 1);
    return system(command) == 0 && net_begin(&ground, &options);
}

static bool
told(size_t from, const char *code, const char *detail)
{
    return net_wait(&ground, from, code, detail, NULL, TOLD_MS) != NULL;
}

static bool
end_agent(int *status)
{
    pid_t agent = ground.agent;
    pid_t ended = 0;

    kill(agent, SIGTERM);
    for (int waited = 0; waited < ENDED_MS && ended == 0; waited += 20) {
        net_listen(&ground, 20);
        ended = waitpid(agent, status, WNOHANG);
    }
    ground.agent = ended == agent ? 0 : agent;
    return ended == agent;
}

static void
all_processes(pid_t pid[ROLES_HERE])
{
    for (size_t i = 0; i < ROLES_HERE; i++) {
        pid[i] = net_child(ground.agent, roles[i]);
        CHECK(pid[i] > 1);
    }
}

/* Somebody may look at a mount that has just come: it is unmounted again, then. */
#define MOUNT_AND_UNMOUNT                              \
    "mount -t tmpfs none " TREE "; until umount " TREE \
    " 2>/dev/null || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done; "

/* What makes each of them work: findings of all kinds, more than is told at once, sweeps, looks, clients. */
static void
keep_all_busy(void)
{
    char command[512];
    size_t from = ground.events;

    snprintf(command, sizeof(command),
            "echo two >" TREE "/one; for n in $(seq " FILES "); do echo $n >" TREE
            "/$n; done; " MOUNT_AND_UNMOUNT
            "for ask in status channels check; do %s/tocsin --config %s --state %s $ask; done >%s 2>&1; true",
            bin, net_path(&ground, "tocsin.conf"), net_path(&ground, "agent"), net_path(&ground, "asked"));
    CHECK(net_do(&ground, NET_AGENT, command));
    CHECK(told(from, "integrity.changed", TREE "/one") && told(from, "mount.added", TREE));
    CHECK(net_ring(&ground, 3) == 3 && told(from, "test.alarm", NULL));
    (void)net_note_comes(&ground, NULL, LOOKS_MS); /* among the whole machine's ports it may be folded */
    net_listen(&ground, LOOKS_MS);
    CHECK(net_do(&ground, NET_AGENT, "rm -rf " TREE "/[0-9]*; echo one >" TREE "/one"));
    CHECK(told(from, "integrity.ok", TREE "/one") && told(from, "agent.beat", NULL));
}

static void
check_same(const pid_t before[ROLES_HERE])
{
    pid_t now[ROLES_HERE];

    all_processes(now);
    for (size_t i = 0; i < ROLES_HERE; i++) {
        CHECK_INT(now[i], before[i]);
    }
}

/* The core last: that begins a new session. */
static void
kill_each(void)
{
    for (size_t i = 0; i < ROLES_HERE; i++) {
        size_t from = ground.events;
        bool core = i == ROLES_HERE - 1;

        CHECK(kill(net_child(ground.agent, roles[i]), SIGKILL) == 0);
        CHECK(told(from, "agent.self", "state=killed sig=9") &&
                told(from, core ? "agent.start" : "agent.self", core ? NULL : "of="));
    }
}

static void
no_process_takes_memory_once_it_guards(void)
{
    pid_t pid[ROLES_HERE];
    int status = -1;

    if (!begin("tocsin_counted")) {
        CHECK(false);
        return;
    }
    all_processes(pid);
    keep_all_busy();
    check_same(pid);
    kill_each();
    net_listen(&ground, LOOKS_MS);
    all_processes(pid);
    keep_all_busy();
    check_same(pid);
    CHECK(net_find(&ground, 0, "agent.self", "sig=4", NULL) == NULL);
    CHECK(end_agent(&status) && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    net_end(&ground);
}

static void
who_takes_memory_behind_the_start_is_found(void)
{
    static const char *const names[] = { "wire0", "fscheck", "procscan", "netwatch", "core" };
    int status = 0;

    if (!begin("tocsin_allocating")) {
        CHECK(false);
        return;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char detail[48];

        snprintf(detail, sizeof(detail), "proc=%s state=killed sig=4", names[i]);
        if (!told(0, "agent.self", detail)) {
            printf("%s: not found\n", names[i]);
            CHECK(false);
        }
    }
    CHECK(end_agent(&status) && WIFSIGNALED(status) && WTERMSIG(status) == SIGILL);
    net_end(&ground);
}

static int
inside(void)
{
    const char *from = getenv("TOCSIN_BIN");

    if (mount("allocations", PLACE, "tmpfs", MS_NOSUID, "size=64m,mode=755") < 0) {
        perror(PLACE);
        return 1;
    }
    bin = strdup(from != NULL ? from : ".");
    CHECK_RUN(no_process_takes_memory_once_it_guards);
    CHECK_RUN(who_takes_memory_behind_the_start_is_found);
    return check_result();
}

int
main(void)
{
    return net_inside(inside);
}
