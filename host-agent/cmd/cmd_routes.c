#include "cmd/cmd.h"
#include "watch/routelook.h"
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

static const char *
address_text(uint8_t family, const uint8_t *address, char out[INET6_ADDRSTRLEN])
{
    return family != 0 && inet_ntop(family, address, out, INET6_ADDRSTRLEN) != NULL ? out : "-";
}

static void
print(const struct cmd *cmd, const struct conf *conf, const struct route_view *v)
{
    static const uint8_t none[16];
    char to[INET6_ADDRSTRLEN], via[INET6_ADDRSTRLEN], from[INET6_ADDRSTRLEN];
    const char *link = v->name[0] != '\0' ? v->name : "-";
    bool has_source = memcmp(v->source, none, sizeof(none)) != 0;

    address_text(conf->receiver.family, conf->receiver.address, to);
    address_text(v->gateway_family, v->gateway, via);
    if (cmd->json) {
        printf("{\"schema\": \"tocsin-routes-1\", \"host\": \"%s\", \"to\": \"%s\", \"state\": \"%s\", "
               "\"dev\": ",
                conf->host, to, route_state_name(v->state));
        cmd_json_string(link);
        printf(", \"via\": \"%s\"}\n", v->gateway_family != 0 ? via : "-");
        return;
    }
    printf("%-9s to %s  dev %s  via %s", route_state_name(v->state), to, cmd_text(link),
            v->gateway_family != 0 ? via : "-");
    if (has_source) {
        printf("  from %s", address_text(conf->receiver.family, v->source, from));
    }
    if (v->error < 0) {
        printf("  (%s)", strerror(-v->error));
    }
    putchar('\n');
}

int
cmd_routes(const struct cmd *cmd)
{
    static struct conf conf;
    struct route_target target;
    struct route_view view;

    if (cmd->argc > 0) {
        return cmd_error("routes takes no arguments");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    if (conf.receiver.family == 0) {
        return cmd_error("no receiver is named in %s; Receiver ADDRESS names it", cmd_text(conf.config_path));
    }
    int fd = routelook_open();
    if (fd < 0) {
        return cmd_error("cannot ask the kernel for routes: %s", strerror(-fd));
    }
    target.family = conf.receiver.family;
    memcpy(target.address, conf.receiver.address, sizeof(target.address));
    routelook_ask(fd, &target, &view);
    close(fd);
    print(cmd, &conf, &view);
    if (view.state == ROUTE_UNKNOWN) {
        return CMD_ERROR;
    }
    return view.state == ROUTE_GOOD ? CMD_CLEAN : CMD_FINDINGS;
}
