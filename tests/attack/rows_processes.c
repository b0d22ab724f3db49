#include "attack.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Against the agent's processes: killed, stopped, frozen and traced, one and all.
 */
#define BACK_MS 15000
#define LIVES 4
#define LONG_LIFE_MS 2500
#define CGROUPS ATTACK_PLACE "/cgroup"
#define FEW ATTACK_PLACE "/pids" /* control groups of version 1 */
#define NO_ROOM_MS 3000

static size_t before; /* events, when the row struck */
static pid_t tracer;
static int asked = -1; /* where permission events come */
static char cgroup[64];
static int order = -1; /* to the first process of the agent's own process namespace */

static bool
is(const struct attack_row *row, const char *role)
{
    return strcmp(row->role, role) == 0;
}

/* ---- one of them ---- */

static bool
signal_one(const struct attack_row *row, int signal)
{
    pid_t pid = attack_pid(row->role);

    before = attack_ground.events;
    return pid > 1 && kill(pid, signal) == 0;
}

/* A process that dies young again and again is started later each time; so it lives for longer now and then.
 */
static const char *
let_live(const struct attack_row *row)
{
    static const struct attack_row *last;
    static unsigned rounds;

    rounds = row == last ? rounds + 1 : 0;
    last = row;
    if (rounds % LIVES == LIVES - 1) {
        net_listen(&attack_ground, LONG_LIFE_MS);
    }
    return NULL;
}

static bool
kill_one(const struct attack_row *row)
{
    return signal_one(row, SIGKILL);
}

static bool
stop_one(const struct attack_row *row)
{
    return signal_one(row, SIGSTOP);
}

/* A wire bears the number of its channel. */
static const char *
proc_detail(const struct attack_row *row)
{
    static char detail[48];

    snprintf(detail, sizeof(detail), "proc=%s%s ", row->role, is(row, "wire") ? "0" : "");
    return detail;
}

static bool
is_back(const struct attack_row *row)
{
    if (is(row, "warden")) {
        net_stop(&attack_ground.agent, SIGKILL);
        return attack_all_well();
    }
    if (is(row, "core")) {
        return attack_wait(before, "agent.start", NULL, BACK_MS) && attack_all_well();
    }
    char over[64];
    snprintf(over, sizeof(over), "%sof=", proc_detail(row));
    return attack_wait(before, "agent.self", over, BACK_MS) && (!is(row, "courier") || attack_all_well());
}

/* The wires and the core have a word ready for those two; of the others the warden tells. */
static const struct net_told *
lost_shown(const struct attack_row *row, size_t from, int timeout_ms)
{
    return net_wait(&attack_ground, from, "agent.self", row->detail != NULL ? row->detail : proc_detail(row),
            NULL, timeout_ms);
}

/* That of another process may be over meanwhile too. */
static bool
held_over(pid_t pid)
{
    char process[32];

    snprintf(process, sizeof(process), "/%d of=", (int)pid);
    return attack_wait(before, "process.ok", process, BACK_MS);
}

static bool
goes_on(const struct attack_row *row)
{
    pid_t pid = attack_pid(row->role);
    char over[64];

    if (pid > 1) {
        kill(pid, SIGCONT);
    }
    snprintf(over, sizeof(over), "%sof=", proc_detail(row));
    return (is(row, "warden") ? held_over(pid) : attack_wait(before, "agent.self", over, BACK_MS)) &&
           attack_all_well();
}

/* ---- stopped while a thread of it cannot be ---- */

#define HUNG ATTACK_PLACE "/hung"
#define ASKED_MS 2000

/* At its start fscheck asks it with a thread of its own, which waits in the kernel and stops for no signal.
 */
static const char *
beside_hung(const struct attack_row *row)
{
    (void)row;
    if (!attack_hang(HUNG)) {
        return "no FUSE";
    }
    if (!attack_restart_agent()) {
        return "the agent does not start beside it";
    }
    net_listen(&attack_ground, ASKED_MS);
    return NULL;
}

static bool
goes_on_without_hung(const struct attack_row *row)
{
    attack_let_go(HUNG);
    return goes_on(row);
}

/* ---- held at a reading ---- */

#define READ ATTACK_TREE "/one"

