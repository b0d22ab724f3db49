#include "watch/views_ports.h"
#include "watch/bpf.h"
#include "watch/netlink.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The kernel is asked which socket would get a packet to each port, as the network itself asks; that socket
 * must be in the list. It is told when three tries differ. No port is taken for that.
 *
 * A packet has an address and comes in by an interface: each of the machine's own addresses with the
 * interface that has it, and of each of these interfaces the loopback address, for a socket that is bound to
 * an interface and to no address.
 */
#define PORTS 65536
#define SLICE 1024
#define AT_ONCE 64 /* a bit each in a word */
#define TRIES 3
#define TRY_AGAIN_MS 1000
#define SUSPECTS 64
#define TARGETS 128
#define LOOPBACK_INDEX 1
#define ANSWER_SIZE 32768

enum proto { PROTO_TCP, PROTO_UDP, PROTOS };

enum family { FOUR, SIX, FAMILIES };

/* What is open. */
#define DIAG 0
#define ROUTE 1
#define PROGRAM(proto, family) (2 + (proto)*FAMILIES + (family))
#define FDS PROGRAM(PROTOS, 0)

struct suspect {
    uint16_t port;
    uint8_t proto; /* enum proto */
    uint8_t tries;
};

static struct ports_view {
    int fd[FDS];
    bool open;
    bool sweeping;
    bool unreadable;
    bool reduced; /* some addresses are left out */
    uint32_t next;
    unsigned suspects;
    unsigned targets;
    uint32_t seq;
    int64_t slice_ms; /* when the next one begins */
    struct suspect suspect[SUSPECTS];
} ports;

/* The packet that the program is given: it asks for one port at each run and stops where a socket is. */
struct question {
    uint8_t ethernet[14];
    uint16_t found;              /* the port of the socket that was found; 0 for none yet */
    struct bpf_sock_tuple tuple; /* that of IPv4 at its end: both end in the port that is asked for */
};

struct target {
    uint32_t family; /* enum family */
    uint32_t interface;
    struct question question; /* for port 0 */
};

static struct target target[TARGETS];

#define AT(field) ((int)offsetof(struct question, field))
#define PORT_AT ((int)sizeof(struct question) - 2)

enum value { TUPLE_AT, TUPLE_SIZE, LOOKUP, VALUES };

/* The helpers and their arguments, struct __sk_buff and struct bpf_sock: include/uapi/linux/bpf.h. */
/* clang-format off */
static const struct bpf_insn insns[] = {
    BPF_LDX_MEM(BPF_W, BPF_REG_7, BPF_REG_1, offsetof(struct __sk_buff, data)),
    BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct __sk_buff, data_end)),
    BPF_MOV64_REG(BPF_REG_3, BPF_REG_7),
    BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, sizeof(struct question)),
    BPF_JMP_REG(BPF_JGT, BPF_REG_3, BPF_REG_2, 2),
    BPF_LDX_MEM(BPF_H, BPF_REG_3, BPF_REG_7, AT(found)),
    BPF_JMP_IMM(BPF_JEQ, BPF_REG_3, 0, 2),
        BPF_MOV64_IMM(BPF_REG_0, 0),
        BPF_EXIT_INSN(),

    BPF_MOV64_REG(BPF_REG_2, BPF_REG_7),
    BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, BPF_VALUE(TUPLE_AT)),
    BPF_MOV64_IMM(BPF_REG_3, BPF_VALUE(TUPLE_SIZE)),
    BPF_MOV64_IMM(BPF_REG_4, BPF_F_CURRENT_NETNS),
    BPF_MOV64_IMM(BPF_REG_5, 0),
    BPF_EMIT_CALL(BPF_VALUE(LOOKUP)),
    BPF_JMP_IMM(BPF_JNE, BPF_REG_0, 0, 7),
        BPF_LDX_MEM(BPF_H, BPF_REG_3, BPF_REG_7, PORT_AT),
        BPF_ENDIAN(BPF_TO_BE, BPF_REG_3, 16),
        BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, 1),
        BPF_ENDIAN(BPF_TO_BE, BPF_REG_3, 16),
        BPF_STX_MEM(BPF_H, BPF_REG_7, BPF_REG_3, PORT_AT),
        BPF_MOV64_IMM(BPF_REG_0, 0),
        BPF_EXIT_INSN(),

    BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_0, offsetof(struct bpf_sock, src_port)),
    BPF_STX_MEM(BPF_H, BPF_REG_7, BPF_REG_3, AT(found)),
    BPF_MOV64_REG(BPF_REG_1, BPF_REG_0),
    BPF_EMIT_CALL(BPF_FUNC_sk_release),
    BPF_MOV64_IMM(BPF_REG_0, 0),
    BPF_EXIT_INSN(),
};
/* clang-format on */

