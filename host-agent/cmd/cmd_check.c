#include "cmd/cmd.h"
#include "watch/detector.h"
#include <stdio.h>
#include <string.h>

/*
 * One pass of every check in this process, without the agent's session: nothing is sealed and nothing is
 * sent.
 */
struct tally {
    bool json;
    unsigned findings;
};

static void
print_finding(void *to, const struct finding *f)
{
    struct tally *tally = to;

    if (f->op != FINDING_OPEN && f->op != FINDING_EVENT) {
        return;
    }
    const char *severity = wire_severity_name((enum wire_severity)f->severity);
    const char *code = finding_code_name((enum finding_code)f->code);
    if (tally->json) {
        printf("%s\n  {\"severity\": \"%s\", \"code\": \"%s\", \"detail\": ", tally->findings > 0 ? "," : "",
                severity, code);
        cmd_json_escaped(f->text);
        putchar('}');
    } else {
        printf("%s %-18s %s\n", severity, code, f->text);
    }
    tally->findings++;
}

static void
nothing(void *to)
{
    (void)to;
}

int
cmd_check(const struct cmd *cmd)
{
    static const struct detector_ops *const all[] = { &detector_files_ops, &detector_ports_ops,
        &detector_daemons_ops, &detector_mounts_ops };
    static struct conf conf;
    struct tally tally = { .json = cmd->json };
    const struct detector_env env = {
        .conf = &conf, .report = print_finding, .report_to = &tally, .alive = nothing, .alive_to = NULL
    };
    bool failed = false;

    if (cmd->argc > 0) {
        return cmd_error("check takes no arguments");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    if (cmd->json) {
        printf("{\"host\": \"%s\", \"findings\": [", conf.host);
    }
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        failed = all[i]->check(&env) < 0 || failed;
    }
    if (cmd->json) {
        printf("%s], \"complete\": %s}\n", tally.findings > 0 ? "\n" : "", failed ? "false" : "true");
    } else {
        printf("%u finding%s%s\n", tally.findings, tally.findings == 1 ? "" : "s",
                failed ? "; not every check could look" : "");
    }
    if (failed) {
        return CMD_ERROR;
    }
    return tally.findings > 0 ? CMD_FINDINGS : CMD_CLEAN;
}
