#include "alarm/clock.h"
#include "watch/detector.h"
#include "watch/listens.h"
#include "watch/portfinding.h"
#include "watch/portjudge.h"
#include "watch/portlook.h"
#include "watch/procfs.h"
#include "watch/procnet.h"
#include "watch/sockdiag.h"
#include <errno.h>
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
 * sockets each minute, since a descriptor can be passed on without any event.
 */
#define FULL_EVERY_MS 60000
#define BLIND_LOOK_MS 40 /* between looks when the kernel does not tell of listen() */
#define SLICE 4000       /* descriptors: about 10 ms */
#define HINTS 64         /* events taken at once */
#define DUMP_TRIES 3
#define PENDING_EXE 512

/* An event whose socket was not in the tables yet, or not any more. */
struct pending {
    struct listen_event event;
    unsigned tries;
    int64_t due_ms;
    bool exe_known;
    bool exe_deleted;
    uint32_t exe_len;
    char exe[PENDING_EXE];
};

/* When to look again for it: the kernel tells a moment before the socket can be seen. */
static const int retry_ms[] = { 1, 4, 15 };

#define RETRIES (sizeof(retry_ms) / sizeof(retry_ms[0]))

static struct book store[CONF_PROTOS][2]; /* what is, and room for the next look */
static struct pending pending[HINTS];

static struct ports_state {
    struct detector_env env;
    struct portfinding_out out;
    struct portjudge judge;
    struct owner_scan scan;
    struct book *book[CONF_PROTOS];
    unsigned pendings;
    bool scanning;
    bool judged; /* one full look is through */
    bool lost;   /* events were dropped */
    bool diag_missing;
    bool reduced;
    int proc;
    int diag;
    int destroy;
    int listens;
    int timer;
    int epoll;
    int64_t next_look_ms;
    int64_t next_udp_ms;
    int64_t next_full_ms;
    uint64_t own_net;
} ports;

static void
alive(void)
{
    if (ports.env.alive != NULL) {
        ports.env.alive(ports.env.alive_to);
    }
}

static int
dump(enum conf_proto proto, struct sockets *out)
{
    int error = ports.diag;

    for (int i = 0; ports.diag >= 0 && i < DUMP_TRIES; i++) {
        error = sockdiag_dump(ports.diag, proto, out);
        if (error != -EAGAIN) {
            break;
        }
    }
    bool missing = error != 0 && error != -EAGAIN;

    if (missing != ports.diag_missing) {
        portfinding_self(&ports.out, "sock_diag", "missing", missing);
        ports.diag_missing = missing;
    }
    return error == 0 ? 0 : procnet_dump(ports.proc, proto, out);
}

/* Looks at one protocol's sockets. True when something is different. */
static bool
look(enum conf_proto proto)
{
    struct book *now = ports.book[proto];
    struct book *next = now == &store[proto][0] ? &store[proto][1] : &store[proto][0];

    if (dump(proto, &next->sockets) != 0 || sockets_same(&now->sockets, &next->sockets)) {
        return false;
    }
    book_index(next);
    book_inherit(next, now, ports.judge.now_ms);
    ports.book[proto] = next;
    return true;
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
    ports.scanning = false;
    ports.judged = true;
    ports.judge.all_seen = ports.scan.denied == 0;
    ports.next_full_ms = ports.judge.now_ms + FULL_EVERY_MS;
}

static void
tell(bool pass)
{
    portfinding_tell(&ports.judge, &ports.out, pass);
    bool reduced = ports.judge.unknown > 0;

    if (reduced != ports.reduced) {
        portfinding_self(&ports.out, "owners", "reduced", reduced);
        ports.reduced = reduced;
    }
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
    (void)look(CONF_UDP);
}