/* Whoever reads the file waits for an answer that nobody gives; a signal that kills ends that. */
static const char *
answer_nobody(const struct attack_row *row)
{
    (void)row;
    asked = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);
    if (asked < 0 || fanotify_mark(asked, FAN_MARK_ADD, FAN_ACCESS_PERM, AT_FDCWD, READ) < 0) {
        return "no permission events";
    }
    return NULL;
}

static bool
make_it_read(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    return attack_do("echo two >>" READ);
}

/* The change is told once somebody could read it. */
static bool
may_read(const struct attack_row *row)
{
    close(asked);
    return is_back(row) && attack_wait(before, "integrity.changed", READ, BACK_MS) &&
           attack_do("echo one >" READ) && attack_wait(before, "integrity.ok", READ, BACK_MS);
}

/* ---- traced ---- */

/* Traces it until it is killed itself. */
static bool
trace(const struct attack_row *row, enum __ptrace_request how)
{
    pid_t pid = attack_pid(row->role);
    int done[2];
    char byte = 'n';

    before = attack_ground.events;
    if (pid <= 1 || pipe2(done, O_CLOEXEC) < 0) {
        return false;
    }
    tracer = fork();
    if (tracer == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        byte = ptrace(how, pid, NULL, NULL) == 0 ? 'y' : 'n';
        (void)!write(done[1], &byte, 1);
        for (;;) {
            pause();
        }
    }
    close(done[1]);
    (void)!read(done[0], &byte, 1);
    close(done[0]);
    return byte == 'y';
}

static bool
seize(const struct attack_row *row)
{
    return trace(row, PTRACE_SEIZE);
}

static bool
attach(const struct attack_row *row)
{
    return trace(row, PTRACE_ATTACH);
}

/* Who is held is named with its number. */
static const struct net_told *
held_shown(const struct attack_row *row, size_t from, int timeout_ms)
{
    char process[32];

    snprintf(process, sizeof(process), "/%d state=%s", (int)attack_pid(row->role), row->detail);
    return net_wait(&attack_ground, from, row->code, process, row->line, timeout_ms);
}

static bool
let_go(const struct attack_row *row)
{
    pid_t pid = attack_pid(row->role);

    net_stop(&tracer, SIGKILL);
    if (pid > 1) {
        kill(pid, SIGCONT);
    }
    net_listen(&attack_ground, 100);
    return held_over(pid) && attack_all_well();
}

/* Both ends are set up anew: a session has its last words once. */
static bool
is_released(const struct attack_row *row)
{
    (void)row;
    net_stop(&tracer, SIGKILL);
    attack_signal_all(SIGCONT);
    return true;
}

/* ---- starved ---- */

static struct rlimit limit_before;

/* Root without CAP_SYS_RESOURCE sets no limits of a process that is not root's. */
static const char *
may_limit(const struct attack_row *row)
{
    pid_t pid = attack_pid(row->role);
    struct rlimit now;

    return pid > 1 && prlimit(pid, RLIMIT_NOFILE, NULL, &now) == 0 &&
                           prlimit(pid, RLIMIT_NOFILE, &now, NULL) == 0
                   ? NULL
                   : "limits of other users' processes cannot be set";
}

static const char *
let_live_limited(const struct attack_row *row)
{
    (void)let_live(row);
    return may_limit(row);
}

/* So that two looks have seen the limits that it began with. */
static const char *
settle(const struct attack_row *row)
{
    static pid_t settled;
    pid_t pid = attack_pid(row->role);

    if (pid != settled) {
        net_listen(&attack_ground, 9000);
        settled = pid;
    }
    return may_limit(row);
}

static bool
limit(const struct attack_row *row, __rlimit_resource_t what, rlim_t most)
{
    pid_t pid = attack_pid(row->role);
    struct rlimit now = { .rlim_cur = most };

    before = attack_ground.events;
    if (pid <= 1 || prlimit(pid, what, NULL, &limit_before) < 0) {
        return false;
    }
    now.rlim_max = limit_before.rlim_max;
    return prlimit(pid, what, &now, NULL) == 0;
}

static bool
unlimit(const struct attack_row *row, __rlimit_resource_t what)
{
    pid_t pid = attack_pid(row->role);

    return pid > 1 && prlimit(pid, what, &limit_before, NULL) == 0 &&
           attack_wait(before, "process.ok", NULL, BACK_MS) && attack_all_well();
}

static bool
take_files(const struct attack_row *row)
{
    return limit(row, RLIMIT_NOFILE, 0);
}

static bool
take_most_files(const struct attack_row *row)
{
    return limit(row, RLIMIT_NOFILE, 20);
}

