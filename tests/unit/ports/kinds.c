/* Sockets that are neither TCP nor UDP, those of other network namespaces, and who and where a port must be.
 */
#include "detector_loop.h"
#include "support/check.h"
#include "support/own_network.h"
#include "watch/portlearn.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UDPLITE 136
#define MPTCP 262
#define SCTP 132
#define FREE_PROTOCOL 253 /* for experiments: RFC 3692 */
#define FREE_ETHERTYPE 0x88B5

static bool root;

static struct conf_port *
expect(enum conf_proto proto, uint32_t port)
{
    struct conf_port *p = &conf.port[conf.ports];

    expect_port(proto, (uint16_t)port, own_exe);
    p->port = port;
    return p;
}

static int
open_raw(int protocol)
{
    return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, protocol);
}

static int
open_packet(uint16_t ethertype)
{
    return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ethertype));
}

static int
open_bound(int type, int protocol, uint32_t address, uint16_t *port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(address)
    };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
            (type == SOCK_STREAM && listen(fd, 1) != 0)) {
        close(fd);
        return -1;
    }
    getsockname(fd, (struct sockaddr *)&a, &len);
    *port = ntohs(a.sin_port);
    return fd;
}

static bool
left_out(bool possible)
{
    if (!possible) {
        printf("     left out: not root\n");
    }
    return !possible;
}

static void
a_raw_socket_is_told_by_its_protocol_and_told_when_it_is_over(void)
{
    if (left_out(root)) {
        return;
    }
    begin();
    start();
    int fd = open_raw(FREE_PROTOCOL);
    CHECK(wait_note(FINDING_OPEN, "raw/253") >= 0);
    CHECK_INT(note_of(FINDING_OPEN, "raw/253")->code, FINDING_PORT_UNEXPECTED);
    CHECK(has(note_of(FINDING_OPEN, "raw/253"), own_exe));
    close(fd);
    CHECK(wait_note(FINDING_CLOSE, "raw/253") >= 0);

    begin();
    (void)expect(CONF_RAW, FREE_PROTOCOL);
    start();
    CHECK_INT(note_of(FINDING_OPEN, "raw/253") != NULL ? note_of(FINDING_OPEN, "raw/253")->code : -1,
            FINDING_PORT_GONE);
    fd = open_raw(FREE_PROTOCOL);
    CHECK(wait_note(FINDING_CLOSE, "raw/253") >= 0);
    close(fd);
}

static void
a_raw_socket_for_icmp_is_told_only_when_it_stays(void)
{
    if (left_out(root)) {
        return;
    }
    begin();
    start();
    int fd = open_raw(IPPROTO_ICMP);
    turn(500, 0);
    CHECK(note_of(FINDING_OPEN, "raw/1") == NULL);
    turn(30, 11000);
    CHECK(note_of(FINDING_OPEN, "raw/1") != NULL);
    close(fd);
}

static void
a_packet_socket_is_told_by_what_it_hears(void)
{
    if (left_out(root)) {
        return;
    }
    begin();
    start();
    int deaf = open_packet(0);
    int all = open_packet(ETH_P_ALL);
    int one = open_packet(FREE_ETHERTYPE);
    CHECK(wait_note(FINDING_OPEN, "packet/all") >= 0);
    CHECK(wait_note(FINDING_OPEN, "packet/0x88b5") >= 0);
    CHECK(has(note_of(FINDING_OPEN, "packet/all"), own_exe));
    CHECK(note_of(FINDING_OPEN, "packet/0") == NULL);

    begin();
    (void)expect(CONF_PACKET, 0);
    start();
    turn(300, 0);
    CHECK(note_of(FINDING_OPEN, "packet/all") == NULL);
    CHECK(note_of(FINDING_OPEN, "packet/0x88b5") == NULL);
    close(deaf);
    close(all);
    close(one);
}

