#include "alarm/clock.h"
#include "conf/name.h"
#include "watch/detector.h"
#include "watch/listens.h"
#include "watch/portfinding.h"
#include "watch/portjudge.h"
#include "watch/portlook.h"
#include "watch/procfs.h"
#include "watch/sockdiag.h"
#include "watch/socktable.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/*
 * Ports: the kernel tells of each listen() (tracepoint) and of each listener's end (sock_diag); a look at all
 * sockets follows at once, and each PortSweep. Holders are looked for when there is a new socket, and for all
 * sockets each minute, since a descriptor can be passed on without any event. Other network namespaces are
 * looked for each minute and when an event comes from one; they are looked into in turns, all of them within
 * ROUNDS sweeps.
 */
#define FULL_EVERY_MS 60000
#define TOLD_SWEEPS 4       /* between looks at what the kernel tells of: somebody may have silenced it */
#define RARE_EVERY_MS 10000 /* UDP-Lite: nobody uses it, and its table costs more than all the others */
#define ROUNDS 8
#define SETTLE_TRIES 3   /* while new sockets keep coming, some are judged before their holder is known */
#define BLIND_LOOK_MS 40 /* between looks when the kernel does not tell of listen() */
#define SLICE 4000       /* descriptors: about 10 ms */
#define HINTS 512        /* events that wait: 20 ms of a process that does nothing but listen() */
#define PENDING_EXE 512

/* An event whose socket was not in the tables yet, or not any more. */
struct pending {
    int64_t due_ms;
    enum conf_proto proto;
    unsigned tries;
    uint32_t exe_len;
    struct listen_event event;
    uint8_t net;
    bool exe_known;
    struct procfs_file exe_file;
    uint32_t uid;
    char exe[PENDING_EXE];
    char unit[PROCFS_UNIT];
};

/* When to look again for it: the kernel tells a moment before the socket can be seen. */
static const int retry_ms[] = { 1, 4, 15 };

#define RETRIES (sizeof(retry_ms) / sizeof(retry_ms[0]))

static struct book store[CONF_PROTOS][2]; /* what is, and room for the next look */
static struct sockets part;               /* the sockets of one namespace, as just listed */
static struct pending pending[HINTS];

static struct ports_state {
    struct detector_env env;
    struct portfinding_out out;
    struct portjudge judge;
    struct owner_scan scan;
    struct book *book[CONF_PROTOS];
    bool cut[CONF_PROTOS][1 + NETSPACES_MAX]; /* more than fit in one look at one namespace */
    unsigned pendings;
    bool scanning;
    bool judged; /* one full look is through */
    bool lost;   /* events were dropped */
    bool closed; /* the kernel told of sockets that are closed, since the last look at the rest */
    bool steady; /* neither that, nor are there more or less of them */
    bool counted;
    struct procnet_counts counts; /* then */
    bool searching;               /* for namespaces */
    bool vsock_listed;
    unsigned said; /* a bit for each standing agent.self, in the order of enum standing */
    int proc;
    struct socktable table; /* of the agent's own namespace */
    unsigned next_net;      /* the other namespace that is looked into next */
    int destroy;
    int listens;
    int timer;
    int epoll;
    int64_t next_look_ms;
    int64_t next_rest_ms;
    int64_t next_told_ms;
    int64_t next_rare_ms;
    int64_t next_full_ms;
    int64_t begun_ms; /* the last full look at all holders */
    int64_t pass_ms;
    uint32_t pass_took_ms;
} ports;

/* What the agent cannot do for the time being, told once and once more when it is over. */
enum standing { NO_DIAG, NO_OWNERS, NO_NETNS, NO_VSOCK, TOO_MANY, STANDINGS };

static const struct standing_text {
    const char *source;
    const char *state;
} standings[STANDINGS] = {
    [NO_DIAG] = { "sock_diag", "missing" },
    [NO_OWNERS] = { "owners", "reduced" },
    [NO_NETNS] = { "netns", "reduced" },
    [NO_VSOCK] = { "vsock_diag", "missing" },
    [TOO_MANY] = { "sockets", "flooded" },
};

static void
alive(void)
{
    if (ports.env.alive != NULL) {
        ports.env.alive(ports.env.alive_to);
    }
}