static const struct net_told *
ended_shown(const struct attack_row *row, size_t from, int timeout_ms)
{
    return net_wait(&attack_ground, from, "agent.self", proc_detail(row), row->line, timeout_ms);
}

static bool
give_files(const struct attack_row *row)
{
    return unlimit(row, RLIMIT_NOFILE);
}

static bool
take_memory(const struct attack_row *row)
{
    return limit(row, RLIMIT_AS, 1);
}

/* It went on sealing all the while. */
static bool
give_memory(const struct attack_row *row)
{
    size_t from = attack_ground.events;

    return net_ring(&attack_ground, 1) == 1 && attack_wait(from, "test.alarm", NULL, BACK_MS) &&
           unlimit(row, RLIMIT_AS);
}

/* ---- all of them ---- */

static bool
kill_all(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    return attack_signal_all(SIGKILL);
}

static bool
stop_all(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    return attack_signal_all(SIGSTOP);
}

static const struct net_told *
cut_shown(const struct attack_row *row, size_t from, int timeout_ms)
{
    return attack_wait_alarm(from, row->code, NULL, "open", timeout_ms);
}

/* What is left of it goes as well; both ends are set up anew. */
static bool
is_gone(const struct attack_row *row)
{
    (void)row;
    net_stop(&attack_ground.agent, SIGKILL);
    return true;
}

static bool
start_again(const struct attack_row *row)
{
    return is_gone(row) && attack_all_well();
}

static bool
all_go_on(const struct attack_row *row)
{
    (void)row;
    attack_signal_all(SIGCONT);
    return attack_wait_alarm(before, "belfry.silent", NULL, "closed", BACK_MS) != NULL && attack_all_well();
}

/* ---- control groups ---- */

static bool
put_into(const char *groups, const char *file, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", groups, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

static bool
put(const char *file, const char *text)
{
    return put_into(cgroup, file, text);
}

/* All of the agent in a group below this one, or the one of the row's role. */
static const char *
group_below(const char *groups, const char *role)
{
    pid_t pid[ATTACK_AGENT_PIDS];
    char text[16];

    snprintf(cgroup, sizeof(cgroup), "%s/attack-%lld", groups, (long long)net_now_us());
    if (mkdir(cgroup, 0755) < 0) {
        return "control groups cannot be made";
    }
    unsigned count = role == NULL ? attack_pids(pid) : 1;
    if (role != NULL) {
        pid[0] = attack_pid(role);
    }
    for (unsigned i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%d", (int)pid[i]);
        if (!put("cgroup.procs", text)) {
            rmdir(cgroup);
            return "processes cannot be moved to a control group";
        }
    }
    return NULL;
}

static bool
mounted(const char *groups, const char *type, const char *controller)
{
    return access(groups, F_OK) == 0 ||
           (mkdir(groups, 0755) == 0 && mount(type, groups, type, 0, controller) == 0);
}

static const char *
group(const struct attack_row *row)
{
    return mounted(CGROUPS, "cgroup2", NULL) ? group_below(CGROUPS, row->role)
                                             : "no control groups of version 2";
}

static bool
ungroup(void)
{
    for (int i = 0; i < 200; i++) {
        net_reap(&attack_ground);
        if (rmdir(cgroup) == 0) {
            return true;
        }
        poll(NULL, 0, 10);
    }
    return false;
}

static const char *
group_to_kill(const struct attack_row *row)
{
    const char *why = group(row);
    char path[128];

    snprintf(path, sizeof(path), "%s/cgroup.kill", cgroup);
    if (why == NULL && access(path, W_OK) < 0) {
        why = "no cgroup.kill";
    }
    return why;
}

static bool
kill_group(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    return put("cgroup.kill", "1");
}

static bool
freeze_group(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    return put("cgroup.freeze", "1");
}

static bool
is_gone_ungrouped(const struct attack_row *row)
{
    return is_gone(row) && ungroup();
}

static bool
thaw(const struct attack_row *row)
{
    put("cgroup.freeze", "0");
    bool heard = attack_wait_alarm(before, "belfry.silent", NULL, "closed", BACK_MS) != NULL;

    net_stop(&attack_ground.agent, SIGTERM);
    return heard && ungroup() && start_again(row);
}

static bool
is_back_thawed(const struct attack_row *row)
{
    put("cgroup.freeze", "0");
    return is_back(row) && ungroup();
}

/* ---- no room for another process ---- */

/* In version 2 where that has the controller, else in version 1. */
static const char *
group_of_few(const struct attack_row *row)
{
    (void)row;
    bool second = mounted(CGROUPS, "cgroup2", NULL) && put_into(CGROUPS, "cgroup.subtree_control", "+pids");

    if (!second && !mounted(FEW, "cgroup", "pids")) {
        return "no controller of processes";
    }
    return group_below(second ? CGROUPS : FEW, NULL);
}

static bool
take_room_and_kill(const struct attack_row *row)
{
    return put("pids.max", "1") && kill_one(row);
}

/* It is back when there is room, and was not before. */
static bool
is_back_with_room(const struct attack_row *row)
{
    size_t from = attack_ground.events;

    net_listen(&attack_ground, NO_ROOM_MS);
    bool before_room = net_find(&attack_ground, from, is(row, "core") ? "agent.start" : "agent.self",
                               is(row, "core") ? NULL : "of=", NULL) != NULL;
    bool back = put("pids.max", "max") && is_back(row);

    net_stop(&attack_ground.agent, SIGTERM);
    return ungroup() && start_again(row) && !before_room && back;
}

/* ---- kill -9 -1 ---- */

/* The first process of a namespace of the agent's own; kills all others of it when it is told to. */
static void
first_of_all(int told)
{
    char byte;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (mount("proc", "/proc", "proc", 0, NULL) < 0) {
        _exit(1);
    }
    net_spawn_agent(&attack_ground);
    if (read(told, &byte, 1) == 1) {
        kill(-1, SIGKILL);
    }
    for (;;) {
        pause();
    }
}

static const char *
apart(const struct attack_row *row)
{
    size_t from = attack_ground.events;
    int told[2];

    (void)row;
    net_stop(&attack_ground.agent, SIGTERM);
    if (pipe2(told, O_CLOEXEC) < 0) {
        return "no pipe";
    }
    attack_ground.agent = fork();
    if (attack_ground.agent == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(told[1]);
        if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0) {
            _exit(1);
        }
        pid_t first = fork();
        if (first == 0) {
            first_of_all(told[0]);
        }
        waitpid(first, NULL, 0);
        _exit(0);
    }
    close(told[0]);
    order = told[1];
    return attack_wait(from, "agent.start", NULL, BACK_MS) && attack_linked(BACK_MS)
                   ? NULL
                   : "the agent does not run in a process namespace of its own";
}

