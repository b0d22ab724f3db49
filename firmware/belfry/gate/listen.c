#include "belfry/gate/gate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define NO_DESCRIPTOR_MS 100

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

static void
tell(const struct gate *g, const struct listener *l, enum gate_kind kind, const char *text)
{
    static struct gate_message m;

    memset(&m, 0, GATE_HEAD);
    m.kind = (uint8_t)kind;
    m.count = (uint32_t)(l - g->listener);
    m.len = (uint16_t)strnlen(text, GATE_PEER - 1);
    memcpy(m.bytes, text, m.len);
    gate_post(&m);
}

/* The length of the address, 0 when it is none. */
static socklen_t
parse(const struct listener *l, union address *out)
{
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, l->address, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(l->port);
        return sizeof out->v4;
    }
    if (inet_pton(AF_INET6, l->address, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(l->port);
        return sizeof out->v6;
    }
    return 0;
}

/* The descriptor or -errno. */
static int
open_one(const struct listener *l)
{
    union address at;
    socklen_t len = parse(l, &at);
    int receive = GATE_RECEIVE_BYTES;
    int send = GATE_SEND_BYTES;
    int on = 1;
    int error = 0;
    int fd;

    if (len == 0) {
        return -EINVAL;
    }
    fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (fd < 0) {
        return -errno;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof send);
    if (at.any.sa_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (bind(fd, &at.any, len) != 0 || listen(fd, GATE_BACKLOG) != 0) {
        error = -errno;
        (void)close(fd);
    }
    return error != 0 ? error : fd;
}

static void
watch(struct gate *g, struct listener *l)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u32 = (uint32_t)(GATE_PEERS + (l - g->listener)) };

    l->paused = false;
    (void)epoll_ctl(g->epoll, EPOLL_CTL_ADD, l->fd, &e);
}

void
listen_open(struct gate *g)
{
    for (unsigned i = 0; i < g->listeners; i++) {
        struct listener *l = &g->listener[i];
        int fd = l->fd < 0 ? open_one(l) : l->fd;

        if (l->fd < 0 && fd >= 0) {
            l->fd = fd;
            l->error = 0;
            l->news = true;
            watch(g, l);
        } else if (fd < 0 && fd != l->error) {
            l->error = fd;
            l->news = true;
        }
    }
}

void
listen_tell(struct gate *g)
{
    for (unsigned i = 0; i < g->listeners; i++) {
        struct listener *l = &g->listener[i];

        if (l->news && l->fd >= 0) {
            tell(g, l, GATE_LISTENING, l->address);
        } else if (l->news) {
            tell(g, l, GATE_REFUSED, strerrorname_np(-l->error));
        }
        l->news = false;
    }
}

static void
pause_listener(const struct gate *g, struct listener *l, int64_t at_least_ms)
{
    (void)epoll_ctl(g->epoll, EPOLL_CTL_DEL, l->fd, NULL);
    l->paused = true;
    l->resume_ms = g->now_ms + at_least_ms;
}

bool
listen_resume(struct gate *g)
{
    bool paused = false;

    for (unsigned i = 0; i < g->listeners; i++) {
        struct listener *l = &g->listener[i];

        if (l->paused && g->now_ms >= l->resume_ms && peers_have_room(g)) {
            watch(g, l);
        }
        paused = paused || l->paused;
    }
    return paused;
}

/* What a limit counts by: a household of IPv6 has a prefix. */
static void
address_of(const union address *from, uint8_t out[GATE_ADDRESS], char name[GATE_PEER])
{
    char text[INET6_ADDRSTRLEN] = "";

    memset(out, 0, GATE_ADDRESS);
    if (from->any.sa_family == AF_INET6) {
        memcpy(out, &from->v6.sin6_addr, 8);
        (void)inet_ntop(AF_INET6, &from->v6.sin6_addr, text, sizeof text);
        (void)snprintf(name, GATE_PEER, "[%s]:%u", text, ntohs(from->v6.sin6_port));
        return;
    }
    out[10] = 0xFF;
    out[11] = 0xFF;
    memcpy(out + 12, &from->v4.sin_addr, 4);
    (void)inet_ntop(AF_INET, &from->v4.sin_addr, text, sizeof text);
    (void)snprintf(name, GATE_PEER, "%s:%u", text, ntohs(from->v4.sin_port));
}

void
listen_accept(struct gate *g, struct listener *l)
{
    for (unsigned i = 0; i < GATE_ACCEPTS; i++) {
        union address from = { .any.sa_family = AF_UNSPEC };
        socklen_t len = sizeof from;
        uint8_t address[GATE_ADDRESS];
        char name[GATE_PEER];
        int on = 1;
        int fd;

        if (!peers_have_room(g)) {
            pause_listener(g, l, 0);
            return;
        }
        fd = accept4(l->fd, &from.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                pause_listener(g, l, NO_DESCRIPTOR_MS);
            }
            return;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        /* An acknowledgement that was lost is sent again without doubling the wait. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, &on, sizeof on);
        address_of(&from, address, name);
        peer_begin(g, fd, address, name);
    }
}
