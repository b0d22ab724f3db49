/*
 * The views of processes against real ones. What nobody can hide without being the kernel is hidden here in a
 * pid namespace whose /proc is made by hand.
 */
#include "apart.h"
#include "notes.h"
#include "watch/device.h"
#include "watch/procfs.h"
#include "watch/views_disguise.h"
#include "watch/views_procmounts.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN "View own-processes off\n"
#define OFF OWN "View hidden-processes off\nView disguised-processes off\nView proc-mounts off\n"
#define HIDDEN OWN "View disguised-processes off\nView proc-mounts off\n"
#define DISGUISED OWN "View hidden-processes off\nView proc-mounts off\n"
#define COVERED OWN "View hidden-processes off\nView disguised-processes off\n"

#define LEADERLESS "leaderless"
#define HOLDER_APART "holder-apart"
#define HOLDER_LEADERLESS "holder-leaderless"

static const struct detector_ops *const ops = &detector_processes_ops;
static int64_t now_ms;

static void
start(const char *line)
{
    configure(line);
    now_ms = 4000;
    CHECK_INT(ops->open(&env), 0);
}

/* Everything that is due within a minute, on the detector's own clock. */
static int
run_a_minute(void)
{
    int64_t end_ms = now_ms + 60000;
    int calls = 0;

    while (now_ms < end_ms && calls++ < 100000) {
        int64_t due_ms = ops->work(now_ms);

        CHECK(due_ms >= now_ms);
        now_ms = due_ms > now_ms ? due_ms : now_ms + 1;
    }
    return calls;
}

static const char *
pid_text(pid_t pid)
{
    static char text[32];

    snprintf(text, sizeof(text), "pid=%d ", pid);
    return text;
}

static void
copy_program(const char *from, int to)
{
    char block[65536];
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    while ((n = read(fd, block, sizeof(block))) > 0) {
        CHECK_INT(write(to, block, (size_t)n), n);
    }
    close(fd);
}

/* A copy of sleep(1) at `path`. */
static void
make_sleeper(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

    copy_program("/bin/sleep", fd);
    close(fd);
}

/* Returns when the child runs what it was told to. */
static pid_t
run(int fd, const char *path, const char *name)
{
    char first[64];
    char seconds[] = "60";
    char *const argv[] = { first, seconds, NULL };
    char *const envp[] = { NULL };
    int done[2];
    char byte;

    snprintf(first, sizeof(first), "%s", name);
    CHECK_INT(pipe2(done, O_CLOEXEC), 0);
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (fd >= 0) {
            fexecve(fd, argv, envp);
        } else {
            execve(path, argv, envp);
        }
        _exit(1);
    }
    close(done[1]);
    (void)!read(done[0], &byte, 1);
    close(done[0]);
    CHECK(pid > 1);
    return pid;
}

static void
end(pid_t pid)
{
    if (pid > 1) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static void
only_the_kernels_own_names_are_taken_for_them(void)
{
    static const char *const kernel[] = { "kworker/0:1", "[kworker/u8:2-events]", "kworkerds", "kdevtmpfsi",
        "[kswapd0]", "ksoftirqd/0", "[jbd2/sda1-8]", "kthreadd" };
    static const char *const others[] = { "", "[", "bash", "[celeryd: worker]", "[lxc monitor] /var/lib/lxc",
        "sshd: kworker", "/usr/bin/kworker", "rcu", "irqbalance", "watchdogd", "kitty", "kdeinit5",
        "(sd-pam)" };

    for (size_t i = 0; i < sizeof(kernel) / sizeof(kernel[0]); i++) {
        CHECK(disguise_kernel_name(kernel[i], strlen(kernel[i])));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        CHECK(!disguise_kernel_name(others[i], strlen(others[i])));
    }
}

static void
only_folders_of_processes_are_covered_ones(void)
{
    static const char *const covered[] = { "/proc/1", "/proc/812", "/proc/812/exe", "/proc/7/task/8",
        "/proc/modules", "/sys/module", "/sys/module/crc16" };
    static const char *const others[] = { "/proc", "/proc/", "/proc/sys", "/proc/sys/fs/binfmt_misc",
        "/proc/1x", "/procs/1", "/mnt/proc/1", "/proc//1", "/proc/modules2", "/sys/modules", "/sys" };

    for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++) {
        CHECK(procmounts_covers(covered[i]));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        CHECK(!procmounts_covers(others[i]));
    }
}

