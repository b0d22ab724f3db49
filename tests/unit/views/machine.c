/*
 * The views of what the machine has left and of the agent's own processes: a full file system, a /proc that
 * is made by hand, and processes that are traced, stopped and limited in earnest.
 */
#include "apart.h"
#include "notes.h"
#include "watch/procevents.h"
#include "watch/views_disks.h"
#include "watch/views_load.h"
#include "watch/views_own.h"
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SYSTEM_OFF                                                                                          \
    "View promiscuous off\nView firewall off\nView kernel-taint off\nView modules off\nView accounts off\n" \
    "View preload off\n"
#define DISKS SYSTEM_OFF "View own-processes off\nView load off\n"
#define LOAD SYSTEM_OFF "View own-processes off\nView full-disks off\n"
#define OWN                                                                \
    SYSTEM_OFF "View full-disks off\nView load off\n"                      \
               "View hidden-processes off\nView disguised-processes off\n" \
               "View proc-mounts off\nView channel-openers off\n"
#define PLACE "/mnt"

static const struct detector_ops *ops = &detector_system_ops;
static int64_t now_ms;
static int64_t looked_ms; /* the last time */

static void
start(const char *line)
{
    configure(line);
    now_ms = 1000;
    CHECK_INT(ops->open(&env), 0);
}

/* What is due within the time. */
static void
look(int ms)
{
    for (int64_t end_ms = now_ms + ms; now_ms <= end_ms;) {
        int64_t due_ms = ops->work(now_ms);

        looked_ms = now_ms;
        now_ms = due_ms > now_ms ? due_ms : now_ms + 1;
    }
}

/* ---- disks ---- */

static void
a_percentage_counts_what_is_left_for_others_than_root(void)
{
    CHECK_INT(disks_percent(0, 0, 0), 0);
    CHECK_INT(disks_percent(100, 100, 100), 0);
    CHECK_INT(disks_percent(100, 50, 50), 50);
    CHECK_INT(disks_percent(100, 10, 5), 95);
    CHECK_INT(disks_percent(100, 5, 0), 100);
    CHECK_INT(disks_percent(100, 0, 0), 100);
    CHECK_INT(disks_percent(1000000, 1, 1), 100);
    CHECK_INT(disks_percent(10, 20, 20), 0);
    CHECK_INT(disks_percent(UINT64_MAX, UINT64_MAX / 2, UINT64_MAX / 2), 50);
}

static void
fill(const char *path, unsigned kilobytes)
{
    static const char block[1024];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    for (unsigned i = 0; i < kilobytes && write(fd, block, sizeof(block)) > 0; i++) {
    }
    close(fd);
}

static void
see_a_disk_fill(void)
{
    CHECK_INT(mount("none", PLACE, "tmpfs", 0, "size=1m"), 0);
    start(DISKS "Watch " PLACE "/tree");
    fill(PLACE "/half", 900);
    look(6000);
    CHECK_INT(noted(FINDING_OPEN, FINDING_DISK_FULL, ""), 0);
    fill(PLACE "/more", 84);
    look(6000);
    CHECK(is_open(FINDING_DISK_FULL, "mount=" PLACE " what=blocks percent=95"));
    CHECK_INT(notes[note_count - 1].severity, WIRE_WARN);
    fill(PLACE "/all", 1024);
    look(6000);
    CHECK(is_open(FINDING_DISK_FULL, "percent=100"));
    CHECK_INT(notes[note_count - 1].severity, WIRE_ERRO);
    CHECK_INT(unlink(PLACE "/more") + unlink(PLACE "/all"), 0);
    look(6000);
    CHECK(!is_open(FINDING_DISK_FULL, "mount=" PLACE));
    start(DISKS "Watch " PLACE "/tree\nView full-disks allow " PLACE);
    fill(PLACE "/all", 1024);
    look(6000);
    CHECK_INT(noted(FINDING_OPEN, FINDING_DISK_FULL, "mount=" PLACE), 0);
}

static void
a_file_system_that_fills_is_told_until_there_is_room(void)
{
    (void)apart(CLONE_NEWNS, see_a_disk_fill);
}

