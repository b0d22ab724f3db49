#include "watch/views_ports.h"
#include "watch/netlink.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Each port is tried by bind(), never by listen(); one that is taken must be in the list, in whatever state.
 * It is told when three tries differ. A try takes the port for some microseconds: the process that looks at
 * ports must be the one that makes it, or it would tell of the try itself.
 *
 * With SO_REUSEADDR for TCP a try does not disturb a program that has bound the port and is about to listen.
 * UDP goes without: with it a try would succeed beside such a program and take its packets.
 */
#define PORTS 65536
#define SLICE 1024
#define AT_ONCE 64 /* about 2 ms */
#define TRIES 3
#define TRY_AGAIN_MS 1000
#define SUSPECTS 64
#define ANSWER_SIZE 32768
#define CONNECT_MS 20

enum proto { PROTO_TCP, PROTO_UDP, PROTOS };

struct suspect {
    uint16_t port;
    uint8_t proto; /* enum proto */
    uint8_t tries;
};

static struct ports_view {
    int diag;
    int family; /* AF_INET6 takes the port for both, where there is IPv6 */
    bool lists_bound;
    bool sweeping;
    bool unreadable;
    uint32_t next;
    unsigned suspects;
    uint32_t seq;
    int64_t slice_ms; /* when the next one begins */
    struct suspect suspect[SUSPECTS];
} ports = { .diag = -1 };