static void
a_mark_of_the_kernel_without_its_parent_is_a_disguise(void)
{
    struct procfs_stat stat = { .pid = 9, .parent = 2, .kernel_thread = true, .name = "kworker/0:1" };
    struct procfs_exe none = { .path = "" };

    CHECK_INT(disguise_judge(&stat, NULL, "", 0), 0);
    stat.parent = 1;
    CHECK_INT(disguise_judge(&stat, NULL, "", 0), DISGUISE_PARENT);
    stat.kernel_thread = false;
    CHECK_INT(disguise_judge(&stat, NULL, "", 0), 0); /* a zombie has no executable either */
    CHECK_INT(disguise_judge(&stat, &none, "", 0), DISGUISE_NAME);
}

static void
a_process_named_as_a_kernel_thread_is_told_until_it_ends(void)
{
    char dir[] = "/tmp/tocsin-views-XXXXXX";
    char path[64];

    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/kworker:0", dir);
    make_sleeper(path);
    pid_t by_name = run(-1, path, "sleep");
    pid_t by_argument = run(-1, "/bin/sleep", "[kworker/0:1-events]");
    pid_t honest = run(-1, "/bin/sleep", "sleep");

    start(DISGUISED);
    run_a_minute();
    CHECK_INT(noted(FINDING_OPEN, FINDING_PROCESS_DISGUISED, pid_text(honest)), 0);
    CHECK(is_open(FINDING_PROCESS_DISGUISED, pid_text(by_name)));
    CHECK(is_open(FINDING_PROCESS_DISGUISED, pid_text(by_argument)));
    CHECK(noted(FINDING_OPEN, FINDING_PROCESS_DISGUISED, "argv=[kworker/0:1-events]") > 0);
    end(by_argument);
    run_a_minute();
    CHECK(is_open(FINDING_PROCESS_DISGUISED, pid_text(by_name)));
    CHECK(!is_open(FINDING_PROCESS_DISGUISED, pid_text(by_argument)));
    end(by_name);
    end(honest);
    unlink(path);
    rmdir(dir);
}

static void
a_process_that_is_allowed_by_its_file_is_not_told(void)
{
    pid_t pid = run(-1, "/bin/sleep", "[kworker/0:1]");
    char target[256] = "";
    char link[32];
    char line[512];

    snprintf(link, sizeof(link), "/proc/%d/exe", pid);
    CHECK(readlink(link, target, sizeof(target) - 1) > 0);
    snprintf(line, sizeof(line), DISGUISED "View disguised-processes allow %s", target);
    start(line);
    run_a_minute();
    CHECK(!is_open(FINDING_PROCESS_DISGUISED, pid_text(pid)));
    end(pid);
}

static void
a_process_that_runs_from_memory_is_told(void)
{
    int fd = memfd_create("payload", MFD_CLOEXEC);

    copy_program("/bin/sleep", fd);
    pid_t pid = run(fd, NULL, "sleep");

    start(DISGUISED);
    run_a_minute();
    CHECK(is_open(FINDING_PROCESS_FILELESS, pid_text(pid)));
    CHECK(noted(FINDING_OPEN, FINDING_PROCESS_FILELESS, "why=memory") > 0);
    CHECK(noted(FINDING_OPEN, FINDING_PROCESS_FILELESS, "exe=/memfd:payload") > 0);
    start(DISGUISED "View disguised-processes allow /memfd:pay*");
    run_a_minute();
    CHECK(!is_open(FINDING_PROCESS_FILELESS, pid_text(pid)));
    end(pid);
    close(fd);
}

