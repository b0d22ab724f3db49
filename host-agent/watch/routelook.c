#include "watch/routelook.h"
#include "watch/netlink.h"
#include <errno.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_SIZE 16384
#define HOPS_MAX 256

struct route_request {
    struct nlmsghdr head;
    struct rtmsg ask;
    struct rtattr to;
    uint8_t address[16];
};

struct link_request {
    struct nlmsghdr head;
    struct ifinfomsg ask;
};

const char *
route_state_name(unsigned state)
{
    static const char *const names[ROUTE_STATES] = { "good", "none", "refused", "dead", "link-down",
        "unknown" };

    return state < ROUTE_STATES ? names[state] : "?";
}

bool
route_same(const struct route_view *a, const struct route_view *b)
{
    return a->link == b->link && a->gateway_family == b->gateway_family &&
           memcmp(a->gateway, b->gateway, sizeof(a->gateway)) == 0 &&
           memcmp(a->source, b->source, sizeof(a->source)) == 0;
}

/* ---- what the kernel says ---- */

static void
take_address(struct fs_bytes *value, uint8_t out[16])
{
    size_t len = fs_bytes_left(value);

    if (len == 4 || len == 16) {
        memset(out, 0, 16);
        memcpy(out, value->at, len);
    }
}

/* RTA_VIA: a gateway of the other family. */
static void
take_via(struct fs_bytes *value, struct route_view *out)
{
    uint16_t family = take_host16(value);

    if (!value->short_read) {
        out->gateway_family = (uint8_t)family;
        take_address(value, out->gateway);
    }
}

static void take_hops(struct fs_bytes *value, uint8_t family, struct route_view *out);

static void
take_route_attribute(struct netlink_attribute *a, uint8_t family, struct route_view *out)
{
    switch (a->type) {
    case RTA_OIF:
        out->link = netlink_u32(a);
        break;
    case RTA_GATEWAY:
        out->gateway_family = family;
        take_address(&a->value, out->gateway);
        break;
    case RTA_VIA:
        take_via(&a->value, out);
        break;
    case RTA_PREFSRC:
        take_address(&a->value, out->source);
        break;
    case RTA_MULTIPATH:
        take_hops(&a->value, family, out);
        break;
    default:
        break;
    }
}

/* Of several next hops the first that lives; when none does, the first. */
static void
take_hops(struct fs_bytes *value, uint8_t family, struct route_view *out)
{
    bool first = true;

    for (unsigned hop = 0; hop < HOPS_MAX && fs_bytes_left(value) > 0; hop++) {
        const uint8_t *start = value->at;
        uint16_t len = take_host16(value);
        const uint8_t *rest = take_bytes(value, 2); /* flags, hops */
        uint32_t link = take_host32(value);

#ifdef PLANT_ROUTELOOK
        /* The planted bug: a hop is believed to be as long as it says. */
        if (value->short_read || len < sizeof(struct rtnexthop)) {
            return;
        }
#else
        if (value->short_read || len < sizeof(struct rtnexthop) || len > (size_t)(value->end - start)) {
            return;
        }
#endif
        bool alive = (rest[0] & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) == 0;
        struct fs_bytes attributes = { .at = value->at, .end = start + len };
        size_t step = RTNH_ALIGN((size_t)len);
        value->at = step < (size_t)(value->end - start) ? start + step : value->end;
        if (!first && !alive) {
            continue;
        }
        first = false;
        out->link = link;
        out->gateway_family = 0;
        memset(out->gateway, 0, sizeof(out->gateway));
        out->state = alive ? ROUTE_GOOD : ROUTE_DEAD;
        struct netlink_attribute a;
        while (netlink_attribute(&attributes, &a)) {
            if (a.type == RTA_GATEWAY || a.type == RTA_VIA) {
                take_route_attribute(&a, family, out);
            }
        }
        if (alive) {
            return;
        }
    }
}

