#include "proc/warden.h"
#include "alarm/clock.h"
#include "alarm/pages.h"
#include "alarm/session.h"
#include "cmd/cmd.h"
#include "conf/name.h"
#include "proc/courier.h"
#include "proc/ids.h"
#include "proc/image.h"
#include "proc/link.h"
#include "proc/notify.h"
#include "proc/openers.h"
#include "proc/rights.h"
#include "proc/role.h"
#include "proc/spawn.h"
#include "watch/procfs.h"
#include "watch/views_own.h"
#include "wire/escape.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN (1 + 3 + 1 + CONF_CHANNELS) /* core, the three that look, the courier, the wires */
#define CORE 0                               /* the core's place among them */
#define HUNG_MS 7900                         /* from when it is late: ten seconds without a sign of life */
#define SILENT_MS 400                        /* the same at the end, when nobody waits for more */
#define SHORT_LIFE_MS 2000
#define RESTART_FIRST_MS 100
#define RESTART_MOST_MS 60000
#define END_MS 6000        /* for last words and goodbyes; then SIGKILL */
#define LOCK_WAIT_MS 10000 /* for another agent's last processes to end */
#define LOCK_LOOK_MS 100
#define ALIVE_MS 4000    /* how often the core is told that we live */
#define LATE_LOOK_MS 200 /* from one look at who is late to the next: is it stopped? */
#define PROC_STATUS_TEXT 4096
#define MESSAGES_A_TURN 16     /* of a process: one that says much holds up no other */
#define ENDING_LOOK_MS 1000    /* whether all have ended */
#define DESCRIPTORS_LEAST 64   /* with fewer, roles could not open what they guard by */
#define DESCRIPTORS_MOST 16384 /* of what the hard limit allows */

enum phase {
    PHASE_GUARDING,
    PHASE_RENEWING, /* the core is gone: all others end, then everything starts again in a new session */
    PHASE_STOPPING,
};

struct child {
    enum role role;
    unsigned index;
    pid_t pid; /* 0: does not run */
    int control;
    int pulse; /* a timerfd: runs out when it shows no life */
    bool late; /* it has run out */
    bool ready;
    bool missing;   /* cannot be started at all: told to each core as if it had not been found (127) */
    bool lost_told; /* the core was told that it is gone, so it is told when it is back */
    int64_t began_ms;
    int64_t alive_ms;
    int64_t restart_ms;
    int64_t restart_wait_ms;
};

struct warden {
    const struct warden_order *order;
    struct child child[CHILDREN];
    unsigned children;
    enum phase phase;
    int64_t phase_ms;
    bool killed;  /* END_MS is over and SIGKILL was sent */
    bool goodbye; /* the core said CONTROL_STOPPED */
    bool ready_told;
    struct control_message core_end; /* how the core before ended, for the next one to tell */
    bool core_ended;
    int program;
    struct courier_parts courier;
    struct ids ids;
    unsigned missing; /* layers of rights.h, of the warden itself */
    int conf_fd;
    const struct conf *conf; /* the sealed copy, once there is one */
    int session;
    int listen;
    int signals;
    int64_t watchdog_ms;
    int64_t watchdog_due_ms;
    int64_t alive_due_ms; /* when the core is to be told that we live */
    int64_t turn_ms;      /* of role_was_absent() */
};

static struct warden warden;

static void
say(const char *text)
{
    if (!warden.order->quiet) {
        fprintf(stderr, "%s: %s\n", name_program(), text);
    }
}

/* The end of a core is kept for the next one to tell. */
static void
tell_core(enum control_kind kind, const struct child *about, enum lost_how how, int value)
{
    struct control_message m = { .kind = (uint8_t)kind,
        .role = (uint8_t)about->role,
        .index = (uint8_t)about->index,
        .how = (uint8_t)how,
        .value = value };

    if (about->role == ROLE_CORE && about->pid == 0) {
        warden.core_end = m;
        warden.core_ended = true;
        return;
    }
    link_send(warden.child[CORE].control, &m, sizeof(m));
}

/* The link that the child and the core share. */
static void
introduce(const struct child *c, int link)
{
    struct control_message m = { .kind = CONTROL_PEER, .role = (uint8_t)c->role, .index = (uint8_t)c->index };

    link_send_fd(warden.child[CORE].control, &m, sizeof(m), link);
}