static void
the_same_program_in_memory_is_not_told_and_a_changed_one_is(void)
{
    int same = memfd_create("tocsin", MFD_CLOEXEC);
    int other = memfd_create("tocsin", MFD_CLOEXEC);
    struct stat st;

    copy_program("/proc/self/exe", same);
    copy_program("/proc/self/exe", other);
    CHECK_INT(fstat(other, &st), 0);
    CHECK_INT(pwrite(other, "changed", 7, st.st_size - 7), 7);
    pid_t agent = run(same, NULL, "tocsin");
    pid_t payload = run(other, NULL, "tocsin");

    start(DISGUISED);
    run_a_minute();
    CHECK(!is_open(FINDING_PROCESS_FILELESS, pid_text(agent)));
    CHECK(is_open(FINDING_PROCESS_FILELESS, pid_text(payload)));
    end(agent);
    end(payload);
    close(same);
    close(other);
}

static void
a_deleted_file_is_told_only_where_anybody_may_write(void)
{
    char spool[] = "/tmp/tocsin-views-XXXXXX";
    char home[] = "./tocsin-views-XXXXXX";
    char in_tmp[64];
    char at_home[64];

    CHECK(mkdtemp(spool) != NULL && mkdtemp(home) != NULL);
    snprintf(in_tmp, sizeof(in_tmp), "%s/a", spool);
    snprintf(at_home, sizeof(at_home), "%s/a", home);
    make_sleeper(in_tmp);
    make_sleeper(at_home);
    pid_t bad = run(-1, in_tmp, "sleep");
    pid_t upgraded = run(-1, at_home, "sleep");
    char exe[256] = "";

    start(DISGUISED);
    run_a_minute();
    CHECK(!is_open(FINDING_PROCESS_FILELESS, pid_text(bad)));
    unlink(in_tmp);
    unlink(at_home);
    run_a_minute();
    CHECK(is_open(FINDING_PROCESS_FILELESS, pid_text(bad)));
    CHECK(realpath(home, exe) != NULL);
    if (strncmp(exe, "/tmp/", 5) != 0) {
        CHECK(!is_open(FINDING_PROCESS_FILELESS, pid_text(upgraded)));
    }
    end(bad);
    end(upgraded);
    rmdir(spool);
    rmdir(home);
}

static void *
go_on(void *unused)
{
    (void)unused;
    sleep(60);
    return NULL;
}

/* As this program with one more argument runs. */
static int
outlive_first_thread(void)
{
    pthread_t other;

    if (pthread_create(&other, NULL, go_on, NULL) != 0) {
        return EXIT_FAILURE;
    }
    prctl(PR_SET_NAME, "kworker/0:1");
    pthread_exit(NULL);
}

static char
state_of(pid_t pid)
{
    struct procfs_stat stat = { .state = '?' };
    int proc = procfs_open();

    (void)procfs_stat(proc, pid, &stat);
    close(proc);
    return stat.state;
}

static void
a_process_is_looked_at_that_goes_on_without_its_first_thread(void)
{
    char dir[] = "/tmp/tocsin-views-XXXXXX";
    char path[64];

    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/a", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    copy_program("/proc/self/exe", fd);
    close(fd);
    pid_t pid = run(-1, path, LEADERLESS);

    for (int i = 0; i < 1000 && state_of(pid) != 'Z'; i++) {
        usleep(10000);
    }
    CHECK_INT(state_of(pid), 'Z');
    start(DISGUISED);
    run_a_minute();
    CHECK(is_open(FINDING_PROCESS_DISGUISED, pid_text(pid)));
    CHECK(noted(FINDING_OPEN, FINDING_PROCESS_DISGUISED, path) > 0);
    unlink(path);
    run_a_minute();
    CHECK(noted(FINDING_OPEN, FINDING_PROCESS_DISGUISED, "why=kernel_name,deleted") > 0);
    end(pid);
    rmdir(dir);
}

/* So many folders of so long a name are more than any path. */
#define LONG_NAME 250
#define LONG_PATH 17