/* Holders of the sockets that have none yet, then the verdict. The pids of events are asked first. */
static void
settle(void)
{
    bool pass = false;

    for (unsigned i = 0; i < ports.pendings && any_unsearched(); i++) {
        (void)owners_ask(ports.proc, ports.book, pending[i].event.pid);
    }
    if (any_unsearched()) {
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
    const struct book *b = ports.book[CONF_TCP];

    for (uint32_t row = 0; row < b->sockets.count; row++) {
        const struct socket_row *r = &b->sockets.row[row];
        const struct owned *o = &b->owned[row];

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
    struct owner_exe exe = { .path = p->exe, .len = p->exe_len, .file = { .deleted = p->exe_deleted } };

    portfinding_brief(&ports.judge, &ports.out, &p->event, p->exe_known ? &exe : NULL);
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

/* 0 when the process is gone. */
static uint64_t
net_of(int32_t pid)
{
    char name[32];
    struct stat st;

    snprintf(name, sizeof(name), "%d/ns/net", pid);
    return fstatat(ports.proc, name, &st, 0) == 0 ? (uint64_t)st.st_ino : 0;
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
    p->exe_deleted = exe.file.deleted;
}

/* Keeps what is known of the event's process while it lives. Other network namespaces are not ours. */
static void
take_event(const struct listen_event *event)
{
    uint64_t net = net_of(event->pid);

    if (net != 0 && ports.own_net != 0 && net != ports.own_net) {
        return;
    }
    struct pending *p = &pending[ports.pendings++];

    p->event = *event;
    p->tries = 0;
    p->due_ms = 0;
    keep_exe(p);
}

static void
take_events(void)
{
    struct listen_event event;
    int got = 0;

    while (ports.pendings < HINTS && (got = listens_next(&event)) != 0) {
        if (got < 0) {
            ports.lost = true;
        } else {
            take_event(&event);
        }
    }
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
            (void)sockdiag_drain_destroy(fd);
        } else if (fd == ports.timer) {
            (void)!read(fd, &expirations, sizeof(expirations));
        }
    }
    /* Whatever epoll says: a perf ring is reported ready to whoever asks first, here the outer poll(). */
    take_events();
    ports.judge.now_ms = clock_boot_ms();
    bool changed = look(CONF_TCP);

    if (ports.lost) {
        changed = look(CONF_UDP) || changed;
        ports.lost = false;
    }
    if (changed) {
        settle();
    }
    review_pending();
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
            }
        }
    }
    (void)portjudge_local_range(&ports.judge, ports.proc);
    ports.scanning = owner_scan_begin(&ports.scan, ports.proc, ports.book, true) == 0;
    if (!ports.scanning) {
        ports.next_full_ms = ports.judge.now_ms + FULL_EVERY_MS;
    }
}

static void
look_behind(int64_t now_ms)
{
    bool changed = look(CONF_TCP);
    uint32_t sweep_ms = ports.env.conf->port_sweep_ms;

    if (now_ms >= ports.next_udp_ms) {
        changed = look(CONF_UDP) || changed;
        ports.next_udp_ms = now_ms + sweep_ms;
    }
    ports.next_look_ms =
            now_ms + (ports.listens < 0 && sweep_ms > BLIND_LOOK_MS ? BLIND_LOOK_MS : (int64_t)sweep_ms);
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
    if (!ports.scanning && now_ms >= ports.next_full_ms) {
        begin_full_scan();
    }
    if (ports.scanning && owner_scan_step(&ports.scan, SLICE)) {
        end_full_scan();
        tell(true);
    }
    if (ports.scanning) {
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
reset(const struct detector_env *env)
{
    ports = (struct ports_state){ .env = *env, .diag = -1, .destroy = -1, .listens = -1 };
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

static int
open_tables(void)
{
    ports.proc = procfs_open();
    if (ports.proc < 0) {
        return ports.proc;
    }
    ports.diag = sockdiag_open();
    for (int i = 0; i < CONF_PROTOS; i++) {
        int error = dump((enum conf_proto)i, &ports.book[i]->sockets);

        if (error != 0) {
            return error;
        }
        book_index(ports.book[i]);
        for (uint32_t row = 0; row < ports.book[i]->sockets.count; row++) {
            ports.book[i]->owned[row] = (struct owned){ .first_ms = ports.judge.now_ms };
        }
    }
    (void)portjudge_local_range(&ports.judge, ports.proc);
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
    ports.listens = listens_open();
    if (!wait_for(ports.listens)) {
        portfinding_self(&ports.out, "tracepoint", "missing", true);
    }
    ports.destroy = sockdiag_open_destroy();
    if (!wait_for(ports.destroy)) {
        portfinding_self(&ports.out, "sock_destroy", "missing", true);
    }
    int error = open_tables();

    ports.own_net = net_of(getpid());
    return error;
}

static int
ports_check(const struct detector_env *env)
{
    static struct portlook once;
    struct portfinding_out out = { .report = env->report, .to = env->report_to };
    int error = portlook_once(env->conf, &once, env->alive, env->alive_to);

    if (error != 0) {
        fprintf(stderr, "tocsin: ports: cannot look at this machine's sockets: %s\n", strerror(-error));
        return error;
    }
    portfinding_reset();
    portfinding_tell(&once.judge, &out, true);
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
};
