#include "watch/views_firewall.h"
#include "watch/procfs.h"
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The first change is told at once; what follows within the time between two looks is told together. Rules of
 * the older iptables (xtables) do not pass here.
 */
#define DATAGRAM 65536
#define AT_ONCE 256 /* datagrams */
#define WAIT_MS 20

static struct firewall_state {
    int events;
    int proc;
    int64_t quiet_until_ms;
    bool waited; /* for the word on who did it, which the kernel sends last */
    struct firewall_changes changes;
} firewall = { .events = -1, .proc = -1 };

/* clang-format off */
static const struct {
    uint8_t type;
    uint8_t part;
    bool removed;
} messages[] = {
    { NFT_MSG_NEWTABLE,     FIREWALL_TABLES,     false },
    { NFT_MSG_DELTABLE,     FIREWALL_TABLES,     true  },
    { NFT_MSG_NEWCHAIN,     FIREWALL_CHAINS,     false },
    { NFT_MSG_DELCHAIN,     FIREWALL_CHAINS,     true  },
    { NFT_MSG_NEWRULE,      FIREWALL_RULES,      false },
    { NFT_MSG_DELRULE,      FIREWALL_RULES,      true  },
    { NFT_MSG_NEWSET,       FIREWALL_SETS,       false },
    { NFT_MSG_DELSET,       FIREWALL_SETS,       true  },
    { NFT_MSG_NEWSETELEM,   FIREWALL_ELEMENTS,   false },
    { NFT_MSG_DELSETELEM,   FIREWALL_ELEMENTS,   true  },
    { NFT_MSG_NEWOBJ,       FIREWALL_OBJECTS,    false },
    { NFT_MSG_DELOBJ,       FIREWALL_OBJECTS,    true  },
    { NFT_MSG_NEWFLOWTABLE, FIREWALL_FLOWTABLES, false },
    { NFT_MSG_DELFLOWTABLE, FIREWALL_FLOWTABLES, true  },
};

static const char *const part_name[FIREWALL_PARTS] = {
    [FIREWALL_TABLES] = "tables", [FIREWALL_CHAINS] = "chains", [FIREWALL_RULES] = "rules",
    [FIREWALL_SETS] = "sets", [FIREWALL_ELEMENTS] = "elements", [FIREWALL_OBJECTS] = "objects",
    [FIREWALL_FLOWTABLES] = "flowtables",
};
/* clang-format on */

static bool
take_generation(struct fs_bytes payload, struct firewall_changes *c)
{
    struct netlink_attribute a;

    if (take_bytes(&payload, sizeof(struct nfgenmsg)) == NULL) {
        return false;
    }
    c->commits++;
    while (netlink_attribute(&payload, &a)) {
        if (a.type == NFTA_GEN_ID) {
            c->generation = netlink_be32(&a);
        } else if (a.type == NFTA_GEN_PROC_PID) {
            c->pid = netlink_be32(&a);
        } else if (a.type == NFTA_GEN_PROC_NAME) {
            netlink_text(&a, c->name, sizeof(c->name));
        }
    }
    return !payload.short_read;
}

static void
count_part(uint8_t type, struct firewall_changes *c)
{
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (messages[i].type == type) {
            c->added[messages[i].part] += !messages[i].removed;
            c->removed[messages[i].part] += messages[i].removed;
        }
    }
}

bool
firewall_take(struct fs_bytes datagram, struct firewall_changes *c)
{
    struct netlink_message m;
    bool sound = true;

    while (netlink_next(&datagram, &m)) {
        if (m.type >> 8 != NFNL_SUBSYS_NFTABLES) {
            continue;
        }
        if ((m.type & 255) == NFT_MSG_NEWGEN) {
            sound = take_generation(m.payload, c) && sound;
        } else {
            count_part((uint8_t)(m.type & 255), c);
        }
    }
    return sound && !datagram.short_read;
}

bool
firewall_matters(const struct firewall_changes *c)
{
    for (unsigned i = 0; i < FIREWALL_PARTS; i++) {
        if (i != FIREWALL_ELEMENTS && c->added[i] + c->removed[i] > 0) {
            return true;
        }
    }
    return c->lost;
}

static void
tell(struct views *v, const struct firewall_changes *c, bool booting)
{
    static const char subject[] = "nftables";
    static struct procfs_exe exe;
    struct finding f;

    finding_begin(&f, FINDING_FIREWALL_CHANGED, "what", subject, strlen(subject));
    f.severity = booting ? WIRE_NOTE : f.severity;
    if (c->lost) {
        finding_addf(&f, "state", "overrun");
    }
    for (unsigned i = 0; i < FIREWALL_PARTS; i++) {
        if (c->added[i] + c->removed[i] > 0) {
            finding_addf(&f, part_name[i], "+%u-%u", c->added[i], c->removed[i]);
        }
    }
    if (c->commits > 0) {
        finding_addf(&f, "acts", "%u", c->commits);
        finding_addf(&f, "gen", "%u", c->generation);
        finding_add(&f, "by", c->name, strlen(c->name));
        finding_addf(&f, "pid", "%u", c->pid);
        if (c->pid > 0 && c->pid <= INT32_MAX && procfs_exe(firewall.proc, (int32_t)c->pid, &exe) == 0) {
            finding_add(&f, "exe", exe.path, exe.len);
        }
    }
    view_event(v, &f);
}

static int64_t
firewall_look(struct views *v, int64_t now_ms)
{
    if (!firewall_matters(&firewall.changes)) {
        firewall.changes = (struct firewall_changes){ .commits = 0 };
        return VIEW_DONE;
    }
    if (now_ms < firewall.quiet_until_ms) {
        return firewall.quiet_until_ms;
    }
    if (firewall.changes.commits == 0 && !firewall.waited) {
        firewall.waited = true;
        return now_ms + WAIT_MS;
    }
    firewall.waited = false;
    tell(v, &firewall.changes, now_ms < VIEWS_BOOT_MS);
    firewall.changes = (struct firewall_changes){ .commits = 0 };
    firewall.quiet_until_ms = now_ms + view_every_ms(v, CONF_VIEW_FIREWALL);
    return VIEW_DONE;
}

static int
firewall_open(struct views *v)
{
    (void)v;
    if (firewall.proc >= 0) {
        close(firewall.proc);
        close(firewall.events);
    }
    firewall = (struct firewall_state){ .events = -1, .proc = procfs_open() };
    if (firewall.proc < 0) {
        return firewall.proc;
    }
    firewall.events = netlink_open(NETLINK_NETFILTER, SOCK_NONBLOCK);
    if (firewall.events < 0) {
        return firewall.events;
    }
    return netlink_join(firewall.events, NFNLGRP_NFTABLES);
}

static int
firewall_fd(short *events)
{
    *events = POLLIN;
    return firewall.events;
}

static bool
firewall_ready(struct views *v)
{
    static uint8_t datagram[DATAGRAM];

    (void)v;
    for (int i = 0; i < AT_ONCE; i++) {
        ssize_t n = netlink_receive(firewall.events, datagram, sizeof(datagram));

        if (n < 0 && n != -ENOBUFS) {
            break;
        }
        struct fs_bytes bytes = { .at = datagram, .end = datagram + (n > 0 ? n : 0) };

        firewall.changes.lost =
                n == -ENOBUFS || !firewall_take(bytes, &firewall.changes) || firewall.changes.lost;
    }
    return true;
}

const struct view_ops views_firewall_ops = {
    .view = CONF_VIEW_FIREWALL,
    .open = firewall_open,
    .fd = firewall_fd,
    .ready = firewall_ready,
    .look = firewall_look,
};
