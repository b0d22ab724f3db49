#include "watch/daemonscan.h"
#include "watch/detector.h"
#include "watch/procevents.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * Daemons: some processes of each listed executable are held by a pidfd, which tells their end at once; then
 * a look at all processes says whether it was the last one. The proc connector tells of starts. Behind both
 * there is a look at the held processes each second, and one at all processes each minute, or each second
 * while something is down or the kernel does not tell of starts.
 */
#define HELD 4 /* processes held of a daemon: its oldest */
#define LOOK_EVERY_MS 1000
#define PASS_EVERY_MS 60000
#define EVENTS_AT_ONCE 32
#define STARTS_AT_ONCE 256
#define CONNECTOR UINT64_MAX

struct held {
    int32_t pid; /* 0: free */
    int fd;      /* -1 where the kernel has no pidfds: then the look each second has to do */
    uint64_t start;
    bool deleted;
};

enum condition { CONDITION_UNKNOWN, CONDITION_UP, CONDITION_CHANGED, CONDITION_DOWN };

struct watched_daemon {
    struct held held[HELD];
    enum condition told;
    int32_t last_pid;
    bool hidden;
};

static struct daemons_state {
    struct detector_env env;
    int proc;
    int epoll;
    int connector;
    bool reduced;
    int64_t next_look_ms;
    int64_t next_pass_ms;
    struct watched_daemon daemon[CONF_DAEMONS];
} daemons;

static void
report(const struct finding *f)
{
    daemons.env.report(daemons.env.report_to, f);
}

static void
tell_self(const char *source, const char *state, bool open)
{
    struct finding f;

    finding_begin(&f, FINDING_AGENT_SELF, "source", source, strlen(source));
    f.severity = WIRE_WARN;
    f.op = open ? FINDING_OPEN : FINDING_CLOSE;
    finding_addf(&f, "state", "%s", open ? state : "back");
    report(&f);
}

static void
tell_condition(unsigned i, enum condition condition, int32_t pid)
{
    const char *path = daemons.env.conf->daemon[i];
    const char *name = procfs_base(path);
    struct finding f;

    finding_begin(&f, condition == CONDITION_CHANGED ? FINDING_DAEMON_CHANGED : FINDING_DAEMON_DOWN, "exe",
            path, strlen(path));
    f.op = condition == CONDITION_UP ? FINDING_CLOSE : FINDING_OPEN;
    finding_add(&f, "name", name, strlen(name));
    if (pid > 0) {
        finding_addf(&f, "pid", "%d", pid);
    }
    if (condition == CONDITION_CHANGED) {
        finding_addf(&f, "file", "deleted");
    }
    report(&f);
}

static void
let_go(struct held *h)
{
    if (h->fd >= 0) {
        close(h->fd);
    }
    *h = (struct held){ .fd = -1 };
}

/* A pid can be used again between the look and the pidfd: only the same start time is the same process. */
static bool
still_runs(int32_t pid, uint64_t start)
{
    struct procfs_stat stat;

    return procfs_stat(daemons.proc, pid, &stat) == 0 && stat.start == start && stat.state != 'Z' &&
           stat.state != 'X';
}

