#include "alarm/clock.h"
#include "conf/name.h"
#include "conf/plural.h"
#include "watch/daemonheld.h"
#include "watch/daemonscan.h"
#include "watch/detector.h"
#include "watch/procevents.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*
 * Daemons: some processes of each listed executable are held by a pidfd, which tells their end at once; then
 * a look at all processes says whether it was the last one. The proc connector tells of starts. Behind both
 * there is a look at the held processes each second, which alone tells that one is stopped, traced or frozen,
 * and one at all processes each minute, or each second while something is down or the kernel does not tell of
 * starts.
 */
#define HELD 4 /* processes held of a daemon: its oldest */
#define LOOK_EVERY_MS 1000
#define IMAGE_EVERY 4 /* looks, while exec() is told: what it runs costs more to look at than its state */
#define IMAGE_TIMES 8 /* of these: whatever is known of a sleeper, so often what it runs is looked at */
#define AGAIN_MS 200  /* what does not run is looked at a second time after so long */
#define PASS_EVERY_MS 60000
#define EVENTS_AT_ONCE 32
#define STARTS_AT_ONCE 256
#define CONNECTOR UINT64_MAX

/* Restarts are counted over a minute: so many are still right, and so many are remembered. */
#define RESTARTS_MS 60000
#define RESTARTS_RIGHT 3
#define RESTARTS_KEPT 32

#define DESCRIPTORS 4096 /* six a held process, at most */

enum condition {
    CONDITION_UNKNOWN,
    CONDITION_UP,
    CONDITION_REPLACED, /* these four: it runs, and what it runs is not the file on disk; as enum image */
    CONDITION_DELETED,
    CONDITION_SCRATCH,
    CONDITION_MEMORY,
    CONDITION_STOPPED,
    CONDITION_TRACED,
    CONDITION_FROZEN,
    CONDITION_DOWN,
    CONDITION_ZOMBIE, /* down, and nobody takes note of its last process */
};

struct watched_daemon {
    struct held held[HELD];
    enum condition told;
    int32_t last_pid; /* which ended last, and when it was seen to */
    int32_t last_parent;
    uint64_t last_start;
    int64_t end_ms;
    bool hidden;
    bool ended;     /* none was held for a moment, and it is not settled yet whether the daemon is down */
    bool replaced;  /* by another one of the same parent, faster than a look at all processes */
    bool down_seen; /* none ran at a look at all processes */
    unsigned corpse_looks;
    unsigned restarts;
    int64_t restart_ms[RESTARTS_KEPT];
    int64_t restarts_told_ms; /* 0: never */
};

/* Where a daemon's path leads in this turn. */
struct path {
    bool asked;
    bool known; /* the daemon is known by its file alone, and it is there */
    struct held_file file;
};