static void
stand(enum standing which, bool now)
{
    bool before = (ports.said & 1u << which) != 0;

    if (now != before) {
        portfinding_self(&ports.out, standings[which].source, standings[which].state, now);
        ports.said ^= 1u << which;
    }
}

/* A book is cut where its namespaces have too many together, a part where one has alone. */
static bool
any_cut(void)
{
    bool cut = false;

    for (int i = 0; i < CONF_PROTOS; i++) {
        cut = cut || ports.book[i]->sockets.cut || memchr(ports.cut[i], true, sizeof(ports.cut[i])) != NULL;
    }
    return cut;
}

/* Takes one namespace's sockets as they are in `part` now. True when something is different. */
static bool
exchange(enum conf_proto proto)
{
    struct book *now = ports.book[proto];
    struct book *next = now == &store[proto][0] ? &store[proto][1] : &store[proto][0];
    bool changed = sockets_exchange(&next->sockets, &now->sockets, &part);
    bool cut_changed = ports.cut[proto][part.net] != part.cut;

    if (changed) {
        book_index(next);
        book_inherit(next, now, ports.judge.now_ms);
        ports.book[proto] = next;
    }
    ports.cut[proto][part.net] = part.cut;
    if (changed || cut_changed) {
        stand(TOO_MANY, any_cut());
    }
    return changed;
}

/* Looks at one protocol's sockets in the agent's own namespace. */
static bool
look(enum conf_proto proto)
{
    part.net = 0;
    if (socktable_dump(&ports.table, proto, &part) != 0) {
        return false;
    }
    return exchange(proto);
}

/* Before the looks: who comes meanwhile is counted by the next one. */
static void
count(void)
{
    struct procnet_counts now;
    bool counted = procnet_count(&ports.table.text, &now) == 0;

    ports.steady = counted && ports.counted && !ports.closed && ports.destroy >= 0 &&
                   memcmp(&now, &ports.counts, sizeof(now)) == 0;
    ports.counted = counted;
    ports.counts = now;
    ports.closed = false;
}

/* The kernel tells of its listeners, and of what else is closed; what is opened is one more then. */
static bool
is_told(int proto)
{
    switch (proto) {
    case CONF_TCP:
    case CONF_SCTP:
        return ports.listens >= 0 && ports.destroy >= 0;
    case CONF_UDP:
        return ports.steady;
    case CONF_RAW: /* that one is closed is not told */
        return ports.steady && ports.counts.raw[0] == 0 && ports.counts.raw[1] == 0;
    default:
        return false;
    }
}

/* All of which no event has told just now. */
static bool
look_at_rest(int64_t now_ms)
{
    bool changed = false;

    count();
    for (int i = 0; i < CONF_PROTOS; i++) {
        int64_t due_ms = i == CONF_UDPLITE ? ports.next_rare_ms : is_told(i) ? ports.next_told_ms : 0;

        if (now_ms >= due_ms) {
            changed = look((enum conf_proto)i) || changed;
        }
    }
    if (now_ms >= ports.next_rare_ms) {
        ports.next_rare_ms = clock_next_ms(now_ms, RARE_EVERY_MS);
    }
    if (now_ms >= ports.next_told_ms) {
        ports.next_told_ms = clock_next_ms(now_ms, (int64_t)TOLD_SWEEPS * ports.env.conf->port_sweep_ms);
    }
    return changed;
}

/* Looks into another namespace. */
static bool
look_into(unsigned net)
{
    struct socktable table;
    bool changed = false;

    if (!netspaces_used(net) || netspaces_enter(net, &ports.table, &table) != 0) {
        return false;
    }
    for (int i = 0; i < CONF_PROTOS; i++) {
        part.net = (uint8_t)net;
        if (socktable_dump(&table, (enum conf_proto)i, &part) == 0) {
            changed = exchange((enum conf_proto)i) || changed;
        }
    }
    netspaces_leave(&table);
    return changed;
}

/* The next few in turn, so that ROUNDS calls see all. */
static bool
look_into_some(void)
{
    unsigned used = 0;
    bool changed = false;

    for (unsigned net = 1; net <= NETSPACES_MAX; net++) {
        used += netspaces_used(net);
    }
    for (unsigned left = (used + ROUNDS - 1) / ROUNDS; left > 0;) {
        ports.next_net = ports.next_net % NETSPACES_MAX + 1;
        if (netspaces_used(ports.next_net)) {
            changed = look_into(ports.next_net) || changed;
            left--;
        }
    }
    return changed;
}