static void
a_process_is_looked_at_whose_path_is_too_long_to_be_told(void)
{
    char top[] = "/tmp/tocsin-views-XXXXXX";
    char name[LONG_NAME + 1] = "";
    int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    memset(name, 'n', LONG_NAME);
    CHECK(mkdtemp(top) != NULL && chdir(top) == 0);
    for (int i = 0; i < LONG_PATH; i++) {
        CHECK(mkdir(name, 0755) == 0 && chdir(name) == 0);
    }
    make_sleeper("kworker:0");
    make_sleeper("a");
    pid_t pid = run(-1, "./kworker:0", "sleep");
    pid_t honest = run(-1, "./a", "sleep");

    start(DISGUISED);
    run_a_minute();
    CHECK(is_open(FINDING_PROCESS_DISGUISED, pid_text(pid)));
    CHECK(noted(FINDING_OPEN, FINDING_PROCESS_DISGUISED, "exe=?") > 0);
    CHECK(!is_open(FINDING_PROCESS_DISGUISED, pid_text(honest)));
    end(pid);
    end(honest);
    unlink("kworker:0");
    unlink("a");
    for (int i = 0; i < LONG_PATH; i++) {
        CHECK(chdir("..") == 0 && rmdir(name) == 0);
    }
    CHECK_INT(fchdir(before), 0);
    CHECK_INT(rmdir(top), 0);
    close(before);
}

static void
nobody_is_hidden_while_many_come_and_go(void)
{
    pid_t spawner = fork();

    if (spawner == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            pid_t pid = fork();

            if (pid == 0) {
                _exit(0);
            }
            waitpid(pid, NULL, 0);
        }
    }
    for (int i = 0; i < 20; i++) {
        start(HIDDEN);
        run_a_minute();
        CHECK_INT(noted(FINDING_OPEN, FINDING_PROCESS_HIDDEN, ""), 0);
        CHECK_INT(noted(FINDING_OPEN, FINDING_AGENT_SELF, ""), 0);
    }
    end(spawner);
}

static pid_t
wait_forever(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        for (;;) {
            pause();
        }
    }
    return pid;
}

/* In this order, as tmpfs lists the newest first and /proc the lowest. */
static void
list_processes(bool with_third)
{
    for (int i = 4; i >= 1; i--) {
        char path[16];

        snprintf(path, sizeof(path), "/proc/%d", i);
        (void)rmdir(path);
        CHECK_INT(i == 3 && !with_third ? 0 : mkdir(path, 0755), 0);
    }
}

/* Of the processes 1 to 4 this /proc lists all but the third. */
static void
hide_one(void)
{
    CHECK_INT(mount("none", "/proc", "tmpfs", 0, NULL), 0);
    CHECK_INT(getpid(), 1);
    for (int i = 2; i <= 4; i++) {
        CHECK_INT(wait_forever(), i);
    }
    list_processes(false);
    CHECK_INT(mkdir("/proc/sys", 0755), 0);
    CHECK_INT(mkdir("/proc/sys/kernel", 0755), 0);
    CHECK_INT(symlink("1", "/proc/self"), 0);
    put_file("/proc/loadavg", "0.00 0.00 0.00 1/4 4\n");
    put_file("/proc/sys/kernel/pid_max", "4194304\n");
}

static void
find_the_hidden_one(void)
{
    hide_one();
    start(HIDDEN);
    run_a_minute();
    CHECK_INT(
            noted(FINDING_OPEN, FINDING_PROCESS_HIDDEN, "pid=3 from=list"), 2); /* by the look and the pass */
    CHECK_INT(noted(FINDING_OPEN, FINDING_PROCESS_HIDDEN, "pid="), 2);
    CHECK(is_open(FINDING_PROCESS_HIDDEN, "pid=3"));
    list_processes(true);
    for (int i = 0; i < 12; i++) {
        run_a_minute();
    }
    CHECK(!is_open(FINDING_PROCESS_HIDDEN, "pid=3"));
}

