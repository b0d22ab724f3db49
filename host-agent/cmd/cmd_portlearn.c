#include "cmd/cmd.h"
#include "conf/plural.h"
#include "watch/portlearn.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * `tocsin ports --learn` prints the entries that are missing for what is open now; `--accept` appends those
 * that are named, or all, to the configuration.
 */
struct wanted {
    bool accept;
    bool all;
    const char *proto;
    char **number; /* of the arguments */
    int numbers;
};

static int
take_arguments(const struct cmd *cmd, struct wanted *out)
{
    *out = (struct wanted){ .accept = strcmp(cmd->argv[0], "--accept") == 0 };
    if (!out->accept && cmd->argc == 1 && strcmp(cmd->argv[0], "--learn") == 0) {
        return CMD_CLEAN;
    }
    out->all = cmd->argc == 2 && strcmp(cmd->argv[1], "--all") == 0;
    if (out->accept && out->all) {
        return CMD_CLEAN;
    }
    if (!out->accept || cmd->argc < 3) {
        return cmd_error("ports takes --learn, --accept PROTOCOL NUMBER... or --accept --all");
    }
    out->proto = cmd->argv[1];
    out->number = cmd->argv + 2;
    out->numbers = cmd->argc - 2;
    return CMD_CLEAN;
}

static bool
is_wanted(const struct wanted *w, const struct conf_port *port, bool *used)
{
    bool found = w->all;
    char number[CONF_NUMBER];

    if (w->proto != NULL && strcmp(conf_proto_name(port->proto), w->proto) != 0) {
        return false;
    }
    for (int i = 0; i < w->numbers; i++) {
        if (strcmp(conf_port_number(port->proto, port->port, number), w->number[i]) == 0) {
            used[i] = true;
            found = true;
        }
    }
    return found;
}

/* Keeps the wanted ones of the new entries, in their order. CMD_ERROR when one that was named is not there.
 */
static int
choose(const struct wanted *w, struct conf *conf, unsigned known)
{
    bool *used = calloc((size_t)w->numbers + 1, sizeof(*used));
    int status = CMD_CLEAN;
    unsigned kept = known;

    if (used == NULL) {
        return cmd_error("ports: no memory");
    }
    for (unsigned i = known; i < conf->ports; i++) {
        if (is_wanted(w, &conf->port[i], used)) {
            memmove(&conf->port[kept++], &conf->port[i], sizeof(conf->port[0]));
        }
    }
    conf->ports = kept;
    for (int i = 0; i < w->numbers && status == CMD_CLEAN; i++) {
        if (!used[i]) {
            status = cmd_error(
                    "ports: %s %s is not open, or is in the configuration already; nothing was written",
                    cmd_text(w->proto), cmd_text(w->number[i]));
        }
    }
    free(used);
    return status;
}

static int
print_ports(const struct conf *conf, unsigned known)
{
    for (unsigned i = known; i < conf->ports; i++) {
        int error = conf_write_port(&conf->port[i], stdout);

        if (error != 0) {
            return cmd_error("ports: %s", strerror(-error));
        }
    }
    return fflush(stdout) == 0 ? CMD_CLEAN : CMD_ERROR;
}

static int
accept_ports(const struct conf *conf, unsigned known)
{
    unsigned count = conf->ports - known;
    int error = count > 0 ? conf_append_ports(conf, known) : 0;

    if (error != 0) {
        return cmd_error("ports: cannot change %s: %s", cmd_text(conf->config_path),
                error == -EAGAIN    ? "it was changed meanwhile"
                : error == -ENOTSUP ? "it is sealed (seal-config --open, and then seal-config again)"
                                    : strerror(-error));
    }
    if (count == 0) {
        puts("Nothing is open that is not in the configuration.");
        return CMD_CLEAN;
    }
    int status = print_ports(conf, known);

    printf("Appended %u line%s to %s.\nAn agent that runs keeps the configuration it was started with: "
           "systemctl restart tocsin makes it take the new one.\n",
            count, plural_s(count), cmd_text(conf->config_path));
    return status;
}

int
cmd_ports_learn(const struct cmd *cmd)
{
    static struct conf conf;
    static struct portlook look;
    struct wanted wanted;

    if (take_arguments(cmd, &wanted) != CMD_CLEAN || !cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    unsigned known = conf.ports;
    int error = portlook_once(&conf, &look, NULL, NULL);

    if (error != 0) {
        return cmd_error("cannot look at this machine's sockets: %s", strerror(-error));
    }
    unsigned left_out = portlearn_add(&look, &conf);

    if (left_out > 0) {
        (void)cmd_error(
                "ports: no room in the configuration for %u more of the entries and holders", left_out);
    }
    if (!wanted.accept) {
        return print_ports(&conf, known);
    }
    int status = choose(&wanted, &conf, known);

    return status == CMD_CLEAN ? accept_ports(&conf, known) : status;
}