/* Forgets the sockets of namespaces that are no more. */
static bool
drop_dead(void)
{
    bool changed = false;

    for (unsigned net = 1; net <= NETSPACES_MAX; net++) {
        for (int i = 0; i < CONF_PROTOS && !netspaces_used(net); i++) {
            part.net = (uint8_t)net;
            sockets_clear(&part);
            changed = exchange((enum conf_proto)i) || changed;
        }
    }
    return changed;
}

static bool
any_unsearched(void)
{
    for (int i = 0; i < CONF_PROTOS; i++) {
        const struct book *b = ports.book[i];

        for (uint32_t row = 0; row < b->sockets.count; row++) {
            if (!b->owned[row].searched && b->owned[row].count == 0) {
                return true;
            }
        }
    }
    return false;
}

static void
scan_to_end(void)
{
    while (!owner_scan_step(&ports.scan, SLICE)) {
        alive();
    }
}

static void
end_full_scan(void)
{
    ports.pass_ms = clock_boot_ms();
    ports.pass_took_ms = (uint32_t)(ports.pass_ms - ports.begun_ms);
    ports.scanning = false;
    ports.judged = true;
    ports.judge.all_seen = ports.scan.denied == 0;
    ports.next_full_ms = clock_next_ms(ports.judge.now_ms, FULL_EVERY_MS);
}

static void
tell(bool pass)
{
    ports.judge.vsock_unlisted = ports.table.vsock == SOCKTABLE_VSOCK_UNLISTED;
    portfinding_tell(&ports.judge, &ports.out, pass);
    stand(NO_OWNERS, ports.judge.unknown > 0);
}

static void
search_all(bool *pass)
{
    if (ports.scanning) { /* both keep the list of processes in the same place */
        scan_to_end();
        end_full_scan();
        *pass = true;
    }
    if (any_unsearched() && owner_scan_begin(&ports.scan, ports.proc, ports.book, false) == 0) {
        scan_to_end();
    }
    /* What nobody holds may have been closed meanwhile. */
    (void)look(CONF_TCP);
    (void)look_at_rest(ports.judge.now_ms);
}

/* Holders of the sockets that have none yet, then the verdict. The pids of events are asked first. */
static void
settle(void)
{
    bool pass = false;

    for (unsigned i = 0; i < ports.pendings && any_unsearched(); i++) {
        (void)owners_ask(ports.proc, ports.book, pending[i].event.pid);
    }
    for (int i = 0; i < SETTLE_TRIES && any_unsearched(); i++) {
        search_all(&pass);
    }
    if (ports.judged || pass) {
        tell(pass);
    }
}

/* Is the event's socket in the book? One without a number is known by its process. */
static bool
is_there(const struct pending *p)
{
    const struct book *b = ports.book[p->proto];

    for (uint32_t row = 0; row < b->sockets.count; row++) {
        const struct socket_row *r = &b->sockets.row[row];
        const struct owned *o = &b->owned[row];

        if (r->net != p->net) {
            continue;
        }
        if (p->event.port != 0) {
            if (r->port == p->event.port && r->family == p->event.family &&
                    memcmp(r->address, p->event.address, sizeof(r->address)) == 0) {
                return true;
            }
            continue;
        }
        for (uint8_t i = 0; i < o->count; i++) {
            if (o->owner[i].pid == p->event.pid) {
                return true;
            }
        }
    }
    return false;
}

static void
tell_brief(const struct pending *p)
{
    struct owner_exe exe = { .path = p->exe, .len = p->exe_len, .file = p->exe_file };
    struct port_brief brief = { .event = &p->event,
        .proto = p->proto,
        .net = p->net,
        .exe = p->exe_known ? &exe : NULL,
        .uid = p->uid,
        .unit = p->unit };

    portfinding_brief(&ports.judge, &ports.out, &brief);
}

static void
arm(int ms)
{
    struct itimerspec when = { .it_value = { .tv_nsec = ms * 1000000L } };

    (void)timerfd_settime(ports.timer, 0, &when, NULL);
}