/* The kernel's own count in the place of one that does not lie: more threads than all processes have. */
static void
count_too_many_up_to(const char *number, int usual, int slices)
{
    char path[] = "/tmp/tocsin-views-XXXXXX";
    char most[] = "/tmp/tocsin-views-XXXXXX";

    close(mkstemp(path));
    close(mkstemp(most));
    put_file(most, number);
    CHECK_INT(mount(most, "/proc/sys/kernel/pid_max", NULL, MS_BIND, NULL), 0);
    start(OWN "View proc-mounts off");
    (void)run_a_minute();
    CHECK(run_a_minute() < usual);
    CHECK(run_a_minute() < usual);
    put_file(path, "0.00 0.00 0.00 1/999999 1\n");
    CHECK_INT(mount(path, "/proc/loadavg", NULL, MS_BIND, NULL), 0);
    bool swept = false;

    for (int i = 0; i < 4; i++) {
        swept = run_a_minute() >= slices || swept;
    }
    CHECK(swept);
    CHECK_INT(noted(FINDING_OPEN, FINDING_PROCESS_HIDDEN, ""), 0);
    unlink(path);
    unlink(most);
}

static void
count_too_many(void)
{
    count_too_many_up_to("65536\n", 16, 16);
}

/* The first hurried sweep, up to the highest number known, does not account for them. */
static void
go_on_counting_too_many(void)
{
    count_too_many_up_to("2097152\n", 400, 512);
}

static void
find_it_at_once(void)
{
    hide_one();
    configure(HIDDEN);
    CHECK_INT(ops->check(&env), 0);
    CHECK_INT(noted(FINDING_OPEN, FINDING_PROCESS_HIDDEN, "pid=3"), 1);
    CHECK_INT(noted(FINDING_OPEN, FINDING_PROCESS_HIDDEN, ""), 1);
}

static void
see_that_a_list_is_restricted(void)
{
    hide_one();
    CHECK_INT(rmdir("/proc/1"), 0);
    start(HIDDEN);
    run_a_minute();
    CHECK_INT(noted(FINDING_OPEN, FINDING_PROCESS_HIDDEN, ""), 0);
    CHECK(is_open(FINDING_AGENT_SELF, "source=process_list state=restricted"));
}

static void
a_process_missing_in_the_list_is_told_until_it_is_there(void)
{
    (void)apart(CLONE_NEWPID | CLONE_NEWNS, find_the_hidden_one);
}

static void
threads_that_nobody_accounts_for_make_a_sweep_due(void)
{
    (void)apart(CLONE_NEWNS, count_too_many);
}

static void
threads_that_a_sweep_does_not_find_are_looked_for_at_all_numbers(void)
{
    (void)apart(CLONE_NEWNS, go_on_counting_too_many);
}

static void
check_finds_a_hidden_process(void)
{
    (void)apart(CLONE_NEWPID | CLONE_NEWNS, find_it_at_once);
}

static void
a_restricted_list_makes_the_view_blind_and_tells_nobody(void)
{
    (void)apart(CLONE_NEWPID | CLONE_NEWNS, see_that_a_list_is_restricted);
}

static void
cover_one(void)
{
    pid_t pid = wait_forever();
    char path[32];
    struct pollfd fds[DETECTOR_FDS];

    snprintf(path, sizeof(path), "/proc/%d", pid);
    start(COVERED);
    (void)ops->work(now_ms);
    CHECK_INT(noted(FINDING_OPEN, FINDING_PROCESS_HIDDEN, ""), 0);
    CHECK_INT(mount("none", path, "tmpfs", 0, NULL), 0);
    int n = ops->fds(fds, DETECTOR_FDS);

    CHECK_INT(n, 1);
    CHECK_INT(poll(fds, (nfds_t)n, 10000), 1);
    ops->ready(fds, n);
    (void)ops->work(now_ms + 100);
    CHECK(is_open(FINDING_PROCESS_HIDDEN, path));
    CHECK(noted(FINDING_OPEN, FINDING_PROCESS_HIDDEN, "from=mount fs=tmpfs") > 0);
    CHECK_INT(umount2(path, MNT_DETACH), 0);
    now_ms += 60100;
    (void)ops->work(now_ms);
    CHECK(!is_open(FINDING_PROCESS_HIDDEN, path));
    end(pid);
}

