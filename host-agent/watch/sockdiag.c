#include "watch/sockdiag.h"
#include "watch/netlink.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/vm_sockets_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATE_UNCONNECTED 7 /* TCP_CLOSE, which for UDP means bound only */
#define STATE_LISTEN 10
#define NO_PROTOCOL 0xFFFF
#define ANSWER_SIZE 32768 /* the kernel fills up to this much when asked with so large a buffer */

struct request {
    struct nlmsghdr head;
    struct inet_diag_req_v2 ask;
};

/*
 * The older form: one walk through the kernel's table gives IPv4 and IPv6 together. It is about TCP; since
 * Linux 5.9 about any protocol, which stands behind it.
 */
struct both_request {
    struct nlmsghdr head;
    struct inet_diag_req ask;
    struct nlattr attribute;
    uint32_t protocol;
};

struct vsock_request {
    struct nlmsghdr head;
    struct vsock_diag_req ask;
};

int
sockdiag_open(void)
{
    return netlink_open(NETLINK_SOCK_DIAG, 0);
}

static void
take_vsock(const uint8_t *payload, size_t len, struct sockets *out)
{
    struct vsock_diag_msg m;
    struct socket_row row = { .family = AF_VSOCK, .uid = SOCKETS_NO_UID };

#ifndef PLANT_VSOCKDIAG
    if (len < sizeof(m)) {
        return;
    }
#endif
    (void)len;
    memcpy(&m, payload, sizeof(m));
    row.key = (uint64_t)m.vdiag_cookie[1] << 32 | m.vdiag_cookie[0];
    row.inode = m.vdiag_ino;
    row.port = m.vdiag_src_port;
    memcpy(row.address, &m.vdiag_src_cid, sizeof(m.vdiag_src_cid));
    if (m.vdiag_state == STATE_LISTEN && row.port != 0) {
        sockets_add(out, &row);
    }
}

static void
take_inet(const uint8_t *payload, size_t len, struct sockets *out)
{
    struct inet_diag_msg m;
    struct socket_row row = { .key = 0 };

#ifndef PLANT_SOCKDIAG
    if (len < sizeof(m)) {
        return;
    }
#endif
    (void)len;
    memcpy(&m, payload, sizeof(m));
    if (m.idiag_family != AF_INET && m.idiag_family != AF_INET6) {
        return;
    }
    row.key = (uint64_t)m.id.idiag_cookie[1] << 32 | m.id.idiag_cookie[0];
    row.inode = m.idiag_inode;
    row.uid = m.idiag_uid;
    row.port = ntohs(m.id.idiag_sport);
    row.family = m.idiag_family;
    row.device = m.id.idiag_if;
    memcpy(row.address, m.id.idiag_src, m.idiag_family == AF_INET ? 4 : 16);
    if (row.port != 0 && m.id.idiag_dport == 0) {
        sockets_add(out, &row);
    }
}

static void
take_socket(const uint8_t *payload, size_t len, struct sockets *out)
{
    if (len > 0 && payload[0] == AF_VSOCK) {
        take_vsock(payload, len, out);
    } else {
        take_inet(payload, len, out);
    }
}

/* The end of a walk that the kernel could not make, as it has no lister for the protocol, holds its error. */
static enum sockdiag_more
take_done(const uint8_t *payload, size_t len, int *error)
{
    int32_t code = 0;

    if (len >= sizeof(code)) {
        memcpy(&code, payload, sizeof(code));
    }
    *error = code < 0 && code > -4096 ? code : 0;
    return *error != 0 ? SOCKDIAG_BAD : SOCKDIAG_DONE;
}

static enum sockdiag_more
take_error(const uint8_t *payload, size_t len, int *error)
{
    int32_t code = -EPROTO;

    if (len >= sizeof(code)) {
        memcpy(&code, payload, sizeof(code));
    }
    *error = code < 0 && code > -4096 ? code : -EPROTO;
    return SOCKDIAG_BAD;
}

