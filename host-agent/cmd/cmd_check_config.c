#include "cmd/cmd.h"

int
cmd_check_config(const struct cmd *cmd)
{
    static struct conf conf;

    if (cmd->argc > 0) {
        return cmd_error("--check-config takes no arguments");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    printf("%s: ok\n", cmd_text(conf.config_path));
    printf("host %s, beat %u s, %u watched path%s, %u port%s, %u daemon%s, %u channel%s, state in %s\n",
            conf.host, conf.beat_s, conf.watches, conf.watches == 1 ? "" : "s", conf.ports,
            conf.ports == 1 ? "" : "s", conf.daemons, conf.daemons == 1 ? "" : "s", conf.channels,
            conf.channels == 1 ? "" : "s", cmd_text(conf.state_dir));
    if (conf.channels == 0) {
        printf("note: without a Channel no alarm leaves this machine\n");
    }
    return CMD_CLEAN;
}
