#include "watch/views_own.h"
#include "watch/fs_doer.h"
#include "watch/procevents.h"
#include "watch/procfs.h"
#include "wire/hash.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The warden is the parent of whoever looks, so the processes are the parent and its children. Nothing tells
 * of a tracer in time where the proc connector is not heard, so each thread's state is read at each look
 * there. Where it is, the two who look take turns: at odd looks netwatch reads all, at even ones procscan the
 * warden's state, and each other time all. So who makes the connector deaf is seen in two looks. Where nobody
 * can, both read the warden's state at their turns, and each of them all at each eighth look. A process's
 * limits are read now and then anywhere, since whoever may lower them takes its descriptors away without
 * touching it.
 */
#define OWN_PROCESSES 32
#define OWN_THREADS 64 /* of a process */
#define OWN_HELD 96    /* threads of all */
#define STATE_TEXT 4096
#define LIMITS_TEXT 4096
#define SUBJECT 48
#define LASTING_EVERY 8
#define LIMITS_EVERY 4 /* looks: limits cost as much as all threads of a process */
#define EVENTS_AT_ONCE 256

/* The limits of a process are its own doing until it had the same in two looks at them. */
struct limits {
    bool settled;
    bool changed; /* at the last look at them */
    uint8_t digest[WIRE_HASH_SIZE];
};

/* Its folder of threads is kept open, and so are its limits and each thread's state: to open them costs more
 * than to read. */
struct process {
    int32_t pid; /* 0: free */
    int task;
    uint64_t links;          /* of the folder when its threads were taken: one each; 0: to be taken anew */
    struct procfs_kept file; /* of its limits */
    struct limits limits;
};

struct thread {
    int32_t pid; /* of its process; 0: free */
    int status;
};

/* All zero before own_open(): what is not would put all of it into the program's file. */
static struct {
    bool begun; /* the descriptors are -1 or open */
    int proc;
    int connector; /* -1: not heard */
    bool lasting;  /* nobody can make it deaf */
    bool unreadable;
    bool due;       /* somebody was traced, or is no more */
    bool found;     /* something at the last look */
    int64_t turn;   /* two looks each: the last one */
    int64_t whole;  /* those between two looks at all */
    int64_t limits; /* LIMITS_EVERY looks each: when the limits were read last */
    int32_t warden; /* of `children` */
    int children;
    struct fs_doers doers;
    struct process process[OWN_PROCESSES];
    struct thread thread[OWN_HELD];
} own;

/* The value behind `key` in a text of lines; its length, -1 without one. */
static ssize_t
value_of(const char *src, size_t len, const char *key, const char **value)
{
    const char *end = src + len;
    size_t n = strlen(key);

    while (src < end) {
        const char *newline = memchr(src, '\n', (size_t)(end - src));

#ifndef PLANT_OWN
        if (newline == NULL) {
            return -1;
        }
#endif
        if ((size_t)(newline - src) >= n && memcmp(src, key, n) == 0) {
            *value = src + n;
            return newline - src - (ssize_t)n;
        }
        src = newline + 1;
    }
    return -1;
}

bool
own_status_parse(const char *src, size_t len, struct own_status *out)
{
    const char *state;
    const char *tracer;
    ssize_t state_len = value_of(src, len, "State:\t", &state);
    ssize_t tracer_len = value_of(src, len, "TracerPid:\t", &tracer);
    uint64_t pid;

    if (state_len < 1 || tracer_len < 1 || !procfs_decimal(&tracer, tracer + tracer_len, INT32_MAX, &pid)) {
        return false;
    }
    *out = (struct own_status){ .stopped = *state == 'T' || *state == 't', .tracer = (uint32_t)pid };
    return true;
}

/* Who a process is, in a text: its name as the agent gave it, and its number. */
static void
name_of(int32_t pid, char out[SUBJECT])
{
    char path[32];
    char name[20];

    snprintf(path, sizeof(path), "%d/comm", pid);
    ssize_t len = procfs_read(own.proc, path, name, sizeof(name));
    if (len > 0 && name[len - 1] == '\n') {
        name[len - 1] = '\0';
    }
    snprintf(out, SUBJECT, "%s/%d", len > 0 ? name : "?", pid);
}

static void
tell(struct views *v, int32_t pid, const char *state, uint32_t tracer)
{
    char subject[SUBJECT];
    struct finding f;

    name_of(pid, subject);
    finding_begin(&f, FINDING_PROCESS_HELD, "process", subject, strlen(subject));
    finding_addf(&f, "state", "%s", state);
    if (tracer != 0) {
        int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)tracer, 0);
        const struct fs_doer *doer = fs_doers_look(&own.doers, (int32_t)tracer, pidfd);

        if (pidfd >= 0) {
            close(pidfd);
        }
        if (doer->known && conf_allows(v->env.conf, CONF_VIEW_OWN_PROCESSES, doer->exe, doer->exe_len)) {
            return;
        }
        fs_doer_tell(doer, &f);
    }
    view_found(v, CONF_VIEW_OWN_PROCESSES, &f);
}

