/*
 * The views of the network against real interfaces and a real nft(8), in a network namespace apart.
 */
#include "apart.h"
#include "notes.h"
#include "proc/rights.h"
#include "proc/seccomp.h"
#include "watch/views_firewall.h"
#include "watch/views_links.h"
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define OFF                                                                                            \
    "View own-processes off\nView full-disks off\nView load off\nView kernel-taint off\nView modules " \
    "off\nView preload off\nView accounts off\n"
#define LINKS OFF "View firewall off\n"
#define FIREWALL OFF "View promiscuous off\n"
#define APART (CLONE_NEWNS | CLONE_NEWNET)

#define PORTS                                                                                            \
    "View own-processes off\nView hidden-processes off\nView disguised-processes off\nView proc-mounts " \
    "off\nView hidden-ports on "                                                                         \
    "1\n"

static const struct detector_ops *const ops = &detector_system_ops;
static const struct detector_ops *const port_ops = &detector_processes_ops;
static int64_t now_ms;
static int64_t start_ms = VIEWS_BOOT_MS;

static void
start(const char *line)
{
    configure(line);
    now_ms = start_ms;
    CHECK_INT(ops->open(&env), 0);
    (void)ops->work(now_ms);
}

/* As the role does it: waits for an event, then does what is due in the next 150 ms. */
static bool
look_by_event(void)
{
    struct pollfd fds[DETECTOR_FDS];
    int n = ops->fds(fds, DETECTOR_FDS);

    CHECK_INT(n, 1);
    bool heard = poll(fds, (nfds_t)n, 5000) == 1;

    now_ms += 200;
    if (heard) {
        ops->ready(fds, n);
    }
    for (int64_t end_ms = now_ms + 150; now_ms < end_ms;) {
        int64_t due_ms = ops->work(now_ms);

        now_ms = due_ms > now_ms && due_ms < end_ms ? due_ms : end_ms;
    }
    return heard;
}

static bool
run(const char *command)
{
    return system(command) == 0;
}

static bool
have_nft(void)
{
    return run("command -v nft >/dev/null");
}

/* A sniffer as tcpdump is one. */
static int
sniff(const char *name)
{
    struct packet_mreq want = { .mr_ifindex = (int)if_nametoindex(name), .mr_type = PACKET_MR_PROMISC };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    CHECK_INT(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &want, sizeof(want)), 0);
    return fd;
}

static void
see_a_sniffer(void)
{
    CHECK(run("ip link add va type veth peer name vb"));
    start(LINKS "View promiscuous allow vb");
    CHECK_INT(noted(FINDING_OPEN, FINDING_LINK_PROMISCUOUS, ""), 0);
    int fd = sniff("va");

    CHECK(look_by_event());
    CHECK(is_open(FINDING_LINK_PROMISCUOUS, "if=va count=1 expected=0 kind=veth"));
    int other = sniff("vb");

    CHECK(look_by_event());
    CHECK_INT(noted(FINDING_OPEN, FINDING_LINK_PROMISCUOUS, "if=vb"), 0);
    close(fd);
    CHECK(look_by_event());
    CHECK(!is_open(FINDING_LINK_PROMISCUOUS, "if=va"));
    close(other);
}

static void
see_a_bridge(void)
{
    CHECK(run("ip link add va type veth peer name vb && ip link add br0 type bridge && ip link set va master "
              "br0 && "
              "ip link set va up && ip link set vb up && ip link set br0 up"));
    start(LINKS);
    CHECK_INT(noted(FINDING_OPEN, FINDING_LINK_PROMISCUOUS, ""), 0);
    int fd = sniff("va");

    now_ms += 60000;
    (void)ops->work(now_ms);
    CHECK(is_open(FINDING_LINK_PROMISCUOUS, "if=va count=2 expected=1 kind=veth port-of=bridge"));
    CHECK_INT(noted(FINDING_OPEN, FINDING_LINK_PROMISCUOUS, "if=br0"), 0);
    close(fd);
}

static void
a_sniffer_is_told_when_it_comes_until_it_goes(void)
{
    (void)apart(APART, see_a_sniffer);
}