/* The payload of the message with this number, or an error in its place. */
static enum routelook_found
take_message(struct fs_bytes *c, uint32_t seq, uint16_t wanted, struct fs_bytes *payload, int *error)
{
    struct netlink_message m;

    while (netlink_next(c, &m)) {
        if (m.seq == seq && m.type == NLMSG_ERROR) {
            *error = (int)take_host32(&m.payload);
            return m.payload.short_read ? ROUTELOOK_NOTHING : ROUTELOOK_ERROR;
        }
        if (m.seq == seq && m.type == wanted) {
            *payload = m.payload;
            return ROUTELOOK_ROUTE;
        }
    }
    return ROUTELOOK_NOTHING;
}

enum routelook_found
routelook_parse_route(const uint8_t *src, size_t len, uint32_t seq, struct route_view *out, int *error)
{
    struct fs_bytes c = { .at = src, .end = src + len };
    struct fs_bytes payload;
    struct netlink_attribute a;
    struct rtmsg route;
    enum routelook_found found = take_message(&c, seq, RTM_NEWROUTE, &payload, error);

    if (found != ROUTELOOK_ROUTE) {
        return found;
    }
    const uint8_t *head = take_bytes(&payload, sizeof(route));
    if (head == NULL) {
        return ROUTELOOK_NOTHING;
    }
    memcpy(&route, head, sizeof(route));
    out->type = route.rtm_type;
    out->state = ROUTE_GOOD;
    while (netlink_attribute(&payload, &a)) {
        take_route_attribute(&a, route.rtm_family, out);
    }
    if (route.rtm_type != RTN_UNICAST && route.rtm_type != RTN_LOCAL) {
        out->state = ROUTE_REFUSED;
    } else if ((route.rtm_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) != 0) {
        out->state = ROUTE_DEAD;
    }
    return ROUTELOOK_ROUTE;
}

enum routelook_found
routelook_parse_link(const uint8_t *src, size_t len, uint32_t seq, struct route_view *out, int *error)
{
    struct fs_bytes c = { .at = src, .end = src + len };
    struct fs_bytes payload;
    struct netlink_attribute a;
    struct ifinfomsg link;
    enum routelook_found found = take_message(&c, seq, RTM_NEWLINK, &payload, error);

    if (found != ROUTELOOK_ROUTE) {
        return found;
    }
    const uint8_t *head = take_bytes(&payload, sizeof(link));
    if (head == NULL) {
        return ROUTELOOK_NOTHING;
    }
    memcpy(&link, head, sizeof(link));
    if ((link.ifi_flags & IFF_UP) == 0 || (link.ifi_flags & IFF_RUNNING) == 0) {
        out->state = ROUTE_LINK_DOWN;
    }
    while (netlink_attribute(&payload, &a)) {
        if (a.type == IFLA_IFNAME) {
            netlink_text(&a, out->name, sizeof(out->name));
        } else if (a.type == IFLA_CARRIER && fs_bytes_left(&a.value) == 1 && a.value.at[0] == 0) {
            out->state = ROUTE_LINK_DOWN; /* IFF_RUNNING and the event may follow a second later */
        }
    }
    return ROUTELOOK_ROUTE;
}

/* ---- asking ---- */

int
routelook_open(void)
{
    return netlink_open(NETLINK_ROUTE, 0);
}

static int
send_request(int fd, const void *request, size_t len)
{
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

    return sendto(fd, request, len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) == (ssize_t)len ? 0
                                                                                                   : -errno;
}

static uint32_t
next_seq(void)
{
    static uint32_t seq;

    return ++seq;
}

typedef enum routelook_found parse_fn(
        const uint8_t *src, size_t len, uint32_t seq, struct route_view *out, int *error);