static void
forget_threads(int32_t pid)
{
    for (unsigned i = 0; i < OWN_HELD; i++) {
        if (own.thread[i].pid == pid) {
            close(own.thread[i].status);
            own.thread[i].pid = 0;
        }
    }
}

static void
forget(struct process *p)
{
    forget_threads(p->pid);
    if (p->task >= 0) {
        close(p->task);
    }
    procfs_keep(&p->file, -1);
    *p = (struct process){ .pid = 0 };
}

/* Its place, or a free one; NULL for none. */
static struct process *
process_of(int32_t pid)
{
    struct process *unused = NULL;

    if (pid <= 0) {
        return NULL; /* a free place has no other number */
    }
    for (unsigned i = 0; i < OWN_PROCESSES; i++) {
        if (own.process[i].pid == pid) {
            return &own.process[i];
        }
        unused = own.process[i].pid == 0 ? &own.process[i] : unused;
    }
    if (unused != NULL) {
        *unused = (struct process){ .pid = pid, .task = -1 };
    }
    return unused;
}

/* False when there is no room, or no descriptor left. */
static bool
hold_thread(const struct process *p, int32_t tid)
{
    char path[32];
    unsigned at = 0;

    while (at < OWN_HELD && own.thread[at].pid != 0) {
        at++;
    }
    snprintf(path, sizeof(path), "%d/status", tid);
    int fd = at < OWN_HELD ? openat(p->task, path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        own.thread[at] = (struct thread){ .pid = p->pid, .status = fd };
    }
    return fd >= 0;
}

static void
take_threads(struct process *p, uint64_t links)
{
    int32_t tid[OWN_THREADS];
    ssize_t count = procfs_pids(p->task, tid, OWN_THREADS);

    forget_threads(p->pid);
    p->links = count > 0 ? links : 0;
    for (ssize_t i = 0; i < count; i++) {
        p->links = hold_thread(p, tid[i]) ? p->links : 0;
    }
}

