#include "watch/views_links.h"
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A sniffer asks for this by a packet socket, which neither the flags of the interface nor SIOCGIFFLAGS show:
 * only the count that comes with the interface by netlink does. The kernel tells of each change.
 */
#define LINKS 1024
#define ANSWER_SIZE 32768
#define EVENTS_AT_ONCE 256

static struct links_state {
    int events;
    int asks;
    uint32_t seq;
    bool unreadable;
} links = { .events = -1, .asks = -1 };

static struct link_row rows[LINKS];
static unsigned row_count;

static void
take_info(struct fs_bytes value, struct link_row *row)
{
    struct netlink_attribute a;

    while (netlink_attribute(&value, &a)) {
        if (a.type == IFLA_INFO_KIND) {
            netlink_text(&a, row->kind, sizeof(row->kind));
        } else if (a.type == IFLA_INFO_SLAVE_KIND) {
            netlink_text(&a, row->slave, sizeof(row->slave));
        }
    }
}

bool
link_parse(struct fs_bytes payload, struct link_row *out)
{
    struct ifinfomsg head;
    const uint8_t *bytes = take_bytes(&payload, sizeof(head));
    struct netlink_attribute a;
    bool elsewhere = false;

    if (bytes == NULL) {
        return false;
    }
    memcpy(&head, bytes, sizeof(head));
    *out = (struct link_row){ .index = head.ifi_index };
    while (netlink_attribute(&payload, &a)) {
        if (a.type == IFLA_IFNAME) {
            netlink_text(&a, out->name, sizeof(out->name));
        } else if (a.type == IFLA_LINK) {
            out->lower = (int32_t)netlink_u32(&a);
        } else if (a.type == IFLA_LINK_NETNSID) {
            elsewhere = true;
        } else if (a.type == IFLA_PROMISCUITY) {
            out->promiscuity = netlink_u32(&a);
        } else if (a.type == IFLA_LINKINFO) {
            take_info(a.value, out);
        }
    }
    out->lower = elsewhere ? 0 : out->lower;
    return !payload.short_read && out->name[0] != '\0';
}

uint32_t
link_expected(const struct link_row *table, unsigned count, unsigned i)
{
    static const char *const masters[] = { "bridge", "bond", "team", "openvswitch" };
    uint32_t expected = 0;

    for (size_t n = 0; n < sizeof(masters) / sizeof(masters[0]); n++) {
        expected += strcmp(table[i].slave, masters[n]) == 0;
    }
    for (unsigned n = 0; n < count; n++) {
        expected += n != i && table[n].lower == table[i].index && table[n].promiscuity > 0;
    }
    return expected;
}

static int
ask(void)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg info;
    } r = { .head = { .nlmsg_len = sizeof(r),
                    .nlmsg_type = RTM_GETLINK,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                    .nlmsg_seq = ++links.seq } };
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

    return sendto(links.asks, &r, sizeof(r), 0, (struct sockaddr *)&kernel, sizeof(kernel)) == sizeof(r)
                   ? 0
                   : -EIO;
}

enum answer { ANSWER_MORE, ANSWER_DONE, ANSWER_BAD };

static enum answer
take_answer(struct fs_bytes c)
{
    struct netlink_message m;

    while (netlink_next(&c, &m)) {
        if (m.seq != links.seq) {
            continue;
        }
        if (m.type == NLMSG_DONE) {
            return ANSWER_DONE;
        }
        if (m.type == NLMSG_ERROR || row_count == LINKS) {
            return ANSWER_BAD;
        }
        row_count += m.type == RTM_NEWLINK && link_parse(m.payload, &rows[row_count]);
    }
    return c.short_read ? ANSWER_BAD : ANSWER_MORE;
}

static bool
read_links(void)
{
    static uint8_t answer[ANSWER_SIZE];
    enum answer state = ask() == 0 ? ANSWER_MORE : ANSWER_BAD;

    row_count = 0;
    while (state == ANSWER_MORE) {
        ssize_t n = netlink_receive(links.asks, answer, sizeof(answer));

        state = n < 0 ? ANSWER_BAD
                      : take_answer((struct fs_bytes){ .at = answer, .end = answer + (size_t)n });
    }
    return state == ANSWER_DONE;
}

static void
tell(struct views *v, const struct link_row *row, uint32_t expected)
{
    struct finding f;

    finding_begin(&f, FINDING_LINK_PROMISCUOUS, "if", row->name, strlen(row->name));
    finding_addf(&f, "count", "%u", row->promiscuity);
    finding_addf(&f, "expected", "%u", expected);
    if (row->kind[0] != '\0') {
        finding_add(&f, "kind", row->kind, strlen(row->kind));
    }
    if (row->slave[0] != '\0') {
        finding_add(&f, "port-of", row->slave, strlen(row->slave));
    }
    view_found(v, CONF_VIEW_PROMISCUOUS, &f);
}

static int64_t
links_look(struct views *v, int64_t now_ms)
{
    bool whole = read_links();

    (void)now_ms;
    view_self(v, &links.unreadable, !whole, "links", "unreadable");
    if (!whole) {
        return VIEW_DONE;
    }
    view_begin(v, CONF_VIEW_PROMISCUOUS);
    for (unsigned i = 0; i < row_count; i++) {
        uint32_t expected = link_expected(rows, row_count, i);

        if (rows[i].promiscuity > expected &&
                !conf_allows(v->env.conf, CONF_VIEW_PROMISCUOUS, rows[i].name, strlen(rows[i].name))) {
            tell(v, &rows[i], expected);
        }
    }
    view_end(v, CONF_VIEW_PROMISCUOUS);
    return VIEW_DONE;
}

static int
links_open(struct views *v)
{
    (void)v;
    if (links.asks >= 0) {
        close(links.asks);
        close(links.events);
    }
    links = (struct links_state){ .events = -1, .asks = netlink_open(NETLINK_ROUTE, 0) };
    if (links.asks < 0) {
        return links.asks;
    }
    links.events = netlink_open(NETLINK_ROUTE, SOCK_NONBLOCK);
    int error = links.events < 0 ? links.events : netlink_join(links.events, RTNLGRP_LINK);

    return error;
}

static int
links_fd(short *events)
{
    *events = POLLIN;
    return links.events;
}

static bool
links_ready(struct views *v)
{
    uint8_t message[8192];
    ssize_t n = 0;

    (void)v;
    for (int i = 0; i < EVENTS_AT_ONCE && (n >= 0 || n == -ENOBUFS); i++) {
        n = netlink_receive(links.events, message, sizeof(message));
    }
    return true;
}

const struct view_ops views_links_ops = {
    .view = CONF_VIEW_PROMISCUOUS,
    .open = links_open,
    .fd = links_fd,
    .ready = links_ready,
    .look = links_look,
};