static bool
kill_everybody(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    return write(order, "", 1) == 1;
}

static bool
is_gone_apart(const struct attack_row *row)
{
    close(order);
    return is_gone(row);
}

#define CUT .fresh = true, .shown = cut_shown, .code = "belfry.cut"
#define SILENT .shown = cut_shown, .code = "belfry.silent"
#define KILL_LIMIT_MS 1000
#define STOP_LIMIT_MS 1000
#define STOP_HUNG_LIMIT_MS 1500 /* a sign of life is missing: a second, and what it is waited for */
#define HELD_LIMIT_MS 2000
#define LIMITED_LIMIT_MS 6000
#define SILENT_LIMIT_MS 12000
#define LAST_WORDS_LIMIT_MS 6000

#define KILL_ONE                                                                           \
    .name = "kill -9", .limit_ms = KILL_LIMIT_MS, .prepare = let_live, .strike = kill_one, \
    .shown = lost_shown, .heal = is_back
#define STOP_ONE \
    .name = "SIGSTOP", .limit_ms = STOP_LIMIT_MS, .strike = stop_one, .shown = lost_shown, .heal = goes_on
#define HELD .limit_ms = HELD_LIMIT_MS, .shown = held_shown, .code = "process.held"
#define SEIZE .name = "ptrace seize", HELD, .detail = "traced", .strike = seize, .heal = let_go
#define ATTACH .name = "ptrace attach", HELD, .detail = "traced", .strike = attach, .heal = let_go
#define NO_ROOM                                                                                      \
    .name = "killed without room", .limit_ms = KILL_LIMIT_MS, .slow = true, .prepare = group_of_few, \
    .strike = take_room_and_kill, .shown = lost_shown, .heal = is_back_with_room
#define LIMITED                                                                              \
    .limit_ms = LIMITED_LIMIT_MS, .slow = true, .shown = held_shown, .code = "process.held", \
    .detail = "limited", .prepare = settle