static void
see_inodes_end(void)
{
    char path[64];

    CHECK_INT(mount("none", PLACE, "tmpfs", 0, "size=1m,nr_inodes=40"), 0);
    start(DISKS "Watch " PLACE);
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof(path), PLACE "/%d", i);
        fill(path, 0);
    }
    look(6000);
    CHECK(is_open(FINDING_DISK_FULL, "mount=" PLACE " what=inodes percent=100"));
}

static void
a_file_system_without_inodes_is_full(void)
{
    (void)apart(CLONE_NEWNS, see_inodes_end);
}

static void
see_one_come(void)
{
    start(DISKS "Watch " PLACE);
    look(6000);
    CHECK_INT(noted(FINDING_OPEN, FINDING_DISK_FULL, "mount=" PLACE), 0);
    CHECK_INT(mount("none", PLACE, "tmpfs", 0, "size=64k"), 0);
    fill(PLACE "/all", 64);
    look(6000);
    CHECK(is_open(FINDING_DISK_FULL, "mount=" PLACE));
    CHECK_INT(umount(PLACE), 0);
    look(6000);
    CHECK(!is_open(FINDING_DISK_FULL, "mount=" PLACE));
}

static void
one_that_is_mounted_later_counts_as_long_as_it_is(void)
{
    (void)apart(CLONE_NEWNS, see_one_come);
}

/* ---- load ---- */

static bool
average(const char *text, uint64_t running, uint64_t tasks)
{
    uint64_t r = 0;
    uint64_t t = 0;

    return load_average_parse(text, strlen(text), &r, &t) && r == running && t == tasks;
}

static bool
pressure(const char *text, uint64_t want)
{
    uint64_t percent = 0;

    return load_pressure_parse(text, strlen(text), &percent) && percent == want;
}

static bool
kills(const char *text, uint64_t want, uint64_t want_stalls)
{
    uint64_t killed = 0;
    uint64_t stalls = 0;

    return load_vmstat_parse(text, strlen(text), &killed, &stalls) && killed == want && stalls == want_stalls;
}

static void
the_load_is_read_as_the_kernel_writes_it(void)
{
    CHECK(average("0.20 0.18 0.12 3/80 11206\n", 3, 80));
    CHECK(average("900.20 0.18 0.12 4096/70000 1\n", 4096, 70000));
    CHECK(!average("0.20 0.18 0.12 3", 3, 0));
    CHECK(!average("0.20 0.18 3/80 11206", 3, 80));
    CHECK(!average("0.20 0.18 0.12 -3/80 1", 3, 80));
    CHECK(!average("", 0, 0));
    CHECK(pressure("some avg10=9.00 avg60=0.00\nfull avg10=12.34 avg60=0.00\n", 12));
    CHECK(!pressure("some avg10=9.00 avg60=0.00\n", 9));
    CHECK(!pressure("full avg10=", 0));
    CHECK(kills("nr_free_pages 9\nallocstall_dma 1\nallocstall_normal 20\noom_kill 3\nnr_x 7\n", 3, 21));
    CHECK(kills("nr_free_pages 9\noom_kill 0\n", 0, 0));
    CHECK(!kills("nr_free_pages 9\nallocstall_dma 1\n", 0, 1));
    CHECK(!kills("nr_free_pages 9\noom_kill", 0, 0));
}

static void
put_load(unsigned long running, unsigned long tasks, const char *full)
{
    char text[128];

    snprintf(text, sizeof(text), "0.00 0.00 0.00 %lu/%lu 1\n", running, tasks);
    put_file("/proc/loadavg", text);
    snprintf(text, sizeof(text), "some avg10=0.00 avg60=0\nfull avg10=%s avg60=0.00\n", full);
    put_file("/proc/pressure/memory", text);
}

