#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "conf/plural.h"
#include "watch/detector.h"
#include "watch/fs_workers.h"
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

static const struct detector_ops *const all[] = { &detector_files_ops, &detector_ports_ops,
    &detector_daemons_ops, &detector_mounts_ops, &detector_routes_ops, &detector_processes_ops,
    &detector_system_ops, &detector_protectors_ops };

#define CHECKS (sizeof(all) / sizeof(all[0]))

static void
print_json(const struct finding *f, bool first)
{
    printf("%s\n  {\"id\": ", first ? "" : ",");
    cmd_json_id(f->id);
    printf(", \"severity\": \"%s\", \"code\": \"%s\", \"once\": %s, \"detail\": ",
            wire_severity_name((enum wire_severity)f->severity),
            finding_code_name((enum finding_code)f->code), f->op == FINDING_EVENT ? "true" : "false");
    cmd_json_escaped(f->text);
    putchar('}');
}

static void
print_finding(void *to, const struct finding *f)
{
    struct tally *tally = to;

    if (f->op != FINDING_OPEN && f->op != FINDING_EVENT) {
        return;
    }
    cmd_progress_clear();
    if (tally->json) {
        print_json(f, tally->findings == 0);
    } else {
        printf("%s %-18s %s\n", wire_severity_name((enum wire_severity)f->severity),
                finding_code_name((enum finding_code)f->code), f->text);
    }
    tally->findings++;
}

static void
nothing(void *to)
{
    (void)to;
}

static void
print_checks(const bool whole[CHECKS])
{
    printf(", \"checks\": [");
    for (size_t i = 0; i < CHECKS; i++) {
        printf("%s{\"name\": \"%s\", \"complete\": %s}", i > 0 ? ", " : "", all[i]->name,
                whole[i] ? "true" : "false");
    }
    putchar(']');
}

int
cmd_check(const struct cmd *cmd)
{
    static struct conf conf;
    struct tally tally = { .json = cmd->json };
    const struct detector_env env = { .conf = &conf,
        .report = print_finding,
        .report_to = &tally,
        .alive = nothing,
        .jobs = cmd->jobs > 0 ? cmd->jobs : fs_workers_cores(),
        .progress = cmd_progress };
    bool whole[CHECKS];
    bool failed = false;

    if (cmd->argc > 0) {
        return cmd_error("check takes no arguments");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    if (cmd->json) {
        printf("{\"schema\": \"tocsin-check-1\", \"host\": \"%s\", \"findings\": [", conf.host);
    }
    for (size_t i = 0; i < CHECKS; i++) {
        whole[i] = all[i]->check(&env) >= 0;
        failed = failed || !whole[i];
    }
    if (cmd->json) {
        printf("%s]", tally.findings > 0 ? "\n" : "");
        print_checks(whole);
        printf(", \"complete\": %s}\n", failed ? "false" : "true");
    } else {
        printf("%u finding%s%s\n", tally.findings, plural_s(tally.findings),
                failed ? "; not every check could look" : "");
    }
    if (failed) {
        return CMD_ERROR;
    }
    return tally.findings > 0 ? CMD_FINDINGS : CMD_CLEAN;
}
