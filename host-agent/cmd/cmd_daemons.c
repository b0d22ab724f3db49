#include "cmd/cmd.h"
#include "watch/daemonheld.h"
#include <string.h>
#include <unistd.h>

/* One listed daemon, as it was seen. */
struct row {
    struct daemon_seen seen;
    enum held_state state; /* HELD_RUNS: of those that run, each does */
    int32_t pid;           /* which does not */
};

static const char *
state_of(const struct row *row)
{
    const char *name = held_state_name(row->state);

    if (name != NULL) {
        return name;
    }
    if (row->seen.stale > 0) {
        return "changed";
    }
    return row->seen.count > 0 ? "up" : row->seen.hidden ? "unseen" : "down";
}

static void
print_line(const struct conf_daemon *d, const struct row *row)
{
    char subject[CONF_DAEMON_SUBJECT];
    const char *key = conf_daemon_subject(d, subject);
    bool path = strcmp(key, "exe") == 0;
    const struct daemon_seen *seen = &row->seen;

    printf("%-8s %s%s%s", state_of(row), path ? "" : key, path ? "" : "=", cmd_text(subject));
    for (uint32_t i = 0; i < seen->kept; i++) {
        printf("%s%d", i == 0 ? "  pid " : ",", seen->process[i].pid);
    }
    if (seen->count > seen->kept) {
        printf(" and %u more", seen->count - seen->kept);
    }
    if (row->state != HELD_RUNS) {
        printf("  (%d does not run)", row->pid);
    }
    if (seen->stale > 0) {
        printf("  (%u of them run a file that was replaced on disk or is none)", seen->stale);
    } else if (seen->count == 0 && seen->hidden) {
        printf("  (a process of this name may not be looked at: ask as root)");
    }
    putchar('\n');
}

static void
print_json(const struct conf_daemon *d, const struct row *row, bool first)
{
    char subject[CONF_DAEMON_SUBJECT];
    const char *key = conf_daemon_subject(d, subject);

    printf("%s\n  {\"%s\": ", first ? "" : ",", key);
    cmd_json_string(subject);
    printf(", \"state\": \"%s\", \"processes\": %u, \"pids\": [", state_of(row), row->seen.count);
    for (uint32_t i = 0; i < row->seen.kept; i++) {
        printf("%s%d", i == 0 ? "" : ", ", row->seen.process[i].pid);
    }
    printf("]}");
}

/* How many are not well. */
static unsigned
print_all(const struct cmd *cmd, const struct conf *conf, const struct row *rows)
{
    unsigned bad = 0;

    if (cmd->json) {
        printf("{\"schema\": \"tocsin-daemons-1\", \"host\": \"%s\", \"daemons\": [", conf->host);
    }
    for (unsigned i = 0; i < conf->daemons; i++) {
        const struct daemon_seen *seen = &rows[i].seen;

        bad += rows[i].state != HELD_RUNS || seen->stale > 0 || (seen->count == 0 && !seen->hidden);
        if (cmd->json) {
            print_json(&conf->daemon[i], &rows[i], i == 0);
        } else {
            print_line(&conf->daemon[i], &rows[i]);
        }
    }
    if (cmd->json) {
        printf("%s], \"findings\": %u}\n", conf->daemons > 0 ? "\n" : "", bad);
    } else if (conf->daemons == 0) {
        printf("no daemons are listed in %s\n", cmd_text(conf->config_path));
    }
    return bad;
}

/* 0 or -errno. */
static int
look(const struct conf *conf, struct row *rows)
{
    static struct daemon_seen seen[CONF_DAEMONS];
    struct freezer freezer;
    int proc = procfs_open();

    if (proc < 0) {
        return proc;
    }
    int error = (int)daemonscan_all(proc, conf, seen, NULL, NULL);

    freezer_open(&freezer);
    for (unsigned i = 0; i < conf->daemons && error >= 0; i++) {
        rows[i].seen = seen[i];
        rows[i].state = held_look_once(proc, &freezer, &seen[i], &rows[i].pid);
    }
    freezer_close(&freezer);
    close(proc);
    return error < 0 ? error : 0;
}

int
cmd_daemons(const struct cmd *cmd)
{
    static struct conf conf;
    static struct row rows[CONF_DAEMONS];

    if (cmd->argc > 0) {
        return cmd_error("daemons takes no arguments");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    int error = look(&conf, rows);

    if (error != 0) {
        return cmd_error("cannot look at this machine's processes: %s", strerror(-error));
    }
    return print_all(cmd, &conf, rows) > 0 ? CMD_FINDINGS : CMD_CLEAN;
}