static void
see_load(void)
{
    unsigned long much = 100ul * (unsigned long)sysconf(_SC_NPROCESSORS_ONLN);

    CHECK_INT(mount("none", "/proc", "tmpfs", 0, NULL), 0);
    CHECK_INT(mkdir("/proc/pressure", 0755) + mkdir("/proc/sys", 0755) + mkdir("/proc/sys/kernel", 0755), 0);
    put_file("/proc/sys/kernel/pid_max", "1000\n");
    put_file("/proc/sys/kernel/threads-max", "5000\n");
    put_load(much, 100, "0.00");
    start(LOAD);
    look(1000);
    put_load(1, 100, "0.00");
    look(3000);
    CHECK_INT(noted(FINDING_OPEN, FINDING_LOAD_HIGH, ""), 0);
    put_load(much, 100, "0.00");
    look(3000);
    CHECK(is_open(FINDING_LOAD_HIGH, "what=cpu"));
    put_load(much, 801, "20.99");
    look(5000);
    CHECK(is_open(FINDING_LOAD_HIGH, "what=processes n=801"));
    CHECK_INT(noted(FINDING_OPEN, FINDING_LOAD_HIGH, "what=memory"), 0);
    put_load(1, 801, "21.00");
    look(4000);
    CHECK(is_open(FINDING_LOAD_HIGH, "what=memory percent=21"));
    CHECK(is_open(FINDING_LOAD_HIGH, "what=cpu"));
    put_load(1, 100, "0.00");
    look(12000);
    CHECK(!is_open(FINDING_LOAD_HIGH, "what=cpu"));
    CHECK(!is_open(FINDING_LOAD_HIGH, "what=processes"));
    CHECK(!is_open(FINDING_LOAD_HIGH, "what=memory"));
    put_file("/proc/loadavg", "");
    look(2000);
    CHECK(is_open(FINDING_AGENT_SELF, "source=load state=unreadable"));
}

static void
put_kills(unsigned kills, unsigned stalls, const char *full)
{
    char text[128];

    snprintf(text, sizeof(text), "nr_free_pages 1\nallocstall_normal %u\noom_kill %u\n", stalls, kills);
    put_file("/proc/vmstat", text);
    put_load(1, 100, full);
}

static void
see_kills(void)
{
    CHECK_INT(mount("none", "/proc", "tmpfs", 0, NULL), 0);
    CHECK_INT(mkdir("/proc/pressure", 0755) + mkdir("/proc/sys", 0755) + mkdir("/proc/sys/kernel", 0755), 0);
    put_kills(5, 10, "0.00");
    start(LOAD);
    look(2000);
    put_kills(6, 10, "1.00"); /* of a control group that used up its own */
    look(2000);
    CHECK(!is_open(FINDING_LOAD_HIGH, "what=memory"));
    put_kills(8, 11, "2.00");
    look(2000);
    CHECK(is_open(FINDING_LOAD_HIGH, "what=memory percent=2 killed=2"));
    look(5000);
    put_kills(9, 12, "1.00");
    look(1000);
    put_kills(9, 13, "0.50");
    look(6000);
    CHECK(is_open(FINDING_LOAD_HIGH, "what=memory percent=2 killed=2"));
    look(6000);
    CHECK(!is_open(FINDING_LOAD_HIGH, "what=memory"));
}

static void
a_machine_whose_kernel_kills_for_want_of_memory_is_told_at_once(void)
{
    (void)apart(CLONE_NEWNS, see_kills);
}

static void
a_load_that_lasts_is_told_and_a_moment_of_it_is_not(void)
{
    (void)apart(CLONE_NEWNS, see_load);
}

/* ---- own processes ---- */

static bool
status(const char *text, bool stopped, uint32_t tracer)
{
    struct own_status s = { .tracer = 1 };

    return own_status_parse(text, strlen(text), &s) && s.stopped == stopped && s.tracer == tracer;
}