static pid_t
spawn_child(const struct child *c, int control, int link, int pulse)
{
    bool core = c->role == ROLE_CORE;
    bool courier = c->role == ROLE_COURIER;
    const struct spawn_order order = { .name = courier ? name_courier() : name_program(),
        .role = c->role,
        .index = c->index,
        .id = ids_of(&warden.ids, c->role, c->index),
        .program = courier ? warden.courier.program : warden.program,
        .fds = { control, warden.conf_fd, core ? warden.session : link,
                core      ? warden.listen
                : courier ? warden.courier.folder
                          : -1,
                pulse } };

    return spawn_role(&order);
}

static int
start_child(struct child *c, int64_t now_ms)
{
    int control[2];
    int link[2] = { -1, -1 };
    int error = link_pair(control);

    if (error < 0) {
        return error;
    }
    int pulse = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    error = pulse < 0 ? -errno : c->role != ROLE_CORE ? link_pair(link) : 0;
    pid_t pid = error < 0 ? error : spawn_child(c, control[1], link[1], pulse);
    close(control[1]);
    if (link[1] >= 0) {
        close(link[1]);
    }
    if (pid < 0) {
        close(control[0]);
        close(pulse);
    } else {
        c->pid = pid;
        c->control = control[0];
        c->pulse = pulse;
        c->ready = false;
        c->began_ms = now_ms;
        c->alive_ms = now_ms;
        c->late = true;
        if (c->role != ROLE_CORE) {
            introduce(c, link[0]);
        }
    }
    if (link[0] >= 0) {
        close(link[0]);
    }
    return pid < 0 ? pid : 0;
}

static void
plan_restart(struct child *c, int64_t now_ms)
{
    bool short_life = now_ms - c->began_ms < SHORT_LIFE_MS;

    c->restart_ms = short_life ? now_ms + c->restart_wait_ms : now_ms;
    c->restart_wait_ms = short_life ? c->restart_wait_ms * 2 : RESTART_FIRST_MS;
    c->restart_wait_ms = c->restart_wait_ms < RESTART_MOST_MS ? c->restart_wait_ms : RESTART_MOST_MS;
}

/* No process, memory or descriptor for it: the core tells it, as nobody else knows that it is not there. */
static void
start_failed(struct child *c, int error, int64_t now_ms)
{
    cmd_error("%s %u cannot be started: %s; trying again", role_name(c->role), c->index, strerror(-error));
    if (c->role != ROLE_CORE) {
        tell_core(CONTROL_LOST, c, LOST_UNSTARTED, -error);
        c->lost_told = true;
    }
    c->began_ms = now_ms;
    plan_restart(c, now_ms);
}

static bool
may_start(const struct child *c)
{
    return c->pid == 0 && !c->missing && (c->role == ROLE_CORE || warden.child[CORE].pid != 0);
}

static void
start_due(int64_t now_ms)
{
    for (unsigned i = 0; i < warden.children; i++) {
        struct child *c = &warden.child[i];
        int error = may_start(c) && now_ms >= c->restart_ms ? start_child(c, now_ms) : 0;

        if (error < 0) {
            start_failed(c, error, now_ms);
        }
    }
}

static void
set_phase(enum phase phase, int64_t now_ms)
{
    warden.phase = phase;
    warden.phase_ms = now_ms;
    warden.killed = false;
}

static void
send_stop(struct child *c)
{
    struct control_message m = { .kind = CONTROL_STOP, .role = (uint8_t)c->role, .index = (uint8_t)c->index };

    if (c->pid != 0) {
        link_send(c->control, &m, sizeof(m));
    }
}

static void
stop_all_but_core(int64_t now_ms)
{
    for (unsigned i = CORE + 1; i < warden.children; i++) {
        struct child *c = &warden.child[i];

        send_stop(c);
        if (c->pid != 0) {
            role_show_life(c->pulse, now_ms + ROLE_HURRIED_MS + ROLE_LATE_MS);
        }
    }
}

static void
begin_stop(int64_t now_ms)
{
    if (warden.phase == PHASE_STOPPING) {
        return;
    }
    set_phase(PHASE_STOPPING, now_ms);
    notify_send("STOPPING=1");
    if (warden.child[CORE].pid == 0) {
        stop_all_but_core(now_ms);
    } else {
        send_stop(&warden.child[CORE]);
    }
}