/* Drops the events whose sockets are seen, tells those that had their time, and waits for the others. */
static void
review_pending(void)
{
    unsigned kept = 0;
    int wait_ms = 0;

    for (unsigned i = 0; i < ports.pendings; i++) {
        struct pending *p = &pending[i];

        if (is_there(p)) {
            continue;
        }
        if (ports.judge.now_ms >= p->due_ms) {
            if (p->tries == RETRIES) {
                tell_brief(p);
                continue;
            }
            p->due_ms = ports.judge.now_ms + retry_ms[p->tries++];
        }
        int ms = (int)(p->due_ms - ports.judge.now_ms);

        wait_ms = wait_ms == 0 || ms < wait_ms ? ms : wait_ms;
        if (kept != i) {
            pending[kept] = *p;
        }
        kept++;
    }
    ports.pendings = kept;
    if (wait_ms > 0) {
        arm(wait_ms);
    }
}

static void
keep_exe(struct pending *p)
{
    static struct procfs_exe exe;

    p->exe_known = procfs_exe(ports.proc, p->event.pid, &exe) == 0;
    if (!p->exe_known) {
        return;
    }
    if (exe.len >= sizeof(p->exe)) {
        exe = (struct procfs_exe){ .path = "?", .len = 1 };
    }
    memcpy(p->exe, exe.path, exe.len + 1);
    p->exe_len = (uint32_t)exe.len;
    p->exe_file = exe.file;
}

/* The user and, where an entry asks for one, the unit. */
static void
keep_place(struct pending *p)
{
    char name[16];
    struct stat st;

    snprintf(name, sizeof(name), "%d", p->event.pid);
    p->uid = fstatat(ports.proc, name, &st, 0) == 0 ? st.st_uid : 0;
    if (!owners_wants_units() || procfs_unit(ports.proc, p->event.pid, p->unit) != 0) {
        p->unit[0] = '\0';
    }
}

/*
 * Keeps what is known of the event's process while it lives. What comes from a namespace that cannot be told
 * any more counts as the own one's; what comes from one that there is no room for is left out.
 */
static void
take_event(const struct listen_event *event)
{
    uint8_t net = netspaces_of(event->thread);
    enum conf_proto proto = event->protocol == IPPROTO_SCTP ? CONF_SCTP : CONF_TCP;

    /* A multipath listener is told again as the TCP socket that it consists of. */
    if ((event->protocol != IPPROTO_TCP && event->protocol != IPPROTO_SCTP) || net == NETSPACES_OUT) {
        return;
    }
    struct pending *p = &pending[ports.pendings++];

    p->event = *event;
    p->proto = proto;
    p->net = net == NETSPACES_GONE ? 0 : net;
    p->tries = 0;
    p->due_ms = 0;
    keep_exe(p);
    keep_place(p);
}

static void
take_events(void)
{
    struct listen_event event;
    int got = 0;

    while (ports.pendings < HINTS && (got = listens_next(&event)) != 0) {
        if (got < 0) {
            ports.lost = true;
            portfinding_missed(listens_lost());
        } else {
            take_event(&event);
        }
    }
}

/* Looks where the events that wait come from. */
static bool
look_at_pending(void)
{
    bool into[1 + NETSPACES_MAX] = { false };
    bool changed = look(CONF_TCP);

    for (unsigned i = 0; i < ports.pendings; i++) {
        if (pending[i].net != 0 && !into[pending[i].net]) {
            into[pending[i].net] = true;
            changed = look_into(pending[i].net) || changed;
        }
        if (pending[i].net == 0 && pending[i].proto != CONF_TCP) {
            changed = look(pending[i].proto) || changed;
        }
    }
    return changed;
}

static void
ports_ready(const struct pollfd *fds, int count)
{
    struct epoll_event events[4];
    int n = epoll_wait(ports.epoll, events, 4, 0);

    (void)fds;
    (void)count;
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;
        uint64_t expirations;

        if (fd == ports.destroy) {
            ports.closed = sockdiag_drain_destroy(fd) || ports.closed;
        } else if (fd == ports.timer) {
            (void)!read(fd, &expirations, sizeof(expirations));
        }
    }
    take_events();
    ports.judge.now_ms = clock_boot_ms();
    bool changed = look_at_pending();

    if (ports.lost) {
        ports.next_told_ms = 0;
        changed = look_at_rest(ports.judge.now_ms) || changed;
        ports.lost = false;
    }
    if (changed) {
        settle();
    }
    review_pending();
}

