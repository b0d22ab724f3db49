#include "attack.h"
#include <signal.h>

/*
 * Against the network: packets dropped, the route or the link taken away.
 */
#define DROP                                                                                         \
    "nft 'table inet attack { chain out { type filter hook output priority 0; tcp dport 8627 drop; " \
    "udp dport 8627 drop; }; }'"

static bool
drop_here(const struct attack_row *row)
{
    (void)row;
    return attack_do(DROP);
}

static bool
drop_on_the_way(const struct attack_row *row)
{
    (void)row;
    return net_do(&attack_ground, NET_ROUTER,
            "nft 'table inet attack { chain way { type filter hook forward priority 0; policy drop; }; }'");
}

static bool
delete_route(const struct attack_row *row)
{
    (void)row;
    return attack_do("ip route del default");
}

static bool
take_link_down(const struct attack_row *row)
{
    (void)row;
    return attack_do("ip link set up0 down");
}

/* A new agent, as one that lost its network again and again waits longer each time before it trusts it. */
static bool
put_right(const struct attack_row *row)
{
    (void)row;
    return attack_do("nft delete table inet attack 2>/dev/null; ip link set up0 up; "
                     "ip route replace default via 10.66.1.1") &&
           net_do(&attack_ground, NET_ROUTER, "nft delete table inet attack 2>/dev/null; true") &&
           attack_restart_agent();
}

/* ---- names ---- */

#define NAME "receiver.attack"
#define BACK_MS 15000

/* The receiver is configured by a name that only this file knows, and its address was found once. */
static const char *
by_name(const struct attack_row *row)
{
    char command[512];

    (void)row;
    snprintf(command, sizeof(command),
            "echo '" NET_RECEIVER_ADDRESS " " NAME
            "' >>/etc/hosts && echo 'hosts: files dns' >/etc/nsswitch.conf && "
            "echo nameserver 10.66.9.9 >/etc/resolv.conf && "
            "sed -i 's/^Receiver .*/Receiver " NAME "/' %s",
            net_path(&attack_ground, "tocsin.conf"));
    return attack_do(command) && attack_restart_agent() ? NULL
                                                        : "the agent does not find its receiver by name";
}

/* A courier that starts anew has to find the receiver without anybody to ask. */
static bool
take_names_away(const struct attack_row *row)
{
    pid_t pid = attack_pid("courier");

    (void)row;
    return attack_do("sed -i '/" NAME "/d' /etc/hosts") && pid > 1 && kill(pid, SIGKILL) == 0;
}

/* That the courier is back is told over the network. */
static const struct net_told *
told_by_network(const struct attack_row *row, size_t from, int timeout_ms)
{
    return net_wait(&attack_ground, from, "agent.self", "proc=courier of=", row->line, timeout_ms);
}

/* Both ends are set up anew. */
static bool
leave_names(const struct attack_row *row)
{
    (void)row;
    return attack_linked(BACK_MS);
}

#define BY_SERIAL(what) .code = (what), .line = NET_LINE, .heal = put_right

const struct attack_row attack_on_network[] = {
    { .name = "nft drop: the rule",
            .limit_ms = 1000,
            .slow = true,
            .strike = drop_here,
            BY_SERIAL("firewall.changed") },
    { .name = "nft drop: the loss",
            .limit_ms = 5000,
            .slow = true,
            .strike = drop_here,
            BY_SERIAL("net.lost") },
    { .name = "drop on the way",
            .limit_ms = 5000,
            .slow = true,
            .strike = drop_on_the_way,
            BY_SERIAL("net.lost") },
    { .name = "ip route del",
            .limit_ms = 1000,
            .slow = true,
            .strike = delete_route,
            BY_SERIAL("route.lost") },
    { .name = "ip link set down",
            .limit_ms = 1000,
            .slow = true,
            .strike = take_link_down,
            BY_SERIAL("route.lost") },
    { .name = "DNS gone: goes on",
            .limit_ms = 5000,
            .slow = true,
            .fresh = true,
            .prepare = by_name,
            .strike = take_names_away,
            .shown = told_by_network,
            .heal = leave_names,
            .line = "!" NET_LINE },
    { .name = NULL },
};