static void
a_udp_lite_socket_is_told_within_ten_seconds(void)
{
    uint16_t port = 21999;

    begin();
    start();
    int fd = open_bound(SOCK_DGRAM, UDPLITE, INADDR_LOOPBACK, &port);
    if (fd < 0) {
        printf("     left out: this kernel has no UDP-Lite\n");
        return;
    }
    turn(30, 10500);
    CHECK(note_of(FINDING_OPEN, "udplite/21999") != NULL);
    close(fd);
}

static void
a_multipath_listener_is_told_once_and_as_tcp(void)
{
    uint16_t port = 21998;
    unsigned told = 0;

    begin();
    start();
    int fd = open_bound(SOCK_STREAM, MPTCP, INADDR_LOOPBACK, &port);
    if (fd < 0) {
        printf("     left out: this kernel has no MPTCP\n");
        return;
    }
    CHECK(wait_note(FINDING_OPEN, "tcp/21998") >= 0);
    CHECK(has(note_of(FINDING_OPEN, "tcp/21998"), own_exe));
    turn(100, 0);
    for (unsigned i = 0; i < note_count; i++) {
        told += strncmp(notes[i].text, "port=", 5) == 0 && strstr(notes[i].text, own_exe) != NULL;
    }
    CHECK_INT(told, 1);
    close(fd);
}

/* No look at all ports comes between: the kernel's word on listen() leads to the table of its protocol. */
static void
an_sctp_listener_is_told_by_event_with_its_holder_and_a_short_one_too(void)
{
    uint16_t port = 21997;
    char who[sizeof(own_exe) + 32];

    begin();
    conf.port_sweep_ms = 600000;
    start();
    int fd = open_bound(SOCK_STREAM, SCTP, INADDR_LOOPBACK, &port);
    if (fd < 0) {
        printf("     left out: this kernel has no SCTP (module sctp)\n");
        return;
    }
    if (self_open("tracepoint", "missing")) {
        printf("     left out: no tracepoint (rights)\n");
        close(fd);
        return;
    }
    CHECK(wait_note(FINDING_OPEN, "sctp/21997") >= 0);
    const struct finding *f = note_of(FINDING_OPEN, "sctp/21997");
    CHECK_INT(f != NULL ? f->code : -1, FINDING_PORT_UNEXPECTED);
    snprintf(who, sizeof(who), "exe=%s pid=%d uid=%u", own_exe, getpid(), getuid());
    CHECK(has(f, who));
    CHECK(note_of(FINDING_OPEN, "tcp/21997") == NULL);
    close(fd);

    port = 21996;
    close(open_bound(SOCK_STREAM, SCTP, INADDR_LOOPBACK, &port));
    CHECK(wait_note(FINDING_BRIEF, "sctp/21996") >= 0);
    CHECK(has(note_of(FINDING_BRIEF, "sctp/21996"), own_exe));
}

static void
the_end_of_an_sctp_listener_is_told_and_a_listed_one_that_ends_is_gone(void)
{
    uint16_t port = 21995;
    int fd = open_bound(SOCK_STREAM, SCTP, INADDR_LOOPBACK, &port);

    if (fd < 0) {
        printf("     left out: this kernel has no SCTP (module sctp)\n");
        return;
    }
    begin();
    start();
    CHECK(wait_note(FINDING_OPEN, "sctp/21995") >= 0);
    close(fd);
    CHECK(wait_note(FINDING_CLOSE, "sctp/21995") >= 0);

    fd = open_bound(SOCK_STREAM, SCTP, INADDR_LOOPBACK, &port);
    begin();
    (void)expect(CONF_SCTP, port);
    start();
    turn(300, 0);
    CHECK(note_of(FINDING_OPEN, "sctp/21995") == NULL);
    close(fd);
    CHECK(wait_note(FINDING_OPEN, "sctp/21995") >= 0);
    CHECK_INT(note_of(FINDING_OPEN, "sctp/21995")->code, FINDING_PORT_GONE);
}