/* Each minute: what else there is to look at, before the holders of it all. */
static void
begin_search(void)
{
    socktable_refresh(&ports.table);
    netspaces_search();
    ports.searching = true;
}

static void
end_search(void)
{
    bool changed = drop_dead();

    for (unsigned net = 1; net <= NETSPACES_MAX; net++) {
        changed = look_into(net) || changed;
    }
    ports.searching = false;
    stand(NO_NETNS, netspaces_denied() || netspaces_more());
    if (changed) {
        settle();
    }
}

static void
begin_full_scan(void)
{
    if (owners_crowded()) {
        owners_forget();
        for (int i = 0; i < CONF_PROTOS; i++) {
            for (uint32_t row = 0; row < ports.book[i]->sockets.count; row++) {
                ports.book[i]->owned[row].count = 0;
                ports.book[i]->owned[row].searched = false;
                ports.book[i]->owned[row].known = OWNED_NEW;
            }
        }
    }
    portjudge_local_range(&ports.judge, ports.proc);
    ports.begun_ms = clock_boot_ms();
    ports.scanning = owner_scan_begin(&ports.scan, ports.proc, ports.book, true) == 0;
    if (!ports.scanning) {
        ports.next_full_ms = clock_next_ms(ports.judge.now_ms, FULL_EVERY_MS);
    }
}

static void
look_behind(int64_t now_ms)
{
    bool blind = ports.listens < 0, changed = blind && look(CONF_TCP);
    uint32_t sweep_ms = ports.env.conf->port_sweep_ms;

    if (now_ms >= ports.next_rest_ms) {
        changed = look_at_rest(now_ms) || changed;
        changed = look_into_some() || changed;
        ports.next_rest_ms = clock_next_ms(now_ms, sweep_ms);
        stand(NO_DIAG, ports.table.text_only != 0);
        stand(NO_VSOCK, ports.vsock_listed && ports.table.vsock == SOCKTABLE_VSOCK_UNLISTED);
    }
    ports.next_look_ms = clock_next_ms(now_ms, blind && sweep_ms > BLIND_LOOK_MS ? BLIND_LOOK_MS : sweep_ms);
    portfinding_flush(&ports.out, now_ms);
    if (changed) {
        settle();
    } else if (ports.judged && now_ms >= ports.judge.next_ms) {
        tell(false);
    }
}

static int64_t
ports_work(int64_t now_ms)
{
    ports.judge.now_ms = now_ms;
    if (now_ms >= ports.next_look_ms) {
        look_behind(now_ms);
    }
    if (!ports.scanning && !ports.searching && now_ms >= ports.next_full_ms) {
        begin_search();
    }
    if (ports.searching && netspaces_step(SLICE)) {
        end_search();
        begin_full_scan();
    }
    if (ports.scanning && owner_scan_step(&ports.scan, SLICE)) {
        end_full_scan();
        tell(true);
    }
    if (ports.scanning || ports.searching) {
        return now_ms;
    }
    return ports.next_look_ms < ports.next_full_ms ? ports.next_look_ms : ports.next_full_ms;
}

static int
ports_fds(struct pollfd *fds, int max)
{
    if (max < 1) {
        return 0;
    }
    fds[0] = (struct pollfd){ .fd = ports.epoll, .events = POLLIN };
    return 1;
}

static void
ports_status(struct detector_status *out)
{
    unsigned others = 0;
    int diag = ports.table.text_only == 0 ? 0 : ports.table.diag < 0 ? ports.table.diag : EPROTONOSUPPORT;

    status_source_or(out, "tracepoint of listen()", ports.listens < 0 ? -ports.listens : 0,
            "TCP is looked at each 40 ms");
    status_source_or(out, "destroy group", ports.destroy < 0 ? -ports.destroy : 0,
            "the next look sees what was closed");
    status_source_or(out, "sock_diag", diag, "by text");
    status_source(out, "/proc/net");
    for (unsigned net = 1; net <= NETSPACES_MAX; net++) {
        others += netspaces_used(net);
    }
    if (others > 0) {
        status_note(out, "%u other network namespaces", others);
    }
    if ((ports.said & (1u << NO_NETNS | 1u << NO_OWNERS)) != 0) {
        status_lower(out, STATUS_REDUCED);
    }
    if ((ports.said & 1u << NO_NETNS) != 0) {
        status_note(out, "some network namespaces cannot be looked into");
    }
    if (ports.table.vsock == SOCKTABLE_VSOCK_UNLISTED) {
        status_note(out, "this kernel does not list vsock sockets");
    }
    for (int i = 0; i < CONF_PROTOS; i++) {
        out->looked += ports.book[i]->sockets.count;
    }
    out->pass_ms = ports.pass_ms;
    out->took_ms = ports.pass_took_ms;
}

