#include "watch/views_disguise.h"
#include "watch/sleepers.h"
#include "watch/views_pids.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A pass reads status, executable and first argument of each process that ran since the last, 200 of them a
 * slice. It also adds up their threads: when the kernel counts more of them in two passes, and the count
 * stood still meanwhile, a sweep for hidden processes is due.
 */
#define PIDS 131072
#define SLICE 200
#define KERNEL_PARENT 2 /* kthreadd, which starts all the others */
#define FIRST_PID_NAMESPACE 0xEFFFFFFCu
#define MISMATCHES 2
#define ARGUMENT 64

static int32_t list[PIDS];

static struct disguise_state {
    int proc;
    bool whole_machine; /* what the kernel counts and what /proc lists are about the same */
    bool running;
    ssize_t count;
    ssize_t next;
    uint64_t threads;
    uint64_t counted; /* by the kernel, when the pass began */
    unsigned mismatches;
    struct stat own;
    struct stat copy; /* found in this pass to be the same program */
} disguise = { .proc = -1 };

bool
disguise_kernel_name(const char *name, size_t len)
{
    static const char *const heads[] = { "cpuhp/", "ext4-rsv-conver", "idle_inject/", "irq/", "jbd2/",
        "kauditd", "kblockd", "kcompactd", "kdevtmpfs", "khugepaged", "khungtaskd", "kintegrityd",
        "ksoftirqd/", "kswapd", "kthreadd", "kthrotld", "kworker", "migration/", "oom_reaper", "rcu_par_gp",
        "rcu_preempt", "rcu_sched", "rcu_tasks_", "scsi_eh_" };

    if (len > 0 && name[0] == '[') {
        name++;
        len--;
    }
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        size_t head = strlen(heads[i]);

        if (len >= head && memcmp(name, heads[i], head) == 0) {
            return true;
        }
    }
    return false;
}

static bool
begins_with(const struct procfs_exe *exe, const char *head)
{
    return strncmp(exe->path, head, strlen(head)) == 0;
}

unsigned
disguise_judge(const struct procfs_stat *stat, const struct procfs_exe *exe, const char *argument, size_t len)
{
    unsigned why = 0;

    if (stat->kernel_thread) {
        return stat->parent == 0 || stat->parent == KERNEL_PARENT ? 0 : DISGUISE_PARENT;
    }
    if (exe == NULL) {
        return 0;
    }
    if (disguise_kernel_name(stat->name, strlen(stat->name)) || disguise_kernel_name(argument, len)) {
        why |= DISGUISE_NAME;
    }
    if (exe->file.deleted && begins_with(exe, "/memfd:")) {
        why |= DISGUISE_MEMORY;
    }
    if (exe->file.deleted &&
            (begins_with(exe, "/tmp/") || begins_with(exe, "/var/tmp/") || begins_with(exe, "/dev/shm/"))) {
        why |= DISGUISE_DELETED;
    }
    return why;
}

static void
tell(struct views *v, const struct procfs_stat *stat, const struct procfs_exe *exe, unsigned why,
        const char *argument, size_t len)
{
    static const char *const reason[] = { "kernel_name", "kernel_flag", "memory", "deleted" };
    bool disguised = (why & (DISGUISE_NAME | DISGUISE_PARENT)) != 0;
    char number[16];
    char reasons[64] = "";
    struct finding f;

    for (unsigned bit = 0; bit < 4; bit++) {
        if ((why & 1u << bit) != 0) {
            size_t used = strlen(reasons);

            snprintf(reasons + used, sizeof(reasons) - used, "%s%s", used > 0 ? "," : "", reason[bit]);
        }
    }
    snprintf(number, sizeof(number), "%d", stat->pid);
    finding_begin(&f, disguised ? FINDING_PROCESS_DISGUISED : FINDING_PROCESS_FILELESS, "pid", number,
            strlen(number));
    finding_addf(&f, "why", "%s", reasons);
    finding_add(&f, "name", stat->name, strlen(stat->name));
    if (exe != NULL) {
        finding_add(&f, "exe", exe->path, exe->len);
    }
    if (len > 0) {
        finding_add(&f, "argv", argument, len);
    }
    finding_addf(&f, "ppid", "%d", stat->parent);
    view_found(v, CONF_VIEW_DISGUISED_PROCESSES, &f);
}

static bool
same_file(const struct procfs_exe *exe, const struct stat *st)
{
    return exe->file.identified && exe->file.device == (uint64_t)st->st_dev &&
           exe->file.inode == (uint64_t)st->st_ino;
}

static bool
same_content(int a, int b, off_t size)
{
    static uint8_t block[2][16384];
    off_t at = 0;

    while (at < size) {
        ssize_t n = pread(a, block[0], sizeof(block[0]), at);

        if (n <= 0 || pread(b, block[1], (size_t)n, at) != n || memcmp(block[0], block[1], (size_t)n) != 0) {
            return false;
        }
        at += n;
    }
    return true;
}

