#include "cmd/cmd.h"
#include "watch/daemonscan.h"
#include <string.h>
#include <unistd.h>

static const char *
state_of(const struct daemon_seen *seen)
{
    if (seen->deleted > 0) {
        return "changed";
    }
    return seen->count > 0 ? "up" : seen->hidden ? "unseen" : "down";
}

static void
print_line(const char *path, const struct daemon_seen *seen)
{
    printf("%-8s %s", state_of(seen), cmd_text(path));
    for (uint32_t i = 0; i < seen->kept; i++) {
        printf("%s%d", i == 0 ? "  pid " : ",", seen->process[i].pid);
    }
    if (seen->count > seen->kept) {
        printf(" and %u more", seen->count - seen->kept);
    }
    if (seen->deleted > 0) {
        printf("  (%u of them run a file that was replaced on disk)", seen->deleted);
    } else if (seen->count == 0 && seen->hidden) {
        printf("  (a process of this name may not be looked at: ask as root)");
    }
    putchar('\n');
}

static void
print_json(const char *path, const struct daemon_seen *seen, bool first)
{
    printf("%s\n  {\"exe\": ", first ? "" : ",");
    cmd_json_string(path);
    printf(", \"state\": \"%s\", \"processes\": %u, \"pids\": [", state_of(seen), seen->count);
    for (uint32_t i = 0; i < seen->kept; i++) {
        printf("%s%d", i == 0 ? "" : ", ", seen->process[i].pid);
    }
    printf("]}");
}

/* How many are not well. */
static unsigned
print_all(const struct cmd *cmd, const struct conf *conf, const struct daemon_seen *seen)
{
    unsigned bad = 0;

    if (cmd->json) {
        printf("{\"host\": \"%s\", \"daemons\": [", conf->host);
    }
    for (unsigned i = 0; i < conf->daemons; i++) {
        bad += seen[i].deleted > 0 || (seen[i].count == 0 && !seen[i].hidden);
        if (cmd->json) {
            print_json(conf->daemon[i], &seen[i], i == 0);
        } else {
            print_line(conf->daemon[i], &seen[i]);
        }
    }
    if (cmd->json) {
        printf("%s], \"findings\": %u}\n", conf->daemons > 0 ? "\n" : "", bad);
    } else if (conf->daemons == 0) {
        printf("no daemons are listed in %s\n", cmd_text(conf->config_path));
    }
    return bad;
}

int
cmd_daemons(const struct cmd *cmd)
{
    static struct conf conf;
    static struct daemon_seen seen[CONF_DAEMONS];

    if (cmd->argc > 0) {
        return cmd_error("daemons takes no arguments");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    int proc = procfs_open();
    int error = proc < 0 ? proc : daemonscan_all(proc, &conf, seen, NULL, NULL);

    if (proc >= 0) {
        close(proc);
    }
    if (error != 0) {
        return cmd_error("cannot look at this machine's processes: %s", strerror(-error));
    }
    return print_all(cmd, &conf, seen) > 0 ? CMD_FINDINGS : CMD_CLEAN;
}