static const uint8_t tuple_size[FAMILIES] = { [FOUR] = sizeof(((struct bpf_sock_tuple *)NULL)->ipv4),
    [SIX] = sizeof(((struct bpf_sock_tuple *)NULL)->ipv6) };

static int
load_lookup(enum proto proto, enum family family)
{
    static const struct bpf_source program = { BPF_PROG_TYPE_SCHED_CLS, insns,
        sizeof(insns) / sizeof(insns[0]) };
    const uint32_t values[VALUES] = {
        [TUPLE_AT] = (uint32_t)sizeof(struct question) - tuple_size[family],
        [TUPLE_SIZE] = tuple_size[family],
        [LOOKUP] = proto == PROTO_TCP ? BPF_FUNC_sk_lookup_tcp : BPF_FUNC_sk_lookup_udp,
    };

    return bpf_load(&program, values);
}

static uint16_t
asked_port(const struct question *q)
{
    uint16_t port;

    memcpy(&port, (const uint8_t *)q + PORT_AT, sizeof(port));
    return ntohs(port);
}

static void
ask_for(struct question *q, const struct target *t, uint32_t port)
{
    const uint16_t number = htons((uint16_t)port);

    *q = t->question;
    memcpy((uint8_t *)q + PORT_AT, &number, sizeof(number));
}

/* Up to `most` ports. 0 or -errno: -ENODEV when the interface is gone. */
static int
run(enum proto proto, const struct target *t, struct question *q, uint32_t most)
{
    static struct __sk_buff from;
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.test.prog_fd = (uint32_t)ports.fd[PROGRAM(proto, t->family)];
    attr.test.data_in = attr.test.data_out = (uintptr_t)q;
    attr.test.data_size_in = attr.test.data_size_out = sizeof(*q);
    attr.test.repeat = most;
    attr.test.ctx_in = (uintptr_t)&from;
    attr.test.ctx_size_in = sizeof(from);
    from.ifindex = t->interface;
    return bpf_call(BPF_PROG_TEST_RUN, &attr);
}

/* Sends a request and hands over each message of its whole answer: what is left would be taken for the next
 * one's. 0 or -errno. */
static int
exchange(int fd, struct nlmsghdr *request, void (*take)(struct fs_bytes payload, void *to), void *to)
{
    static uint8_t answer[ANSWER_SIZE];

    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = ++ports.seq;
    if (send(fd, request, request->nlmsg_len, 0) != (ssize_t)request->nlmsg_len) {
        return -EIO;
    }
    for (;;) {
        ssize_t n = netlink_receive(fd, answer, sizeof(answer));
        struct fs_bytes c = { .at = answer, .end = answer + (n > 0 ? n : 0) };
        struct netlink_message m;

        if (n < 0) {
            return (int)n;
        }
        while (netlink_next(&c, &m)) {
            if (m.seq != ports.seq) {
                continue;
            }
            if (m.type == NLMSG_DONE || m.type == NLMSG_ERROR) {
                return m.type == NLMSG_DONE ? 0 : -EIO;
            }
            take(m.payload, to);
        }
    }
}

struct sought {
    uint16_t port;
    bool listed;
};

static void
take_socket(struct fs_bytes payload, void *to)
{
    struct sought *sought = to;
    const uint8_t *bytes = take_bytes(&payload, sizeof(struct inet_diag_msg));
    struct inet_diag_msg row;

    if (bytes != NULL) {
        memcpy(&row, bytes, sizeof(row));
        sought->listed = sought->listed || ntohs(row.id.idiag_sport) == sought->port;
    }
}

enum listed { LISTED_NO, LISTED_YES, LISTED_UNKNOWN };