static void
hold(unsigned i, const struct daemon_process *process)
{
    struct held *into = NULL;

    for (unsigned slot = 0; slot < HELD; slot++) {
        struct held *h = &daemons.daemon[i].held[slot];

        if (h->pid == process->pid && h->start == process->start) {
            h->deleted = process->deleted;
            return;
        }
        into = h->pid == 0 && into == NULL ? h : into;
    }
    if (into == NULL) {
        return;
    }
    struct epoll_event event = { .events = EPOLLIN,
        .data.u64 = (uint64_t)i * HELD + (uint64_t)(into - daemons.daemon[i].held) };
    int fd = (int)syscall(SYS_pidfd_open, process->pid, 0u);

    if (!still_runs(process->pid, process->start)) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    if (fd >= 0 && epoll_ctl(daemons.epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        close(fd);
        fd = -1;
    }
    *into = (struct held){
        .pid = process->pid, .fd = fd, .start = process->start, .deleted = process->deleted
    };
}

static enum condition
condition_of(const struct watched_daemon *d)
{
    enum condition condition = d->hidden ? CONDITION_UNKNOWN : CONDITION_DOWN;

    for (unsigned slot = 0; slot < HELD; slot++) {
        const struct held *h = &d->held[slot];

        if (h->pid != 0 && h->deleted) {
            return CONDITION_CHANGED;
        }
        condition = h->pid != 0 ? CONDITION_UP : condition;
    }
    return condition;
}

static int32_t
a_pid_of(const struct watched_daemon *d)
{
    for (unsigned slot = 0; slot < HELD; slot++) {
        if (d->held[slot].pid != 0) {
            return d->held[slot].pid;
        }
    }
    return d->last_pid;
}

/* Tells what is different from what was told last; with `all` also what still is not well. */
static void
judge(bool all)
{
    bool reduced = false;

    for (unsigned i = 0; i < daemons.env.conf->daemons; i++) {
        struct watched_daemon *d = &daemons.daemon[i];
        enum condition condition = condition_of(d);
        bool bad = condition == CONDITION_DOWN || condition == CONDITION_CHANGED;
        bool was_bad = d->told == CONDITION_DOWN || d->told == CONDITION_CHANGED;

        reduced = reduced || condition == CONDITION_UNKNOWN;
        if (bad ? all || condition != d->told : was_bad) {
            tell_condition(i, bad ? condition : CONDITION_UP, a_pid_of(d));
        }
        d->told = condition;
    }
    if (reduced != daemons.reduced) {
        tell_self("exe_links", "reduced", reduced);
        daemons.reduced = reduced;
    }
}

static void
alive(void *to)
{
    (void)to;
    if (daemons.env.alive != NULL) {
        daemons.env.alive(daemons.env.alive_to);
    }
}

/* Holds what runs now. False when /proc could not be read: then nothing is concluded. */
static bool
look_at_all(void)
{
    static struct daemon_seen seen[CONF_DAEMONS];

    if (daemonscan_all(daemons.proc, daemons.env.conf, seen, alive, NULL) != 0) {
        return false;
    }
    for (unsigned i = 0; i < daemons.env.conf->daemons; i++) {
        daemons.daemon[i].hidden = seen[i].hidden;
        for (unsigned n = 0; n < seen[i].kept; n++) {
            hold(i, &seen[i].process[n]);
        }
    }
    return true;
}

static bool
holds_none(const struct watched_daemon *d)
{
    for (unsigned slot = 0; slot < HELD; slot++) {
        if (d->held[slot].pid != 0) {
            return false;
        }
    }
    return true;
}

/* A held process is gone. The last one of those held need not be the last one that runs. */
static bool
take_end(unsigned i, unsigned slot)
{
    struct watched_daemon *d = &daemons.daemon[i];

    if (d->held[slot].pid != 0) {
        d->last_pid = d->held[slot].pid;
        let_go(&d->held[slot]);
    }
    return holds_none(d);
}

static void
take_start(int32_t pid)
{
    struct daemon_process process;
    bool hidden;
    int entry = daemonscan_one(daemons.proc, daemons.env.conf, pid, &process, &hidden);

    if (entry >= 0 && !hidden) {
        hold((unsigned)entry, &process);
    }
}

/* True when some were dropped, so that a look at all processes is due. */
static bool
take_starts(void)
{
    for (int i = 0; i < STARTS_AT_ONCE; i++) {
        int32_t pid = procevents_next(daemons.connector);

        if (pid <= 0) {
            return pid < 0;
        }
        take_start(pid);
    }
    return false;
}

static void
daemons_ready(const struct pollfd *fds, int count)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int n = epoll_wait(daemons.epoll, events, EVENTS_AT_ONCE, 0);
    bool look = false;

    (void)fds;
    (void)count;
    for (int i = 0; i < n; i++) {
        uint64_t what = events[i].data.u64;

        if (what == CONNECTOR) {
            look = take_starts() || look;
        } else {
            look = take_end((unsigned)(what / HELD), (unsigned)(what % HELD)) || look;
        }
    }
    if (!look || look_at_all()) {
        judge(false);
    }
}

/* Those held without a pidfd, and executables replaced while they run. True when a daemon lost its last one.
 */
