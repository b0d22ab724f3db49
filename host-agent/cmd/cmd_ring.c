#include "cmd/agent.h"
#include "cmd/cmd.h"
#include "proc/warden.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A test alarm through every channel. Where the agent runs, it is asked; where it does not, it is started for
 * the purpose without its checks, and stopped again.
 */
#define RING_MS 15000
#define START_MS 5000
#define START_LOOK_MS 20

/* True when it was written. */
static bool
report_channel(const struct conf *conf, const struct ctl_reply *r)
{
    const struct conf_channel *c = &conf->channel[r->channel];

    printf("%-8s %-32s ", c->scheme, c->device);
    if (r->state == CTL_WRITTEN) {
        printf("written, line %u in %u ms\n", r->number, r->elapsed_ms);
    } else {
        printf("not written: %s\n", r->error != 0 ? strerror(r->error) : "the device takes nothing");
    }
    return r->state == CTL_WRITTEN;
}

/* What is wrong with the channels that did not answer. */
static void
report_rest(const struct conf *conf, const bool answered[CONF_CHANNELS])
{
    struct ctl_reply r;
    int fd = agent_connect(conf);
    bool asked = fd >= 0 && agent_ask(fd, CTL_STATUS, 0) == 0;

    for (unsigned i = 0; i < conf->channels; i++) {
        bool known = asked && agent_take(fd, &r, sizeof(r), 1000, message_reply_valid) && r.channel == i;

        if (!answered[i]) {
            printf("%-8s %-32s not written within %d s: %s\n", conf->channel[i].scheme,
                    conf->channel[i].device, RING_MS / 1000,
                    known && r.error != 0 ? strerror(r.error) : "the device takes nothing");
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

static int
ring(const struct conf *conf, int fd)
{
    bool answered[CONF_CHANNELS] = { false };
    unsigned left = conf->channels;
    bool all = true;
    struct ctl_reply r;

    if (agent_ask(fd, CTL_RING, 0) != 0) {
        return cmd_error("the agent does not take the request");
    }
    while (left > 0 && agent_take(fd, &r, sizeof(r), RING_MS, message_reply_valid)) {
        if (r.channel < conf->channels && !answered[r.channel]) {
            answered[r.channel] = true;
            left--;
            all = report_channel(conf, &r) && all;
            fflush(stdout);
        }
    }
    if (left > 0) {
        report_rest(conf, answered);
    }
    return left > 0 || !all ? CMD_FINDINGS : CMD_CLEAN;
}

/* The agent, for this once. Its pid, or -1. */
static pid_t
start_agent(struct conf *conf, int *fd)
{
    struct pollfd none = { .fd = -1 };
    pid_t pid = fork();

    if (pid == 0) {
        const struct warden_order order = { .conf = conf, .checks = false, .quiet = true };
        _exit(warden_run(&order));
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

int
cmd_ring(const struct cmd *cmd)
{
    static struct conf conf;
    pid_t agent = 0;

    if (cmd->argc > 0) {
        return cmd_error("ring takes no arguments");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    if (conf.channels == 0) {
        return cmd_error("%s names no Channel", conf.config_path);
    }
    int fd = agent_connect(&conf);
    if (fd == -ECONNREFUSED || fd == -ENOENT) {
        printf("the agent is not running: starting it for this once\n");
        fflush(stdout);
        agent = start_agent(&conf, &fd);
        if (agent < 0) {
            return CMD_ERROR;
        }
    }
    int status = fd < 0 ? cmd_error("%s/%s: %s", conf.state_dir, WARDEN_CTL, strerror(-fd)) : ring(&conf, fd);
    if (fd >= 0) {
        close(fd);
    }
    if (agent > 0) {
        kill(agent, SIGTERM);
        waitpid(agent, NULL, 0);
    }
    return status;
}