/* Another tocsin that runs from memory, as the agent does beside `tocsin check`: known by its content. */
static bool
is_copy(int32_t pid, const struct procfs_exe *exe)
{
    char name[32];
    struct stat st;

    if (!exe->file.deleted || !begins_with(exe, "/memfd:")) {
        return false;
    }
    if (same_file(exe, &disguise.copy)) {
        return true;
    }
    snprintf(name, sizeof(name), "%d/exe", pid);
    int theirs = openat(disguise.proc, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int own = openat(disguise.proc, "self/exe", O_RDONLY | O_CLOEXEC);
    bool same = theirs >= 0 && own >= 0 && fstat(theirs, &st) == 0 && same_file(exe, &st) &&
                st.st_size == disguise.own.st_size && same_content(theirs, own, st.st_size);

    if (same) {
        disguise.copy = st;
    }
    if (theirs >= 0) {
        close(theirs);
    }
    if (own >= 0) {
        close(own);
    }
    return same;
}

/* The agent itself runs from memory. */
static bool
is_own(int32_t pid, const struct procfs_exe *exe)
{
    return same_file(exe, &disguise.own) || is_copy(pid, exe);
}

/* A sleeper's file can be deleted by others. */
static bool
sleeps_on(int32_t pid, struct procfs_exe *exe)
{
    return sleepers_has(pid, SLEEPERS_DISGUISE) &&
           !(procfs_exe_path(disguise.proc, pid, exe) == 0 && exe->file.deleted);
}

static void
look_at_one(struct views *v, int32_t pid)
{
    static struct procfs_exe exe;
    struct procfs_stat stat;
    char name[32];
    char argument[ARGUMENT] = "";

    if (sleeps_on(pid, &exe)) {
        disguise.threads++;
        return;
    }
    if (procfs_stat(disguise.proc, pid, &stat) != 0) {
        return;
    }
    disguise.threads += stat.threads;
    bool runs = !stat.kernel_thread && procfs_exe(disguise.proc, pid, &exe) == 0;

    if (runs && (is_own(pid, &exe) ||
                        conf_allows(v->env.conf, CONF_VIEW_DISGUISED_PROCESSES, exe.path, exe.len))) {
        return;
    }
    snprintf(name, sizeof(name), "%d/cmdline", pid);
    ssize_t len = runs ? procfs_read(disguise.proc, name, argument, sizeof(argument)) : 0;
    size_t first = strnlen(argument, len > 0 ? (size_t)len : 0);
    unsigned why = disguise_judge(&stat, runs ? &exe : NULL, argument, first);

    if (why != 0) {
        tell(v, &stat, runs ? &exe : NULL, why, argument, first);
    } else if (stat.threads == 1) { /* as it counts for one while it sleeps */
        sleepers_add(pid, SLEEPERS_DISGUISE);
    }
}

/* "0.00 0.00 0.00 running/ALL newest". 0 when it cannot be read. */
static uint64_t
count_threads(void)
{
    char text[128];
    ssize_t len = procfs_read(disguise.proc, "loadavg", text, sizeof(text));
    const char *at = len > 0 ? memchr(text, '/', (size_t)len) : NULL;
    uint64_t count = 0;

    if (at != NULL) {
        at++;
        (void)procfs_decimal(&at, text + len, INT32_MAX, &count);
    }
    return count;
}

static void
compare_count(struct views *v)
{
    bool differ = disguise.whole_machine && count_threads() == disguise.counted &&
                  disguise.counted > disguise.threads;

    disguise.mismatches = differ ? disguise.mismatches + 1 : 0;
    if (disguise.mismatches == MISMATCHES || disguise.mismatches == 2 * MISMATCHES) {
        views_pids_hurry(v, disguise.mismatches > MISMATCHES);
    }
}

static int64_t
disguise_look(struct views *v, int64_t now_ms)
{
    if (!disguise.running) {
        disguise.counted = count_threads();
        disguise.count = procfs_pids(disguise.proc, list, PIDS);
        disguise.next = 0;
        disguise.threads = 0;
        memset(&disguise.copy, 0, sizeof(disguise.copy));
        disguise.running = true;
        view_begin(v, CONF_VIEW_DISGUISED_PROCESSES);
    }
    for (int i = 0; i < SLICE && disguise.next < disguise.count; i++) {
        look_at_one(v, list[disguise.next++]);
    }
    if (disguise.next < disguise.count) {
        return now_ms;
    }
    disguise.running = false;
    if (disguise.count > 0) {
        view_end(v, CONF_VIEW_DISGUISED_PROCESSES);
        compare_count(v);
    }
    return VIEW_DONE;
}

static int
disguise_open(struct views *v)
{
    struct stat st;

    (void)v;
    if (disguise.proc >= 0) {
        close(disguise.proc);
    }
    disguise = (struct disguise_state){ .proc = procfs_open() };
    if (disguise.proc < 0) {
        return disguise.proc;
    }
    disguise.whole_machine =
            fstatat(disguise.proc, "self/ns/pid", &st, 0) == 0 && st.st_ino == FIRST_PID_NAMESPACE;
    (void)fstatat(disguise.proc, "self/exe", &disguise.own, 0);
    return 0;
}

const struct view_ops views_disguise_ops = {
    .view = CONF_VIEW_DISGUISED_PROCESSES,
    .open = disguise_open,
    .look = disguise_look,
};