static int
make_socket(enum proto proto)
{
    int type = proto == PROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
    int fd = socket(ports.family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int off = 0;
    int on = 1;

    if (fd >= 0 && ports.family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (fd >= 0 && proto == PROTO_TCP) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    return fd;
}

/* 0, or -errno of bind(). */
static int
bind_to(int fd, uint16_t port)
{
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
    const void *address = ports.family == AF_INET6 ? (const void *)&six : (const void *)&four;
    socklen_t size = ports.family == AF_INET6 ? sizeof(six) : sizeof(four);

    return bind(fd, address, size) == 0 ? 0 : -errno;
}

static bool
is_taken(enum proto proto, uint16_t port)
{
    int fd = make_socket(proto);
    int error = fd < 0 ? 0 : bind_to(fd, port);

    if (fd >= 0) {
        close(fd);
    }
    return error == -EADDRINUSE;
}

struct request {
    struct nlmsghdr head;
    struct inet_diag_req_v2 ask;
    struct nlattr attribute;
    struct inet_diag_bc_op only[2]; /* source port = the number in the second */
};

static int
ask(enum proto proto, uint8_t family, uint16_t port)
{
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    struct request r = { .head = { .nlmsg_len = sizeof(r),
                                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                                 .nlmsg_seq = ++ports.seq },
        .ask = { .sdiag_family = family,
                .sdiag_protocol = proto == PROTO_TCP ? IPPROTO_TCP : IPPROTO_UDP,
                .idiag_states = UINT32_MAX },
        .attribute = { .nla_len = sizeof(r.attribute) + sizeof(r.only), .nla_type = INET_DIAG_REQ_BYTECODE },
        .only = { { .code = INET_DIAG_BC_S_EQ, .yes = sizeof(r.only), .no = sizeof(r.only) + 4 },
                { .no = port } } };

    return sendto(ports.diag, &r, sizeof(r), 0, (struct sockaddr *)&kernel, sizeof(kernel)) == sizeof(r)
                   ? 0
                   : -EIO;
}

enum listed { LISTED_NO, LISTED_YES, LISTED_UNKNOWN };

/* Reads a whole answer: what is left of it would be taken for the next one's. */
static enum listed
take_answer(uint16_t port)
{
    static uint8_t answer[ANSWER_SIZE];
    enum listed listed = LISTED_NO;

    for (;;) {
        ssize_t n = netlink_receive(ports.diag, answer, sizeof(answer));
        struct fs_bytes c = { .at = answer, .end = answer + (n > 0 ? n : 0) };
        struct netlink_message m;

        if (n < 0) {
            return LISTED_UNKNOWN;
        }
        while (netlink_next(&c, &m)) {
            struct inet_diag_msg row;
            const uint8_t *bytes = take_bytes(&m.payload, sizeof(row));

            if (m.seq != ports.seq) {
                continue;
            }
            if (m.type == NLMSG_DONE || m.type == NLMSG_ERROR) {
                return m.type == NLMSG_DONE ? listed : LISTED_UNKNOWN;
            }
            if (bytes != NULL) {
                memcpy(&row, bytes, sizeof(row));
                listed = ntohs(row.id.idiag_sport) == port ? LISTED_YES : listed;
            }
        }
    }
}

static enum listed
is_listed(enum proto proto, uint16_t port)
{
    static const uint8_t families[] = { AF_INET, AF_INET6 };
    enum listed all = LISTED_NO;

    for (size_t i = 0; i < sizeof(families) && all == LISTED_NO; i++) {
        all = ask(proto, families[i], port) == 0 ? take_answer(port) : LISTED_UNKNOWN;
    }
    return all;
}

/* Does this kernel list a socket that is bound and does not listen? Before 6.8 it does not. */
static bool
lists_bound(void)
{
    struct sockaddr_in6 own = { .sin6_port = 0 };
    socklen_t size = sizeof(own);
    int fd = make_socket(PROTO_TCP);
    bool listed = fd >= 0 && bind_to(fd, 0) == 0 && getsockname(fd, (struct sockaddr *)&own, &size) == 0 &&
                  is_listed(PROTO_TCP, ntohs(own.sin6_port)) == LISTED_YES;

    if (fd >= 0) {
        close(fd);
    }
    return listed;
}

/* Somebody takes connections there. */
static bool
answers(uint16_t port)
{
    struct sockaddr_in6 six = { .sin6_family = AF_INET6,
        .sin6_port = htons(port),
        .sin6_addr = { .s6_addr = { [10] = 0xFF, 0xFF, 127, 0, 0, 1 } } };
    struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    const void *address = ports.family == AF_INET6 ? (const void *)&six : (const void *)&four;
    socklen_t size = ports.family == AF_INET6 ? sizeof(six) : sizeof(four);
    int fd = make_socket(PROTO_TCP);
    struct pollfd wait = { .fd = fd, .events = POLLOUT };
    int error = -1;
    socklen_t error_size = sizeof(error);

    if (fd < 0) {
        return false;
    }
    (void)connect(fd, address, size);
    bool done = poll(&wait, 1, CONNECT_MS) == 1 &&
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 && error == 0;

    close(fd);
    return done;
}

/* Where the kernel does not list what is only bound, only what takes connections can be told. */
static bool
is_hidden(struct views *v, enum proto proto, uint16_t port)
{
    if (!is_taken(proto, port)) {
        return false;
    }
    enum listed listed = is_listed(proto, port);

    view_self(v, &ports.unreadable, listed == LISTED_UNKNOWN, "socket_list", "unreadable");
    return listed == LISTED_NO && (proto == PROTO_UDP || ports.lists_bound || answers(port));
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

        if (!is_hidden(v, (enum proto)s->proto, s->port)) {
            *s = ports.suspect[--ports.suspects];
        } else if (++s->tries == TRIES) {
            tell(v, s);
            *s = ports.suspect[--ports.suspects];
        }
    }
}

static void
try_port(struct views *v, uint16_t port)
{
    for (int proto = 0; proto < PROTOS; proto++) {
        if (ports.suspects < SUSPECTS && is_hidden(v, (enum proto)proto, port)) {
            ports.suspect[ports.suspects++] =
                    (struct suspect){ .port = port, .proto = (uint8_t)proto, .tries = 1 };
        }
    }
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
    for (int i = 0; i < AT_ONCE && ports.next < PORTS; i++) {
        try_port(v, (uint16_t)ports.next++);
    }
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
ports_open(struct views *v)
{
    (void)v;
    if (ports.diag >= 0) {
        close(ports.diag);
    }
    ports = (struct ports_view){ .diag = netlink_open(NETLINK_SOCK_DIAG, 0), .family = AF_INET6 };
    if (ports.diag < 0) {
        return ports.diag;
    }
    int fd = make_socket(PROTO_UDP);

    if (fd < 0 || bind_to(fd, 0) != 0) {
        ports.family = AF_INET;
    }
    if (fd >= 0) {
        close(fd);
    }
    ports.lists_bound = lists_bound();
    return is_listed(PROTO_UDP, 0) == LISTED_UNKNOWN ? -EOPNOTSUPP : 0;
}

const struct view_ops views_ports_ops = {
    .view = CONF_VIEW_HIDDEN_PORTS,
    .slow = true,
    .open = ports_open,
    .look = ports_look,
};