static int
open_vsock(unsigned port)
{
    struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port };
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 1) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void
a_vsock_listener_is_told_with_its_holder_and_its_end_too(void)
{
    char who[sizeof(own_exe) + 32];

    begin();
    start();
    int fd = open_vsock(70000);
    if (fd < 0) {
        printf("     left out: this kernel has no vsock (module vsock)\n");
        return;
    }
    (void)expect(CONF_VSOCK, 70001);
    start();
    turn(300, 0);
    if (self_open("vsock_diag", "missing")) {
        printf("     left out: this kernel does not list vsock sockets (module vsock_diag)\n");
        close(fd);
        return;
    }
    CHECK(wait_note(FINDING_OPEN, "vsock/70000") >= 0);
    const struct finding *f = note_of(FINDING_OPEN, "vsock/70000");
    CHECK_INT(f != NULL ? f->code : -1, FINDING_PORT_UNEXPECTED);
    snprintf(who, sizeof(who), "exe=%s pid=%d", own_exe, getpid());
    CHECK(has(f, who)); /* the kernel does not say whose vsock sockets are */
    CHECK_INT(note_of(FINDING_OPEN, "vsock/70001") != NULL ? note_of(FINDING_OPEN, "vsock/70001")->code : -1,
            FINDING_PORT_GONE);
    int listed = open_vsock(70001);
    CHECK(wait_note(FINDING_CLOSE, "vsock/70001") >= 0);
    close(listed);
    close(fd);
    CHECK(wait_note(FINDING_CLOSE, "vsock/70000") >= 0);
}

static void
a_port_bound_elsewhere_than_expected_is_wrong(void)
{
    uint16_t port = 0;
    char subject[32];
    int fd = open_bound(SOCK_STREAM, 0, INADDR_ANY, &port);

    snprintf(subject, sizeof(subject), "tcp/%u", port);
    begin();
    expect(CONF_TCP, port)->on = CONF_ADDRESS_LOOPBACK;
    start();
    const struct finding *f = note_of(FINDING_OPEN, subject);
    CHECK_INT(f != NULL ? f->code : -1, FINDING_PORT_WRONG);
    CHECK(has(f, "expected-addr=loopback:"));
    CHECK(has(f, "addr=0.0.0.0"));
    close(fd);
    turn(300, 0);
    f = note_of(FINDING_OPEN, subject);
    CHECK_INT(f != NULL ? f->code : -1, FINDING_PORT_GONE);
    fd = open_bound(SOCK_STREAM, 0, INADDR_LOOPBACK, &port);
    CHECK(wait_note(FINDING_CLOSE, subject) >= 0);
    close(fd);
}

static void
each_socket_of_a_port_must_be_right_by_one_of_its_entries(void)
{
    uint16_t port = 0;
    char subject[32];
    int one = open_bound(SOCK_STREAM, 0, 0x7F000001, &port);
    int two = open_bound(SOCK_STREAM, 0, 0x7F000002, &port);

    snprintf(subject, sizeof(subject), "tcp/%u", port);
    CHECK(one >= 0 && two >= 0);
    begin();
    for (int i = 1; i <= 2; i++) {
        struct conf_port *p = expect(CONF_TCP, port);

        p->on = CONF_ADDRESS_4;
        memcpy(p->address, (uint8_t[]){ 127, 0, 0, (uint8_t)i }, 4);
    }
    start();
    turn(50, 0);
    CHECK(note_of(FINDING_OPEN, subject) == NULL);
    close(two);
    CHECK(wait_note(FINDING_OPEN, subject) >= 0);
    CHECK_INT(note_of(FINDING_OPEN, subject)->code, FINDING_PORT_GONE);
    CHECK(has(note_of(FINDING_OPEN, subject), "expected-addr=127.0.0.2:"));
    two = open_bound(SOCK_STREAM, 0, 0x7F000003, &port);
    turn(300, 0);
    CHECK_INT(note_of(FINDING_OPEN, subject)->code, FINDING_PORT_WRONG);
    CHECK(has(note_of(FINDING_OPEN, subject), "addr=127.0.0.3"));
    close(one);
    close(two);
}