static void
a_port_of_a_bridge_is_told_only_when_somebody_else_listens(void)
{
    (void)apart(APART, see_a_bridge);
}

static void
what_stands_on_an_interface_is_judged_by_itself(void)
{
    static const struct link_row rows[] = {
        { .index = 2, .promiscuity = 1, .name = "eth0" },
        { .index = 3, .lower = 2, .promiscuity = 1, .name = "eth0.10", .kind = "vlan", .slave = "bridge" },
        { .index = 4, .promiscuity = 2, .name = "eth1" },
        { .index = 5, .lower = 4, .promiscuity = 1, .name = "eth1.10", .kind = "vlan", .slave = "bridge" },
        { .index = 6, .lower = 4, .name = "eth1.11", .kind = "vlan" },
    };

    CHECK_INT(link_expected(rows, 5, 0), 1);
    CHECK_INT(link_expected(rows, 5, 1), 1);
    CHECK_INT(link_expected(rows, 5, 2), 1);
    CHECK_INT(link_expected(rows, 5, 4), 0);
}

static int
told_severity(void)
{
    for (unsigned i = note_count; i-- > 0;) {
        if (notes[i].code == FINDING_FIREWALL_CHANGED && notes[i].op == FINDING_EVENT) {
            return notes[i].severity;
        }
    }
    return -1;
}

static void
see_boot(void)
{
    start_ms = VIEWS_BOOT_MS - 10000;
    start(FIREWALL);
    CHECK(run("nft add table inet t"));
    CHECK(look_by_event());
    CHECK_INT(told_severity(), WIRE_NOTE);
}

static void
see_nft(void)
{
    start(FIREWALL);
    CHECK(run("nft add table inet t"));
    CHECK(look_by_event());
    CHECK_INT(noted(FINDING_EVENT, FINDING_FIREWALL_CHANGED, "what=nftables tables=+1-0 acts=1 gen="), 1);
    CHECK_INT(noted(FINDING_EVENT, FINDING_FIREWALL_CHANGED, "by=nft pid="), 1);
    CHECK_INT(told_severity(), WIRE_ERRO);

    CHECK(run("nft 'add chain inet t c; add rule inet t c accept; add rule inet t c drop'"));
    CHECK(look_by_event());
    CHECK(run("nft flush chain inet t c"));
    CHECK(look_by_event());
    CHECK_INT(noted(FINDING_EVENT, FINDING_FIREWALL_CHANGED, ""),
            1); /* told together, when the minute is over */
    now_ms += 60000;
    (void)ops->work(now_ms);
    CHECK_INT(noted(FINDING_EVENT, FINDING_FIREWALL_CHANGED, "chains=+1-0 rules=+2-2 acts=2 "), 1);
    CHECK_INT(noted(FINDING_EVENT, FINDING_FIREWALL_CHANGED, ""), 2);
}

static void
see_elements(void)
{
    CHECK(run("nft 'add table inet t; add set inet t s { type ipv4_addr; }'"));
    start(FIREWALL);
    CHECK(run("nft 'add element inet t s { 192.0.2.1 }'"));
    CHECK(look_by_event());
    now_ms += 60000;
    (void)ops->work(now_ms);
    CHECK_INT(noted(FINDING_EVENT, FINDING_FIREWALL_CHANGED, ""), 0);
    CHECK(run("nft 'add element inet t s { 192.0.2.2 }; delete table inet t'"));
    CHECK(look_by_event());
    CHECK_INT(noted(FINDING_EVENT, FINDING_FIREWALL_CHANGED, "tables=+0-1 sets=+0-1"), 1);
}

static void
a_change_of_the_rules_is_told_with_who_did_it(void)
{
    (void)apart(APART, see_nft);
}

static void
rules_that_come_while_the_machine_boots_are_a_note(void)
{
    (void)apart(APART, see_boot);
}

static void
addresses_that_come_and_go_in_a_set_are_no_change_of_rules(void)
{
    (void)apart(APART, see_elements);
}

/* Looks at all ports once: 64 times 1024. */
static void
sweep(void)
{
    for (int64_t end_ms = now_ms + 90000; now_ms < end_ms;) {
        int64_t due_ms = port_ops->work(now_ms);

        now_ms = due_ms > now_ms ? due_ms : now_ms + 1;
    }
}