static struct daemons_state {
    struct detector_env env;
    int proc;
    int epoll;
    int connector;
    int connector_error;
    struct freezer freezer;
    bool reduced;
    bool blind;
    bool again; /* something is to be looked at a second time soon */
    int64_t next_look_ms;
    int64_t next_pass_ms;
    int64_t pass_ms; /* when the last look at all processes ended, and how long it took */
    int64_t took_ms;
    uint32_t looked;
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

static bool
is_stuck(enum condition condition)
{
    return condition >= CONDITION_STOPPED && condition <= CONDITION_FROZEN;
}

static bool
is_down(enum condition condition)
{
    return condition >= CONDITION_DOWN;
}

static bool
is_bad(enum condition condition)
{
    return condition >= CONDITION_REPLACED;
}

static enum condition
condition_of_state(enum held_state state)
{
    static const enum condition condition[HELD_STATES] = {
        [HELD_GONE] = CONDITION_DOWN,
        [HELD_RUNS] = CONDITION_UP,
        [HELD_STOPPED] = CONDITION_STOPPED,
        [HELD_TRACED] = CONDITION_TRACED,
        [HELD_FROZEN] = CONDITION_FROZEN,
    };

    return condition[state];
}

static bool
is_image(enum condition condition)
{
    return condition >= CONDITION_REPLACED && condition <= CONDITION_MEMORY;
}

static enum condition
condition_of_image(enum image image)
{
    static const enum condition condition[IMAGES] = {
        [IMAGE_SAME] = CONDITION_UP,
        [IMAGE_REPLACED] = CONDITION_REPLACED,
        [IMAGE_DELETED] = CONDITION_DELETED,
        [IMAGE_SCRATCH] = CONDITION_SCRATCH,
        [IMAGE_MEMORY] = CONDITION_MEMORY,
    };

    return condition[image];
}

static const char *
state_text(enum condition condition)
{
    for (unsigned image = IMAGE_REPLACED; image < IMAGES; image++) {
        if (condition_of_image((enum image)image) == condition) {
            return procimage_name((enum image)image);
        }
    }
    for (unsigned state = HELD_STOPPED; state < HELD_STATES; state++) {
        if (condition_of_state((enum held_state)state) == condition) {
            return held_state_name((enum held_state)state);
        }
    }
    return condition == CONDITION_ZOMBIE ? "zombie" : NULL;
}

static void
begin_finding(struct finding *f, unsigned i, enum finding_code code)
{
    const struct conf_daemon *d = &daemons.env.conf->daemon[i];
    char subject[CONF_DAEMON_SUBJECT];
    const char *key = conf_daemon_subject(d, subject);
    const char *name = procfs_base(d->exe);

    finding_begin(f, code, key, subject, strlen(subject));
    if (name[0] != '\0') {
        finding_add(f, "name", name, strlen(name));
    }
}

static void
tell_condition(unsigned i, enum condition condition, int32_t pid)
{
    const char *state = state_text(condition);
    struct finding f;

    begin_finding(&f, i,
            is_image(condition)   ? FINDING_DAEMON_IMAGE
            : is_stuck(condition) ? FINDING_DAEMON_STOPPED
                                  : FINDING_DAEMON_DOWN);
    f.op = condition == CONDITION_UP ? FINDING_CLOSE : FINDING_OPEN;
    if (is_image(condition)) {
        f.severity = condition == CONDITION_REPLACED  ? WIRE_NOTE
                     : condition == CONDITION_DELETED ? WIRE_CRIT
                                                      : WIRE_ALRT;
    }
    if (pid > 0) {
        finding_addf(&f, "pid", "%d", pid);
    }
    if (state != NULL) {
        finding_addf(&f, "state", "%s", state);
    }
    report(&f);
}

static void
tell_restarted(unsigned i, int32_t pid, int64_t gap_ms)
{
    struct finding f;

    begin_finding(&f, i, FINDING_DAEMON_RESTARTED);
    f.op = FINDING_EVENT;
    finding_addf(&f, "pid", "%d", pid);
    finding_addf(&f, "gap_ms", "%lld", (long long)gap_ms);
    report(&f);
}

/* Once a minute, when there were too many in the last one. */
static void
count_restart(unsigned i, int64_t now_ms)
{
    struct watched_daemon *d = &daemons.daemon[i];
    unsigned recent = 0;
    struct finding f;

    d->restart_ms[d->restarts++ % RESTARTS_KEPT] = now_ms;
    for (unsigned n = 0; n < d->restarts && n < RESTARTS_KEPT; n++) {
        recent += now_ms - d->restart_ms[n] < RESTARTS_MS;
    }
    if (recent <= RESTARTS_RIGHT ||
            (d->restarts_told_ms != 0 && now_ms - d->restarts_told_ms < RESTARTS_MS)) {
        return;
    }
    d->restarts_told_ms = now_ms;
    begin_finding(&f, i, FINDING_DAEMON_RESTARTS);
    f.op = FINDING_EVENT;
    finding_addf(&f, "n", recent < RESTARTS_KEPT ? "%u" : "%u+", recent);
    finding_addf(&f, "within_s", "%d", RESTARTS_MS / 1000);
    report(&f);
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

static void
hold(unsigned i, const struct daemon_process *process)
{
    struct watched_daemon *d = &daemons.daemon[i];
    bool none = holds_none(d);
    struct held *into = NULL;

    for (unsigned slot = 0; slot < HELD; slot++) {
        struct held *h = &d->held[slot];

        if (h->pid == process->pid && h->start == process->start) {
            h->image = process->image;
            return;
        }
        into = h->pid == 0 && into == NULL ? h : into;
    }
    if (into == NULL || !held_begin(into, daemons.proc, &daemons.freezer, process)) {
        return;
    }
    struct epoll_event event = { .events = EPOLLIN,
        .data.u64 = (uint64_t)i * HELD + (uint64_t)(into - d->held) };

    if (into->fd >= 0 && epoll_ctl(daemons.epoll, EPOLL_CTL_ADD, into->fd, &event) != 0) {
        close(into->fd);
        into->fd = -1;
    }
    daemons.again = daemons.again || into->seen != into->state;
    /* One that daemons put into the background has another parent: the process that ended, or init. */
    d->replaced = d->replaced || (none && d->ended && d->last_parent > 1 && into->parent == d->last_parent);
}

static enum condition
condition_of(const struct watched_daemon *d)
{
    enum condition condition = d->hidden ? CONDITION_UNKNOWN : CONDITION_DOWN;

    if (!d->hidden && d->corpse_looks > 1) {
        condition = CONDITION_ZOMBIE;
    }
    for (unsigned slot = 0; slot < HELD; slot++) {
        const struct held *h = &d->held[slot];

        if (h->pid != 0 && h->state != HELD_RUNS) {
            return condition_of_state(h->state);
        }
        if (h->pid != 0 && !(is_image(condition) && condition > condition_of_image(h->image))) {
            condition = condition_of_image(h->image);
        }
    }
    return condition;
}

/* The one that the condition is about, where it is about one. */
static int32_t
a_pid_of(const struct watched_daemon *d, enum condition condition)
{
    int32_t pid = 0;

    for (unsigned slot = 0; slot < HELD; slot++) {
        const struct held *h = &d->held[slot];

        if (h->pid != 0 && is_stuck(condition) && condition_of_state(h->state) == condition) {
            return h->pid;
        }
        pid = pid == 0 ? h->pid : pid;
    }
    return pid != 0 ? pid : d->last_pid;
}

/* Within the grace a daemon that was up is neither up nor down: nothing is told of it. */
static bool
in_grace(const struct watched_daemon *d, int64_t now_ms)
{
    return d->ended && !is_down(d->told) && d->told != CONDITION_UNKNOWN &&
           now_ms - d->end_ms < (int64_t)daemons.env.conf->daemon_grace_s * 1000;
}

static void
take_return(unsigned i, enum condition condition, int64_t now_ms)
{
    struct watched_daemon *d = &daemons.daemon[i];

    if (d->ended && (d->replaced || d->down_seen)) {
        if (!is_down(d->told)) {
            tell_restarted(i, a_pid_of(d, condition), now_ms - d->end_ms);
        }
        count_restart(i, now_ms);
    }
    d->ended = false;
    d->replaced = false;
    d->down_seen = false;
    d->corpse_looks = 0;
}

static void
judge_one(unsigned i, bool all, int64_t now_ms)
{
    struct watched_daemon *d = &daemons.daemon[i];
    enum condition condition = condition_of(d);

    if (is_down(condition)) {
        d->down_seen = true;
        if (in_grace(d, now_ms)) {
            condition = d->told;
        }
    } else if (condition != CONDITION_UNKNOWN) {
        take_return(i, condition, now_ms);
    }
    if (is_bad(condition) ? all || condition != d->told : is_bad(d->told)) {
        tell_condition(i, is_bad(condition) ? condition : CONDITION_UP, a_pid_of(d, condition));
    }
    d->told = condition;
}

/* Tells what is different from what was told last; with `all` also what still is not well. */
static void
judge(bool all)
{
    int64_t now_ms = clock_boot_ms();
    bool reduced = false;
    bool blind = false;

    for (unsigned i = 0; i < daemons.env.conf->daemons; i++) {
        const struct watched_daemon *d = &daemons.daemon[i];

        judge_one(i, all, now_ms);
        reduced = reduced || condition_of(d) == CONDITION_UNKNOWN;
        for (unsigned slot = 0; slot < HELD; slot++) {
            blind = blind || (d->held[slot].pid != 0 && d->held[slot].blind);
        }
    }
    if (reduced != daemons.reduced) {
        tell_self("exe_links", "reduced", reduced);
        daemons.reduced = reduced;
    }
    if (blind != daemons.blind) {
        tell_self("freezer", "missing", blind);
        daemons.blind = blind;
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
    int64_t from_ms = clock_boot_ms();
    ssize_t looked = daemonscan_all(daemons.proc, daemons.env.conf, seen, alive, NULL);

    if (looked < 0) {
        return false;
    }
    daemons.looked = (uint32_t)looked;
    daemons.pass_ms = clock_boot_ms();
    daemons.took_ms = daemons.pass_ms - from_ms;
    for (unsigned i = 0; i < daemons.env.conf->daemons; i++) {
        daemons.daemon[i].hidden = seen[i].hidden;
        for (unsigned n = 0; n < seen[i].kept; n++) {
            hold(i, &seen[i].process[n]);
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
        d->last_parent = d->held[slot].parent;
        d->last_start = d->held[slot].start;
        held_end(&d->held[slot]);
        d->ended = holds_none(d);
        d->end_ms = clock_boot_ms();
    }
    return holds_none(d);
}

/* It runs something else now: to be looked at as soon as it is looked at. */
static void
expect_other_image(int32_t pid)
{
    for (unsigned i = 0; i < daemons.env.conf->daemons; i++) {
        for (unsigned slot = 0; slot < HELD; slot++) {
            struct held *h = &daemons.daemon[i].held[slot];

            h->passed_over = h->pid == pid ? IMAGE_EVERY : h->passed_over;
        }
    }
}

static void
take_start(int32_t pid)
{
    struct daemon_process process;
    struct daemon_match match;

    expect_other_image(pid);
    if (!daemonscan_one(daemons.proc, daemons.env.conf, pid, &process, &match)) {
        return;
    }
    for (unsigned i = 0; i < daemons.env.conf->daemons; i++) {
        if ((match.runs >> i & 1) != 0) {
            hold(i, &process);
        }
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
    bool starts = false;
    bool look = false;

    (void)fds;
    (void)count;
    /* Ends before starts, whatever came first: one that takes another's place is to find the place free. */
    for (int i = 0; i < n; i++) {
        uint64_t what = events[i].data.u64;

        if (what == CONNECTOR) {
            starts = true;
        } else {
            look = take_end((unsigned)(what / HELD), (unsigned)(what % HELD)) || look;
        }
    }
    look = (starts && take_starts()) || look;
    if (!look || look_at_all()) {
        judge(false);
    }
}

/* Of a daemon that is known by its file alone. */
static bool
file_of(const struct conf_daemon *d, struct held_file *out)
{
    struct stat st;

    if (d->unit[0] != '\0' || d->args[0] != '\0' || d->pidfile[0] != '\0' || stat(d->exe, &st) != 0) {
        return false;
    }
    *out = (struct held_file){ .device = st.st_dev, .inode = st.st_ino, .changed = st.st_ctim };
    return true;
}

static bool
same_file(const struct held_file *a, const struct held_file *b)
{
    return a->inode == b->inode && a->device == b->device && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Since what it runs was looked at; false also when it is to be looked at whatever it did. */
static bool
slept_since(struct held *h)
{
    return h->ran != 0 && h->ran == h->image_ran && ++h->image_rested < IMAGE_TIMES;
}

/* False when it runs something else now. What slept runs what it ran, while its path leads to the same file.
 */
static bool
look_at_image(unsigned i, struct held *h, struct path *path)
{
    struct daemon_process process = { .pid = h->pid, .start = h->start, .image = h->image };

    if (!path->asked) {
        path->asked = true;
        path->known = file_of(&daemons.env.conf->daemon[i], &path->file);
    }
    if (path->known && slept_since(h) && same_file(&path->file, &h->file)) {
        return true;
    }
    bool still = daemonscan_is(daemons.proc, daemons.env.conf, i, &process);

    h->image = process.image;
    h->file = path->file;
    h->image_ran = h->ran;
    h->image_rested = 0;
    return still;
}

/* False when the process has ended, or runs something else now. */
static bool
look_at_one(unsigned i, struct held *h, struct path *path)
{
    if (!held_look(h, daemons.proc, &daemons.freezer)) {
        return false;
    }
    daemons.again = daemons.again || h->seen != h->state;
    if (daemons.connector >= 0 && ++h->passed_over < IMAGE_EVERY) {
        return true;
    }
    h->passed_over = 0;
    return look_at_image(i, h, path);
}

/* Everybody is a zombie for a moment; the one that stays has a parent that takes care of nothing. */
static void
look_at_corpse(struct watched_daemon *d)
{
    struct procfs_stat stat;
    bool there = d->last_pid > 0 && holds_none(d) && procfs_stat(daemons.proc, d->last_pid, &stat) == 0 &&
                 stat.start == d->last_start && stat.state == 'Z';

    /* Once told it stays told: that it is taken note of at last does not make the daemon run. */
    d->corpse_looks = there ? d->corpse_looks + 1 : d->corpse_looks > 1 ? d->corpse_looks : 0;
}

/* Those held without a pidfd, those that do not run, and executables replaced while they run. True when a
 * daemon lost its last one.
 */
static bool
look_at_held(void)
{
    bool lost = false;

    daemonscan_pidfiles(daemons.env.conf);
    freezer_refresh(&daemons.freezer);
    for (unsigned i = 0; i < daemons.env.conf->daemons; i++) {
        struct watched_daemon *d = &daemons.daemon[i];
        struct path path = { .asked = false };

        for (unsigned slot = 0; slot < HELD; slot++) {
            if (d->held[slot].pid != 0 && !look_at_one(i, &d->held[slot], &path)) {
                lost = take_end(i, slot) || lost;
            }
        }
        look_at_corpse(d);
    }
    return lost;
}

static bool
any_down(void)
{
    for (unsigned i = 0; i < daemons.env.conf->daemons; i++) {
        const struct watched_daemon *d = &daemons.daemon[i];

        if (is_down(d->told) || d->told == CONDITION_UNKNOWN || d->down_seen) {
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

/* When the first grace ends; INT64_MAX without one. */
static int64_t
next_grace_ms(int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;

    for (unsigned i = 0; i < daemons.env.conf->daemons; i++) {
        const struct watched_daemon *d = &daemons.daemon[i];
        int64_t end_ms = d->end_ms + (int64_t)daemons.env.conf->daemon_grace_s * 1000;

        if (d->down_seen && in_grace(d, now_ms) && end_ms < next_ms) {
            next_ms = end_ms;
        }
    }
    return next_ms;
}

static int64_t
daemons_work(int64_t now_ms)
{
    if (now_ms >= daemons.next_pass_ms) {
        full_pass();
        daemons.next_pass_ms = clock_next_ms(now_ms, PASS_EVERY_MS);
        daemons.next_look_ms = clock_next_ms(now_ms, LOOK_EVERY_MS);
    } else if (now_ms >= daemons.next_look_ms) {
        bool look = look_at_held();

        if (!(look || any_down() || daemons.connector < 0) || look_at_all()) {
            judge(false);
        }
        daemons.next_look_ms = clock_next_ms(now_ms, LOOK_EVERY_MS);
    }
    if (daemons.again && daemons.next_look_ms > now_ms + AGAIN_MS) {
        daemons.next_look_ms = now_ms + AGAIN_MS;
    }
    daemons.again = false;
    int64_t grace_ms = next_grace_ms(now_ms);

    if (grace_ms < daemons.next_look_ms) {
        daemons.next_look_ms = grace_ms;
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
    memset(&daemons, 0, sizeof(daemons));
    daemons.env = *env;
    daemons.epoll = -1;
    daemons.connector = -1;
    for (unsigned i = 0; i < CONF_DAEMONS; i++) {
        for (unsigned slot = 0; slot < HELD; slot++) {
            held_init(&daemons.daemon[i].held[slot]);
        }
    }
    daemons.proc = procfs_open();
    if (daemons.proc < 0) {
        return daemons.proc;
    }
    freezer_open(&daemons.freezer);
    return 0;
}

/* As many as are allowed, so that many daemons of many processes can be held. */
static void
allow_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS) {
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int
daemons_open(const struct detector_env *env)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = CONNECTOR };
    int error = reset(env);

    if (error != 0) {
        return error;
    }
    allow_descriptors();
    daemons.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (daemons.epoll < 0) {
        return -errno;
    }
    daemons.connector = procevents_open(PROCEVENTS_EXEC);
    if (daemons.connector < 0) {
        daemons.connector_error = daemons.connector;
    } else if (epoll_ctl(daemons.epoll, EPOLL_CTL_ADD, daemons.connector, &event) != 0) {
        daemons.connector_error = -errno;
        close(daemons.connector);
        daemons.connector = -1;
    }
    if (daemons.connector_error != 0) {
        tell_self("proc_connector", "missing", true);
    }
    return 0;
}

static void
check_one(unsigned i, const struct daemon_seen *seen)
{
    int32_t pid;
    enum held_state state = held_look_once(daemons.proc, &daemons.freezer, seen, &pid);
    const struct daemon_process *stale = NULL;

    for (uint32_t n = 0; n < seen->kept; n++) {
        bool worse = seen->process[n].image > (stale != NULL ? stale->image : IMAGE_SAME);

        stale = worse ? &seen->process[n] : stale;
    }

    if (state != HELD_RUNS) {
        tell_condition(i, condition_of_state(state), pid);
    } else if (stale != NULL) {
        tell_condition(i, condition_of_image(stale->image), stale->pid);
    } else if (seen->count == 0 && !seen->hidden) {
        tell_condition(i, CONDITION_DOWN, 0);
    }
}

static int
daemons_check(const struct detector_env *env)
{
    static struct daemon_seen seen[CONF_DAEMONS];
    int error = reset(env);

    if (error == 0) {
        error = (int)daemonscan_all(daemons.proc, env->conf, seen, alive, NULL);
    }
    if (error < 0) {
        fprintf(stderr, "%s: daemons: cannot look at this machine's processes: %s\n", name_program(),
                strerror(-error));
    } else {
        tell_pass(FINDING_PASS_BEGIN);
        for (unsigned i = 0; i < env->conf->daemons; i++) {
            check_one(i, &seen[i]);
        }
        tell_pass(FINDING_PASS_END);
    }
    if (daemons.proc >= 0) {
        freezer_close(&daemons.freezer);
        close(daemons.proc);
    }
    return error < 0 ? error : 0;
}

static void
daemons_status(struct detector_status *out)
{
    unsigned held = 0;
    unsigned without_pidfd = 0;
    unsigned bad = 0;

    for (unsigned i = 0; i < daemons.env.conf->daemons; i++) {
        bad += is_bad(daemons.daemon[i].told);
        for (unsigned slot = 0; slot < HELD; slot++) {
            const struct held *h = &daemons.daemon[i].held[slot];

            held += h->pid != 0;
            without_pidfd += h->pid != 0 && h->fd < 0;
        }
    }
    status_source_or(out, "proc connector", daemons.connector_error, "all processes each second");
    status_source(out, "%u pidfd%s", held - without_pidfd, plural_s(held - without_pidfd));
    if (without_pidfd > 0 || daemons.blind || daemons.reduced) {
        status_lower(out, STATUS_REDUCED);
        status_note(out, "%u held without a pidfd%s%s", without_pidfd,
                daemons.blind ? ", frozen ones are not seen" : "",
                daemons.reduced ? ", some may not be looked at" : "");
    }
    status_note(out, "%u of %u daemon%s well", daemons.env.conf->daemons - bad, daemons.env.conf->daemons,
            plural_s(daemons.env.conf->daemons));
    out->pass_ms = daemons.pass_ms;
    out->took_ms = (uint32_t)daemons.took_ms;
    out->looked = daemons.looked;
}

const struct detector_ops detector_daemons_ops = {
    .name = "daemons",
    .source = FINDING_DAEMONS,
    .open = daemons_open,
    .fds = daemons_fds,
    .ready = daemons_ready,
    .work = daemons_work,
    .check = daemons_check,
    .status = daemons_status,
};
