#include "attack.h"
#include "cmd/network.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Where it happens: a place with the programs and what is watched, an /etc of its own, and both ends.
 */
#define ROLE_MS 3000
#define LINKED_MS (NET_LINKED_S * 1000)

struct net attack_ground;

static const char config[] = "Watch " ATTACK_TREE "\nWatch " ATTACK_DISK "\nWatch /etc\n"
                             "Mount " ATTACK_SEALED " ro\n"
                             "Channel tty " ATTACK_CABLE "\n"
                             "View channel-openers allow " ATTACK_PLACE "/bin/belfry\n";

bool
attack_do(const char *command)
{
    return net_do(&attack_ground, NET_AGENT, command);
}

static bool
is_mounted_here(const char *point, const char *options)
{
    if ((mkdir(point, 0755) < 0 && errno != EEXIST) ||
            mount("attack", point, "tmpfs", MS_NOSUID, options) < 0) {
        perror(point);
        return false;
    }
    return true;
}

/* What is read of it by those who run here. */
static bool
make_etc(void)
{
    return system("mkdir " ATTACK_PLACE
                  "/etc && cd /etc && for f in passwd group nsswitch.conf hosts ld.so.cache "
                  "ld.so.conf alternatives; do [ ! -e $f ] || cp -a $f " ATTACK_PLACE "/etc/; done") == 0 &&
           mount(ATTACK_PLACE "/etc", "/etc", NULL, MS_BIND, NULL) == 0;
}

bool
attack_place(void)
{
    const char *bin = getenv("TOCSIN_BIN");
    const char *agent = getenv("TOCSIN_ATTACK_AGENT");
    char command[1024];

    snprintf(command, sizeof(command),
            "cd %s && mkdir " ATTACK_PLACE "/bin " ATTACK_PLACE "/hung " ATTACK_TREE " " ATTACK_NET " && "
            "cp %s " ATTACK_PLACE "/bin/tocsin && "
            "cp tocsin-courier belfry belfry-gate " ATTACK_PLACE "/bin/ && echo one >" ATTACK_TREE "/one",
            bin != NULL ? bin : ".", agent != NULL ? agent : "tocsin");
    if (!is_mounted_here(ATTACK_PLACE, "size=64m,mode=755") || system(command) != 0 || !make_etc() ||
            !is_mounted_here(ATTACK_DISK, "size=1m,mode=755") ||
            !is_mounted_here(ATTACK_SEALED, "size=64k,mode=755")) {
        printf("attack: no place of our own\n");
        return false;
    }
    if (mount(NULL, ATTACK_SEALED, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID, NULL) < 0) {
        perror(ATTACK_SEALED);
        return false;
    }
    setenv("TOCSIN_BIN", ATTACK_PLACE "/bin", 1);
    return true;
}

static int server = -1; /* of the file system that hangs */

bool
attack_hang(const char *point)
{
    char options[64];

    server = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", server);
    return server >= 0 && mount("hung", point, "fuse", 0, options) == 0;
}

void
attack_let_go(const char *point)
{
    close(server);
    umount2(point, MNT_DETACH);
}

bool
attack_has_machine(void)
{
    return getenv("TOCSIN_ATTACK_MACHINE") != NULL;
}

bool
attack_begin(void)
{
    const struct net_options options = { .agent = config,
        .serial = "policy=fallback",
        .views = attack_has_machine()
                         ? "firewall own-processes full-disks load channel-openers kernel-taint modules"
                         : "firewall own-processes full-disks load channel-openers",
        .baseline = true };

    return attack_cable_begin() && net_begin(&attack_ground, &options) && attack_all_well();
}

/* Asked of the agent itself: other ways would take ports, of which the agent hears the whole machine's. */
static bool
is_linked(void)
{
    struct ctl_net net = { .state = NET_DOWN };
    int fd = net_ask_agent(&attack_ground);
    bool linked = fd >= 0 && network_ask(fd, &net) && net.up != 0 && net.state == NET_UP && net.waiting == 0;

    if (fd >= 0) {
        close(fd);
    }
    return linked;
}

bool
attack_linked(int timeout_ms)
{
    int64_t until_us = net_now_us() + (int64_t)timeout_ms * 1000;
    bool linked;

    while (!(linked = is_linked()) && net_now_us() < until_us) {
        net_listen(&attack_ground, 20);
    }
    return linked;
}

bool
attack_all_well(void)
{
    net_reap(&attack_ground);
    if (attack_ground.agent == 0 && !net_start_agent(&attack_ground)) {
        return false;
    }
    return attack_linked(LINKED_MS);
}

bool
attack_restart_agent(void)
{
    net_stop(&attack_ground.agent, SIGTERM);
    return attack_all_well();
}

unsigned
attack_pids(pid_t pid[ATTACK_AGENT_PIDS])
{
    char path[64];
    char text[16];
    unsigned count = 0;

    if (attack_ground.agent <= 1) {
        return 0;
    }
    pid[count++] = attack_ground.agent;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)attack_ground.agent,
            (int)attack_ground.agent);
    FILE *f = fopen(path, "r");
    while (f != NULL && count < ATTACK_AGENT_PIDS && fscanf(f, "%15s", text) == 1) {
        pid[count++] = (pid_t)strtol(text, NULL, 10);
    }
    if (f != NULL) {
        fclose(f);
    }
    return count;
}

pid_t
attack_pid(const char *role)
{
    pid_t pid = attack_ground.agent;

    if (pid <= 1 || strcmp(role, "warden") == 0) {
        return pid > 1 ? pid : 0;
    }
    /* One that was started this moment does not bear its role's name yet. */
    for (int waited = 0; waited < ROLE_MS; waited += 10) {
        pid = net_child(attack_ground.agent, strcmp(role, "wire") == 0 ? "wire 0" : role);
        if (pid > 1) {
            return pid;
        }
        poll(NULL, 0, 10);
    }
    return 0;
}

bool
attack_signal_all(int signal)
{
    pid_t pid[ATTACK_AGENT_PIDS];
    unsigned count = attack_pids(pid);

    for (unsigned i = 0; i < count; i++) {
        kill(pid[i], signal);
    }
    return count > 1;
}

const struct net_told *
attack_wait_alarm(size_t from, const char *code, const char *detail, const char *verdict, int timeout_ms)
{
    int64_t until_us = net_now_us() + (int64_t)timeout_ms * 1000;

    do {
        for (size_t i = from; i < attack_ground.events; i++) {
            const struct net_told *e = &attack_ground.event[i];

            if (e->alarm && strcmp(e->code, code) == 0 && strcmp(e->verdict, verdict) == 0 &&
                    (detail == NULL || strstr(e->detail, detail) != NULL)) {
                return e;
            }
        }
        net_listen(&attack_ground, 10);
    } while (net_now_us() < until_us);
    return NULL;
}

bool
attack_wait(size_t from, const char *code, const char *detail, int timeout_ms)
{
    return net_wait(&attack_ground, from, code, detail, NULL, timeout_ms) != NULL;
}
