#include "attack.h"
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Against what the receiver wrote: its transcript of the serial line, changed in a copy and verified.
 */
static struct net_told found;

/* As belfry verify exits: 0 when all is proved and nothing is missing, else 1. */
static int
verify(void)
{
    const char *argv[] = { attack_ground.belfry_path, "--config", net_path(&attack_ground, "belfry.conf"),
        "verify", "--host", NET_HOST, net_path(&attack_ground, "copy"), NULL };
    int status = 0;
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pid_t pid = net_spawn(&attack_ground, NET_RECEIVER, argv, nowhere, nowhere);

    close(nowhere);
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What the agent wrote to a file, as a console server logs it. */
static const char *
copy_transcript(const struct attack_row *row)
{
    char command[512];

    (void)row;
    net_listen(&attack_ground, 3000);
    snprintf(command, sizeof(command), "cp %s %s", net_path(&attack_ground, "witness"),
            net_path(&attack_ground, "copy"));
    if (!net_do(&attack_ground, NET_RECEIVER, command)) {
        return "no transcript";
    }
    return verify() == 0 ? NULL : "the transcript is not whole before";
}

static bool
edit(const char *how)
{
    char command[512];

    snprintf(command, sizeof(command), "%s %s", how, net_path(&attack_ground, "copy"));
    return net_do(&attack_ground, NET_RECEIVER, command);
}

/* One digit of a beat's count. */
static bool
alter(const struct attack_row *row)
{
    (void)row;
    return edit("sed -i '0,/open=[0-9]/s//open=x/'");
}

static bool
cut_out(const struct attack_row *row)
{
    (void)row;
    return edit("sed -i '/agent.beat/{x;s/^/x/;/^x\\{2\\}$/{x;d};x}'");
}

/* Shown when it has ended with "not every line is proved, or something is missing". */
static const struct net_told *
verified(const struct attack_row *row, size_t from, int timeout_ms)
{
    (void)row;
    (void)from;
    (void)timeout_ms;
    bool noticed = verify() == 1;
    found.at_us = net_now_us();
    return noticed ? &found : NULL;
}

static bool
nothing_to_heal(const struct attack_row *row)
{
    (void)row;
    return true;
}

#define VERIFY \
    .limit_ms = 60000, .fresh = true, .prepare = copy_transcript, .shown = verified, .heal = nothing_to_heal

const struct attack_row attack_on_receiver[] = {
    { .name = "alter the receiver's log", VERIFY, .strike = alter },
    { .name = "cut a line out of it", VERIFY, .strike = cut_out },
    { .name = NULL },
};