/* 0, or the error: the kernel's own or that of asking (then `asked` is false). */
static int
ask(int fd, const void *request, size_t len, uint32_t seq, parse_fn *parse, struct route_view *out,
        bool *asked)
{
    static uint8_t answer[ANSWER_SIZE];
    int error = send_request(fd, request, len);

    *asked = false;
    if (error < 0) {
        return error;
    }
    for (;;) {
        ssize_t n = netlink_receive(fd, answer, sizeof(answer));
        int told = 0;

        if (n < 0) {
            return n == -EAGAIN ? -ETIMEDOUT : (int)n;
        }
        switch (parse(answer, (size_t)n, seq, out, &told)) {
        case ROUTELOOK_ROUTE:
            *asked = true;
            return 0;
        case ROUTELOOK_ERROR:
            *asked = true;
            return told < 0 ? told : -EPROTO;
        case ROUTELOOK_NOTHING:
            break; /* an answer that came too late for an earlier question */
        }
    }
}

static int
ask_route(int fd, const struct route_target *target, struct route_view *out, bool *asked)
{
    size_t address = target->family == AF_INET ? 4 : 16;
    struct route_request r;

    memset(&r, 0, sizeof(r));
    r.head.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(r.ask)) + RTA_LENGTH(address));
    r.head.nlmsg_type = RTM_GETROUTE;
    r.head.nlmsg_flags = NLM_F_REQUEST;
    r.head.nlmsg_seq = next_seq();
    r.ask.rtm_family = target->family;
    r.ask.rtm_dst_len = (uint8_t)(address * 8);
    r.ask.rtm_flags = RTM_F_FIB_MATCH; /* the route itself, with the marks of its next hops */
    r.to.rta_type = RTA_DST;
    r.to.rta_len = (uint16_t)RTA_LENGTH(address);
    memcpy(r.address, target->address, address);
    return ask(fd, &r, r.head.nlmsg_len, r.head.nlmsg_seq, routelook_parse_route, out, asked);
}

static int
ask_link(int fd, struct route_view *out, bool *asked)
{
    struct link_request r;

    memset(&r, 0, sizeof(r));
    r.head.nlmsg_len = NLMSG_LENGTH(sizeof(r.ask));
    r.head.nlmsg_type = RTM_GETLINK;
    r.head.nlmsg_flags = NLM_F_REQUEST;
    r.head.nlmsg_seq = next_seq();
    r.ask.ifi_index = (int)out->link;
    return ask(fd, &r, r.head.nlmsg_len, r.head.nlmsg_seq, routelook_parse_link, out, asked);
}

void
routelook_ask(int fd, const struct route_target *target, struct route_view *out)
{
    bool asked;

    memset(out, 0, sizeof(*out));
    out->error = ask_route(fd, target, out, &asked);
    if (!asked) {
        out->state = ROUTE_UNKNOWN;
        return;
    }
    if (out->error < 0) {
        /* What an unreachable, prohibit or blackhole route answers where the match itself is not given. */
        bool refused = out->error == -EHOSTUNREACH || out->error == -EACCES || out->error == -EINVAL;

        out->state = refused ? ROUTE_REFUSED : ROUTE_NONE;
        return;
    }
    if (out->state != ROUTE_GOOD || out->link == 0) {
        return;
    }
    int error = ask_link(fd, out, &asked);
    if (!asked) {
        out->state = ROUTE_UNKNOWN;
        out->error = error;
    } else if (error < 0) {
        out->state = ROUTE_LINK_DOWN; /* it went away between the two questions */
    }
}

int
routelook_events_open(void)
{
    static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE,
        RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV6_RULE };
    int fd = netlink_open(NETLINK_ROUTE, SOCK_NONBLOCK);

    for (size_t i = 0; fd >= 0 && i < sizeof(groups) / sizeof(groups[0]); i++) {
        int error = netlink_join(fd, groups[i]);

        /* A kernel without IPv6 or without rules has no such group, and nothing to tell of it. */
        if (error != 0 && error != -EINVAL) {
            close(fd);
            return error;
        }
    }
    return fd;
}

bool
routelook_events_drain(int fd, bool *lost)
{
    uint8_t event[4096];
    bool told = false;

    *lost = false;
    for (;;) {
        ssize_t n = recv(fd, event, sizeof(event), MSG_TRUNC);

        if (n >= 0) {
            told = true;
        } else if (errno == ENOBUFS) {
            told = true;
            *lost = true;
        } else if (errno != EINTR) {
            return told;
        }
    }
}