static enum listed
is_listed(enum proto proto, uint16_t port)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 ask;
        struct nlattr attribute;
        struct inet_diag_bc_op only[2]; /* source port = the number in the second */
    } r = { .head = { .nlmsg_len = sizeof(r), .nlmsg_type = SOCK_DIAG_BY_FAMILY },
        .ask = { .sdiag_family = AF_INET,
                .sdiag_protocol = proto == PROTO_TCP ? IPPROTO_TCP : IPPROTO_UDP,
                .idiag_states = UINT32_MAX },
        .attribute = { .nla_len = sizeof(r.attribute) + sizeof(r.only), .nla_type = INET_DIAG_REQ_BYTECODE },
        .only = { { .code = INET_DIAG_BC_S_EQ, .yes = sizeof(r.only), .no = sizeof(r.only) + 4 },
                { .no = port } } };
    struct sought sought = { .port = port };
    int error = exchange(ports.fd[DIAG], &r.head, take_socket, &sought);

    if (error == 0 && !sought.listed) {
        r.ask.sdiag_family = AF_INET6;
        error = exchange(ports.fd[DIAG], &r.head, take_socket, &sought);
    }
    return error != 0 ? LISTED_UNKNOWN : sought.listed ? LISTED_YES : LISTED_NO;
}

/* The packet comes from port 1 of the same address: nobody's. */
static void
add_target(enum family family, const void *address, uint32_t interface)
{
    struct target t = { .family = (uint8_t)family, .interface = interface };
    size_t size = family == FOUR ? 4 : 16;
    uint8_t *tuple = (uint8_t *)(&t.question + 1) - tuple_size[family];

    memcpy(tuple, address, size);
    memcpy(tuple + size, address, size);
    tuple[2 * size + 1] = 1;
    for (unsigned i = 0; i < ports.targets && i < TARGETS; i++) {
        if (memcmp((const uint8_t *)&target[i], (const uint8_t *)&t, sizeof(t)) == 0) {
            return;
        }
    }
    if (ports.targets < TARGETS) {
        target[ports.targets] = t;
    }
    ports.targets++;
}

static const uint8_t loopback[16] = { 127, 0, 0, 1 };

static void
take_address(struct fs_bytes payload, void *to)
{
    const uint8_t *bytes = take_bytes(&payload, sizeof(struct ifaddrmsg));
    struct netlink_attribute a;
    struct ifaddrmsg m;
    const void *address = NULL;

    (void)to;
    if (bytes == NULL) {
        return;
    }
    memcpy(&m, bytes, sizeof(m));
    size_t size = m.ifa_family == AF_INET ? 4 : 16;

    while (netlink_attribute(&payload, &a)) {
        /* IFA_LOCAL is this end's where there are two. */
        if ((a.type == IFA_LOCAL || (a.type == IFA_ADDRESS && address == NULL)) &&
                fs_bytes_left(&a.value) == size) {
            address = a.value.at;
        }
    }
    if (address != NULL) {
        add_target(m.ifa_family == AF_INET ? FOUR : SIX, address, m.ifa_index);
        add_target(FOUR, loopback, m.ifa_index);
    }
}

/* 0 or -errno. */
static int
find_targets(void)
{
    struct {
        struct nlmsghdr head;
        struct ifaddrmsg ask;
    } r = { .head = { .nlmsg_len = sizeof(r), .nlmsg_type = RTM_GETADDR } };

    ports.targets = 0;
    add_target(FOUR, loopback, LOOPBACK_INDEX);
    add_target(SIX, &in6addr_loopback, LOOPBACK_INDEX);
    return exchange(ports.fd[ROUTE], &r.head, take_address, NULL);
}

/* Steered to a socket of another port by a program, it is the socket's own that must be listed. */
static bool
is_hidden(struct views *v, enum proto proto, uint16_t own_port)
{
    enum listed listed = is_listed(proto, own_port);

    view_self(v, &ports.unreadable, listed == LISTED_UNKNOWN, "socket_list", "unreadable");
    return listed == LISTED_NO;
}

/* A bit for each of `count` ports from `first` on that has a hidden socket. */
static uint64_t
look_from(struct views *v, enum proto proto, uint16_t first, uint32_t count)
{
    uint64_t listed = 0;
    uint64_t hidden = 0;

    for (unsigned i = 0; i < ports.targets && i < TARGETS; i++) {
        struct question q;

        ask_for(&q, &target[i], first);
        for (uint32_t at = 0; at < count; at++) {
            if (run(proto, &target[i], &q, count - at) != 0 || q.found == 0) {
                break;
            }
            at = (uint32_t)asked_port(&q) - first;
            if (((listed | hidden) >> at & 1) == 0) {
                bool is = is_hidden(v, proto, q.found);

                hidden |= (uint64_t)is << at;
                listed |= (uint64_t)!is << at;
            }
            ask_for(&q, &target[i], first + at + 1);
        }
    }
    return hidden;
}

