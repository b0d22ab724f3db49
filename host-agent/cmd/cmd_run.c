#include "cmd/cmd.h"
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
        fprintf(stderr, "tocsin: %s names no Channel: alarms can reach nobody\n", conf.config_path);
    }
    const struct warden_order order = { .conf = &conf, .checks = true };
    return warden_run(&order);
}