static struct child *
child_of(pid_t pid)
{
    for (unsigned i = 0; i < warden.children; i++) {
        if (warden.child[i].pid == pid) {
            return &warden.child[i];
        }
    }
    return NULL;
}

/*
 * It needs no CAP_KILL, which would be for all processes of the machine: whoever may become a user may signal
 * that user's. Root's real number stays, so nobody may signal or trace the warden meanwhile, and going back
 * gives the capabilities back.
 */
static void
signal_child(const struct child *c, int signal)
{
    uint32_t id = ids_of(&warden.ids, c->role, c->index);

    if (c->pid <= 1 || kill(c->pid, signal) == 0 || errno != EPERM || id == 0 ||
            syscall(SYS_setresuid, -1, id, -1) != 0) {
        return;
    }
    kill(c->pid, signal);
    while (syscall(SYS_setresuid, -1, 0, -1) != 0) {
        /* no memory for a moment; nothing else can keep it from being what it really is */
    }
    prctl(PR_SET_DUMPABLE, 0); /* another effective number sets it anew */
}

/* Whoever stopped it did not mean well: it is told and set going again. */
static void
child_stopped(struct child *c, int signal)
{
    tell_core(CONTROL_LOST, c, LOST_STOPPED, signal);
    c->lost_told = true;
    signal_child(c, SIGCONT);
}

static void
child_back(struct child *c)
{
    if (c->lost_told) {
        c->lost_told = false;
        tell_core(CONTROL_BACK, c, LOST_EXITED, 0);
    }
}

static void
tell_missing(void)
{
    for (unsigned i = 0; i < warden.children; i++) {
        if (warden.child[i].missing) {
            tell_core(CONTROL_LOST, &warden.child[i], LOST_EXITED, SPAWN_NOT_FOUND);
        }
    }
}

static void
tell_rights(enum role role, unsigned index, unsigned missing)
{
    const struct control_message m = {
        .kind = CONTROL_RIGHTS, .role = (uint8_t)role, .index = (uint8_t)index, .value = (int32_t)missing
    };

    link_send(warden.child[CORE].control, &m, sizeof(m));
}

/* A wire that got none tries again later, as with a device that cannot be opened. */
static void
open_device(const struct child *c, int64_t now_ms)
{
    const struct openers_order order = {
        .channel = c->index, .program = warden.program, .conf = warden.conf_fd, .wire = c->control
    };
    int error = warden.phase == PHASE_GUARDING ? openers_start(&order, now_ms) : -ESHUTDOWN;
    const struct control_message m = {
        .kind = CONTROL_OPENED, .role = ROLE_OPENER, .index = (uint8_t)c->index, .value = -error
    };

    if (error < 0) {
        link_send(c->control, &m, sizeof(m));
    }
}

static void
take_ready(struct child *c, unsigned missing)
{
    c->ready = true;
    if (c->role == ROLE_CORE && warden.core_ended) {
        warden.core_ended = false;
        link_send(c->control, &warden.core_end, sizeof(warden.core_end));
    }
    child_back(c);
    if (c->role != ROLE_CORE) {
        tell_rights(c->role, c->index, missing);
    } else {
        tell_rights(ROLE_WARDEN, 0, warden.missing);
        tell_missing();
    }
}

/* Each sets its timer anew before it runs out: we wake for who does not. */
static void
look_for_life(int64_t now_ms)
{
    bool absent = role_was_absent(&warden.turn_ms, now_ms);

    for (unsigned i = 0; i < warden.children; i++) {
        struct child *c = &warden.child[i];
        struct itimerspec left = { .it_value = { .tv_sec = 0 } };

        if (c->pid != 0) {
            bool was_late = c->late;

            (void)timerfd_gettime(c->pulse, &left);
            c->late = left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0;
            c->alive_ms = absent || !c->late || !was_late ? now_ms : c->alive_ms;
        }
    }
}

static void
take_control(struct child *c, const struct control_message *m, int64_t now_ms)
{
    c->alive_ms = now_ms;
    if (m->kind == CONTROL_READY && !c->ready) {
        take_ready(c, (unsigned)m->value & RIGHTS_ALL);
    } else if (m->kind == CONTROL_OPEN && c->role == ROLE_WIRE) {
        open_device(c, now_ms);
    } else if (m->kind == CONTROL_STOPPED && c->role == ROLE_CORE) {
        warden.goodbye = true;
    }
}