static void
start_ports(const char *line)
{
    configure(line);
    now_ms = 1000;
    CHECK_INT(port_ops->open(&env), 0);
}

static int
hold_at(int type, const char *address, uint16_t port)
{
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
    bool is_four = inet_pton(AF_INET, address, &four.sin_addr) == 1;
    int fd = socket(is_four ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);

    if (!is_four) {
        CHECK_INT(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
    }
    CHECK_INT(bind(fd, is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six,
                      is_four ? sizeof(four) : sizeof(six)),
            0);
    return fd;
}

static int
hold(int type, uint16_t port, bool listening)
{
    int fd = hold_at(type, "0.0.0.0", port);

    CHECK(!listening || listen(fd, 8) == 0);
    return fd;
}

/* Of the namespace in which the view is opened and of the one that it looks into. */
#define OWN_ADDRESSES                                                                                      \
    "ip link set lo up && ip addr add 192.0.2.5/32 dev lo && ip addr add 2001:db8::5/128 dev lo nodad && " \
    "ip link add name d0 index 77 type bridge && ip addr add 198.51.100.5/24 dev d0 && ip link set d0 up"

/* The view asks for the list of the namespace in which it was opened, and tries ports in another one. */
static void
see_hidden_ports(void)
{
    start_ports(PORTS "View hidden-ports allow udp/7");
    CHECK(unshare(CLONE_NEWNET) == 0 && run("ip link set lo up"));
    int tcp = hold(SOCK_STREAM, 4444, true);
    int udp = hold(SOCK_DGRAM, 5555, false);
    int allowed = hold(SOCK_DGRAM, 7, false);

    sweep();
    CHECK(is_open(FINDING_PORT_HIDDEN, "port=tcp/4444"));
    CHECK(is_open(FINDING_PORT_HIDDEN, "port=udp/5555"));
    CHECK_INT(noted(FINDING_OPEN, FINDING_PORT_HIDDEN, "udp/7"), 0);
    close(tcp);
    sweep();
    sweep();
    CHECK(!is_open(FINDING_PORT_HIDDEN, "port=tcp/4444"));
    CHECK(is_open(FINDING_PORT_HIDDEN, "port=udp/5555"));
    close(udp);
    close(allowed);
}

static void
see_each_address(void)
{
    /* clang-format off */
    static const struct { const char *address; int type; uint16_t port; const char *told; } held[] = {
        { "127.0.0.1", SOCK_STREAM, 1, "port=tcp/1" },
        { "127.0.0.1", SOCK_DGRAM, 2, "port=udp/2" },
        { "192.0.2.5", SOCK_STREAM, 64, "port=tcp/64" },
        { "192.0.2.5", SOCK_DGRAM, 65, "port=udp/65" },
        { "198.51.100.5", SOCK_STREAM, 1023, "port=tcp/1023" },
        { "::1", SOCK_STREAM, 1024, "port=tcp/1024" },
        { "::1", SOCK_DGRAM, 1025, "port=udp/1025" },
        { "2001:db8::5", SOCK_STREAM, 65535, "port=tcp/65535" },
        { "2001:db8::5", SOCK_DGRAM, 65534, "port=udp/65534" },
        { "::", SOCK_DGRAM, 8888, "port=udp/8888" },
    };
    /* clang-format on */
    const size_t count = sizeof(held) / sizeof(held[0]);
    int fd[sizeof(held) / sizeof(held[0])];
    static const char device[] = "d0";
    int on = 1;

    CHECK(run(OWN_ADDRESSES));
    start_ports(PORTS);
    CHECK(unshare(CLONE_NEWNET) == 0 && run(OWN_ADDRESSES));
    for (size_t i = 0; i < count; i++) {
        fd[i] = hold_at(held[i].type, held[i].address, held[i].port);
        CHECK(held[i].type == SOCK_DGRAM || listen(fd[i], 8) == 0);
    }
    int bound = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(7777) };

    CHECK_INT(setsockopt(bound, SOL_SOCKET, SO_BINDTODEVICE, device, sizeof(device)), 0);
    CHECK_INT(setsockopt(bound, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    CHECK_INT(bind(bound, (struct sockaddr *)&any, sizeof(any)), 0);
    sweep();
    for (size_t i = 0; i < count; i++) {
        if (!is_open(FINDING_PORT_HIDDEN, held[i].told)) {
            printf("     %s at %s\n", held[i].told, held[i].address);
        }
        CHECK(is_open(FINDING_PORT_HIDDEN, held[i].told));
        close(fd[i]);
    }
    CHECK(is_open(FINDING_PORT_HIDDEN, "port=udp/7777"));
    close(bound);
}

/* What the view calls is made known by what it may not call. */
static void
see_without_bind(void)
{
    static const struct seccomp_row row[] = { { SYS_bind, SECCOMP_FIT_ANY, 0, 0, SECCOMP_RET_KILL_PROCESS },
        { SYS_connect, SECCOMP_FIT_ANY, 0, 0, SECCOMP_RET_KILL_PROCESS },
        { SYS_listen, SECCOMP_FIT_ANY, 0, 0, SECCOMP_RET_KILL_PROCESS } };
    static const struct seccomp_list list = { .part = { { row, sizeof(row) / sizeof(row[0]) } },
        .otherwise = SECCOMP_RET_ALLOW };

    start_ports(PORTS);
    CHECK(unshare(CLONE_NEWNET) == 0 && run("ip link set lo up"));
    int low = hold(SOCK_STREAM, 80, true);

    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(!rights_has_seccomp() || seccomp_install(&list) == 0);
    sweep();
    CHECK(is_open(FINDING_PORT_HIDDEN, "port=tcp/80"));
    close(low);
}

static void
see_honest_ports(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };

    CHECK(run("ip link set lo up"));
    int listener = hold(SOCK_STREAM, 80, true);
    int bound = hold(SOCK_STREAM, 81, false);
    int udp = hold(SOCK_DGRAM, 53, false);
    int talking = hold(SOCK_DGRAM, 54, false);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int brief = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK_INT(connect(talking, (struct sockaddr *)&to, sizeof(to)), 0);
    CHECK_INT(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
    CHECK_INT(connect(brief, (struct sockaddr *)&to, sizeof(to)), 0);
    close(brief);
    close(accept(listener, NULL, NULL)); /* one of the two waits for its end */
    start_ports(PORTS);
    sweep();
    CHECK_INT(noted(FINDING_OPEN, FINDING_PORT_HIDDEN, ""), 0);
    CHECK_INT(noted(FINDING_OPEN, FINDING_AGENT_SELF, ""), 0);
    close(listener);
    close(bound);
    close(udp);
    close(talking);
    close(client);
}

static void
a_port_that_no_list_shows_is_told_until_it_is_free(void)
{
    (void)apart(APART, see_hidden_ports);
}

static void
a_hidden_port_of_any_own_address_or_interface_is_found(void)
{
    (void)apart(APART, see_each_address);
}

static void
no_port_is_taken_to_look_at_it(void)
{
    (void)apart(APART, see_without_bind);
}

static void
ports_that_are_listed_in_any_state_are_not_hidden(void)
{
    (void)apart(APART, see_honest_ports);
}

int
main(void)
{
    CHECK_RUN(a_port_that_no_list_shows_is_told_until_it_is_free);
    CHECK_RUN(a_hidden_port_of_any_own_address_or_interface_is_found);
    CHECK_RUN(no_port_is_taken_to_look_at_it);
    CHECK_RUN(ports_that_are_listed_in_any_state_are_not_hidden);
    CHECK_RUN(a_sniffer_is_told_when_it_comes_until_it_goes);
    CHECK_RUN(a_port_of_a_bridge_is_told_only_when_somebody_else_listens);
    CHECK_RUN(what_stands_on_an_interface_is_judged_by_itself);
    if (!have_nft()) {
        printf("skip: nft is not installed\n");
        return check_failures > 0 ? 1 : CHECK_SKIPPED;
    }
    CHECK_RUN(a_change_of_the_rules_is_told_with_who_did_it);
    CHECK_RUN(rules_that_come_while_the_machine_boots_are_a_note);
    CHECK_RUN(addresses_that_come_and_go_in_a_set_are_no_change_of_rules);
    return check_result();
}