static void
a_port_that_another_user_opened_is_wrong_and_so_is_one_in_another_unit(void)
{
    uint16_t port = 0;
    char subject[32];
    int fd = open_bound(SOCK_STREAM, 0, INADDR_LOOPBACK, &port);

    snprintf(subject, sizeof(subject), "tcp/%u", port);
    begin();
    snprintf(expect(CONF_TCP, port)->user, CONF_USER, "%u", getuid());
    start();
    turn(30, 0);
    CHECK(note_of(FINDING_OPEN, subject) == NULL);

    begin();
    snprintf(expect(CONF_TCP, port)->user, CONF_USER, "no-such-user");
    start();
    CHECK(has(note_of(FINDING_OPEN, subject), "expected-uid=no-such-user"));

    begin();
    snprintf(expect(CONF_TCP, port)->unit, CONF_UNIT, "a.service,no-such.service");
    start();
    const struct finding *f = note_of(FINDING_OPEN, subject);
    CHECK_INT(f != NULL ? f->code : -1, FINDING_PORT_WRONG);
    CHECK(has(f, "expected-unit=a.service,no-such.service"));

    char unit[PROCFS_UNIT];
    int proc = procfs_open();

    CHECK_INT(procfs_unit(proc, getpid(), unit), 0);
    begin();
    snprintf(expect(CONF_TCP, port)->unit, CONF_UNIT, "x,*");
    start();
    turn(30, 0);
    CHECK(note_of(FINDING_OPEN, subject) == NULL);
    close(proc);
    close(fd);
}

static ino_t
net_now(void)
{
    struct stat st = { .st_ino = 0 };

    CHECK_INT(stat("/proc/thread-self/ns/net", &st), 0);
    return st.st_ino;
}

/* A process in a network namespace of its own with a listener and a raw socket. */
static pid_t
start_elsewhere(char subject[48], char raw[48])
{
    int link[2];
    ino_t inode = 0;

    CHECK_INT(pipe2(link, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        uint16_t port = 23456;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNET) == 0) {
            inode = net_now();
            (void)open_bound(SOCK_STREAM, 0, INADDR_ANY, &port);
            (void)open_raw(FREE_PROTOCOL);
        }
        (void)!write(link[1], &inode, sizeof(inode));
        pause();
        _exit(0);
    }
    close(link[1]);
    CHECK_INT(read(link[0], &inode, sizeof(inode)), sizeof(inode));
    close(link[0]);
    snprintf(subject, 48, "tcp/23456@%lu", (unsigned long)inode);
    snprintf(raw, 48, "raw/253@%lu", (unsigned long)inode);
    return pid;
}

static void
end_elsewhere(pid_t pid)
{
    CHECK(pid > 0);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static unsigned
held_namespaces(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned held = 0;

    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        char link[64] = "";

        (void)!readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);
        held += strncmp(link, "net:[", 5) == 0;
    }
    closedir(dir);
    return held;
}

static void
what_listens_in_another_namespace_is_told_with_its_name_and_as_a_warning(void)
{
    char subject[48];
    char raw[48];
    ino_t own = net_now();

    if (left_out(root)) {
        return;
    }
    begin();
    start();
    pid_t pid = start_elsewhere(subject, raw);
    CHECK(wait_note(FINDING_OPEN, subject) >= 0);
    const struct finding *f = note_of(FINDING_OPEN, subject);
    CHECK_INT(f != NULL ? f->code : -1, FINDING_PORT_UNEXPECTED);
    CHECK_INT(f != NULL ? f->severity : -1, WIRE_WARN);
    CHECK(has(f, own_exe));
    CHECK(wait_note(FINDING_OPEN, raw) >= 0);
    CHECK(note_of(FINDING_OPEN, "tcp/23456") == NULL);
    CHECK_INT(net_now(), own);
    CHECK_INT(held_namespaces(), 1);
    end_elsewhere(pid);
    turn(100, 61000);
    CHECK(note_of(FINDING_CLOSE, subject) != NULL);
}