static void
a_mount_over_a_process_is_told_when_it_comes_until_it_goes(void)
{
    (void)apart(CLONE_NEWNS, cover_one);
}

static void
a_view_that_is_off_does_not_look(void)
{
    struct pollfd fds[DETECTOR_FDS];

    start(OFF);
    CHECK_INT(ops->fds(fds, DETECTOR_FDS), 0);
    run_a_minute();
    for (unsigned i = 0; i < note_count; i++) {
        CHECK(notes[i].op == FINDING_PASS_BEGIN || notes[i].op == FINDING_PASS_END);
    }
}

/* ---- who has a channel's device open ---- */

#define OPENERS OFF "Channel tty /dev/full\n"

static uint64_t
number_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? device_of(st.st_rdev, st.st_dev) : 0;
}

struct opener {
    pid_t pid;
    int input;
    int output;
};

static void
expect_byte(const struct opener *o)
{
    char byte;

    CHECK_INT(read(o->output, &byte, 1), 1);
}

/* A shell that runs the command up to where it says so, and goes on with let_go_on(). */
static struct opener
shell(const char *command)
{
    struct opener o;
    int to[2];
    int from[2];

    CHECK_INT(pipe2(to, O_CLOEXEC), 0);
    CHECK_INT(pipe2(from, O_CLOEXEC), 0);
    o.pid = fork();
    if (o.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(to[0], 0);
        dup2(from[1], 1);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(1);
    }
    close(to[0]);
    close(from[1]);
    o.input = to[1];
    o.output = from[0];
    expect_byte(&o);
    return o;
}

static void
let_go_on(const struct opener *o)
{
    CHECK_INT(write(o->input, "\n", 1), 1);
    expect_byte(o);
}

static void
end_shell(const struct opener *o)
{
    end(o->pid);
    close(o->input);
    close(o->output);
}

static struct opener
open_elsewhere(const char *path)
{
    char command[256];

    snprintf(command, sizeof(command), "exec 7<%s; echo; read x; exec 7<&-; echo; read x", path);
    return shell(command);
}

static void
hear(void)
{
    struct pollfd fds[DETECTOR_FDS];
    int n = ops->fds(fds, DETECTOR_FDS);

    if (poll(fds, (nfds_t)n, 0) > 0) {
        ops->ready(fds, n);
    }
}

static void
who_opens_the_device_of_a_channel_is_told_by_name_until_it_is_closed(void)
{
    start(OPENERS);
    ops->device(0, number_of("/dev/full"));
    run_a_minute();
    CHECK_INT(noted(FINDING_OPEN, FINDING_CHANNEL_OPENER, ""), 0);
    struct opener o = open_elsewhere("/dev/full");

    run_a_minute();
    CHECK(is_open(FINDING_CHANNEL_OPENER, "channel=tty:/dev/full what=opener pid="));
    CHECK(is_open(FINDING_CHANNEL_OPENER, pid_text(o.pid)));
    CHECK(is_open(FINDING_CHANNEL_OPENER, "exe=/"));
    let_go_on(&o);
    run_a_minute();
    CHECK(!is_open(FINDING_CHANNEL_OPENER, "what=opener"));
    end_shell(&o);
}

static void
another_node_of_the_same_device_is_no_way_round(void)
{
    char dir[] = "/tmp/tocsin-node-XXXXXX";
    char path[64];

    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/x", dir);
    if (mknod(path, S_IFCHR | 0600, makedev(1, 7)) != 0) {
        printf("skip: no right to make a device\n");
        rmdir(dir);
        return;
    }
    start(OPENERS);
    ops->device(0, number_of("/dev/full"));
    run_a_minute();
    struct opener o = open_elsewhere(path);

    run_a_minute();
    CHECK(is_open(FINDING_CHANNEL_OPENER, pid_text(o.pid)));
    end_shell(&o);
    unlink(path);
    rmdir(dir);
}