/* It has closed its end: it is ending, or would hear of no stop. */
static void
hang_up(struct child *c)
{
    signal_child(c, SIGKILL); /* before it hears that we hang up, and ends as if it had been asked to */
    close(c->control);
    c->control = -1;
}

static void
hear_child(struct child *c, int64_t now_ms)
{
    struct control_message m;
    ssize_t n = 1;

    for (unsigned turn = 0; turn < MESSAGES_A_TURN && n > 0 && c->control >= 0; turn++) {
        n = link_receive(c->control, &m, sizeof(m));
        if (n > 0 && message_control_valid(&m, (size_t)n)) {
            take_control(c, &m, now_ms);
        }
    }
    if (n == 0) {
        hang_up(c);
    }
}

static void
child_ended(struct child *c, const siginfo_t *info, int64_t now_ms)
{
    c->pid = 0;            /* it is somebody else's soon */
    hear_child(c, now_ms); /* its last word may wait there: the core says that the goodbye is written */
    if (c->control >= 0) {
        close(c->control);
    }
    close(c->pulse);
    c->control = c->pulse = -1;
    if (c->role == ROLE_CORE && warden.phase == PHASE_STOPPING) {
        stop_all_but_core(now_ms);
    }
    if (warden.phase != PHASE_GUARDING) {
        return;
    }
    tell_core(CONTROL_LOST, c, info->si_code == CLD_EXITED ? LOST_EXITED : LOST_KILLED, info->si_status);
    c->lost_told = true;
    plan_restart(c, now_ms);
    if (c->role == ROLE_CORE) {
        set_phase(PHASE_RENEWING, now_ms);
    }
}

static void
reap(int64_t now_ms)
{
    siginfo_t info;

    for (;;) {
        memset(&info, 0, sizeof(info));
        if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) < 0 || info.si_pid == 0) {
            return;
        }
        struct child *c = child_of(info.si_pid);
        if (c == NULL) {
            if (info.si_code != CLD_STOPPED && info.si_code != CLD_CONTINUED) {
                (void)openers_ended(info.si_pid);
            }
            continue;
        }
        if (info.si_code == CLD_STOPPED) {
            child_stopped(c, info.si_status);
        } else if (info.si_code == CLD_CONTINUED) {
            child_back(c);
        } else {
            child_ended(c, &info, now_ms);
        }
    }
}

static bool
is_stopped(pid_t pid)
{
    char path[32];
    char text[PROC_STATUS_TEXT];
    struct own_status status = { .stopped = false };

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    ssize_t n = procfs_read(AT_FDCWD, path, text, sizeof(text));

    /* A tracer's stop is told by who looks at all of them; it is not ended by a signal. */
    return n > 0 && own_status_parse(text, (size_t)n, &status) && status.stopped && status.tracer == 0;
}

/*
 * waitid() tells of a stop when the last thread has stopped. One that waits in the kernel for a disk or a
 * hung file system does not, while all others stand still.
 */
static void
look_for_stopped(void)
{
    for (unsigned i = 0; i < warden.children; i++) {
        struct child *c = &warden.child[i];

        if (c->pid > 1 && c->late && is_stopped(c->pid)) {
            child_stopped(c, SIGSTOP);
        }
    }
}

static void
kill_hung(int64_t now_ms)
{
    for (unsigned i = 0; i < warden.children; i++) {
        struct child *c = &warden.child[i];

        if (c->pid != 0 && now_ms - c->alive_ms > HUNG_MS) {
            tell_core(CONTROL_LOST, c, LOST_HUNG, 0);
            c->lost_told = true;
            signal_child(c, SIGKILL);
            c->alive_ms = now_ms;
        }
    }
}

static bool
any_child(void)
{
    for (unsigned i = 0; i < warden.children; i++) {
        if (warden.child[i].pid != 0) {
            return true;
        }
    }
    return false;
}

static void
kill_all(void)
{
    for (unsigned i = 0; i < warden.children; i++) {
        signal_child(&warden.child[i], SIGKILL);
    }
    warden.killed = true;
}

/* The goodbye is written: nobody waits for one that hangs. */
static void
kill_silent(int64_t now_ms)
{
    for (unsigned i = 0; i < warden.children; i++) {
        struct child *c = &warden.child[i];

        if (c->pid != 0 && now_ms - c->alive_ms > SILENT_MS) {
            signal_child(c, SIGKILL);
            c->alive_ms = now_ms;
        }
    }
}

