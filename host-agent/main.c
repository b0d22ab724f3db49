#include "cmd/cmd.h"
#include "cmd/version.h"
#include "conf/name.h"
#include "proc/image.h"
#include "proc/role.h"
#include "proc/words.h"
#include "wire/escape.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
        "usage: tocsin [--config FILE] [--state DIR] COMMAND [ARGUMENTS]\n"
        "\n"
        "  init [--host NAME] [--force]      write a configuration from what this machine runs now\n"
        "  pair CODE|FILE|- [--again]        take the pairing code that 'belfry pair HOST' printed\n"
        "  baseline build|show|diff|accept   the recorded state of the files that are watched\n"
        "  baseline export|import            the same as text\n"
        "  accept PATH...|--packages         take changes into the baseline; what packages explain\n"
        "  check [--json]                    one pass of every check\n"
        "  run                               guard, in the foreground\n"
        "  ports [--json]                    expected and actual listening ports\n"
        "  ports --learn                     the configuration's missing lines for what is open now\n"
        "  ports --accept PROTOCOL NUMBER... | --accept --all\n"
        "                                    append these lines to the configuration\n"
        "  daemons [--json]                  the daemons that should run\n"
        "  routes [--json]                   the way to the receiver\n"
        "  channels [--json]                 what each channel has open, and how it does\n"
        "  status [--findings] [--json]      how the agent that runs is, and what is open\n"
        "  explain CODE|all                  what a code means, and what to do\n"
        "  ring [--timeout SECONDS]          a test alarm through every channel\n"
        "  seal-config [--open|--print]      keep the configuration unreadable, open it again, print it\n"
        "  disguise --as NAME --dir DIR      under a name that says nothing\n"
        "\n"
        "  --check-config   read the configuration and say what is wrong with it\n"
        "  --json           results as JSON\n"
        "  --jobs N         read files with so many threads (as many as there are cores)\n"
        "  --version, --help\n"
        "\n"
        "Exit status: 0 clean, 1 findings, 2 error. See tocsin(8) and tocsin.conf(5).\n";

struct named_command {
    const char *name;
    int (*run)(const struct cmd *cmd);
};

static const struct named_command commands[] = {
    { "accept", cmd_accept },
    { "baseline", cmd_baseline },
    { "channels", cmd_channels },
    { "check", cmd_check },
    { "daemons", cmd_daemons },
    { "disguise", cmd_disguise },
    { "explain", cmd_explain },
    { "init", cmd_init },
    { "pair", cmd_pair },
    { "ports", cmd_ports },
    { "ring", cmd_ring },
    { "routes", cmd_routes },
    { "run", cmd_run },
    { "seal-config", cmd_seal },
    { "status", cmd_status },
};

#define JOBS_MOST 16

enum option_code {
    OPTION_CONFIG = 1,
    OPTION_STATE,
    OPTION_JSON,
    OPTION_JOBS,
    OPTION_CHECK,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option options[] = {
    { "config", required_argument, NULL, OPTION_CONFIG },
    { "state", required_argument, NULL, OPTION_STATE },
    { "json", no_argument, NULL, OPTION_JSON },
    { "jobs", required_argument, NULL, OPTION_JOBS },
    { "check-config", no_argument, NULL, OPTION_CHECK },
    { "help", no_argument, NULL, OPTION_HELP },
    { "version", no_argument, NULL, OPTION_VERSION },
    { NULL, 0, NULL, 0 },
};

static int
unknown(const char *what, const char *name)
{
    char text[128];

    wire_escape(text, sizeof(text), name, strlen(name), WIRE_ESCAPE_TEXT);
    return cmd_error("%s: %s (tocsin --help lists what there is)", text, what);
}

static bool
take_jobs(struct cmd *cmd, const char *text)
{
    char *end;
    unsigned long jobs = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || jobs < 1 || jobs > JOBS_MOST) {
        return false;
    }
    cmd->jobs = (unsigned)jobs;
    return true;
}

/*
 * --json, --config, --state and --jobs are taken behind the command too: that is where people type them.
 * False when the number of jobs is none.
 */
static bool
take_common(struct cmd *cmd)
{
    int kept = 0;

    for (int i = 0; i < cmd->argc; i++) {
        char *arg = cmd->argv[i];

        if (strcmp(arg, "--json") == 0) {
            cmd->json = true;
        } else if (strcmp(arg, "--config") == 0 && i + 1 < cmd->argc) {
            cmd->config_path = cmd->argv[++i];
        } else if (strcmp(arg, "--state") == 0 && i + 1 < cmd->argc) {
            cmd->state_dir = cmd->argv[++i];
        } else if (strcmp(arg, "--jobs") == 0 && i + 1 < cmd->argc) {
            if (!take_jobs(cmd, cmd->argv[++i])) {
                return false;
            }
        } else {
            cmd->argv[kept++] = arg;
        }
    }
    cmd->argc = kept;
    return true;
}

static int
dispatch(struct cmd *cmd, char **argv)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, argv[0]) == 0) {
            return take_common(cmd) ? commands[i].run(cmd)
                                    : cmd_error("--jobs: a number from 1 to %d", JOBS_MOST);
        }
    }
    return unknown("no such command", argv[0]);
}

int
main(int argc, char **argv)
{
    struct cmd cmd;
    bool check_config = false;
    int option;

    words_show();
    image_protect();
    if (argc > 2 && (strcmp(argv[1], ROLE_OPTION) == 0 || strcmp(argv[1], ROLE_OPTION_DISGUISED) == 0)) {
        name_begin(argv[0], true);
        name_hide(1, argv + 1);
        _exit(role_main(
                argc - 2, argv + 2)); /* nothing is left to flush, and no library's last words are run */
    }
    name_begin(argv[0], false);
    cmd = (struct cmd){ .config_path = name_config() };
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        switch (option) {
        case OPTION_CONFIG:
            cmd.config_path = optarg;
            break;
        case OPTION_STATE:
            cmd.state_dir = optarg;
            break;
        case OPTION_JSON:
            cmd.json = true;
            break;
        case OPTION_JOBS:
            if (!take_jobs(&cmd, optarg)) {
                return cmd_error("--jobs: a number from 1 to %d", JOBS_MOST);
            }
            break;
        case OPTION_CHECK:
            check_config = true;
            break;
        case OPTION_HELP:
            fputs(usage, stdout);
            return CMD_CLEAN;
        case OPTION_VERSION:
            version_print();
            return CMD_CLEAN;
        default:
            return unknown("unknown option, or its value is missing", argv[optind - 1]);
        }
    }
    cmd.argc = argc - optind - 1;
    cmd.argv = argv + optind + 1;
    if (check_config) {
        return cmd_check_config(&cmd);
    }
    if (optind >= argc && name_disguised()) {
        return cmd_run(&cmd);
    }
    if (optind >= argc) {
        fputs(usage, stderr);
        return CMD_ERROR;
    }
    return dispatch(&cmd, argv + optind);
}
