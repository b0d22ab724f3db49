#include "watch/sleepers.h"
#include "support/check.h"
#include "watch/owners.h"
#include "watch/procfs.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A child that waits for a byte, answers it with another one, and waits again.
 */
struct child {
    pid_t pid;
    int wake;
    int answer;
};

static int proc;

static void *
wait_forever(void *unused)
{
    (void)unused;
    for (;;) {
        pause();
    }
    return NULL;
}

static void
answer_all(int wake, int answer, bool threads)
{
    pthread_t thread;
    char byte = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        close(fd); /* it may be a socket */
    }
    if (threads && pthread_create(&thread, NULL, wait_forever, NULL) != 0) {
        _exit(1);
    }
    do {
        (void)!write(answer, &byte, 1);
    } while (read(wake, &byte, 1) == 1);
    _exit(0);
}

/* What it answers, it answers while it still runs, and it is counted a moment after it fell asleep. */
static void
await_sleep(const struct child *c)
{
    struct procfs_stat stat = { .state = '?' };
    char path[32];
    char ran[2][64] = { "" };
    unsigned look = 0;
    char byte;

    CHECK_INT(read(c->answer, &byte, 1), 1);
    snprintf(path, sizeof(path), "%d/schedstat", c->pid);
    while (procfs_stat(proc, c->pid, &stat) == 0 &&
            (stat.state != 'S' || look < 2 || strcmp(ran[0], ran[1]) != 0)) {
        usleep(1000);
        CHECK(procfs_read(proc, path, ran[look++ % 2], sizeof(ran[0])) > 0);
    }
    CHECK_INT(stat.state, 'S');
}

static struct child
begin(bool threads)
{
    int wake[2] = { -1, -1 };
    int answer[2] = { -1, -1 };

    CHECK(pipe(wake) == 0 && pipe(answer) == 0);
    struct child c = { .pid = fork(), .wake = wake[1], .answer = answer[0] };

    if (c.pid == 0) {
        close(wake[1]);
        close(answer[0]);
        answer_all(wake[0], answer[1], threads);
    }
    close(wake[0]);
    close(answer[1]);
    CHECK(c.pid > 1);
    await_sleep(&c);
    return c;
}

static void
wake(const struct child *c)
{
    CHECK_INT(write(c->wake, "", 1), 1);
    await_sleep(c);
}

static void
end(const struct child *c)
{
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
    close(c->wake);
    close(c->answer);
}

/* So many lists on; one of eight forgets it. */
static unsigned
lists_that_know(const struct child *c, unsigned lists)
{
    unsigned known = 0;

    for (unsigned i = 0; i < lists; i++) {
        sleepers_begin(proc, SLEEPERS_DISGUISE);
        known += sleepers_has(c->pid, SLEEPERS_DISGUISE);
        sleepers_add(c->pid, SLEEPERS_DISGUISE);
    }
    return known;
}

static void
who_slept_is_known_but_in_one_of_eight_lists(void)
{
    struct child c = begin(false);

    sleepers_begin(proc, SLEEPERS_DISGUISE);
    CHECK(!sleepers_has(c.pid, SLEEPERS_DISGUISE));
    sleepers_add(c.pid, SLEEPERS_DISGUISE);
    CHECK(sleepers_has(c.pid, SLEEPERS_DISGUISE));
    CHECK(!sleepers_has(c.pid, SLEEPERS_OWNERS));
    CHECK_INT(lists_that_know(&c, 16), 14);
    end(&c);
}

static void
who_ran_for_a_moment_is_not_known_any_more(void)
{
    struct child c = begin(false);

    sleepers_begin(proc, SLEEPERS_DISGUISE);
    sleepers_add(c.pid, SLEEPERS_DISGUISE);
    for (int i = 0; i < 16; i++) {
        wake(&c);
        sleepers_begin(proc, SLEEPERS_DISGUISE);
        CHECK(!sleepers_has(c.pid, SLEEPERS_DISGUISE));
        sleepers_add(c.pid, SLEEPERS_DISGUISE);
    }
    end(&c);
}

static void
who_has_a_second_thread_is_never_known(void)
{
    struct child c = begin(true);

    CHECK_INT(lists_that_know(&c, 16), 0);
    end(&c);
}

static void
a_look_of_another_one_just_now_serves_both_but_never_the_same_twice(void)
{
    struct child c = begin(false);

    sleepers_begin(proc, SLEEPERS_DISGUISE);
    sleepers_add(c.pid, SLEEPERS_DISGUISE);
    sleepers_begin(proc, SLEEPERS_OWNERS);
    sleepers_add(c.pid, SLEEPERS_OWNERS);
    wake(&c);
    sleepers_begin(proc, SLEEPERS_OWNERS);
    CHECK(!sleepers_has(c.pid, SLEEPERS_OWNERS));
    CHECK(!sleepers_has(c.pid, SLEEPERS_DISGUISE));
    end(&c);
}

static void
look_for_owners(void)
{
    static struct book none;
    struct book *book[CONF_PROTOS] = { &none };
    struct owner_scan scan;

    CHECK_INT(owner_scan_begin(&scan, proc, book, true), 0);
    while (!owner_scan_step(&scan, 1000)) {
    }
}

/* A socket that is no port yet may become one by what another process does to it. */
static void
only_who_has_no_socket_of_any_kind_is_left_out_by_the_look_for_owners(void)
{
    int pair[2];
    struct child without = begin(false);

    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct child with = begin(false);

    look_for_owners();
    CHECK(sleepers_has(without.pid, SLEEPERS_OWNERS));
    CHECK(!sleepers_has(with.pid, SLEEPERS_OWNERS));
    end(&without);
    end(&with);
    close(pair[0]);
    close(pair[1]);
}

int
main(void)
{
    if (access("/proc/self/schedstat", R_OK) != 0) {
        fprintf(stderr, "this kernel does not count how often a process runs\n");
        return CHECK_SKIPPED;
    }
    proc = procfs_open();
    CHECK(proc >= 0);
    CHECK_RUN(who_slept_is_known_but_in_one_of_eight_lists);
    CHECK_RUN(who_ran_for_a_moment_is_not_known_any_more);
    CHECK_RUN(who_has_a_second_thread_is_never_known);
    CHECK_RUN(a_look_of_another_one_just_now_serves_both_but_never_the_same_twice);
    CHECK_RUN(only_who_has_no_socket_of_any_kind_is_left_out_by_the_look_for_owners);
    return check_result();
}