static void
a_namespace_that_was_there_before_is_looked_into(void)
{
    char subject[48];
    char raw[48];

    if (left_out(root)) {
        return;
    }
    pid_t pid = start_elsewhere(subject, raw);
    begin();
    start();
    CHECK(wait_note(FINDING_OPEN, subject) >= 0);
    note_count = 0;
    CHECK_INT(detector_ports_ops.check(&env), 0);
    CHECK(note_of(FINDING_OPEN, subject) != NULL);
    CHECK(note_of(FINDING_OPEN, raw) != NULL);
    end_elsewhere(pid);
}

static void
a_listed_port_of_other_namespaces_is_no_finding_and_with_own_none_is_looked_into(void)
{
    char subject[48];
    char raw[48];

    if (left_out(root)) {
        return;
    }
    pid_t pid = start_elsewhere(subject, raw);
    begin();
    strcpy(expect(CONF_TCP, 23456)->netns, CONF_NETNS_ANY);
    start();
    turn(300, 0);
    CHECK(note_of(FINDING_OPEN, subject) == NULL);
    CHECK(note_of(FINDING_OPEN, raw) != NULL);

    begin();
    strcpy(expect(CONF_TCP, 23456)->netns, strchr(subject, '@') + 1);
    strcpy(conf.port[0].process[0], "other");
    start();
    turn(300, 0);
    CHECK_INT(note_of(FINDING_OPEN, subject) != NULL ? note_of(FINDING_OPEN, subject)->code : -1,
            FINDING_PORT_WRONG);

    begin();
    conf.own_netns = true;
    start();
    pid_t second = start_elsewhere(subject, raw);
    turn(300, 0);
    for (unsigned i = 0; i < note_count; i++) {
        CHECK(strstr(notes[i].text, "23456") == NULL);
    }
    end_elsewhere(second);
    end_elsewhere(pid);
}

/* In a mount namespace of our own: a namespace without a process, under a name as `ip netns` makes one. */
static bool
make_named(void)
{
    int fd;

    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("none", "/run", "tmpfs", 0, NULL) != 0 || mkdir("/run/netns", 0755) != 0) {
        return false;
    }
    fd = open("/run/netns/web", O_CREAT | O_RDONLY, 0644);
    close(fd);
    close(open("/run/netns/left-behind", O_CREAT | O_RDONLY, 0644));
    pid_t pid = fork();
    if (pid == 0) {
        _exit(unshare(CLONE_NEWNET) != 0 ||
                mount("/proc/thread-self/ns/net", "/run/netns/web", NULL, MS_BIND, NULL) != 0);
    }
    int status = 1;

    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void
a_named_namespace_is_known_by_its_name_and_need_not_have_a_process(void)
{
    if (left_out(root && make_named())) {
        return;
    }
    int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    int named = open("/run/netns/web", O_RDONLY | O_CLOEXEC);
    uint16_t port = 23457;

    CHECK_INT(setns(named, CLONE_NEWNET), 0);
    int fd = open_bound(SOCK_STREAM, 0, INADDR_ANY, &port);
    CHECK_INT(setns(own, CLONE_NEWNET), 0);
    begin();
    strcpy(expect(CONF_TCP, 23458)->netns, "web");
    start();
    CHECK(wait_note(FINDING_OPEN, "tcp/23457@web") >= 0);
    CHECK(has(note_of(FINDING_OPEN, "tcp/23457@web"), own_exe));
    CHECK(wait_note(FINDING_OPEN, "tcp/23458@web") >= 0);
    CHECK_INT(note_of(FINDING_OPEN, "tcp/23458@web")->code, FINDING_PORT_GONE);
    close(fd);
    turn(2500, 0);
    CHECK(note_of(FINDING_CLOSE, "tcp/23457@web") != NULL);
    close(named);
    close(own);
    CHECK_INT(umount2("/run/netns/web", MNT_DETACH), 0);
}