static bool
look_at_held(void)
{
    bool lost = false;

    for (unsigned i = 0; i < daemons.env.conf->daemons; i++) {
        for (unsigned slot = 0; slot < HELD; slot++) {
            struct held *h = &daemons.daemon[i].held[slot];
            struct daemon_process process;
            bool hidden;

            if (h->pid == 0) {
                continue;
            }
            int entry = daemonscan_one(daemons.proc, daemons.env.conf, h->pid, &process, &hidden);

            if (entry == (int)i && !hidden && process.start == h->start) {
                h->deleted = process.deleted;
            } else {
                lost = take_end(i, slot) || lost;
            }
        }
    }
    return lost;
}

static bool
any_down(void)
{
    for (unsigned i = 0; i < daemons.env.conf->daemons; i++) {
        if (daemons.daemon[i].told == CONDITION_DOWN || daemons.daemon[i].told == CONDITION_UNKNOWN) {
            return true;
        }
    }
    return false;
}

static void
tell_pass(enum finding_op op)
{
    struct finding f;

    finding_pass(&f, FINDING_DAEMONS, op);
    report(&f);
}

static void
full_pass(void)
{
    (void)look_at_held();
    if (look_at_all()) {
        tell_pass(FINDING_PASS_BEGIN);
        judge(true);
        tell_pass(FINDING_PASS_END);
    }
}

static int64_t
daemons_work(int64_t now_ms)
{
    if (now_ms >= daemons.next_pass_ms) {
        full_pass();
        daemons.next_pass_ms = now_ms + PASS_EVERY_MS;
        daemons.next_look_ms = now_ms + LOOK_EVERY_MS;
    } else if (now_ms >= daemons.next_look_ms) {
        bool look = look_at_held();

        if (!(look || any_down() || daemons.connector < 0) || look_at_all()) {
            judge(false);
        }
        daemons.next_look_ms = now_ms + LOOK_EVERY_MS;
    }
    return daemons.next_look_ms;
}

static int
daemons_fds(struct pollfd *fds, int max)
{
    if (max < 1) {
        return 0;
    }
    fds[0] = (struct pollfd){ .fd = daemons.epoll, .events = POLLIN };
    return 1;
}

static int
reset(const struct detector_env *env)
{
    daemons = (struct daemons_state){ .env = *env, .epoll = -1, .connector = -1 };
    for (unsigned i = 0; i < CONF_DAEMONS; i++) {
        for (unsigned slot = 0; slot < HELD; slot++) {
            daemons.daemon[i].held[slot].fd = -1;
        }
    }
    daemons.proc = procfs_open();
    return daemons.proc < 0 ? daemons.proc : 0;
}

static int
daemons_open(const struct detector_env *env)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = CONNECTOR };
    int error = reset(env);

    if (error != 0) {
        return error;
    }
    daemons.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (daemons.epoll < 0) {
        return -errno;
    }
    daemons.connector = procevents_open();
    if (daemons.connector < 0 || epoll_ctl(daemons.epoll, EPOLL_CTL_ADD, daemons.connector, &event) != 0) {
        tell_self("proc_connector", "missing", true);
    }
    return 0;
}

static int
daemons_check(const struct detector_env *env)
{
    static struct daemon_seen seen[CONF_DAEMONS];
    int error = reset(env);

    if (error == 0) {
        error = daemonscan_all(daemons.proc, env->conf, seen, alive, NULL);
        close(daemons.proc);
    }
    if (error != 0) {
        fprintf(stderr, "tocsin: daemons: cannot look at this machine's processes: %s\n", strerror(-error));
        return error;
    }
    tell_pass(FINDING_PASS_BEGIN);
    for (unsigned i = 0; i < env->conf->daemons; i++) {
        if (seen[i].deleted > 0) {
            tell_condition(i, CONDITION_CHANGED, seen[i].process[0].pid);
        } else if (seen[i].count == 0 && !seen[i].hidden) {
            tell_condition(i, CONDITION_DOWN, 0);
        }
    }
    tell_pass(FINDING_PASS_END);
    return 0;
}

const struct detector_ops detector_daemons_ops = {
    .name = "daemons",
    .source = FINDING_DAEMONS,
    .open = daemons_open,
    .fds = daemons_fds,
    .ready = daemons_ready,
    .work = daemons_work,
    .check = daemons_check,
};
