#include "cmd/cmd.h"
#include "conf/name.h"
#include "proc/warden.h"
#include <stdio.h>

int
cmd_run(const struct cmd *cmd)
{
    static struct conf conf;

    if (cmd->argc > 0) {
        return cmd_error("run takes no arguments");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    if (conf.channels == 0) {
        fprintf(stderr, "%s: %s names no Channel: alarms can reach nobody\n", name_program(),
                conf.config_path);
    }
    const struct warden_order order = { .conf = &conf, .checks = true };
    return warden_run(&order);
}