static void
the_state_of_a_thread_is_read_as_the_kernel_writes_it(void)
{
    CHECK(status("Name:\tx\nState:\tS (sleeping)\nTracerPid:\t0\n", false, 0));
    CHECK(status("State:\tt (tracing stop)\nTracerPid:\t77\nUid:\t0\n", true, 77));
    CHECK(status("State:\tT (stopped)\nTracerPid:\t0\n", true, 0));
    CHECK(!status("Name:\tTracerPid:\t5\nState:\tS (sleeping)\n", false, 0));
    CHECK(!status("State:\tS\nTracerPid:\t5", false, 5));
    CHECK(!status("State:\t\nTracerPid:\t5\n", false, 5));
    CHECK(!status("TracerPid:\t5\n", false, 5));
    CHECK(!status("State:\tS\nTracerPid:\tx\n", false, 0));
}

static pid_t victim;
static char victim_name[32];

static void
wait_for_ever(void)
{
    for (;;) {
        pause();
    }
}

static void
begin_victim(void)
{
    victim = fork();
    if (victim == 0) {
        wait_for_ever();
    }
    snprintf(victim_name, sizeof(victim_name), "/%d ", victim);
}

static void
end_victim(void)
{
    if (victim > 1) {
        kill(victim, SIGKILL);
        waitpid(victim, NULL, 0);
    }
}

/* The one who looks, as a brother of the victim's. */
static pid_t
begin_looker(void (*looks)(void))
{
    fflush(stdout);
    pid_t looker = fork();

    if (looker == 0) {
        check_failures = 0;
        looks();
        fflush(stdout);
        _exit(check_failures > 0);
    }
    return looker;
}

/* As the warden's children are: the one who looks is one of them, once procscan and once netwatch. */
static void
in_a_family(void (*looks)(void))
{
    static const struct detector_ops *const lookers[] = { &detector_processes_ops, &detector_system_ops };

    for (size_t i = 0; i < sizeof(lookers) / sizeof(lookers[0]); i++) {
        int failed = -1;

        ops = lookers[i];
        begin_victim();
        pid_t looker = begin_looker(looks);

        CHECK(victim > 1 && looker > 1 && waitpid(looker, &failed, 0) == looker);
        CHECK_INT(failed, 0);
        end_victim();
    }
}

static bool
held(const char *state)
{
    char text[64];

    snprintf(text, sizeof(text), "%sstate=%s", victim_name, state);
    return is_open(FINDING_PROCESS_HELD, text);
}

/* Returns when the victim has its tracer. */
static pid_t
begin_tracer(void)
{
    int done[2];
    char byte = 'n';

    CHECK_INT(pipe(done), 0);
    pid_t tracer = fork();
    if (tracer == 0) {
        byte = ptrace(PTRACE_SEIZE, victim, NULL, NULL) == 0 ? 'y' : 'n';
        (void)!write(done[1], &byte, 1);
        for (;;) {
            pause();
        }
    }
    CHECK_INT(read(done[0], &byte, 1), 1);
    CHECK_INT(byte, 'y');
    return tracer;
}

static void
end_tracer(pid_t tracer)
{
    kill(tracer, SIGKILL);
    waitpid(tracer, NULL, 0);
}

/* A network namespace of its own hears no proc connector. */
static void
see_a_tracer(void)
{
    struct pollfd fds[DETECTOR_FDS];

    CHECK_INT(unshare(CLONE_NEWNET), 0);
    start(OWN);
    look(3000);
    CHECK_INT(ops->fds(fds, DETECTOR_FDS), 0);
    CHECK_INT(noted(FINDING_OPEN, FINDING_PROCESS_HELD, victim_name), 0);
    for (int i = 0; i < 4; i++) {
        pid_t tracer = begin_tracer();

        look(0);
        CHECK(held("traced by="));
        end_tracer(tracer);
        look(0);
        CHECK(!held("traced"));
        look(0);
    }
}

static void
a_tracer_is_seen_at_any_look_where_the_kernel_tells_of_none(void)
{
    in_a_family(see_a_tracer);
}

static int asking[2];
static int answer[2];

/* Ends the victim and begins another process with its number. */
static char
take_its_number(void)
{
    pid_t number = victim;
    struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&number, .set_tid_size = 1 };

    kill(victim, SIGKILL);
    waitpid(victim, NULL, 0);
    victim = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    if (victim == 0) {
        wait_for_ever();
    }
    return victim == number ? 'y' : 'n';
}

