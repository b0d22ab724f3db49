/* The detector against real processes: copies of this program in a directory of their own. */
#include "support/check.h"
#include "watch/detector.h"
#include "watch/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOTES 256

static struct conf conf;
static struct finding notes[NOTES];
static unsigned note_count;
static char dir[] = "/tmp/tocsin-daemons-XXXXXX";
static char own_exe[PROCFS_EXE];

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

    while (note_of(op, text) == NULL && now_ms() - start < 5000) {
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
    snprintf(conf.daemon[0], sizeof(conf.daemon[0]), "%s/%s", dir, name);
    conf.daemons = 1;
    copy_self(conf.daemon[0]);
    note_count = 0;
    return conf.daemon[0];
}

static void
start(void)
{
    CHECK_INT(detector_daemons_ops.open(&env), 0);
    turn(20, 0);
}

/* Runs a copy as `how` says; returns when it runs. */
static pid_t
run(const char *path, const char *how)
{
    int ready[2];
    char byte;

    CHECK_INT(pipe(ready), 0);
    fcntl(ready[0], F_SETFD, FD_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) {
        char number[16];

        snprintf(number, sizeof(number), "%d", ready[1]);
        execl(path, path, how, number, (char *)NULL);
        _exit(1);
    }
    close(ready[1]);
    CHECK(pid > 0);
    CHECK_INT(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
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

static void
a_death_is_told_by_event_and_the_return_too(void)
{
    const char *path = begin("steady");
    pid_t pid = run(path, "stay");
    char text[32];

    start();
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    turn(30, 0);
    kill(pid, SIGKILL);
    int64_t down_ms = wait_note(FINDING_OPEN, path);
    snprintf(text, sizeof(text), "pid=%d", pid);
    CHECK(note_of(FINDING_OPEN, text) != NULL); /* also while nobody has waited for it */
    CHECK(down_ms >= 0 && down_ms < 200);
    waitpid(pid, NULL, 0);

    pid = run(path, "stay");
    int64_t up_ms = wait_note(FINDING_CLOSE, path);
    CHECK(up_ms >= 0 && (up_ms < 200 || no_connector()));
    printf("     down told after %lld ms, up after %lld ms\n", (long long)down_ms, (long long)up_ms);
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
a_replaced_executable_is_told_until_the_daemon_runs_the_new_one(void)
{
    const char *path = begin("replaced");
    pid_t pid = run(path, "stay");

    start();
    CHECK(note_of(FINDING_OPEN, path) == NULL);
    unlink(path);
    copy_self(path);
    turn(10, 2000);
    const struct finding *f = note_of(FINDING_OPEN, path);
    CHECK_INT(f != NULL ? f->code : -1, FINDING_DAEMON_CHANGED);
    pid_t again = run(path, "stay");
    end(pid);
    turn(10, 4000);
    CHECK(note_of(FINDING_CLOSE, path) != NULL);
    end(again);
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
    CHECK_RUN(a_replaced_executable_is_told_until_the_daemon_runs_the_new_one);
    CHECK_RUN(one_pass_of_check_tells_what_is_down);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    CHECK_INT(system(command), 0);
    return check_result();
}