enum sockdiag_more
sockdiag_parse(const uint8_t *src, size_t len, uint32_t seq, struct sockets *out, int *error)
{
    size_t at = 0;

    *error = 0;
    while (len - at >= sizeof(struct nlmsghdr)) {
        struct nlmsghdr head;

        memcpy(&head, src + at, sizeof(head));
        if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > len - at) {
            *error = -EPROTO;
            return SOCKDIAG_BAD;
        }
        const uint8_t *payload = src + at + sizeof(head);
        size_t payload_len = head.nlmsg_len - sizeof(head);
        size_t step = NLMSG_ALIGN((size_t)head.nlmsg_len);

        at += step < len - at ? step : len - at;
        if (head.nlmsg_seq != seq) {
            continue;
        }
        if (head.nlmsg_type == NLMSG_DONE) {
            return take_done(payload, payload_len, error);
        }
        if (head.nlmsg_type == NLMSG_ERROR) {
            return take_error(payload, payload_len, error);
        }
        if (head.nlmsg_type == SOCK_DIAG_BY_FAMILY || head.nlmsg_type == TCPDIAG_GETSOCK) {
            take_socket(payload, payload_len, out);
        }
    }
    return SOCKDIAG_MORE;
}

static int
send_request(int fd, const void *request, size_t len)
{
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

    if (sendto(fd, request, len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) != (ssize_t)len) {
        return errno != 0 ? -errno : -EIO;
    }
    return 0;
}

static int
ask_family(int fd, uint8_t family, enum conf_proto proto, uint32_t seq)
{
    struct request r = { .head = { .nlmsg_len = sizeof(r),
                                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                                 .nlmsg_seq = seq },
        .ask = { .sdiag_family = family,
                .sdiag_protocol = proto == CONF_TCP ? IPPROTO_TCP : IPPROTO_UDP,
                .idiag_states = 1u << (proto == CONF_TCP ? STATE_LISTEN : STATE_UNCONNECTED) } };

    return send_request(fd, &r, sizeof(r));
}

static int
ask_vsock(int fd, uint32_t seq)
{
    struct vsock_request r = { .head = { .nlmsg_len = sizeof(r),
                                       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                                       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                                       .nlmsg_seq = seq },
        .ask = { .sdiag_family = AF_VSOCK, .vdiag_states = 1u << STATE_LISTEN } };

    return send_request(fd, &r, sizeof(r));
}

static int
ask_both(int fd, uint32_t protocol, uint32_t states, uint32_t seq)
{
    struct both_request r = { .head = { .nlmsg_len = sizeof(r),
                                      .nlmsg_type = TCPDIAG_GETSOCK,
                                      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                                      .nlmsg_seq = seq },
        .ask = { .idiag_family = AF_INET, .idiag_states = states },
        .attribute = { .nla_len = sizeof(r.attribute) + sizeof(r.protocol),
                .nla_type = INET_DIAG_REQ_PROTOCOL },
        .protocol = protocol };

    return send_request(fd, &r, sizeof(r));
}

/* Only the kernel may answer: any process can send to our port. -EAGAIN when nothing came in time. */
static ssize_t
receive(int fd, uint8_t *out, size_t size)
{
    for (;;) {
        struct sockaddr_nl from = { .nl_family = AF_UNSPEC };
        socklen_t from_len = sizeof(from);
        ssize_t n = recvfrom(fd, out, size, MSG_TRUNC, (struct sockaddr *)&from, &from_len);

        if (n < 0 && errno != EINTR) {
            return errno == ENOBUFS ? -EAGAIN : -errno;
        }
        if (n > (ssize_t)size) {
            return -EAGAIN;
        }
        if (n >= 0 && from_len == sizeof(from) && from.nl_pid == 0) {
            return n;
        }
    }
}

static uint32_t sequence;

