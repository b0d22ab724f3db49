#include "cmd/network.h"
#include "cmd/agent.h"
#include "cmd/cmd.h"
#include "conf/plural.h"
#include "wire/talk.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#define ANSWER_MS 3000

bool
network_ask(int fd, struct ctl_net *out)
{
    return agent_ask(fd, CTL_NET, 0) == 0 && agent_take(fd, out, sizeof(*out), ANSWER_MS, message_net_valid);
}

bool
network_lost(const struct ctl_net *net)
{
    struct netstate n = { .state = net->state };

    return net->used != 0 && netstate_lost(&n);
}

static const char *
address_text(const struct ctl_net *net, char out[INET6_ADDRSTRLEN])
{
    return net->family != 0 && inet_ntop(net->family, net->address, out, INET6_ADDRSTRLEN) != NULL ? out : "";
}

static void
print_down(const struct ctl_net *net)
{
    if (net->closed != 0) {
        printf("  closed by the receiver: %s",
                wire_talk_reason_name((enum wire_talk_reason)(net->closed - 1)));
    } else if (net->error != 0) {
        printf("  not connected: %s", strerror(net->error));
    } else {
        printf("  not connected");
    }
}

void
network_line(const struct conf *conf, const struct ctl_net *net)
{
    char text[CMD_DURATION], to[CONF_RECEIVER_TEXT], address[INET6_ADDRSTRLEN];

    printf("%-8s to %s", netstate_name(net->state), conf_receiver_text(&conf->receiver, to));
    if (conf->receiver.family == 0 && net->family != 0) {
        printf(" (%s)", address_text(net, address));
    }
    printf("  for %s", cmd_duration(net->state_ms, text));
    if (net->ack_ms >= 0) {
        printf("  answered %s ago", cmd_duration(net->ack_ms, text));
    }
    if (net->waiting > 0) {
        printf("  %" PRIu32 " line%s not acknowledged", net->waiting, plural_s(net->waiting));
    }
    if (net->courier == 0) {
        printf("  no courier runs");
    } else if (net->up == 0) {
        print_down(net);
    }
    printf("%s\n", net->unsaved != 0 ? "  kept in memory only" : "");
}

void
network_evidence(const struct ctl_net *net)
{
    char text[CMD_DURATION];

    if (net->route_bad != 0) {
        printf("  route    bad for %s\n", cmd_duration(net->route_ms, text));
    } else {
        printf("  route    good\n");
    }
    printf("  send     %" PRIu32 " error%s in a row\n", net->send_errors, plural_s(net->send_errors));
    if (net->ack_ms >= 0) {
        printf("  silence  %s\n", cmd_duration(net->ack_ms, text));
    } else {
        printf("  silence  nothing was acknowledged yet\n");
    }
    if (network_lost(net)) {
        printf("  lost by  %s\n", netstate_why(net->why));
    }
}

void
network_json(const struct ctl_net *net)
{
    char address[INET6_ADDRSTRLEN];

    printf("{\"state\": \"%s\", \"state_ms\": %" PRId64
           ", \"courier\": %s, \"registered\": %s, \"saved\": %s, "
           "\"address\": \"%s\", \"waiting\": %" PRIu32 ", \"route_bad\": %s, \"send_errors\": %" PRIu32,
            netstate_name(net->state), net->state_ms, net->courier != 0 ? "true" : "false",
            net->up != 0 ? "true" : "false", net->unsaved != 0 ? "false" : "true", address_text(net, address),
            net->waiting, net->route_bad != 0 ? "true" : "false", net->send_errors);
    if (net->ack_ms >= 0) {
        printf(", \"silence_ms\": %" PRId64, net->ack_ms);
    }
    if (network_lost(net)) {
        printf(", \"why\": \"%s\"", netstate_why(net->why));
    }
    putchar('}');
}