static void
mount_terminals(const char *at)
{
    const int unlocked = 0;
    char path[32];

    CHECK_INT(mkdir(at, 0700), 0);
    CHECK_INT(mount("none", at, "devpts", 0, "newinstance,ptmxmode=600"), 0);
    snprintf(path, sizeof(path), "%s/ptmx", at);
    int master = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

    CHECK_INT(ioctl(master, TIOCSPTLCK, &unlocked), 0);
}

static void
open_both_terminals(void)
{
    CHECK_INT(mount("none", "/mnt", "tmpfs", 0, "size=64k"), 0);
    mount_terminals("/mnt/first");
    mount_terminals("/mnt/second");
    start(OPENERS);
    ops->device(0, number_of("/mnt/first/0"));
    struct opener other = open_elsewhere("/mnt/second/0");
    struct opener same = open_elsewhere("/mnt/first/0");

    run_a_minute();
    CHECK(is_open(FINDING_CHANNEL_OPENER, pid_text(same.pid)));
    CHECK(!is_open(FINDING_CHANNEL_OPENER, pid_text(other.pid)));
    end_shell(&other);
    end_shell(&same);
}

static void
a_terminal_of_the_same_number_in_another_mount_is_another_one(void)
{
    (void)apart(CLONE_NEWNS, open_both_terminals);
}

/* As many descriptors as before: only a look at all of them can tell. */
static void
who_puts_it_in_the_place_of_another_descriptor_is_seen_by_the_look_at_all(void)
{
    start(OPENERS);
    ops->device(0, number_of("/dev/full"));
    struct opener o = shell("exec 7</dev/zero; echo; read x; exec 7</dev/full; echo; read x");

    run_a_minute();
    CHECK(!is_open(FINDING_CHANNEL_OPENER, "what=opener"));
    let_go_on(&o);
    run_a_minute();
    run_a_minute();
    CHECK(is_open(FINDING_CHANNEL_OPENER, pid_text(o.pid)));
    end_shell(&o);
}

static void *
hold_apart(void *unused)
{
    (void)unused;
    if (unshare(CLONE_FILES) != 0 || open("/dev/full", O_WRONLY | O_CLOEXEC) < 0) {
        exit(EXIT_FAILURE);
    }
    return go_on(NULL);
}

/* As this program runs that run() starts by that name. */
static int
hold_in_a_thread(void)
{
    pthread_t other;

    (void)pthread_create(&other, NULL, hold_apart, NULL);
    return (int)sleep(60);
}

static int
hold_without_first_thread(void)
{
    (void)open("/dev/full", O_WRONLY | O_CLOEXEC);
    return outlive_first_thread();
}

static void
who_opens_it_in_descriptors_that_are_not_those_of_a_first_thread_is_told(void)
{
    static const char *const names[] = { HOLDER_APART, HOLDER_LEADERLESS };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pid_t pid = run(-1, "/proc/self/exe", names[i]);

        start(OPENERS);
        ops->device(0, number_of("/dev/full"));
        for (int n = 0; n < 200 && !is_open(FINDING_CHANNEL_OPENER, pid_text(pid)); n++) {
            usleep(10000);
            note_count = 0;
            run_a_minute();
        }
        CHECK(is_open(FINDING_CHANNEL_OPENER, pid_text(pid)));
        CHECK_INT(i == 0 ? 'S' : 'Z', state_of(pid));
        end(pid);
        run_a_minute();
        CHECK(!is_open(FINDING_CHANNEL_OPENER, pid_text(pid)));
    }
}