/* The worst of its threads. False when it is gone, or may not be looked at. */
static bool
look_at_threads(struct process *p, struct own_status *out)
{
    char text[STATE_TEXT];
    char path[32];
    struct own_status one;
    struct stat st;
    bool any = false;

    *out = (struct own_status){ .tracer = 0 };
    if (p->task < 0) {
        snprintf(path, sizeof(path), "%d/task", p->pid);
        p->task = openat(own.proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (p->task >= 0 && fstat(p->task, &st) == 0 && (p->links == 0 || st.st_nlink != p->links)) {
        take_threads(p, st.st_nlink);
    }
    for (unsigned i = 0; i < OWN_HELD; i++) {
        if (own.thread[i].pid != p->pid) {
            continue;
        }
        ssize_t len = pread(own.thread[i].status, text, sizeof(text), 0);

        if (len > 0 && own_status_parse(text, (size_t)len, &one)) {
            any = true;
            out->stopped = out->stopped || one.stopped;
            out->tracer = one.tracer != 0 ? one.tracer : out->tracer;
        } else {
            p->links = 0; /* it has ended: another one may have its place */
        }
    }
    return any;
}

/* What is held may be of one that ended: its number can be the next one's within a second. */
static bool
threads_of(struct process *p, struct own_status *out)
{
    bool held = p->task >= 0;

    if (look_at_threads(p, out)) {
        return true;
    }
    if (held) {
        close(p->task);
        p->task = -1;
    }
    return held && look_at_threads(p, out);
}

static void
read_limits(struct process *p)
{
    struct limits *l = &p->limits;
    char text[LIMITS_TEXT];
    char path[32];
    uint8_t digest[WIRE_HASH_SIZE];
    struct wire_hasher h;

    if (!p->file.open) {
        snprintf(path, sizeof(path), "%d/limits", p->pid);
        procfs_keep(&p->file, openat(own.proc, path, O_RDONLY | O_CLOEXEC));
    }
    ssize_t len = procfs_kept_read(&p->file, text, sizeof(text));
    if (len <= 0) {
        procfs_keep(&p->file, -1);
        return;
    }
    wire_hash_init(&h);
    wire_hash_update(&h, text, (size_t)len);
    wire_hash_final(&h, digest);
    bool same = memcmp(l->digest, digest, sizeof(digest)) == 0;
    if (!same && !l->settled) {
        memcpy(l->digest, digest, sizeof(digest));
    }
    l->settled = l->settled || same;
    l->changed = !same && l->settled;
}

/* True when they are not those that it gave itself. */
static bool
limits_changed(struct process *p, bool read)
{
    if (read) {
        read_limits(p);
    }
    return p->limits.changed;
}

static void
forget_others(const int32_t *pid, unsigned count)
{
    for (unsigned i = 0; i < OWN_PROCESSES; i++) {
        unsigned at = 0;

        while (at < count && pid[at] != own.process[i].pid) {
            at++;
        }
        if (at == count && own.process[i].pid != 0) {
            forget(&own.process[i]);
        }
    }
}

static void
open_children(int32_t warden)
{
    char path[64];

    if (own.children >= 0) {
        close(own.children);
    }
    snprintf(path, sizeof(path), "%d/task/%d/children", warden, warden);
    own.children = openat(own.proc, path, O_RDONLY | O_CLOEXEC);
    own.warden = warden;
}

/* The warden and its children. How many; -errno when the children cannot be told. */
static int
processes(int32_t pid[OWN_PROCESSES])
{
    char text[OWN_PROCESSES * 11 + 1];
    int32_t warden = (int32_t)getppid();
    const char *at = text;
    int count = 0;
    uint64_t child;

    pid[count++] = warden;
    if (own.children < 0 || own.warden != warden) {
        open_children(warden);
    }
    ssize_t len = own.children < 0 ? -1 : pread(own.children, text, sizeof(text), 0);
    int error = errno;
    while (len > 0 && count < OWN_PROCESSES && procfs_decimal(&at, text + len, INT32_MAX, &child)) {
        pid[count++] = (int32_t)child;
        at += at < text + len && *at == ' ';
    }
    return len < 0 ? -error : count;
}

/* True when something is wrong with it. */
static bool
look_at_one(struct views *v, int32_t pid, bool limits)
{
    struct own_status status = { .tracer = 0 };
    struct process *p = process_of(pid);
    bool there = p != NULL && threads_of(p, &status);

    if (there && status.tracer != 0) {
        tell(v, pid, "traced", status.tracer);
    } else if (there && status.stopped) {
        tell(v, pid, "stopped", 0);
    } else if (p != NULL && limits_changed(p, limits)) {
        tell(v, pid, "limited", 0);
    } else {
        return false;
    }
    return true;
}

static void
look_at_all(struct views *v, int64_t limits)
{
    int32_t pid[OWN_PROCESSES] = { 0 };
    int count = processes(pid);

    own.due = false;
    own.found = false;
    view_self(v, &own.unreadable, count < 0, "own_processes", "unreadable");
    view_begin(v, CONF_VIEW_OWN_PROCESSES);
    for (int i = 0; i < count; i++) {
        own.found = look_at_one(v, pid[i], limits != own.limits) || own.found;
    }
    own.limits = limits;
    forget_others(pid, count > 0 ? (unsigned)count : 0);
    view_end(v, CONF_VIEW_OWN_PROCESSES);
    fs_doers_forget(&own.doers);
}

/* While it does, it hears of each child that is stopped. */
static bool
warden_runs(void)
{
    struct own_status status;
    struct process *warden = process_of((int32_t)getppid());

    return warden != NULL && threads_of(warden, &status) && !status.stopped && status.tracer == 0;
}

static int64_t
own_look(struct views *v, int64_t now_ms)
{
    bool netwatch = v->table->source == FINDING_SYSTEM;
    int64_t look = now_ms / view_every_ms(v, CONF_VIEW_OWN_PROCESSES);
    int64_t turn = (look + !netwatch) / 2;
    int64_t whole =
            own.lasting ? (look + netwatch * LASTING_EVERY / 2) / LASTING_EVERY : turn / (netwatch ? 1 : 2);
    bool all = own.connector < 0 || own.due || own.found || whole != own.whole;

    if (all || (turn != own.turn && !warden_runs())) {
        look_at_all(v, look / LIMITS_EVERY);
    }
    own.turn = turn;
    own.whole = whole;
    return VIEW_DONE;
}

/* netwatch has nothing to look at in procscan's turn, and mostly nothing else to do. */
static int64_t
own_pause_ms(const struct views *v)
{
    bool each = v->table->source != FINDING_SYSTEM || own.connector < 0 || own.found;

    return (each ? 1 : 2) * view_every_ms(v, CONF_VIEW_OWN_PROCESSES);
}

static int
own_open(struct views *v)
{
    (void)v;
    if (!own.begun) {
        own.begun = true;
        own.proc = own.doers.proc = own.children = own.connector = -1;
    }
    if (own.proc < 0) {
        own.proc = procfs_open();
    }
    own.unreadable = own.due = own.found = false;
    own.turn = own.whole = own.limits = -1;
    forget_others(NULL, 0);
    fs_doers_open(&own.doers);
    if (own.connector >= 0) {
        close(own.connector);
    }
    own.connector = procevents_open(PROCEVENTS_TRACE);
    own.lasting = procevents_lasting();
    return own.proc < 0 ? own.proc : 0;
}

static int
own_fd(short *events)
{
    *events = POLLIN;
    return own.connector;
}

/* Whoever it is: it may be a process that began since the last look. */
static bool
own_ready(struct views *v)
{
    (void)v;
    for (int i = 0; i < EVENTS_AT_ONCE && procevents_next(own.connector) != 0; i++) {
        own.due = true;
    }
    return own.due;
}

const struct view_ops views_own_ops = {
    .view = CONF_VIEW_OWN_PROCESSES,
    .slow = true,
    .open = own_open,
    .fd = own_fd,
    .ready = own_ready,
    .look = own_look,
    .pause_ms = own_pause_ms,
};