static void
reset(const struct detector_env *env)
{
    ports = (struct ports_state){ .env = *env, .destroy = -1, .listens = -1 };
    ports.out = (struct portfinding_out){ .report = env->report, .to = env->report_to };
    ports.judge.conf = env->conf;
    ports.judge.book = ports.book;
    ports.judge.next_ms = INT64_MAX;
    for (int i = 0; i < CONF_PROTOS; i++) {
        ports.book[i] = &store[i][0];
        sockets_clear(&ports.book[i]->sockets);
        book_index(ports.book[i]);
    }
    portfinding_reset();
}

/* Vsock sockets are in the configuration: then it is told when they cannot be listed. */
static bool
vsock_listed(const struct conf *conf)
{
    for (unsigned i = 0; i < conf->ports; i++) {
        if (conf->port[i].proto == CONF_VSOCK) {
            return true;
        }
    }
    return false;
}

static int
open_tables(void)
{
    ports.proc = procfs_open();
    if (ports.proc < 0) {
        return ports.proc;
    }
    ports.out.proc = ports.proc;
    netspaces_open(ports.proc, !ports.env.conf->own_netns);
    socktable_open(&ports.table, ports.proc, "self/net");
    socktable_refresh(&ports.table);
    for (int i = 0; i < CONF_PROTOS; i++) {
        struct sockets *sockets = &ports.book[i]->sockets;
        int error = socktable_dump(&ports.table, (enum conf_proto)i, sockets);

        if (error != 0) {
            return error;
        }
        book_index(ports.book[i]);
        for (uint32_t row = 0; row < sockets->count; row++) {
            ports.book[i]->owned[row] = (struct owned){ .first_ms = ports.judge.now_ms };
        }
    }
    ports.vsock_listed = vsock_listed(ports.env.conf);
    stand(NO_DIAG, ports.table.text_only != 0);
    stand(NO_VSOCK, ports.vsock_listed && ports.table.vsock == SOCKTABLE_VSOCK_UNLISTED);
    portjudge_begin(&ports.judge, ports.proc);
    return 0;
}

static bool
wait_for(int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    return fd >= 0 && epoll_ctl(ports.epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int
ports_open(const struct detector_env *env)
{
    reset(env);
    ports.judge.now_ms = clock_boot_ms();
    ports.epoll = epoll_create1(EPOLL_CLOEXEC);
    ports.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (ports.epoll < 0 || !wait_for(ports.timer)) {
        return -errno;
    }
    /* The sources first: what happens after this look is told by them. */
    ports.listens = listens_open(&listens_usual);
    if (!wait_for(ports.listens)) {
        ports.listens = ports.listens < 0 ? ports.listens : -errno;
        listens_close();
        portfinding_self(&ports.out, "tracepoint", "missing", true);
    }
    ports.destroy = sockdiag_open_destroy();
    if (!wait_for(ports.destroy)) {
        portfinding_self(&ports.out, "sock_destroy", "missing", true);
    }
    return open_tables();
}

static int
ports_check(const struct detector_env *env)
{
    static struct portlook once;
    struct portfinding_out out = { .report = env->report, .to = env->report_to, .proc = procfs_open() };
    int error = portlook_once(env->conf, &once, env->alive, env->alive_to);

    if (error != 0) {
        fprintf(stderr, "%s: ports: cannot look at this machine's sockets: %s\n", name_program(),
                strerror(-error));
        return error;
    }
    portfinding_reset();
    portfinding_tell(&once.judge, &out, true);
    if (out.proc >= 0) {
        close(out.proc);
    }
    return 0;
}

const struct detector_ops detector_ports_ops = {
    .name = "ports",
    .source = FINDING_PORTS,
    .open = ports_open,
    .fds = ports_fds,
    .ready = ports_ready,
    .work = ports_work,
    .check = ports_check,
    .status = ports_status,
};