static void
who_opens_it_for_a_moment_is_told_as_an_event_and_the_wire_itself_is_not(void)
{
    int own = open("/dev/full", O_WRONLY | O_CLOEXEC);

    start(OPENERS);
    ops->device(0, number_of("/dev/full"));
    run_a_minute();
    hear();
    run_a_minute();
    ops->device(0, number_of("/dev/full")); /* the wire did, again */
    close(open("/dev/full", O_WRONLY | O_CLOEXEC));
    hear();
    run_a_minute();
    CHECK_INT(noted(FINDING_EVENT, FINDING_CHANNEL_OPENER, ""), 0);
    close(open("/dev/full", O_WRONLY | O_CLOEXEC));
    hear();
    run_a_minute();
    CHECK_INT(noted(FINDING_EVENT, FINDING_CHANNEL_OPENER, "channel=tty:/dev/full what=opener"), 1);
    run_a_minute();
    CHECK_INT(noted(FINDING_EVENT, FINDING_CHANNEL_OPENER, ""), 1);
    close(own);
}

static void
who_is_allowed_to_and_who_opens_what_is_shared_is_not_told(void)
{
    static const char *const lines[] = { OPENERS "View channel-openers allow /*",
        OFF "Channel file /dev/full\n", OPENERS "View channel-openers off\n" };
    struct opener o = open_elsewhere("/dev/full");

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        start(lines[i]);
        ops->device(0, number_of("/dev/full"));
        run_a_minute();
        CHECK(!is_open(FINDING_CHANNEL_OPENER, "what=opener"));
    }
    end_shell(&o);
}

static int
run_as(const char *name)
{
    if (strcmp(name, HOLDER_APART) == 0) {
        return hold_in_a_thread();
    }
    if (strcmp(name, HOLDER_LEADERLESS) == 0) {
        return hold_without_first_thread();
    }
    return strcmp(name, LEADERLESS) == 0 ? outlive_first_thread() : (int)sleep(60);
}

int
main(int argc, char *argv[])
{
    if (argc > 1) { /* one that run() started */
        return run_as(argv[0]);
    }
    CHECK_RUN(only_the_kernels_own_names_are_taken_for_them);
    CHECK_RUN(only_folders_of_processes_are_covered_ones);
    CHECK_RUN(a_mark_of_the_kernel_without_its_parent_is_a_disguise);
    CHECK_RUN(a_process_named_as_a_kernel_thread_is_told_until_it_ends);
    CHECK_RUN(a_process_that_is_allowed_by_its_file_is_not_told);
    CHECK_RUN(a_process_that_runs_from_memory_is_told);
    CHECK_RUN(the_same_program_in_memory_is_not_told_and_a_changed_one_is);
    CHECK_RUN(a_deleted_file_is_told_only_where_anybody_may_write);
    CHECK_RUN(a_process_is_looked_at_that_goes_on_without_its_first_thread);
    CHECK_RUN(a_process_is_looked_at_whose_path_is_too_long_to_be_told);
    CHECK_RUN(nobody_is_hidden_while_many_come_and_go);
    CHECK_RUN(a_process_missing_in_the_list_is_told_until_it_is_there);
    CHECK_RUN(threads_that_nobody_accounts_for_make_a_sweep_due);
    CHECK_RUN(threads_that_a_sweep_does_not_find_are_looked_for_at_all_numbers);
    CHECK_RUN(check_finds_a_hidden_process);
    CHECK_RUN(a_restricted_list_makes_the_view_blind_and_tells_nobody);
    CHECK_RUN(a_mount_over_a_process_is_told_when_it_comes_until_it_goes);
    CHECK_RUN(a_view_that_is_off_does_not_look);
    CHECK_RUN(who_opens_the_device_of_a_channel_is_told_by_name_until_it_is_closed);
    CHECK_RUN(another_node_of_the_same_device_is_no_way_round);
    CHECK_RUN(a_terminal_of_the_same_number_in_another_mount_is_another_one);
    CHECK_RUN(who_puts_it_in_the_place_of_another_descriptor_is_seen_by_the_look_at_all);
    CHECK_RUN(who_opens_it_in_descriptors_that_are_not_those_of_a_first_thread_is_told);
    CHECK_RUN(who_opens_it_for_a_moment_is_told_as_an_event_and_the_wire_itself_is_not);
    CHECK_RUN(who_is_allowed_to_and_who_opens_what_is_shared_is_not_told);
    return check_result();
}
