#include "watch/sleepers.h"
#include "support/check.h"
#include "watch/owners.h"
#include "watch/procfs.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

#define EVERY_US 2000

static int proc;

static void *
wake_now_and_then(void *unused)
{
    (void)unused;
    for (;;) {
        usleep(EVERY_US);
    }
    return NULL;
}

static void
answer_all(int wake, int answer, void *(*second)(void *))
{
    pthread_t thread;
    char byte = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        close(fd); /* it may be a socket */
    }
    if (second != NULL && pthread_create(&thread, NULL, second, NULL) != 0) {
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
begin(void *(*second)(void *))
{
    int wake[2] = { -1, -1 };
    int answer[2] = { -1, -1 };

    CHECK(pipe(wake) == 0 && pipe(answer) == 0);
    struct child c = { .pid = fork(), .wake = wake[1], .answer = answer[0] };

    if (c.pid == 0) {
        close(wake[1]);
        close(answer[0]);
        answer_all(wake[0], answer[1], second);
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

/* In so many looks. */
static unsigned
looks_that_know(const struct child *c, unsigned looks)
{
    unsigned known = 0;

    for (unsigned i = 0; i < looks; i++) {
        known += sleepers_has(c->pid, SLEEPERS_DISGUISE);
        sleepers_add(c->pid, SLEEPERS_DISGUISE);
    }
    return known;
}

/* Asked and not added, as by a look that finds something. */
static unsigned
looks_that_find(const struct child *c, unsigned looks)
{
    unsigned known = 0;

    for (unsigned i = 0; i < looks; i++) {
        known += sleepers_has(c->pid, SLEEPERS_DISGUISE);
    }
    return known;
}

static void
who_slept_is_known_to_who_added_it(void)
{
    struct child c = begin(NULL);

    CHECK(!sleepers_has(c.pid, SLEEPERS_OWNERS));
    CHECK(!sleepers_has(c.pid, SLEEPERS_DISGUISE));
    sleepers_add(c.pid, SLEEPERS_DISGUISE);
    CHECK_INT(looks_that_know(&c, 2), 2);
    CHECK(!sleepers_has(c.pid, SLEEPERS_OWNERS));
    end(&c);
}

static void
who_slept_is_looked_at_the_eighth_time_all_the_same(void)
{
    struct child c = begin(NULL);

    sleepers_has(c.pid, SLEEPERS_DISGUISE);
    sleepers_add(c.pid, SLEEPERS_DISGUISE);
    CHECK_INT(looks_that_find(&c, 1000), 7);
    end(&c);
}

static void
who_ran_for_a_moment_is_not_known_any_more(void)
{
    struct child c = begin(NULL);

    CHECK_INT(looks_that_know(&c, 1), 0);
    for (int i = 0; i < 16; i++) {
        wake(&c);
        CHECK_INT(looks_that_know(&c, 1), 0);
    }
    end(&c);
}

static void
who_has_a_second_thread_that_runs_is_not_known_any_more(void)
{
    struct child c = begin(wake_now_and_then);

    CHECK_INT(looks_that_know(&c, 1), 0);
    usleep(5 * EVERY_US);
    CHECK_INT(looks_that_know(&c, 1), 0);
    end(&c);
}

static void
what_ran_behind_the_question_counts_as_if_it_ran_later(void)
{
    struct child c = begin(NULL);

    CHECK(!sleepers_has(c.pid, SLEEPERS_DISGUISE));
    wake(&c);
    sleepers_add(c.pid, SLEEPERS_DISGUISE);
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

static bool
left_out_by_the_look_for_owners(void)
{
    struct child c = begin(NULL);

    look_for_owners();
    bool left_out = sleepers_has(c.pid, SLEEPERS_OWNERS);

    end(&c);
    return left_out;
}

/* A socket that is no port yet may become one by what another process does to it. One that shares its place
 * may be put out. */
static void
only_who_has_no_socket_of_any_kind_is_left_out_by_the_look_for_owners(void)
{
    bool without = false;
    bool with = false;
    int pair[2];

    for (int i = 0; i < 8; i++) {
        without = left_out_by_the_look_for_owners() || without;
    }
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    for (int i = 0; i < 8; i++) {
        with = left_out_by_the_look_for_owners() || with;
    }
    CHECK(without);
    CHECK(!with);
    close(pair[0]);
    close(pair[1]);
}

/* A book with one port, and a child that has it. */
struct port {
    struct book book;
    int listener;
};

static void
open_port(struct port *p)
{
    struct stat st = { .st_ino = 0 };

    p->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(fstat(p->listener, &st) == 0);
    p->book.sockets.count = 1;
    p->book.sockets.row[0] = (struct socket_row){ .inode = st.st_ino };
    p->book.owned[0] = (struct owned){ .count = 0 };
    book_index(&p->book);
}

static struct owner_scan
look_for_holders(struct port *p)
{
    struct book *book[CONF_PROTOS] = { &p->book };
    struct owner_scan scan;

    CHECK_INT(owner_scan_begin(&scan, proc, book, true), 0);
    while (!owner_scan_step(&scan, 1000)) {
    }
    return scan;
}

static int32_t
holder_of(const struct port *p)
{
    return p->book.owned[0].count == 1 ? p->book.owned[0].owner[0].pid : 0;
}

static struct port port;

static void
who_holds_a_port_and_slept_still_holds_it_without_being_looked_at(void)
{
    open_port(&port);
    struct child c = begin(NULL);

    CHECK(!look_for_holders(&port).quick);
    close(port.listener); /* it alone has it from here on */
    (void)look_for_holders(&port);
    CHECK_INT(holder_of(&port), c.pid);
    CHECK(look_for_holders(&port).quick);
    CHECK_INT(holder_of(&port), c.pid);
    end(&c);
}

static void
when_a_holder_ends_a_second_one_that_slept_is_found(void)
{
    open_port(&port);
    struct child older = begin(NULL);
    struct child newer = begin(NULL);

    close(port.listener);
    (void)look_for_holders(&port);
    CHECK_INT(holder_of(&port), newer.pid);
    CHECK(look_for_holders(&port).quick);
    CHECK_INT(holder_of(&port), newer.pid);
    end(&newer);
    (void)look_for_holders(&port);
    CHECK_INT(holder_of(&port), older.pid);
    end(&older);
    (void)look_for_holders(&port);
    CHECK_INT(holder_of(&port), 0);
}

static void
a_new_port_makes_the_look_ask_those_who_slept(void)
{
    open_port(&port);
    struct child c = begin(NULL);

    close(port.listener);
    port.book.sockets.count = 0;
    (void)look_for_holders(&port);
    CHECK(look_for_holders(&port).quick);
    port.book.sockets.count = 1; /* somebody else made it listen */
    CHECK(!look_for_holders(&port).quick);
    CHECK_INT(holder_of(&port), c.pid);
    end(&c);
}

/* A copy of this machine's sleep(1), in the place of the child, with the port. */
static pid_t
begin_copy(const char *path, const struct port *p)
{
    char copy[256];
    pid_t pid;

    snprintf(copy, sizeof(copy), "cp -p /bin/sleep %s", path);
    CHECK_INT(system(copy), 0);
    pid = fork();
    if (pid == 0) {
        dup2(p->listener, STDIN_FILENO);
        close(p->listener);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(path, path, "1000", (char *)NULL);
        _exit(1);
    }
    return pid;
}

static bool
runs_a_deleted_file(const struct port *p)
{
    const struct owner_exe *exe = owners_exe(p->book.owned[0].owner[0].exe);

    return exe != NULL && exe->file.deleted;
}

static void
a_holder_that_slept_while_its_file_was_deleted_runs_a_deleted_file(void)
{
    char path[] = "/tmp/sleepers-XXXXXX";
    int fd = mkstemp(path);

    close(fd);
    open_port(&port);
    pid_t pid = begin_copy(path, &port);

    close(port.listener);
    for (int i = 0; i < 1000 && !sleepers_slept(pid, SLEEPERS_HOLDERS); i++) {
        usleep(10000);
        (void)look_for_holders(&port);
    }
    CHECK_INT(holder_of(&port), pid);
    CHECK(!runs_a_deleted_file(&port));
    CHECK_INT(unlink(path), 0);
    (void)look_for_holders(&port);
    CHECK_INT(holder_of(&port), pid);
    CHECK(runs_a_deleted_file(&port));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* Pages of our own, in KiB. */
static long
own_kb(int rollup)
{
    static char text[4096];
    ssize_t len = pread(rollup, text, sizeof(text) - 1, 0);

    text[len > 0 ? len : 0] = '\0';
    const char *at = strstr(text, "Anonymous:");

    return at != NULL ? strtol(at + 10, NULL, 10) : -1;
}

static int
growth_by_processes_that_come(void)
{
    int rollup = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);

    if (own_kb(rollup) <= 0) {
        return -1;
    }
    (void)sleepers_has(1, SLEEPERS_OWNERS);
    long first_kb = own_kb(rollup);
    for (int32_t pid = 1; pid <= 4096; pid++) {
        (void)sleepers_has(pid, SLEEPERS_OWNERS);
        sleepers_add(pid, SLEEPERS_OWNERS);
    }
    return (int)(own_kb(rollup) - first_kb);
}

/* To be run before any other question, as the first takes it. */
static void
processes_that_come_take_no_memory(void)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        _exit(growth_by_processes_that_come() == 0 ? 0 : 1);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK_INT(status, 0);
}

int
main(void)
{
    proc = procfs_open();
    CHECK(proc >= 0);
    CHECK_RUN(processes_that_come_take_no_memory);
    CHECK_RUN(who_slept_is_known_to_who_added_it);
    CHECK_RUN(who_slept_is_looked_at_the_eighth_time_all_the_same);
    CHECK_RUN(who_ran_for_a_moment_is_not_known_any_more);
    CHECK_RUN(who_has_a_second_thread_that_runs_is_not_known_any_more);
    CHECK_RUN(what_ran_behind_the_question_counts_as_if_it_ran_later);
    CHECK_RUN(only_who_has_no_socket_of_any_kind_is_left_out_by_the_look_for_owners);
    CHECK_RUN(who_holds_a_port_and_slept_still_holds_it_without_being_looked_at);
    CHECK_RUN(when_a_holder_ends_a_second_one_that_slept_is_found);
    CHECK_RUN(a_new_port_makes_the_look_ask_those_who_slept);
    CHECK_RUN(a_holder_that_slept_while_its_file_was_deleted_runs_a_deleted_file);
    return check_result();
}
