/* The detector against real processes: copies of this program in a directory of their own. */
#include "support/check.h"
#include "watch/detector.h"
#include "watch/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOTES 256
#define HANG_MS 30000
#define EVENT_TURNS 5 /* no look is waited for in so few */

static struct conf conf;
static struct finding notes[NOTES];
static unsigned note_count;
static char dir[] = "/tmp/tocsin-daemons-XXXXXX";
static char own_exe[PROCFS_EXE];
static char own_copy[64];

static int64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
take_note(void *to, const struct finding *f)
{
    (void)to;
    CHECK(finding_valid(f, sizeof(*f)));
    if (note_count < NOTES) {
        notes[note_count++] = *f;
    }
}

static const struct detector_env env = { .conf = &conf, .report = take_note };

/* The newest note of the daemon detector that has this text in it. */
static const struct finding *
note_of(enum finding_op op, const char *text)
{
    for (unsigned i = note_count; i-- > 0;) {
        if (notes[i].op == op && notes[i].source == FINDING_DAEMONS && strstr(notes[i].text, text) != NULL) {
            return &notes[i];
        }
    }
    return NULL;
}

static bool
no_connector(void)
{
    for (unsigned i = 0; i < note_count; i++) {
        if (strstr(notes[i].text, "source=proc_connector") != NULL) {
            return true;
        }
    }
    return false;
}

static void
turn(int for_ms, int64_t ahead_ms)
{
    int64_t end = now_ms() + for_ms;

    do {
        struct pollfd fds[DETECTOR_FDS];
        int64_t due = detector_daemons_ops.work(now_ms() + ahead_ms) - ahead_ms;
        int n = detector_daemons_ops.fds(fds, DETECTOR_FDS);
        int64_t wait = due - now_ms();

        wait = wait < 0 ? 0 : wait > 5 ? 5 : wait;
        if (poll(fds, (nfds_t)n, (int)wait) > 0) {
            detector_daemons_ops.ready(fds, n);
        }
    } while (now_ms() < end);
}

static int64_t
wait_note(enum finding_op op, const char *text)
{
    int64_t start = now_ms();

    while (note_of(op, text) == NULL && now_ms() - start < HANG_MS) {
        turn(0, 0);
    }
    return note_of(op, text) != NULL ? now_ms() - start : -1;
}

static void
copy_self(const char *path)
{
    char command[PROCFS_EXE + 128];

    snprintf(command, sizeof(command), "cp '%s' '%s'", own_exe, path);
    CHECK_INT(system(command), 0);
}

/* Begins anew with one daemon of that name. */
static const char *
begin(const char *name)
{
    CHECK(conf_init(&conf, NULL, NULL));
    snprintf(conf.daemon[0].exe, sizeof(conf.daemon[0].exe), "%s/%s", dir, name);
    conf.daemons = 1;
    copy_self(conf.daemon[0].exe);
    note_count = 0;
    return conf.daemon[0].exe;
}

static void
start(void)
{
    CHECK_INT(detector_daemons_ops.open(&env), 0);
    turn(20, 0);
}

/* In a mount namespace of its own, where `other` lies at `path`. False when that may not be done. */
static bool
exchange(const char *other, const char *path)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(other, path, NULL, MS_BIND, NULL) == 0;
}