static void
what_is_learned_leaves_nothing_to_find(void)
{
    static struct portlook look;
    char subject[48];
    char raw[48];
    uint16_t port = 0;
    int fd = open_bound(SOCK_STREAM, 0, INADDR_LOOPBACK, &port);
    int packet = root ? open_packet(FREE_ETHERTYPE) : -1;
    pid_t pid = root ? start_elsewhere(subject, raw) : 0;

    begin();
    CHECK_INT(portlook_once(&conf, &look, NULL, NULL), 0);
    CHECK_INT(portlearn_add(&look, &conf), 0);
    unsigned learned = conf.ports;
    bool found = false;
    for (unsigned i = 0; i < learned; i++) {
        found = found || (conf.port[i].port == port && conf.port[i].on == CONF_ADDRESS_LOOPBACK &&
                                 strcmp(conf.port[i].process[0], own_exe) == 0);
    }
    CHECK(found);
    CHECK_INT(detector_ports_ops.check(&env), 0);
    for (unsigned i = 0; i < note_count; i++) { /* others on this machine may open what they like meanwhile */
        CHECK(strstr(notes[i].text, own_exe) == NULL);
    }
    CHECK_INT(portlook_once(&conf, &look, NULL, NULL), 0);
    CHECK_INT(portlearn_add(&look, &conf), 0);
    for (unsigned i = learned; i < conf.ports; i++) {
        CHECK(strcmp(conf.port[i].process[0], own_exe) != 0);
    }
    close(fd);
    close(packet);
    if (pid > 0) {
        end_elsewhere(pid);
    }
}

/* Where the kernel cannot list vsock sockets, that is told, and not that they are gone. */
static void
a_vsock_port_is_gone_only_where_such_ports_can_be_seen(void)
{
    begin();
    (void)expect(CONF_VSOCK, 1024);
    start();
    turn(50, 0);
    CHECK(self_open("vsock_diag", "missing") != (note_of(FINDING_OPEN, "vsock/1024") != NULL));
}

int
main(void)
{
    root = own_network();
    CHECK(readlink("/proc/self/exe", own_exe, sizeof(own_exe) - 1) > 0);
    CHECK_RUN(a_raw_socket_is_told_by_its_protocol_and_told_when_it_is_over);
    CHECK_RUN(a_raw_socket_for_icmp_is_told_only_when_it_stays);
    CHECK_RUN(a_packet_socket_is_told_by_what_it_hears);
    CHECK_RUN(a_udp_lite_socket_is_told_within_ten_seconds);
    CHECK_RUN(a_multipath_listener_is_told_once_and_as_tcp);
    CHECK_RUN(an_sctp_listener_is_told_by_event_with_its_holder_and_a_short_one_too);
    CHECK_RUN(the_end_of_an_sctp_listener_is_told_and_a_listed_one_that_ends_is_gone);
    CHECK_RUN(a_vsock_listener_is_told_with_its_holder_and_its_end_too);
    CHECK_RUN(a_vsock_port_is_gone_only_where_such_ports_can_be_seen);
    CHECK_RUN(a_port_bound_elsewhere_than_expected_is_wrong);
    CHECK_RUN(each_socket_of_a_port_must_be_right_by_one_of_its_entries);
    CHECK_RUN(a_port_that_another_user_opened_is_wrong_and_so_is_one_in_another_unit);
    CHECK_RUN(what_listens_in_another_namespace_is_told_with_its_name_and_as_a_warning);
    CHECK_RUN(a_namespace_that_was_there_before_is_looked_into);
    CHECK_RUN(a_listed_port_of_other_namespaces_is_no_finding_and_with_own_none_is_looked_into);
    CHECK_RUN(what_is_learned_leaves_nothing_to_find);
    CHECK_RUN(a_named_namespace_is_known_by_its_name_and_need_not_have_a_process);
    return check_result();
}
