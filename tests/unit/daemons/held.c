/* What a held process is doing, by all of its threads: real ones, held by a real debugger. */
#include "support/check.h"
#include "watch/daemonheld.h"
#include "watch/procfs.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOKS 12 /* all threads are looked at once in eight, and what is seen counts at the second */

static struct freezer freezer;
static int proc;

static void *
work(void *unused)
{
    while (usleep(1000) == 0) {
    }
    return unused;
}

/* A process of two threads; the first one works, too, or sleeps for good. */
static pid_t
begin_process(bool works)
{
    pid_t pid = fork();

    if (pid == 0) {
        pthread_t other;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (pthread_create(&other, NULL, work, NULL) != 0) {
            _exit(1);
        }
        if (works) {
            (void)work(NULL);
        }
        pause();
        _exit(1);
    }
    while (procfs_threads(proc, pid) < 2) {
        usleep(1000);
    }
    return pid;
}

static int32_t
other_thread(pid_t pid)
{
    struct procfs_tasks tasks;
    int32_t tid;

    CHECK_INT(procfs_tasks_open(&tasks, proc, pid), 0);
    CHECK_INT(procfs_tasks_next(&tasks), pid);
    tid = procfs_tasks_next(&tasks);
    CHECK_INT(procfs_tasks_next(&tasks), 0);
    procfs_tasks_close(&tasks);
    return tid;
}

static struct held
hold(pid_t pid)
{
    struct procfs_stat stat;
    struct held h;

    CHECK_INT(procfs_stat(proc, pid, &stat), 0);
    struct daemon_process process = { .pid = pid, .start = stat.start };

    CHECK(held_begin(&h, proc, &freezer, &process));
    CHECK_INT(h.state, HELD_RUNS);
    return h;
}

/* Whether so many looks come to this state. */
static bool
comes_to(struct held *h, enum held_state state)
{
    for (int i = 0; i < LOOKS && h->state != state; i++) {
        usleep(10000);
        CHECK(held_look(h, proc, &freezer));
    }
    return h->state == state;
}

static void
a_thread_that_is_held_is_seen_whatever_the_first_one_does(void)
{
    for (int works = 0; works < 2; works++) {
        pid_t pid = begin_process(works != 0);
        int32_t tid = other_thread(pid);
        struct held h = hold(pid);
        int status;

        CHECK_INT(ptrace(PTRACE_SEIZE, tid, NULL, NULL), 0);
        CHECK_INT(ptrace(PTRACE_INTERRUPT, tid, NULL, NULL), 0);
        CHECK_INT(waitpid(tid, &status, __WALL), tid);
        CHECK(comes_to(&h, HELD_TRACED));
        CHECK_INT(ptrace(PTRACE_DETACH, tid, NULL, NULL), 0);
        CHECK(comes_to(&h, HELD_RUNS));
        held_end(&h);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static void
one_look_sees_a_thread_that_is_held(void)
{
    pid_t pid = begin_process(true);
    int32_t tid = other_thread(pid);
    struct daemon_seen seen = { .count = 1, .kept = 1 };
    struct procfs_stat stat;
    int32_t held;
    int status;

    CHECK_INT(procfs_stat(proc, pid, &stat), 0);
    seen.process[0] = (struct daemon_process){ .pid = pid, .start = stat.start };
    CHECK_INT(held_look_once(proc, &freezer, &seen, &held), HELD_RUNS);
    CHECK_INT(ptrace(PTRACE_SEIZE, tid, NULL, NULL), 0);
    CHECK_INT(ptrace(PTRACE_INTERRUPT, tid, NULL, NULL), 0);
    CHECK_INT(waitpid(tid, &status, __WALL), tid);
    CHECK_INT(held_look_once(proc, &freezer, &seen, &held), HELD_TRACED);
    CHECK_INT(held, pid);
    kill(pid, SIGKILL);
    waitpid(tid, NULL, __WALL);
    waitpid(pid, NULL, 0);
}

int
main(void)
{
    proc = procfs_open();
    CHECK(proc >= 0);
    freezer_open(&freezer);
    CHECK_RUN(a_thread_that_is_held_is_seen_whatever_the_first_one_does);
    CHECK_RUN(one_look_sees_a_thread_that_is_held);
    freezer_close(&freezer);
    close(proc);
    return check_result();
}