#define NO_FILES                                                                                           \
    .name = "no open files", .limit_ms = HELD_LIMIT_MS, .prepare = let_live_limited, .strike = take_files, \
    .shown = ended_shown, .heal = is_back

const struct attack_row attack_on_processes[] = {
    { KILL_ONE, .role = "warden", .detail = "proc=warden state=lost" },
    { KILL_ONE, .role = "core", .detail = "proc=core state=lost" },
    { KILL_ONE, .role = "wire" },
    { KILL_ONE, .role = "courier" },
    { KILL_ONE, .role = "fscheck" },
    { KILL_ONE, .role = "procscan" },
    { KILL_ONE, .role = "netwatch" },
    { .name = "kill -9 all at once",
            .limit_ms = KILL_LIMIT_MS,
            .strike = kill_all,
            CUT,
            .heal = start_again },
    { .name = "kill -9 all: the dead-man",
            .limit_ms = SILENT_LIMIT_MS,
            .slow = true,
            .strike = kill_all,
            SILENT,
            .heal = start_again },
    { .name = "cgroup.kill",
            .limit_ms = KILL_LIMIT_MS,
            .prepare = group_to_kill,
            .strike = kill_group,
            CUT,
            .heal = is_gone_ungrouped },
    { .name = "kill -9 -1",
            .limit_ms = KILL_LIMIT_MS,
            .prepare = apart,
            .strike = kill_everybody,
            CUT,
            .heal = is_gone_apart },
    { STOP_ONE, .role = "core" },
    { STOP_ONE, .role = "wire" },
    { STOP_ONE, .role = "courier" },
    { STOP_ONE, .role = "fscheck" },
    { STOP_ONE, .role = "procscan" },
    { STOP_ONE, .role = "netwatch" },
    { .name = "SIGSTOP as a thread hangs",
            .limit_ms = STOP_HUNG_LIMIT_MS,
            .slow = true,
            .prepare = beside_hung,
            .strike = stop_one,
            .shown = lost_shown,
            .heal = goes_on_without_hung,
            .role = "fscheck" },
    { .name = "hold its reading",
            .limit_ms = SILENT_LIMIT_MS,
            .slow = true,
            .prepare = answer_nobody,
            .strike = make_it_read,
            .shown = lost_shown,
            .heal = may_read,
            .role = "fscheck" },
    { .name = "SIGSTOP", HELD, .detail = "stopped", .strike = stop_one, .heal = goes_on, .role = "warden" },
    { SEIZE, .role = "warden" },
    { SEIZE, .role = "core" },
    { SEIZE, .role = "wire" },
    { SEIZE, .role = "courier" },
    { SEIZE, .role = "fscheck" },
    { SEIZE, .role = "procscan" },
    { SEIZE, .role = "netwatch" },
    { ATTACH, .role = "warden" },
    { ATTACH, .role = "procscan" },
    { ATTACH, .role = "netwatch" },
    { .name = "ptrace attach",
            .limit_ms = LAST_WORDS_LIMIT_MS,
            .slow = true,
            .fresh = true,
            .strike = attach,
            .heal = is_released,
            .code = "agent.self",
            .detail = "proc=core state=lost",
            .role = "core" },
    { NO_FILES, .role = "core" },
    { NO_FILES, .role = "wire" },
    { NO_FILES, .role = "procscan" },
    { LIMITED, .name = "few open files", .strike = take_most_files, .heal = give_files, .role = "fscheck" },
    { LIMITED, .name = "no memory", .strike = take_memory, .heal = give_memory, .role = "core" },
    { .name = "SIGSTOP all",
            .limit_ms = SILENT_LIMIT_MS,
            .slow = true,
            .strike = stop_all,
            SILENT,
            .heal = all_go_on },
    { .name = "freeze",
            .limit_ms = SILENT_LIMIT_MS,
            .slow = true,
            .prepare = group,
            .strike = freeze_group,
            .shown = lost_shown,
            .heal = is_back_thawed,
            .role = "procscan" },
    { NO_ROOM, .role = "netwatch" },
    { NO_ROOM, .role = "core", .detail = "proc=core state=lost" },
    { .name = "freeze all",
            .limit_ms = SILENT_LIMIT_MS,
            .slow = true,
            .prepare = group,
            .strike = freeze_group,
            SILENT,
            .heal = thaw },
    { .name = NULL },
};
