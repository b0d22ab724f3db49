#include "watch/views_openers.h"
#include "watch/dents.h"
#include "watch/device.h"
#include "watch/proctables.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PIDS 131072
#define SLICE 400            /* processes and descriptors */
#define WHOLE_EVERY_MS 60000 /* a look at all descriptors, also of processes with as many as before */
#define OPENED_MS 2000 /* after an opening: it was the wire's own, or somebody holds it, or it is told */
#define DENTS 8192

/* A process as the last look left it, in the order of the pids. */
struct known {
    int32_t pid;
    int32_t count; /* of its descriptors; -1: it has to be looked at each time */
};

struct watched {
    uint64_t device;   /* 0: not looked for */
    int watch;         /* of the node that the wire opened; -1: none yet */
    bool ours;         /* the wire opened it since the last look, */
    bool opened;       /* and somebody did */
    bool held;         /* by somebody else, in this look */
    int64_t ours_ms;   /* the look that was told so */
    int64_t opened_ms; /* 0: nobody, or it is explained */
};

static int32_t list[PIDS];
static struct known known[2][PIDS]; /* by the last look, and by this one */

static struct openers_state {
    int proc;
    int notify;
    struct watched channel[CONF_CHANNELS];
    unsigned watched; /* channels with a device */
    bool running;
    bool whole;       /* this look is at all descriptors */
    int64_t whole_ms; /* the last of these */
    ssize_t count;
    ssize_t next;
    bool counts;     /* the kernel says how many descriptors a process has */
    unsigned now;    /* which of `known` this look fills */
    size_t known[2]; /* their entries */
    size_t passed;   /* of the last look's */
} openers = { .proc = -1, .notify = -1 };