static void
see_the_one_in_its_place(void)
{
    char byte = 'n';

    CHECK_INT(unshare(CLONE_NEWNET), 0);
    start(OWN);
    look(3000);
    CHECK(write(asking[1], &byte, 1) == 1 && read(answer[0], &byte, 1) == 1);
    if (byte != 'y') {
        printf("     left out: no process can be given a number here\n");
        return;
    }
    pid_t tracer = begin_tracer();

    look(3000);
    CHECK(held("traced by="));
    end_tracer(tracer);
    look(3000);
    CHECK(!held("traced"));
}

static void
a_process_with_the_number_of_one_that_ended_is_looked_at(void)
{
    int failed = -1;
    char byte;

    ops = &detector_processes_ops;
    CHECK(pipe(asking) == 0 && pipe(answer) == 0);
    begin_victim();
    pid_t looker = begin_looker(see_the_one_in_its_place);

    CHECK_INT(read(asking[0], &byte, 1), 1);
    byte = take_its_number();
    CHECK_INT(write(answer[1], &byte, 1), 1);
    CHECK(waitpid(looker, &failed, 0) == looker && failed == 0);
    end_victim();
}

static bool
kernel_tells(void)
{
    int fd = procevents_open(PROCEVENTS_TRACE);

    if (fd >= 0) {
        close(fd);
    } else {
        printf("     left out: the proc connector is not heard here\n");
    }
    return fd >= 0;
}

/* Behind a look at all. True with what the looker waits for, false where the kernel does not tell. */
static bool
start_told(struct pollfd fds[DETECTOR_FDS])
{
    if (!kernel_tells()) {
        return false;
    }
    start(OWN);
    look(8000);
    now_ms = (now_ms / 8000 + 1) * 8000;
    if (ops == &detector_system_ops) {
        now_ms += procevents_lasting() ? 4000 : 0;
    } else {
        now_ms += procevents_lasting() ? 0 : 3000;
    }
    look(0);
    CHECK_INT(noted(FINDING_OPEN, FINDING_PROCESS_HELD, victim_name), 0);
    CHECK_INT(ops->fds(fds, DETECTOR_FDS), 1);
    return true;
}

static void
hear_a_tracer(void)
{
    struct pollfd fds[DETECTOR_FDS];

    if (!start_told(fds)) {
        return;
    }
    pid_t tracer = begin_tracer();

    CHECK_INT(poll(fds, 1, 0), 1);
    ops->ready(fds, 1);
    look(0);
    CHECK(held("traced by="));
    CHECK_INT(poll(fds, 1, 0), 0);
    end_tracer(tracer);
    look(0);
    CHECK(!held("traced"));
}

static void
a_tracer_that_the_kernel_tells_of_is_looked_for_at_once(void)
{
    in_a_family(hear_a_tracer);
}

/* How many seconds after the last look, up to the eighth. */
static int
seconds_until_held(const char *state)
{
    int64_t begun_ms = looked_ms;

    while (looked_ms < begun_ms + 8000 && !held(state)) {
        look(0);
    }
    return (int)((looked_ms - begun_ms) / 1000);
}

static void
miss_a_tracer(void)
{
    struct pollfd fds[DETECTOR_FDS];

    if (!start_told(fds)) {
        return;
    }
    pid_t tracer = begin_tracer();

    int others = ops == &detector_system_ops ? 2 : 4;

    CHECK_INT(seconds_until_held("traced by="), procevents_lasting() ? 8 : others);
    end_tracer(tracer);
}

/* In eight, where nobody can have made the kernel silent. */
static void
a_tracer_that_nobody_told_of_is_seen_in_two_seconds_by_netwatch_and_in_four_by_procscan(void)
{
    in_a_family(miss_a_tracer);
}