/* Runs a copy as `how` says, or `other` under its path; returns when it runs. */
static pid_t
run_as(const char *path, const char *other, const char *how)
{
    int ready[2];
    char byte;

    CHECK_INT(pipe(ready), 0);
    fcntl(ready[0], F_SETFD, FD_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) {
        char number[16];

        snprintf(number, sizeof(number), "%d", ready[1]);
        if (other != NULL && !exchange(other, path)) {
            (void)!write(ready[1], "n", 1);
            _exit(1);
        }
        execl(path, path, how, number, (char *)NULL);
        _exit(1);
    }
    close(ready[1]);
    CHECK(pid > 0);
    CHECK_INT(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    if (byte == 'n') {
        waitpid(pid, NULL, 0);
        return -1;
    }
    return pid;
}

static pid_t
run(const char *path, const char *how)
{
    return run_as(path, NULL, how);
}

static void
end(pid_t pid)
{
    CHECK(pid > 0);
    if (pid > 0) { /* kill() takes less for many */
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static void
a_daemon_that_does_not_run_is_down_from_the_first_look(void)
{
    const char *path = begin("absent");

    start();
    const struct finding *f = note_of(FINDING_OPEN, path);
    CHECK_INT(f != NULL ? f->code : -1, FINDING_DAEMON_DOWN);
    CHECK(f != NULL && strstr(f->text, "name=absent") != NULL);
    CHECK_INT(notes[0].op == FINDING_PASS_BEGIN || no_connector(), 1);
}

/* What has happened is told at once, however slow the machine is. */
static bool
told_by_event(enum finding_op op, const char *text)
{
    for (int i = 0; i < EVENT_TURNS && note_of(op, text) == NULL; i++) {
        turn(0, 0);
    }
    return note_of(op, text) != NULL;
}

static void
a_death_is_told_by_event_and_the_return_too(void)
{
    const char *path = begin("steady");
    pid_t pid = run(path, "stay");
    siginfo_t died;
    char text[32];

    start();
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    turn(30, 0);
    kill(pid, SIGKILL);
    CHECK_INT(waitid(P_PID, (id_t)pid, &died, WEXITED | WNOWAIT), 0);
    CHECK(told_by_event(FINDING_OPEN, path));
    snprintf(text, sizeof(text), "pid=%d", pid);
    CHECK(note_of(FINDING_OPEN, text) != NULL); /* also while nobody has waited for it */
    waitpid(pid, NULL, 0);

    pid = run(path, "stay");
    CHECK(told_by_event(FINDING_CLOSE, path) || (no_connector() && wait_note(FINDING_CLOSE, path) >= 0));
    end(pid);
}

static void
a_daemon_of_many_processes_is_down_with_the_last_one_only(void)
{
    const char *path = begin("many");
    pid_t pid[10];

    for (int i = 0; i < 10; i++) {
        pid[i] = run(path, "stay");
    }
    start();
    for (int i = 0; i < 9; i++) {
        end(pid[i]);
        turn(20, 0);
        CHECK(note_of(FINDING_OPEN, path) == NULL);
    }
    end(pid[9]);
    CHECK(wait_note(FINDING_OPEN, path) >= 0);
}

static void
a_daemon_that_forks_into_the_background_stays_up(void)
{
    const char *path = begin("forks");

    start();
    CHECK(wait_note(FINDING_OPEN, path) >= 0);
    pid_t first = run(path, "fork");
    CHECK(wait_note(FINDING_CLOSE, path) >= 0);
    waitpid(first, NULL, 0);
    note_count = 0;
    turn(100, 0);
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    turn(20, 61000);
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    CHECK(note_of(FINDING_PASS_END, "") != NULL);
    CHECK(note_of(FINDING_EVENT, path) == NULL);
    /* The background process ends with this test: it watches its parent's pipe. */
}

static void
a_process_that_only_takes_the_name_is_not_the_daemon(void)
{
    const char *path = begin("named");
    char other[64];

    snprintf(other, sizeof(other), "%s/other", dir);
    copy_self(other);
    pid_t pid = run(other, "named");
    start();
    CHECK(note_of(FINDING_OPEN, path) != NULL);
    end(pid);
}

static void
a_process_that_shows_the_path_from_another_mount_namespace_is_not_the_daemon(void)
{
    const char *path = begin("shown");
    char other[64];

    snprintf(other, sizeof(other), "%s/other", dir);
    copy_self(other);
    pid_t pid = run_as(path, other, "stay");

    if (pid < 0) {
        printf("     left out: no mount namespace of our own\n");
        return;
    }
    start();
    CHECK(note_of(FINDING_OPEN, path) != NULL);
    end(pid);
}

static void
a_replaced_executable_is_told_until_the_daemon_runs_the_new_one(void)
{
    const char *path = begin("replaced");
    pid_t pid = run(path, "stay");

    start();
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    unlink(path);
    copy_self(path);
    for (int looks = 1; looks <= 4; looks++) {
        turn(10, INT64_C(2000) * looks);
    }
    const struct finding *f = note_of(FINDING_OPEN, path);
    CHECK_INT(f != NULL ? f->code : -1, FINDING_DAEMON_IMAGE);
    CHECK(f != NULL && f->severity == WIRE_NOTE && strstr(f->text, "state=replaced") != NULL);
    pid_t again = run(path, "stay");
    end(pid);
    turn(10, 12000);
    CHECK(note_of(FINDING_CLOSE, path) != NULL);
    end(again);
}

static void
a_deleted_executable_is_told_as_such_until_another_file_lies_there(void)
{
    const char *path = begin("deleted");
    pid_t pid = run(path, "stay");
    const struct finding *f;
    char text[48];
    int looks = 1;

    start();
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    CHECK_INT(unlink(path), 0);
    for (; looks <= 4; looks++) {
        turn(10, INT64_C(2000) * looks);
    }
    snprintf(text, sizeof(text), "pid=%d state=deleted", pid);
    f = note_of(FINDING_OPEN, text);
    CHECK_INT(f != NULL ? f->code : -1, FINDING_DAEMON_IMAGE);
    CHECK_INT(f != NULL ? f->severity : -1, WIRE_CRIT);
    note_count = 0;
    start();
    CHECK(wait_note(FINDING_OPEN, text) >= 0); /* also by an agent that is started now */
    copy_self(path);
    for (; looks <= 8; looks++) {
        turn(10, INT64_C(2000) * looks);
    }
    f = note_of(FINDING_OPEN, path);
    CHECK(f != NULL && f->severity == WIRE_NOTE && strstr(f->text, "state=replaced") != NULL);
    end(pid);
}

/* That one slept since it was looked at says nothing of its file. */
static void
a_file_is_told_as_replaced_at_the_fourth_look_while_its_process_sleeps(void)
{
    const char *path = begin("asleep");
    pid_t pid = run(path, "stay");
    int looks = 1;

    start();
    for (; looks <= 12; looks++) {
        turn(10, INT64_C(2000) * looks);
    }
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    unlink(path);
    copy_self(path);
    for (; looks <= 16; looks++) {
        turn(10, INT64_C(2000) * looks);
    }
    const struct finding *f = note_of(FINDING_OPEN, path);

    CHECK(f != NULL && f->code == FINDING_DAEMON_IMAGE);
    end(pid);
}

static unsigned
notes_with(enum finding_code code)
{
    unsigned n = 0;

    for (unsigned i = 0; i < note_count; i++) {
        n += notes[i].op < FINDING_PASS_BEGIN && notes[i].code == code;
    }
    return n;
}

/* Waits for the alarm of a daemon that does not run, then for its end once `go_on` has let it. */
static void
is_told_and_over(const char *path, const char *state, pid_t pid, void (*go_on)(pid_t))
{
    char text[48];

    snprintf(text, sizeof(text), "pid=%d state=%s", pid, state);
    int64_t told_ms = wait_note(FINDING_OPEN, text);
    const struct finding *f = note_of(FINDING_OPEN, path);

    CHECK(told_ms >= 0);
    CHECK_INT(f != NULL ? f->code : -1, FINDING_DAEMON_STOPPED);
    turn(20, 70000); /* the pass of a minute later tells the same */
    CHECK(note_of(FINDING_CLOSE, path) == NULL);
    f = note_of(FINDING_OPEN, path);
    CHECK(f != NULL && strstr(f->text, text) != NULL);
    start();
    note_count = 0;
    CHECK(wait_note(FINDING_OPEN, text) >= 0); /* also by an agent that is started now */
    go_on(pid);
    int64_t over_ms = wait_note(FINDING_CLOSE, path);

    CHECK(over_ms >= 0);
    printf("     %s told after %lld ms, over after %lld ms\n", state, (long long)told_ms, (long long)over_ms);
}

static void
let_continue(pid_t pid)
{
    kill(pid, SIGCONT);
}

static void
a_stopped_daemon_is_told_until_it_runs_again(void)
{
    const char *path = begin("stopped");
    pid_t pid = run(path, "stay");

    start();
    kill(pid, SIGSTOP);
    is_told_and_over(path, "stopped", pid, let_continue);
    kill(pid, SIGSTOP);
    CHECK(wait_note(FINDING_OPEN, "state=stopped") >= 0);
    note_count = 0;
    kill(pid, SIGKILL);
    CHECK(wait_note(FINDING_OPEN, path) >= 0);
    CHECK_INT(notes[note_count - 1].code, FINDING_DAEMON_DOWN);
    waitpid(pid, NULL, 0);
}

static void
a_stop_that_one_look_saw_and_the_next_did_not_is_no_alarm(void)
{
    const char *path = begin("brief");
    pid_t pid = run(path, "stay");

    start();
    kill(pid, SIGSTOP);
    CHECK_INT(waitpid(pid, NULL, WUNTRACED), pid);
    int64_t now = (now_ms() / 1000 + 2) * 1000;
    CHECK(detector_daemons_ops.work(now) <= now + 250);
    kill(pid, SIGCONT);
    CHECK_INT(waitpid(pid, NULL, WCONTINUED), pid);
    CHECK_INT(detector_daemons_ops.work(now + 250), now + 1000);
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    end(pid);
}

static void
let_go_of(pid_t pid)
{
    CHECK_INT(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
}

static void
a_daemon_that_a_debugger_holds_is_told_as_traced(void)
{
    const char *path = begin("traced");
    pid_t pid = run(path, "stay");

    start();
    if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) != 0) {
        printf("     left out: may not trace (%s)\n", strerror(errno));
        end(pid);
        return;
    }
    CHECK_INT(waitpid(pid, NULL, 0), pid);
    is_told_and_over(path, "traced", pid, let_go_of);
    end(pid);
}

static bool
write_text(const char *folder, const char *file, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0) {
        close(fd);
    }
    return written;
}

/* A control group of this test's own. */
static struct group {
    const char *file;
    const char *freeze;
    const char *thaw;
    char dir[64];
} group;

static bool
make_group(const char *root, long magic, const char *file, const char *freeze, const char *thaw)
{
    struct statfs fs;

    if (statfs(root, &fs) != 0 || (long)fs.f_type != magic) {
        return false;
    }
    group.file = file;
    group.freeze = freeze;
    group.thaw = thaw;
    snprintf(group.dir, sizeof(group.dir), "%s/tocsin-test-%d", root, getpid());
    return mkdir(group.dir, 0755) == 0;
}

static void
put_into(const char *folder, pid_t pid)
{
    char number[16];

    snprintf(number, sizeof(number), "%d", pid);
    CHECK(write_text(folder, "cgroup.procs", number));
}

static void
thaw(pid_t pid)
{
    (void)pid;
    CHECK(write_text(group.dir, group.file, group.thaw));
}

static void
remove_group(const char *folder)
{
    for (int i = 0; i < 100 && rmdir(folder) != 0; i++) {
        usleep(10000);
    }
    CHECK(access(folder, F_OK) != 0);
}

/* In the group itself and in one below it. */
static void
is_told_as_frozen(const char *name)
{
    const char *path = begin(name);
    char below[80];
    pid_t pid = run(path, "stay");

    snprintf(below, sizeof(below), "%s/below", group.dir);
    CHECK_INT(mkdir(below, 0755), 0);
    start();
    put_into(group.dir, pid);
    turn(1200, 0);
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    CHECK(write_text(group.dir, group.file, group.freeze));
    is_told_and_over(path, "frozen", pid, thaw);

    put_into(below, pid); /* and then, without another look, the group above is frozen */
    note_count = 0;
    CHECK(write_text(group.dir, group.file, group.freeze));
    is_told_and_over(path, "frozen", pid, thaw);
    end(pid);
    remove_group(below);
}

static void
a_daemon_frozen_by_its_control_group_is_told(void)
{
    if (make_group("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC, "cgroup.freeze", "1", "0") ||
            make_group("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC, "cgroup.freeze", "1", "0")) {
        is_told_as_frozen("frozen2");
        remove_group(group.dir);
    } else {
        printf("     left out: no control group of version 2 can be made here\n");
    }
    if (make_group("/sys/fs/cgroup/freezer", CGROUP_SUPER_MAGIC, "freezer.state", "FROZEN", "THAWED")) {
        is_told_as_frozen("frozen1");
        remove_group(group.dir);
    } else {
        printf("     left out: no control group of version 1 can be made here\n");
    }
}

/* In a mount namespace of its own, where something else lies over the hierarchies. */
static int
watch_without_groups(const char *path, pid_t pid)
{
    struct detector_status status;
    bool told = false;

    check_failures = 0;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("none", "/sys/fs/cgroup", "tmpfs", 0, NULL) != 0) {
        printf("     left out: no mount namespace of our own\n");
        return 0;
    }
    start();
    for (unsigned i = 0; i < note_count; i++) {
        told = told ||
               (notes[i].op == FINDING_OPEN && strcmp(notes[i].text, "source=freezer state=missing") == 0);
    }
    CHECK(told);
    status_init(&status, "daemons");
    detector_daemons_ops.status(&status);
    CHECK_INT(status.state, STATUS_REDUCED);
    CHECK(strstr(status.note, "frozen ones are not seen") != NULL);
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    kill(pid, SIGSTOP);
    CHECK(wait_note(FINDING_OPEN, "state=stopped") >= 0);
    kill(pid, SIGCONT);
    CHECK(wait_note(FINDING_CLOSE, path) >= 0);
    fflush(stdout);
    return check_failures > 0;
}

static void
where_groups_cannot_be_seen_that_is_told_and_a_stop_is_told_all_the_same(void)
{
    int status = -1;

    if (!make_group("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC, "cgroup.freeze", "1", "0") &&
            !make_group("/sys/fs/cgroup/freezer", CGROUP_SUPER_MAGIC, "freezer.state", "FROZEN", "THAWED")) {
        printf("     left out: no control group can be made here\n");
        return;
    }
    const char *path = begin("blind");
    pid_t pid = run(path, "stay");

    put_into(group.dir, pid);
    fflush(stdout);
    pid_t watcher = fork();
    if (watcher == 0) {
        _exit(watch_without_groups(path, pid));
    }
    CHECK(watcher > 0 && waitpid(watcher, &status, 0) == watcher);
    CHECK_INT(status, 0);
    end(pid);
    remove_group(group.dir);
}

static void
a_dead_daemon_that_nobody_takes_note_of_is_told_as_a_zombie(void)
{
    const char *path = begin("zombie");
    pid_t pid = run(path, "stay");

    start();
    kill(pid, SIGKILL);
    CHECK(wait_note(FINDING_OPEN, path) >= 0);
    CHECK(note_of(FINDING_OPEN, "state=") == NULL);
    CHECK(wait_note(FINDING_OPEN, "state=zombie") >= 0);
    CHECK_INT(notes_with(FINDING_DAEMON_DOWN), 2);
    waitpid(pid, NULL, 0);
    turn(2200, 0);
    CHECK_INT(notes_with(FINDING_DAEMON_DOWN), 2);
    pid = run(path, "stay");
    CHECK(wait_note(FINDING_CLOSE, path) >= 0);
    note_count = 0;
    end(pid);
    CHECK(wait_note(FINDING_OPEN, path) >= 0);
    turn(2200, 0);
    CHECK(note_of(FINDING_OPEN, "state=") == NULL);
}

static void
a_daemon_whose_first_thread_has_ended_is_up(void)
{
    const char *path = begin("threads");
    pid_t pid = run(path, "threads");

    start();
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    turn(10, 2000);
    turn(10, 70000);
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    kill(pid, SIGKILL);
    CHECK(wait_note(FINDING_OPEN, path) >= 0);
    waitpid(pid, NULL, 0);
}

static void
more_than_three_restarts_in_a_minute_are_told_once(void)
{
    const char *path = begin("restless");
    pid_t pid = run(path, "stay");

    start();
    for (int i = 1; i <= 6; i++) {
        end(pid);
        CHECK(wait_note(FINDING_OPEN, path) >= 0);
        pid = run(path, "stay");
        CHECK(wait_note(FINDING_CLOSE, path) >= 0);
        CHECK_INT(notes_with(FINDING_DAEMON_RESTARTS), i > 3);
        if (i == 4) {
            CHECK(note_of(FINDING_EVENT, "n=4 within_s=60") != NULL);
        }
        for (unsigned n = 0; n < note_count; n++) { /* not to be found again */
            notes[n].op = notes[n].op == FINDING_EVENT ? FINDING_EVENT : FINDING_PASS_END;
        }
    }
    end(pid);
}

static void
a_restart_between_two_looks_is_an_event_and_is_counted(void)
{
    const char *path = begin("swift");
    pid_t pid = run(path, "stay");

    start();
    for (int i = 0; i < 5; i++) {
        end(pid);
        pid = run(path, "stay");
        turn(20, 2000);
    }
    CHECK_INT(notes_with(FINDING_DAEMON_DOWN), 0);
    CHECK_INT(notes_with(FINDING_DAEMON_RESTARTED), 5);
    CHECK_INT(notes_with(FINDING_DAEMON_RESTARTS), 1);
    end(pid);
}

static void
a_daemon_that_is_back_within_its_grace_is_an_event_and_no_alarm(void)
{
    const char *path = begin("graceful");

    conf.daemon_grace_s = 2;
    pid_t pid = run(path, "stay");
    start();
    end(pid);
    turn(300, 0);
    turn(20, 70000); /* a pass in the middle of it */
    pid = run(path, "stay");
    CHECK(wait_note(FINDING_EVENT, path) >= 0);
    turn(2500, 0);
    CHECK_INT(notes_with(FINDING_DAEMON_DOWN), 0);
    CHECK_INT(notes_with(FINDING_DAEMON_RESTARTED), 1);
    const struct finding *f = note_of(FINDING_EVENT, "gap_ms=");
    int gap_ms = f != NULL ? atoi(strstr(f->text, "gap_ms=") + 7) : 0;
    CHECK(f != NULL && f->severity == WIRE_NOTE);
    CHECK(gap_ms >= 300 && gap_ms <= 2000);
    printf("     told with a gap of %d ms\n", gap_ms);
    end(pid);
}

static void
what_was_told_before_the_grace_stays_open_in_it(void)
{
    const char *path = begin("stopgrace");

    conf.daemon_grace_s = 2;
    pid_t pid = run(path, "stay");
    start();
    kill(pid, SIGSTOP);
    CHECK(wait_note(FINDING_OPEN, "state=stopped") >= 0);
    end(pid);
    note_count = 0;
    turn(20, 70000);
    CHECK(note_of(FINDING_OPEN, path) != NULL && note_of(FINDING_PASS_END, "") != NULL);
    CHECK_INT(notes_with(FINDING_DAEMON_DOWN), 0);
}

static void
a_daemon_that_is_not_back_within_its_grace_is_down_when_it_ends(void)
{
    const char *path = begin("late");

    conf.daemon_grace_s = 1;
    pid_t pid = run(path, "stay");
    start();
    end(pid);
    int64_t down_ms = wait_note(FINDING_OPEN, path);
    CHECK(down_ms >= 950);
    CHECK_INT(notes_with(FINDING_DAEMON_DOWN), 1);
    pid = run(path, "stay");
    CHECK(wait_note(FINDING_CLOSE, path) >= 0);
    CHECK_INT(notes_with(FINDING_DAEMON_RESTARTED), 0);
    end(pid);
    start(); /* one that is down from the first look has no grace */
    CHECK(note_of(FINDING_OPEN, path) != NULL);
}

static void
a_daemon_known_by_its_arguments_is_that_process_alone(void)
{
    const char *path = begin("script");
    pid_t other = run(path, "stay");
    pid_t pid = run(path, "named");
    char text[CONF_DAEMON_SUBJECT];

    snprintf(conf.daemon[0].args, sizeof(conf.daemon[0].args), "named");
    snprintf(text, sizeof(text), "cmd=%s%%20named", path);
    start();
    CHECK(note_of(FINDING_OPEN, text) == NULL);
    end(pid);
    CHECK(wait_note(FINDING_OPEN, text) >= 0);
    pid = run(path, "named");
    CHECK(wait_note(FINDING_CLOSE, text) >= 0);
    end(pid);
    end(other);
}

static void
write_pid(const char *path, pid_t pid)
{
    FILE *f = fopen(path, "w");

    CHECK(f != NULL);
    if (f != NULL) {
        fprintf(f, "%d\n", pid);
        fclose(f);
    }
}

static void
a_daemon_known_by_its_pid_file_follows_it(void)
{
    (void)begin("pidded");
    char file[64];
    char text[48];

    snprintf(file, sizeof(file), "%s/pid", dir);
    conf.daemon[0] = (struct conf_daemon){ .exe = "" };
    snprintf(conf.daemon[0].pidfile, sizeof(conf.daemon[0].pidfile), "%s", file);
    snprintf(own_copy, sizeof(own_copy), "%s/pidded", dir);

    start();
    CHECK(wait_note(FINDING_OPEN, file) >= 0); /* no such file yet */
    pid_t first = run(own_copy, "stay");
    pid_t second = run(own_copy, "stay");
    write_pid(file, first);
    CHECK(wait_note(FINDING_OPEN, "state=scratch") >= 0); /* it runs, from a copy in /tmp */
    CHECK_INT(
            note_of(FINDING_OPEN, "state=scratch") != NULL ? notes[note_count - 1].severity : -1, WIRE_ALRT);
    write_pid(file, second);
    turn(1200, 0);
    note_count = 0;
    end(first);
    turn(20, 70000);
    snprintf(text, sizeof(text), "pid=%d state=scratch", second);
    CHECK(note_of(FINDING_OPEN, text) != NULL);
    CHECK_INT(notes_with(FINDING_DAEMON_DOWN), 0);
    note_count = 0;
    end(second);
    CHECK(wait_note(FINDING_OPEN, file) >= 0);
    CHECK(notes_with(FINDING_DAEMON_DOWN) > 0);
    unlink(file);
}

/* A group of the service manager's kind, made by hand. */
static void
a_daemon_known_by_its_unit_is_any_process_of_its_group(void)
{
    const char *path = begin("unit");
    char slice[64];
    char unit[96];

    if (!make_group("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC, "", "", "") &&
            !make_group("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC, "", "", "")) {
        printf("     left out: no control group of version 2 can be made here\n");
        return;
    }
    remove_group(group.dir);
    snprintf(slice, sizeof(slice), "%s.slice", group.dir);
    snprintf(unit, sizeof(unit), "%s/tocsin-test.service", slice);
    CHECK_INT(mkdir(slice, 0755), 0);
    CHECK_INT(mkdir(unit, 0755), 0);
    pid_t pid = run(path, "stay");

    snprintf(conf.daemon[0].unit, sizeof(conf.daemon[0].unit), "tocsin-test.service");
    start();
    CHECK(wait_note(FINDING_OPEN, "unit=tocsin-test.service name=unit") >=
            0); /* it runs outside of its unit */
    put_into(unit, pid);
    CHECK(wait_note(FINDING_CLOSE, "unit=tocsin-test.service") >= 0);
    note_count = 0;
    kill(pid, SIGKILL);
    CHECK(wait_note(FINDING_OPEN, "unit=tocsin-test.service") >= 0);
    waitpid(pid, NULL, 0);
    remove_group(unit);
    remove_group(slice);
}

static void
one_pass_of_check_tells_what_does_not_run(void)
{
    const char *path = begin("checkstop");
    pid_t pid = run(path, "stay");

    kill(pid, SIGSTOP);
    CHECK_INT(waitpid(pid, NULL, WUNTRACED), pid);
    CHECK_INT(detector_daemons_ops.check(&env), 0);
    CHECK_INT(note_count, 3);
    CHECK_INT(notes_with(FINDING_DAEMON_STOPPED), 1);
    CHECK(note_of(FINDING_OPEN, path) != NULL && note_of(FINDING_OPEN, "state=stopped") != NULL);
    end(pid);
}

static void
one_pass_of_check_tells_what_is_down(void)
{
    const char *path = begin("checked");
    pid_t pid = run(path, "stay");

    CHECK_INT(detector_daemons_ops.check(&env), 0);
    CHECK_INT(note_count, 2);
    end(pid);
    note_count = 0;
    CHECK_INT(detector_daemons_ops.check(&env), 0);
    CHECK_INT(note_count, 3);
    CHECK(note_of(FINDING_OPEN, path) != NULL);
}

static void *
stay_on(void *ready)
{
    usleep(20000); /* until the first thread has ended */
    if (write(*(int *)ready, "x", 1) == 1) {
        pause();
    }
    return NULL;
}

/* As a copy: says that it runs, and stays as long as the test. */
static int
be_daemon(const char *how, int ready)
{
    pid_t parent = getppid();

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (strcmp(how, "fork") == 0) {
        pid_t child = fork();

        if (child != 0) {
            return child < 0 || write(ready, "x", 1) != 1;
        }
        for (int i = 0; i < 300 && kill(parent, 0) == 0; i++) {
            usleep(20000);
        }
        return 0;
    }
    if (strcmp(how, "named") == 0) {
        prctl(PR_SET_NAME, "named");
    }
    if (strcmp(how, "threads") == 0) {
        static int to;
        pthread_t thread;

        to = ready;
        if (pthread_create(&thread, NULL, stay_on, &to) == 0) {
            pthread_exit(NULL);
        }
        return 1;
    }
    if (write(ready, "x", 1) == 1) {
        pause();
    }
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc == 3) {
        return be_daemon(argv[1], atoi(argv[2]));
    }
    char command[64];

    CHECK(mkdtemp(dir) != NULL);
    CHECK(readlink("/proc/self/exe", own_exe, sizeof(own_exe) - 1) > 0);
    CHECK_RUN(a_daemon_that_does_not_run_is_down_from_the_first_look);
    CHECK_RUN(a_death_is_told_by_event_and_the_return_too);
    CHECK_RUN(a_daemon_of_many_processes_is_down_with_the_last_one_only);
    CHECK_RUN(a_daemon_that_forks_into_the_background_stays_up);
    CHECK_RUN(a_process_that_only_takes_the_name_is_not_the_daemon);
    CHECK_RUN(a_process_that_shows_the_path_from_another_mount_namespace_is_not_the_daemon);
    CHECK_RUN(a_replaced_executable_is_told_until_the_daemon_runs_the_new_one);
    CHECK_RUN(a_deleted_executable_is_told_as_such_until_another_file_lies_there);
    CHECK_RUN(a_file_is_told_as_replaced_at_the_fourth_look_while_its_process_sleeps);
    CHECK_RUN(a_stopped_daemon_is_told_until_it_runs_again);
    CHECK_RUN(a_stop_that_one_look_saw_and_the_next_did_not_is_no_alarm);
    CHECK_RUN(a_daemon_that_a_debugger_holds_is_told_as_traced);
    CHECK_RUN(a_daemon_frozen_by_its_control_group_is_told);
    CHECK_RUN(where_groups_cannot_be_seen_that_is_told_and_a_stop_is_told_all_the_same);
    CHECK_RUN(a_dead_daemon_that_nobody_takes_note_of_is_told_as_a_zombie);
    CHECK_RUN(a_daemon_whose_first_thread_has_ended_is_up);
    CHECK_RUN(more_than_three_restarts_in_a_minute_are_told_once);
    CHECK_RUN(a_restart_between_two_looks_is_an_event_and_is_counted);
    CHECK_RUN(a_daemon_that_is_back_within_its_grace_is_an_event_and_no_alarm);
    CHECK_RUN(what_was_told_before_the_grace_stays_open_in_it);
    CHECK_RUN(a_daemon_that_is_not_back_within_its_grace_is_down_when_it_ends);
    CHECK_RUN(a_daemon_known_by_its_arguments_is_that_process_alone);
    CHECK_RUN(a_daemon_known_by_its_pid_file_follows_it);
    CHECK_RUN(a_daemon_known_by_its_unit_is_any_process_of_its_group);
    CHECK_RUN(one_pass_of_check_tells_what_is_down);
    CHECK_RUN(one_pass_of_check_tells_what_does_not_run);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    CHECK_INT(system(command), 0);
    return check_result();
}