static void
tell_ready(void)
{
    for (unsigned i = 0; i < warden.children; i++) {
        if (!warden.child[i].ready && warden.child[i].role != ROLE_COURIER) {
            /* A first sweep takes as long as it takes; who hangs meanwhile is killed by us. */
            notify_send("EXTEND_TIMEOUT_USEC=30000000");
            return;
        }
    }
    warden.ready_told = true;
    notify_send("READY=1");
    say("guarding");
}

static void
feed_watchdog(int64_t now_ms)
{
    if (warden.watchdog_ms > 0 && now_ms >= warden.watchdog_due_ms) {
        notify_send("WATCHDOG=1");
        warden.watchdog_due_ms = now_ms + warden.watchdog_ms;
    }
}

static void
tell_alive(int64_t now_ms)
{
    const struct control_message m = { .kind = CONTROL_ALIVE };

    if (now_ms >= warden.alive_due_ms) {
        link_send(warden.child[CORE].control, &m, sizeof(m));
        warden.alive_due_ms = clock_next_ms(now_ms, ALIVE_MS);
    }
}

static void
take_signals(int64_t now_ms)
{
    struct signalfd_siginfo info;

    while (read(warden.signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
            begin_stop(now_ms);
        }
    }
    reap(now_ms);
}

/* A shell's soft limit is for its own programs: we take what the hard one allows. */
static bool
raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return true;
    }
    rlim_t most = limit.rlim_max < DESCRIPTORS_MOST ? limit.rlim_max : DESCRIPTORS_MOST;
    if (limit.rlim_cur < most) {
        limit.rlim_cur = most;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < DESCRIPTORS_LEAST) {
        cmd_error("%lu open files allowed; expected at least %d (ulimit -n, LimitNOFILE=)",
                (unsigned long)limit.rlim_cur, DESCRIPTORS_LEAST);
        return false;
    }
    return true;
}

/* INT64_MAX: it wakes us itself when there is something. */
static int64_t
child_due_ms(const struct child *c, int64_t now_ms)
{
    if (c->pid != 0) {
        return c->late ? now_ms + LATE_LOOK_MS : INT64_MAX;
    }
    return warden.phase == PHASE_GUARDING && may_start(c) ? c->restart_ms : INT64_MAX;
}

static void
wait_for_something(int64_t now_ms)
{
    struct pollfd fds[1 + 2 * CHILDREN];
    int64_t due_ms = warden.phase == PHASE_GUARDING ? warden.alive_due_ms : now_ms + ENDING_LOOK_MS;

    fds[0] = (struct pollfd){ .fd = warden.signals, .events = POLLIN };
    for (unsigned i = 0; i < warden.children; i++) {
        struct child *c = &warden.child[i];
        int64_t child_ms = child_due_ms(c, now_ms);

        fds[1 + i] = (struct pollfd){ .fd = c->pid != 0 ? c->control : -1, .events = POLLIN };
        fds[1 + warden.children + i] =
                (struct pollfd){ .fd = c->pid != 0 && !c->late ? c->pulse : -1, .events = POLLIN };
        due_ms = child_ms < due_ms ? child_ms : due_ms;
    }
    if (warden.watchdog_ms > 0 && warden.watchdog_due_ms < due_ms) {
        due_ms = warden.watchdog_due_ms;
    }
    int ready = poll(fds, 1 + 2 * warden.children, role_timeout(now_ms, due_ms, ALIVE_MS));
    if (ready < 0 && errno == EINVAL) {
        (void)raise_descriptors(); /* somebody else set fewer than we wait for */
    }
    if (ready <= 0) {
        return;
    }
    now_ms = clock_boot_ms();
    for (unsigned i = 0; i < warden.children; i++) {
        if (fds[1 + i].revents != 0) {
            hear_child(&warden.child[i], now_ms);
        }
    }
    if (fds[0].revents != 0) {
        take_signals(now_ms);
    }
}