/* A child of the stopped one's tells, as the warden's children do. */
static void
see_the_warden_stop(void)
{
    struct pollfd fds[DETECTOR_FDS];
    int failed = -1;
    pid_t warden = fork();

    if (warden != 0) {
        CHECK(waitpid(warden, &failed, 0) == warden && failed == 0);
        return;
    }
    pid_t looker = fork();
    if (looker == 0) {
        if (!start_told(fds)) {
            _exit(0);
        }
        snprintf(victim_name, sizeof(victim_name), "/%d ", getppid());
        bool even = (looked_ms / 1000) % 2 == 0;

        kill(getppid(), SIGSTOP);
        usleep(100000);
        CHECK_INT(seconds_until_held("stopped"), even == (ops == &detector_processes_ops) ? 1 : 2);
        kill(getppid(), SIGCONT);
        fflush(stdout);
        _exit(check_failures > 0);
    }
    waitpid(looker, &failed, 0);
    _exit(failed != 0);
}

static void
a_warden_that_is_stopped_is_seen_in_odd_seconds_by_procscan_and_in_even_ones_by_netwatch(void)
{
    in_a_family(see_the_warden_stop);
}

static void
see_a_stop(void)
{
    siginfo_t info;

    start(OWN);
    CHECK_INT(kill(victim, SIGSTOP), 0);
    for (int i = 0; i < 2000 && noted(FINDING_OPEN, FINDING_PROCESS_HELD, victim_name) == 0; i++) {
        look(1000);
        usleep(1000);
    }
    CHECK(held("stopped"));
    CHECK_INT(kill(victim, SIGCONT), 0);
    memset(&info, 0, sizeof(info));
    for (int i = 0; i < 2000 && held("stopped"); i++) {
        look(1000);
        usleep(1000);
    }
    CHECK(!held("stopped"));
}

static void
a_process_of_ours_that_is_stopped_is_told_until_it_goes_on(void)
{
    in_a_family(see_a_stop);
}

static void
see_a_limit(void)
{
    struct rlimit was;
    struct rlimit few = { 3, 3 };

    start(OWN);
    look(9000);
    CHECK_INT(prlimit(victim, RLIMIT_NOFILE, NULL, &was), 0);
    few.rlim_max = was.rlim_max;
    CHECK_INT(prlimit(victim, RLIMIT_NOFILE, &few, NULL), 0);
    look(5000);
    CHECK(held("limited"));
    CHECK_INT(prlimit(victim, RLIMIT_NOFILE, &was, NULL), 0);
    look(5000);
    CHECK(!held("limited"));
}

static void
a_process_of_ours_whose_limits_somebody_else_set_is_told(void)
{
    in_a_family(see_a_limit);
}

int
main(void)
{
    if (geteuid() != 0) {
        printf("skip: needs root\n");
        return CHECK_SKIPPED;
    }
    CHECK_RUN(a_percentage_counts_what_is_left_for_others_than_root);
    CHECK_RUN(a_file_system_that_fills_is_told_until_there_is_room);
    CHECK_RUN(a_file_system_without_inodes_is_full);
    CHECK_RUN(one_that_is_mounted_later_counts_as_long_as_it_is);
    CHECK_RUN(the_load_is_read_as_the_kernel_writes_it);
    CHECK_RUN(a_load_that_lasts_is_told_and_a_moment_of_it_is_not);
    CHECK_RUN(a_machine_whose_kernel_kills_for_want_of_memory_is_told_at_once);
    CHECK_RUN(the_state_of_a_thread_is_read_as_the_kernel_writes_it);
    CHECK_RUN(a_tracer_is_seen_at_any_look_where_the_kernel_tells_of_none);
    CHECK_RUN(a_process_with_the_number_of_one_that_ended_is_looked_at);
    CHECK_RUN(a_process_of_ours_that_is_stopped_is_told_until_it_goes_on);
    CHECK_RUN(a_tracer_that_the_kernel_tells_of_is_looked_for_at_once);
    CHECK_RUN(a_tracer_that_nobody_told_of_is_seen_in_two_seconds_by_netwatch_and_in_four_by_procscan);
    CHECK_RUN(a_warden_that_is_stopped_is_seen_in_odd_seconds_by_procscan_and_in_even_ones_by_netwatch);
    CHECK_RUN(a_process_of_ours_whose_limits_somebody_else_set_is_told);
    return check_result();
}