static int
take_answer(int fd, struct sockets *out)
{
    static uint8_t answer[ANSWER_SIZE]; /* on the stack it would be zeroed each time */
    enum sockdiag_more more = SOCKDIAG_MORE;
    int error = 0;

    while (more == SOCKDIAG_MORE) {
        ssize_t n = receive(fd, answer, sizeof(answer));

        if (n < 0) {
            return (int)n;
        }
        more = sockdiag_parse(answer, (size_t)n, sequence, out, &error);
    }
    return error;
}

static int
dump_family(int fd, uint8_t family, enum conf_proto proto, struct sockets *out)
{
    int error = ask_family(fd, family, proto, ++sequence);

    return error != 0 ? error : take_answer(fd, out);
}

static int
dump_both(int fd, uint32_t protocol, uint32_t states, struct sockets *out)
{
    int error = ask_both(fd, protocol, states, ++sequence);

    return error != 0 ? error : take_answer(fd, out);
}

/*
 * Whether the kernel reads the protocol behind the older form: it then has no lister for a number that no
 * protocol has. One that does not read it lists TCP, and no error comes.
 */
static bool
reads_protocol(int fd, struct sockets *out)
{
    static enum { NOT_ASKED, READ, PASSED_OVER } known;

    if (known == NOT_ASKED) {
        int error = dump_both(fd, NO_PROTOCOL, 0, out);

        known = error == -ENOENT ? READ : error == 0 ? PASSED_OVER : NOT_ASKED;
        sockets_clear(out);
    }
    return known == READ;
}

/* IPv4 and IPv6 in one walk. */
static int
dump_at_once(int fd, enum conf_proto proto, struct sockets *out)
{
    if (proto == CONF_TCP) {
        return dump_both(fd, IPPROTO_TCP, 1u << STATE_LISTEN, out);
    }
    return reads_protocol(fd, out) ? dump_both(fd, IPPROTO_UDP, 1u << STATE_UNCONNECTED, out)
                                   : -EPROTONOSUPPORT;
}

static int
dump_vsock(int fd, struct sockets *out)
{
    int error = ask_vsock(fd, ++sequence);

    return error != 0 ? error : take_answer(fd, out);
}

int
sockdiag_dump(int fd, enum conf_proto proto, struct sockets *out)
{
    sockets_clear(out);
    if (proto == CONF_VSOCK) {
        return dump_vsock(fd, out);
    }
    if (proto != CONF_TCP && proto != CONF_UDP) {
        return -EPROTONOSUPPORT;
    }
    if (dump_at_once(fd, proto, out) == 0) {
        return 0;
    }
    sockets_clear(out);
    int error = dump_family(fd, AF_INET, proto, out);

    return error != 0 ? error : dump_family(fd, AF_INET6, proto, out);
}

/* Lets through what has no peer, so that an ordinary connection's end wakes nobody. */
static int
attach_filter(int fd)
{
    unsigned at = sizeof(struct nlmsghdr) + offsetof(struct inet_diag_msg, id) +
                  offsetof(struct inet_diag_sockid, idiag_dport);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, at),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 ? 0 : -errno;
}

int
sockdiag_open_destroy(void)
{
    static const int groups[] = { SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY };
    int fd = netlink_open(NETLINK_SOCK_DIAG, SOCK_NONBLOCK);
    int error = fd < 0 ? fd : attach_filter(fd);

    for (size_t i = 0; error == 0 && i < sizeof(groups) / sizeof(groups[0]); i++) {
        error = netlink_join(fd, groups[i]);
    }
    if (error != 0 && fd >= 0) {
        close(fd);
    }
    return error != 0 ? error : fd;
}

bool
sockdiag_drain_destroy(int fd)
{
    uint8_t message[512];
    bool any = false;

    for (;;) {
        ssize_t n = recv(fd, message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return any || errno == ENOBUFS;
        }
        any = true;
    }
}
