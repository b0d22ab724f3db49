#include "cmd/agent.h"
#include "cmd/cmd.h"
#include "cmd/network.h"
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
print_json(const struct conf *conf, const struct route_view *v, const struct ctl_net *net)
{
    char via[INET6_ADDRSTRLEN];

    printf("{\"schema\": \"tocsin-routes-1\", \"host\": \"%s\", \"to\": \"%s\", \"state\": \"%s\", "
           "\"dev\": ",
            conf->host, conf->receiver.name, route_state_name(v->state));
    cmd_json_string(v->name[0] != '\0' ? v->name : "-");
    printf(", \"via\": \"%s\"", address_text(v->gateway_family, v->gateway, via));
    if (net->used != 0) {
        printf(", \"network\": ");
        network_json(net);
    }
    printf("}\n");
}

static void
print_text(const struct conf *conf, const struct route_target *target, const struct route_view *v,
        const struct ctl_net *net)
{
    static const uint8_t none[16];
    char via[INET6_ADDRSTRLEN], from[INET6_ADDRSTRLEN];

    printf("%-9s to %s  dev %s  via %s", route_state_name(v->state), conf->receiver.name,
            cmd_text(v->name[0] != '\0' ? v->name : "-"), address_text(v->gateway_family, v->gateway, via));
    if (memcmp(v->source, none, sizeof(none)) != 0) {
        printf("  from %s", address_text(target->family, v->source, from));
    }
    if (v->error < 0) {
        printf("  (%s)", strerror(-v->error));
    }
    putchar('\n');
    if (net->used != 0) {
        network_line(conf, net);
        network_evidence(net);
    }
}

/* All zero when no agent runs. */
static void
ask_agent(const struct conf *conf, struct ctl_net *net)
{
    int fd = agent_connect(conf);

    memset(net, 0, sizeof(*net));
    if (fd >= 0) {
        if (!network_ask(fd, net)) {
            memset(net, 0, sizeof(*net));
        }
        close(fd);
    }
}

/* As configured, else as the agent that runs found it by the name. */
static bool
take_target(const struct conf *conf, const struct ctl_net *net, struct route_target *out)
{
    bool named = conf->receiver.family == 0;

    out->family = named ? net->family : (uint8_t)conf->receiver.family;
    memcpy(out->address, named ? net->address : conf->receiver.address, sizeof(out->address));
    return out->family != 0;
}

int
cmd_routes(const struct cmd *cmd)
{
    static struct conf conf;
    struct route_target target;
    struct route_view view;
    struct ctl_net net;

    if (cmd->argc > 0) {
        return cmd_error("routes takes no arguments");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    if (conf.receiver.name[0] == '\0') {
        return cmd_error("no receiver is named in %s; Receiver ADDRESS names it", cmd_text(conf.config_path));
    }
    ask_agent(&conf, &net);
    if (!take_target(&conf, &net, &target)) {
        return cmd_error("%s is a name, whose address the agent that runs looks up; none is known",
                conf.receiver.name);
    }
    int fd = routelook_open();
    if (fd < 0) {
        return cmd_error("cannot ask the kernel for routes: %s", strerror(-fd));
    }
    routelook_ask(fd, &target, &view);
    close(fd);
    if (cmd->json) {
        print_json(&conf, &view, &net);
    } else {
        print_text(&conf, &target, &view, &net);
    }
    if (view.state == ROUTE_UNKNOWN) {
        return CMD_ERROR;
    }
    return view.state == ROUTE_GOOD && !network_lost(&net) ? CMD_CLEAN : CMD_FINDINGS;
}