/* True when the agent has ended. */
static bool
act(int64_t now_ms)
{
    feed_watchdog(now_ms);
    look_for_life(now_ms);
    if (warden.phase == PHASE_GUARDING) {
        start_due(now_ms);
        look_for_stopped();
        tell_alive(now_ms);
        kill_hung(now_ms);
        if (!warden.ready_told) {
            tell_ready();
        }
        return false;
    }
    if (warden.phase == PHASE_STOPPING && warden.goodbye) {
        kill_silent(now_ms);
    }
    if (!warden.killed && now_ms - warden.phase_ms > END_MS) {
        kill_all();
    }
    if (any_child()) {
        return false;
    }
    if (warden.phase == PHASE_STOPPING) {
        return true;
    }
    for (unsigned i = 0; i < warden.children; i++) {
        warden.child[i].restart_ms = warden.child[CORE].restart_ms;
        warden.child[i].lost_told = i == CORE;
    }
    set_phase(PHASE_GUARDING, now_ms);
    return false;
}

static void
add_child(enum role role, unsigned index)
{
    warden.child[warden.children++] = (struct child){
        .role = role, .index = index, .control = -1, .pulse = -1, .restart_wait_ms = RESTART_FIRST_MS
    };
}

static void
list_children(void)
{
    const struct conf *conf = warden.conf;

    warden.children = 0;
    add_child(ROLE_CORE, 0);
    for (unsigned i = 0; i < conf->channels; i++) {
        add_child(ROLE_WIRE, i);
    }
    if (conf->receiver.name[0] != '\0') {
        add_child(ROLE_COURIER, 0);
    }
    if (warden.order->checks) {
        add_child(ROLE_FSCHECK, 0);
        add_child(ROLE_PROCSCAN, 0);
        add_child(ROLE_NETWATCH, 0);
    }
}

static int
open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is a write error like a full disk */
    warden.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return warden.signals < 0 ? -errno : 0;
}

/* One agent a state directory: the session file is locked while one runs, down to its last process. */
static int
lock_session(int fd)
{
    struct pollfd nothing = { .fd = -1 };

    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += LOCK_LOOK_MS) {
        if (errno != EWOULDBLOCK || waited_ms >= LOCK_WAIT_MS) {
            return -errno;
        }
        if (waited_ms == 0) {
            say("another agent holds the session file; waiting for it to end");
        }
        poll(&nothing, 1, LOCK_LOOK_MS);
    }
    return 0;
}

static const char *
session_problem(int error)
{
    switch (error) {
    case WIRE_SLOT_E_BLANK:
        return "is blank: pair again (tocsin pair --again)";
    case WIRE_SLOT_E_DAMAGED:
        return "is damaged in both slots (bytes 0 to 4095 and 4096 to 8191): pair again (tocsin pair "
               "--again)";
    case WIRE_SLOT_E_VERSION:
        return "was written by a later version of tocsin";
    case SESSION_E_HOST:
        return "was paired for another Host than the configuration names";
    default:
        return strerror(-error);
    }
}

/* Whoever reads the key of the next session can seal in our name. */
static bool
only_ours(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

/* Whoever may write in it can put another session, another baseline or another socket in their places. */
static bool
only_we_write(const char *dir)
{
    struct stat st;

    if (stat(dir, &st) < 0) {
        return true; /* what is missing is told by name, next */
    }
    if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022) != 0) {
        cmd_error("%s: others may write in it; expected mode 0700 and the owner who runs tocsin", dir);
        return false;
    }
    return true;
}

static bool
open_session(void)
{
    char path[CONF_PATH + 16];
    struct wire_slot slot;

    if (!conf_state_path(warden.conf, WARDEN_SESSION, path, sizeof(path))) {
        cmd_error("the state directory's path is too long");
        return false;
    }
    if (!only_we_write(warden.conf->state_dir)) {
        return false;
    }
    warden.session = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (warden.session < 0 && errno == EROFS) {
        warden.session = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (warden.session >= 0 && !only_ours(warden.session)) {
        cmd_error("%s: others may read or write it; expected mode 0600 and the owner who runs tocsin", path);
        return false;
    }
    if (warden.session < 0) {
        cmd_error(errno == ENOENT ? "%s: not there: pair this host first (tocsin pair -)" : "%s: %s", path,
                strerror(errno));
        return false;
    }
    int error = lock_session(warden.session);
    if (error == 0) {
        error = session_peek(warden.session, warden.conf->host, &slot);
        wire_wipe(&slot, sizeof(slot));
    } else {
        cmd_error("%s: %s", path,
                error == -EWOULDBLOCK ? "another agent runs with this state directory" : strerror(-error));
        return false;
    }
    if (error != 0) {
        cmd_error("%s: %s", path, session_problem(error));
    }
    return error == 0;
}

/* Instead of the socket: an end of a pair that nobody ever knocks at. */
static bool
open_nobody(void)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) {
        return false;
    }
    close(warden.listen);
    warden.listen = ends[0]; /* the other stays open as long as the warden lives */
    return true;
}