static void
tell(struct views *v, const struct suspect *s)
{
    struct finding f;
    char subject[16];

    snprintf(subject, sizeof(subject), "%s/%u", s->proto == PROTO_TCP ? "tcp" : "udp", (unsigned)s->port);
    if (conf_allows(v->env.conf, CONF_VIEW_HIDDEN_PORTS, subject, strlen(subject))) {
        return;
    }
    finding_begin(&f, FINDING_PORT_HIDDEN, "port", subject, strlen(subject));
    view_found(v, CONF_VIEW_HIDDEN_PORTS, &f);
}

static void
try_again(struct views *v)
{
    for (unsigned i = ports.suspects; i-- > 0;) {
        struct suspect *s = &ports.suspect[i];

        if (look_from(v, (enum proto)s->proto, s->port, 1) == 0) {
            *s = ports.suspect[--ports.suspects];
        } else if (++s->tries == TRIES) {
            tell(v, s);
            *s = ports.suspect[--ports.suspects];
        }
    }
}

/* AT_ONCE ports, or what is left. */
static void
try_ports(struct views *v)
{
    uint32_t count = PORTS - ports.next < AT_ONCE ? PORTS - ports.next : AT_ONCE;

    for (int proto = 0; proto < PROTOS; proto++) {
        uint64_t hidden = look_from(v, (enum proto)proto, (uint16_t)ports.next, count);

        for (uint32_t at = 0; at < count; at++) {
            if ((hidden >> at & 1) != 0 && ports.suspects < SUSPECTS) {
                ports.suspect[ports.suspects++] = (struct suspect){
                    .port = (uint16_t)(ports.next + at), .proto = (uint8_t)proto, .tries = 1
                };
            }
        }
    }
    ports.next += count;
}

static void
begin_slice(struct views *v)
{
    bool all = find_targets() == 0 && ports.targets <= TARGETS;

    view_self(v, &ports.reduced, !all, "addresses", "reduced");
}

static int64_t
ports_look(struct views *v, int64_t now_ms)
{
    if (ports.suspects > 0) {
        try_again(v);
        return now_ms + TRY_AGAIN_MS;
    }
    if (!ports.sweeping) {
        ports.sweeping = true;
        ports.next = 1;
        ports.slice_ms = now_ms;
        view_begin(v, CONF_VIEW_HIDDEN_PORTS);
    }
    if (now_ms < ports.slice_ms) {
        return ports.slice_ms;
    }
    if (ports.next % SLICE == 1) {
        begin_slice(v);
    }
    try_ports(v);
    if (ports.suspects > 0) {
        return now_ms + TRY_AGAIN_MS;
    }
    if (ports.next == PORTS) {
        view_end(v, CONF_VIEW_HIDDEN_PORTS);
        ports.sweeping = false;
        return VIEW_DONE;
    }
    if (ports.next % SLICE == 1) {
        ports.slice_ms = now_ms + view_every_ms(v, CONF_VIEW_HIDDEN_PORTS);
        return ports.slice_ms;
    }
    return now_ms;
}

static int
open_one(int which)
{
    if (which == DIAG || which == ROUTE) {
        return netlink_open(which == DIAG ? NETLINK_SOCK_DIAG : NETLINK_ROUTE, 0);
    }
    return load_lookup((enum proto)((which - 2) / FAMILIES), (enum family)((which - 2) % FAMILIES));
}

static int
ports_open(struct views *v)
{
    bool before = ports.open;
    int error = 0;

    (void)v;
    for (int i = 0; i < FDS; i++) {
        if (before && ports.fd[i] >= 0) {
            close(ports.fd[i]);
        }
        ports.fd[i] = open_one(i);
        error = ports.fd[i] < 0 ? ports.fd[i] : error;
    }
    ports.open = true;
    ports.sweeping = false;
    ports.suspects = 0;
    if (error == 0) {
        error = find_targets();
    }
    if (error == 0) {
        struct question q = target[0].question;

        error = run(PROTO_TCP, &target[0], &q, 1);
    }
    return error == 0 && is_listed(PROTO_UDP, 0) == LISTED_UNKNOWN ? -EOPNOTSUPP : error;
}

const struct view_ops views_ports_ops = {
    .view = CONF_VIEW_HIDDEN_PORTS,
    .slow = true,
    .open = ports_open,
    .look = ports_look,
};
