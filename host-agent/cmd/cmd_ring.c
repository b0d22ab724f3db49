#include "alarm/clock.h"
#include "cmd/agent.h"
#include "cmd/channels.h"
#include "cmd/cmd.h"
#include "proc/warden.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A test alarm through every channel. Where the agent runs, it is asked; where it does not, it is started for
 * the purpose without its checks, and stopped again. Who cannot be written is told at once, and waited for
 * only when the time is given.
 */
#define RING_S 15
#define LATE_MS 500 /* for the core's own end of it to come after ours */
#define START_MS 5000
#define START_LOOK_MS 20
#define NETWORK CONF_CHANNELS /* its place behind the channels */

struct place {
    bool used;
    bool out;
    bool told; /* that it waits, */
    bool lost; /* and as things are no line can go there */
};

struct ringing {
    const struct conf *conf;
    struct place place[CONF_CHANNELS + 1];
    int64_t until_ms;
    bool patient; /* who waits for what is lost, too */
};

static void
print_place(const struct conf *conf, unsigned i)
{
    if (i == NETWORK) {
        printf("net: ");
    } else {
        printf("%s %s: ", conf->channel[i].scheme, cmd_text(conf->channel[i].device));
    }
}

static void
take_reply(struct ringing *ring, const struct ctl_reply *r)
{
    unsigned i = r->network != 0 ? NETWORK : r->channel;
    struct place *p = &ring->place[i];

    if (i > NETWORK || !p->used || p->out) {
        return;
    }
    p->out = r->state == CTL_WRITTEN;
    p->lost = r->state == CTL_LOST;
    if (!p->out && p->told) {
        return;
    }
    p->told = true;
    print_place(ring->conf, i);
    if (p->out) {
        printf("%s after %u ms\n", i == NETWORK ? "acknowledged" : "out", r->elapsed_ms);
    } else if (i == NETWORK) {
        printf("waits, %s\n", r->error != 0 ? strerror(r->error) : "not connected");
    } else {
        printf("waits, %s\n", channel_why(r->why, r->error));
    }
    fflush(stdout);
}

static bool
waits(const struct ringing *ring)
{
    bool any = false;

    for (unsigned i = 0; i <= NETWORK; i++) {
        const struct place *p = &ring->place[i];

        any = any || (p->used && !p->out && (ring->patient || !p->lost));
    }
    return any;
}

/* What nothing was heard of. True when all are out. */
static bool
report_rest(const struct ringing *ring, uint32_t wait_s)
{
    bool all = true;

    for (unsigned i = 0; i <= NETWORK; i++) {
        const struct place *p = &ring->place[i];

        all = all && (!p->used || p->out);
        if (p->used && !p->out && !p->told) {
            print_place(ring->conf, i);
            printf("%s within %u s\n", i == NETWORK ? "not acknowledged" : "not out", wait_s);
        }
    }
    return all;
}

static int
ring_all(const struct conf *conf, int fd, uint32_t given_s)
{
    uint32_t wait_s = given_s != 0 ? given_s : RING_S;
    struct ringing ring = {
        .conf = conf, .patient = given_s != 0, .until_ms = clock_boot_ms() + (int64_t)wait_s * 1000 + LATE_MS
    };
    struct ctl_reply r;

    for (unsigned i = 0; i < conf->channels; i++) {
        ring.place[i].used = true;
    }
    ring.place[NETWORK].used = conf->receiver.name[0] != '\0';
    if (agent_ask(fd, CTL_RING, wait_s) != 0) {
        return cmd_error("the agent does not take the request");
    }
    while (waits(&ring)) {
        int64_t left_ms = ring.until_ms - clock_boot_ms();

        if (left_ms <= 0 || !agent_take(fd, &r, sizeof(r), (int)left_ms, message_reply_valid)) {
            break;
        }
        take_reply(&ring, &r);
    }
    return report_rest(&ring, wait_s) ? CMD_CLEAN : CMD_FINDINGS;
}

/* An agent without checks must not outlive who would stop it: it beats, and no other can start beside it. */
static void
be_agent(struct conf *conf, pid_t asker)
{
    const struct warden_order order = { .conf = conf, .checks = false, .quiet = true };

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    _exit(getppid() == asker ? warden_run(&order) : CMD_ERROR);
}

/* The agent, for this once. Its pid, or -1. */
static pid_t
start_agent(struct conf *conf, int *fd)
{
    struct pollfd none = { .fd = -1 };
    pid_t self = getpid();

    /* It is waited for, also when nobody reads any more what is printed. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0) {
        be_agent(conf, self);
    }
    *fd = -ECONNREFUSED;
    for (int waited = 0; pid > 0 && *fd < 0 && waited < START_MS; waited += START_LOOK_MS) {
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            return -1;
        }
        poll(&none, 1, START_LOOK_MS);
        *fd = agent_connect(conf);
    }
    return pid;
}

/* False when what is given is no number of seconds. */
static bool
take_timeout(const struct cmd *cmd, uint32_t *out)
{
    const char *text = cmd->argv[1];

    return wire_decimal(text, strlen(text), out) && *out >= 1 && *out <= CTL_RING_MOST;
}

static int
ring_and_leave(struct conf *conf, uint32_t wait_s)
{
    pid_t agent = 0;
    int fd = agent_connect(conf);

    if (fd == -ECONNREFUSED || fd == -ENOENT) {
        printf("the agent is not running: starting it for this once\n");
        fflush(stdout);
        agent = start_agent(conf, &fd);
        if (agent < 0) {
            return CMD_ERROR;
        }
    }
    int status = fd < 0 ? agent_refused(conf, fd) : ring_all(conf, fd, wait_s);
    if (fd >= 0) {
        close(fd);
    }
    if (agent > 0) {
        kill(agent, SIGTERM);
        waitpid(agent, NULL, 0);
    }
    return status;
}

int
cmd_ring(const struct cmd *cmd)
{
    static struct conf conf;
    uint32_t wait_s = 0;

    if (cmd->argc == 2 && strcmp(cmd->argv[0], "--timeout") == 0) {
        if (!take_timeout(cmd, &wait_s)) {
            return cmd_error("ring --timeout: a number of seconds from 1 to %d", CTL_RING_MOST);
        }
    } else if (cmd->argc > 0) {
        return cmd_error("ring takes no arguments but --timeout SECONDS");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    if (conf.channels == 0 && conf.receiver.name[0] == '\0') {
        return cmd_error("%s names neither Channel nor Receiver", cmd_text(conf.config_path));
    }
    return ring_and_leave(&conf, wait_s);
}