/* Those that are shared with others by what they are are left out: a console, a file. */
static bool
is_private(const struct conf_channel *c)
{
    static const char *const schemes[] = { "serial", "tty", "printer", "usb" };

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strcmp(c->scheme, schemes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void
forget_watch(struct watched *w)
{
    if (w->watch >= 0) {
        (void)inotify_rm_watch(openers.notify, w->watch);
        w->watch = -1;
    }
}

void
views_openers_device(struct views *v, unsigned channel, uint64_t device)
{
    if (channel >= v->env.conf->channels || !is_private(&v->env.conf->channel[channel])) {
        return;
    }
    struct watched *w = &openers.channel[channel];

    if (openers.notify < 0 && device != 0) {
        openers.notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    }
    if (w->device != device) {
        forget_watch(w);
        w->device = device;
    }
    w->ours = true;
    openers.watched = 0;
    for (unsigned i = 0; i < CONF_CHANNELS; i++) {
        openers.watched += openers.channel[i].device != 0 ? 1 : 0;
    }
    openers.running = false;
    openers.whole_ms = 0;
    view_hurry(v, CONF_VIEW_CHANNEL_OPENERS);
}

/* The agent's: all are children of one process, which starts nothing else. */
static bool
is_own(int32_t pid)
{
    struct procfs_stat stat;
    int32_t warden = (int32_t)getppid();

    return pid == (int32_t)getpid() || pid == warden ||
           (procfs_stat(openers.proc, pid, &stat) == 0 && stat.parent == warden);
}

/* From now on the kernel tells of each opening of the node that the wire opened. */
static void
watch_node(struct watched *w, int dir, const char *name)
{
    char path[CONF_PATH];
    struct stat st;
    ssize_t len = readlinkat(dir, name, path, sizeof(path) - 1);

    if (w->watch >= 0 || openers.notify < 0 || len <= 0) {
        return;
    }
    path[len] = '\0';
    if (stat(path, &st) == 0 && S_ISCHR(st.st_mode) && device_of(st.st_rdev, st.st_dev) == w->device) {
        w->watch = inotify_add_watch(openers.notify, path, IN_OPEN | IN_CLOSE);
    }
}

static void
begin_finding(struct views *v, struct finding *f, unsigned channel)
{
    const struct conf_channel *c = &v->env.conf->channel[channel];
    char subject[CONF_SCHEME + CONF_PATH];
    int len = snprintf(subject, sizeof(subject), "%s:%s", c->scheme, c->device);

    finding_begin(f, FINDING_CHANNEL_OPENER, "channel", subject, (size_t)len);
    finding_addf(f, "what", "opener");
}

static void
tell(struct views *v, unsigned channel, int32_t pid)
{
    static struct procfs_exe exe;
    struct finding f;
    bool known_exe = procfs_exe(openers.proc, pid, &exe) == 0;

    if (known_exe && conf_allows(v->env.conf, CONF_VIEW_CHANNEL_OPENERS, exe.path, exe.len)) {
        return;
    }
    begin_finding(v, &f, channel);
    for (size_t i = 0; i < sizeof(pid); i++) {
        f.id[i] ^= (uint8_t)((uint32_t)pid >> 8 * i); /* each of them is a finding */
    }
    finding_addf(&f, "pid", "%d", pid);
    if (known_exe) {
        finding_add(&f, "exe", exe.path, exe.len);
    }
    view_found(v, CONF_VIEW_CHANNEL_OPENERS, &f);
}

/* The device that a descriptor is of; 0 for none. Asks no server: the type is known here. */
static uint64_t
device_at(int dir, const char *name)
{
    struct statx x;

    if (syscall(SYS_statx, dir, name, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE, &x) != 0 ||
            !S_ISCHR(x.stx_mode)) {
        return 0;
    }
    return device_of(makedev(x.stx_rdev_major, x.stx_rdev_minor), makedev(x.stx_dev_major, x.stx_dev_minor));
}

/* True when the process holds one of ours. */
static bool
look_at_descriptor(struct views *v, int32_t pid, int dir, const char *name)
{
    uint64_t device = device_at(dir, name);
    bool holds = false;

    for (unsigned i = 0; device != 0 && i < CONF_CHANNELS; i++) {
        struct watched *w = &openers.channel[i];

        if (w->device != device) {
            continue;
        }
        if (is_own(pid)) {
            watch_node(w, dir, name);
        } else {
            w->held = true;
            tell(v, i, pid);
        }
        holds = true;
    }
    return holds;
}

/* How many there are in a table; *holds when one of ours is among them. */
static int32_t
look_at_table(struct views *v, int32_t pid, int dir, bool *holds)
{
    _Alignas(struct dents_entry) char buffer[DENTS];
    int32_t count = 0;
    long got;

    while ((got = syscall(SYS_getdents64, dir, buffer, sizeof(buffer))) > 0) {
        for (long at = 0; at < got;) {
            const struct dents_entry *e = (const void *)(buffer + at);

            at += e->length;
            if (e->name[0] != '.') {
                count++;
                *holds = look_at_descriptor(v, pid, dir, e->name) || *holds;
            }
        }
    }
    return count;
}

/* All descriptors of a process. How many. */
static int32_t
look_at_process(struct views *v, int32_t pid, bool *holds)
{
    struct proctables tables;
    int32_t count = 0;

    for (int dir = proctables_first(&tables, openers.proc, pid); dir >= 0; dir = proctables_next(&tables)) {
        count += look_at_table(v, pid, dir, holds);
        close(dir);
    }
    return count;
}

/* As the size of the folder says it since Linux 6.2: before that it is 0 for everybody. -1 when it is gone.
 */
static int32_t
count_of(int32_t pid)
{
    char path[32];
    struct stat st;

    snprintf(path, sizeof(path), "%d/fd", pid);
    return fstatat(openers.proc, path, &st, 0) == 0 ? (int32_t)st.st_size : -1;
}

/* What the last look saw of it; -1 when it must be looked at. */
static int32_t
known_count(int32_t pid)
{
    const struct known *last = known[!openers.now];
    size_t count = openers.whole ? 0 : openers.known[!openers.now];

    while (openers.passed < count && last[openers.passed].pid < pid) {
        openers.passed++;
    }
    return openers.passed < count && last[openers.passed].pid == pid ? last[openers.passed].count : -1;
}

/* Returns what it cost, in processes and descriptors. */
static int32_t
look_at_next(struct views *v)
{
    int32_t pid = list[openers.next++];
    int32_t count = count_of(pid);
    int32_t looked = 0;
    bool holds = false;

    if (count < 0) {
        return 1;
    }
    if (!openers.counts || known_count(pid) != count) {
        looked = look_at_process(v, pid, &holds);
    }
    known[openers.now][openers.known[openers.now]++] =
            (struct known){ .pid = pid, .count = holds ? -1 : count };
    return 1 + looked;
}

static void
begin_look(struct views *v, int64_t now_ms)
{
    openers.running = true;
    openers.whole = openers.whole_ms == 0 || now_ms - openers.whole_ms >= WHOLE_EVERY_MS;
    openers.whole_ms = openers.whole ? now_ms : openers.whole_ms;
    openers.counts = count_of((int32_t)getpid()) > 0;
    openers.now = !openers.now;
    openers.known[openers.now] = 0;
    openers.passed = 0;
    openers.next = 0;
    openers.count = openers.watched > 0 ? procfs_pids(openers.proc, list, PIDS) : 0;
    for (unsigned i = 0; i < CONF_CHANNELS; i++) {
        struct watched *w = &openers.channel[i];

        w->held = false;
        w->ours_ms = w->ours ? now_ms : w->ours_ms;
        w->opened_ms = w->opened && w->opened_ms == 0 ? now_ms : w->opened_ms;
        w->ours = w->opened = false;
    }
    view_begin(v, CONF_VIEW_CHANNEL_OPENERS);
}

/* Somebody opened it and holds it no more. The wire's own openings are told by the core. */
static void
tell_opened(struct views *v, unsigned channel, int64_t now_ms)
{
    struct watched *w = &openers.channel[channel];
    struct finding f;

    if (w->opened_ms == 0 || now_ms - w->opened_ms < OPENED_MS) {
        return;
    }
    bool ours = w->ours_ms >= w->opened_ms - OPENED_MS && w->ours_ms <= w->opened_ms + OPENED_MS;

    w->opened_ms = 0;
    if (!ours && !w->held) {
        begin_finding(v, &f, channel);
        view_event(v, &f);
    }
}

/* When the look that an opening asks for is due; VIEW_DONE: none is. */
static int64_t
end_look(struct views *v, int64_t now_ms)
{
    int64_t due_ms = VIEW_DONE;

    openers.running = false;
    if (openers.count >= 0) {
        view_end(v, CONF_VIEW_CHANNEL_OPENERS);
    }
    for (unsigned i = 0; i < CONF_CHANNELS; i++) {
        struct watched *w = &openers.channel[i];

        w->opened_ms = w->held ? 0 : w->opened_ms;
        tell_opened(v, i, now_ms);
        if (w->opened_ms != 0 && w->opened_ms + OPENED_MS < due_ms) {
            due_ms = w->opened_ms + OPENED_MS;
        }
    }
    return due_ms;
}

static int64_t
openers_look(struct views *v, int64_t now_ms)
{
    int32_t cost = 0;

    if (!openers.running) {
        begin_look(v, now_ms);
    }
    while (openers.next < openers.count && cost < SLICE) {
        cost += look_at_next(v);
    }
    return openers.next < openers.count ? now_ms : end_look(v, now_ms);
}

static int
openers_open(struct views *v)
{
    (void)v;
    if (openers.proc >= 0) {
        close(openers.proc);
    }
    if (openers.notify >= 0) {
        close(openers.notify);
    }
    openers = (struct openers_state){ .proc = procfs_open(), .notify = -1 };
    for (unsigned i = 0; i < CONF_CHANNELS; i++) {
        openers.channel[i].watch = -1;
    }
    return openers.proc < 0 ? openers.proc : 0;
}

static int
openers_fd(short *events)
{
    *events = POLLIN;
    return openers.notify;
}

static void
take_event(const struct inotify_event *e)
{
    for (unsigned i = 0; i < CONF_CHANNELS; i++) {
        struct watched *w = &openers.channel[i];

        if (w->watch != e->wd) {
            continue;
        }
        if ((e->mask & IN_IGNORED) != 0) {
            w->watch = -1; /* the node is gone: the next look finds another name, or none */
        } else if ((e->mask & IN_OPEN) != 0) {
            w->opened = true;
        }
    }
}

static bool
openers_ready(struct views *v)
{
    _Alignas(struct inotify_event) char buffer[1024];
    ssize_t got;

    (void)v;
    while ((got = read(openers.notify, buffer, sizeof(buffer))) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *e = (const void *)(buffer + at);

            take_event(e);
            at += (ssize_t)(sizeof(*e) + e->len);
        }
    }
    return true;
}

const struct view_ops views_openers_ops = {
    .view = CONF_VIEW_CHANNEL_OPENERS,
    .open = openers_open,
    .fd = openers_fd,
    .ready = openers_ready,
    .look = openers_look,
};