/* Where the directory takes no socket (read-only, full), the agent guards without one: only `ring` needs it.
 */
static bool
open_listener(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    if (!conf_state_path(warden.conf, WARDEN_CTL, at.sun_path, sizeof(at.sun_path))) {
        cmd_error("%s: too long for a socket in it (%zu characters at most)", warden.conf->state_dir,
                sizeof(at.sun_path) - sizeof("/" WARDEN_CTL));
        return false;
    }
    unlink(at.sun_path);
    warden.listen = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (warden.listen < 0) {
        cmd_error("%s: %s", at.sun_path, strerror(errno));
        return false;
    }
    if (bind(warden.listen, (const struct sockaddr *)&at, sizeof(at)) < 0 || chmod(at.sun_path, 0600) < 0 ||
            listen(warden.listen, 8) < 0) {
        cmd_error("%s: %s; guarding without it", at.sun_path, strerror(errno));
        return open_nobody();
    }
    return true;
}

/* Without it the agent guards, and the core says all the time that the network is missing. */
static void
open_courier(void)
{
    for (unsigned i = 0; i < warden.children; i++) {
        if (warden.child[i].role == ROLE_COURIER) {
            warden.child[i].missing =
                    !courier_parts_open(warden.conf, ids_of(&warden.ids, ROLE_COURIER, 0), &warden.courier);
        }
    }
}

static bool
prepare(void)
{
    mode_t before = umask(077);
    bool opened = raise_descriptors() && open_session() && open_listener();

    umask(before);
    if (!opened) {
        return false;
    }
    if (!ids_find(warden.conf->user, &warden.ids)) {
        cmd_error("%s: User %s: not in /etc/passwd", warden.conf->config_path, cmd_text(warden.conf->user));
        return false;
    }
    open_courier();
    warden.program = image_of_self();
    warden.conf_fd =
            image_of(name_disguised() ? name_program() : "tocsin-conf", warden.conf, sizeof(*warden.conf));
    if (warden.program < 0 || warden.conf_fd < 0) {
        cmd_error("no sealed memory to run from: %s",
                strerror(warden.program < 0 ? -warden.program : -warden.conf_fd));
        return false;
    }
    const struct conf *sealed = image_map(warden.conf_fd, sizeof(*sealed));
    if (sealed != NULL) {
        warden.conf = sealed;
        pages_rest(warden.order->conf, sizeof(*warden.order->conf));
    }
    int error = open_signals();
    if (error < 0) {
        cmd_error("signalfd: %s", strerror(-error));
    }
    return error == 0;
}

/* It keeps the starter's rights, as it hands them out, and gives up what no process of the agent ever does.
 */
static void
narrow(void)
{
    const struct rights_order order = { .role = ROLE_WARDEN, .folder = -1 };

    rights_begin(ROLE_WARDEN);
    warden.missing = rights_narrow(&order) | rights_seal(&order);
}

int
warden_run(const struct warden_order *order)
{
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

    memset(&warden, 0, sizeof(warden));
    warden.order = order;
    warden.conf = order->conf;
    list_children();
    if (!prepare()) {
        return CMD_ERROR;
    }
    prctl(PR_SET_NAME, name_disguised() ? name_program() : "tocsin-warden");
    narrow();
    warden.watchdog_ms = notify_watchdog_ms();
    set_phase(PHASE_GUARDING, clock_boot_ms());
    for (int64_t rested_ms = 0;;) {
        int64_t now_ms = clock_boot_ms();

        if (act(now_ms)) {
            break;
        }
        (void)image_rest(&rested_ms, now_ms);
        wait_for_something(now_ms);
    }
    openers_kill();
    if (conf_state_path(warden.conf, WARDEN_CTL, path, sizeof(path))) {
        unlink(path);
    }
    say(warden.goodbye ? "stopped" : "stopped, but the goodbye was not written");
    return warden.goodbye ? 0 : 1;
}
