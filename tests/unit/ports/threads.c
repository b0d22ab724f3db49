/* Who holds a port where the first thread of a process does not, with real threads. */
#include "detector_loop.h"
#include "support/check.h"
#include "support/own_network.h"
#include "unit/views/apart.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEADERLESS "leaderless"
#define APART "apart"
#define ELSEWHERE "elsewhere"
#define PORT_ELSEWHERE 23456

static char other_exe[64];

static int
listen_somewhere(uint16_t *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK_INT(bind(fd, (struct sockaddr *)&a, len), 0);
    CHECK_INT(listen(fd, 4), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static const char *
subject_of(uint16_t port)
{
    static char text[16];

    snprintf(text, sizeof(text), "tcp/%u", port);
    return text;
}

/* ---- the holder, which is this program with a name and a descriptor ---- */

static void
say_ready(void)
{
    (void)!write(STDOUT_FILENO, "x", 1);
}

/* Without one it waits for the end of the first thread. */
static void *
hold(void *shared)
{
    struct procfs_stat s = { .state = 0 };
    int proc = procfs_open();

    while (shared == NULL && s.state != 'Z') {
        (void)procfs_stat(proc, getpid(), &s);
        sched_yield();
    }
    say_ready();
    sleep(60);
    return NULL;
}

static pthread_barrier_t copied;

/* Its table is a copy with the descriptor, which then closes in the other one. */
static void *
hold_apart(void *fd)
{
    if (unshare(CLONE_FILES) != 0) {
        exit(EXIT_FAILURE);
    }
    pthread_barrier_wait(&copied);
    return hold(fd);
}

static void *
listen_elsewhere(void *shared)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT_ELSEWHERE) };

    if (unshare(CLONE_NEWNET) != 0) {
        exit(EXIT_FAILURE);
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 4) != 0) {
        exit(EXIT_FAILURE);
    }
    return hold(shared);
}

static int
serve(const char *how, int fd)
{
    bool apart = strcmp(how, APART) == 0;
    pthread_t other;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (strcmp(how, ELSEWHERE) == 0) {
        (void)pthread_create(&other, NULL, listen_elsewhere, &fd);
        (void)sleep(60);
        return EXIT_SUCCESS;
    }
    (void)pthread_barrier_init(&copied, NULL, 2);
    if (pthread_create(&other, NULL, apart ? hold_apart : hold, apart ? &fd : NULL) != 0) {
        return EXIT_FAILURE;
    }
    if (!apart) {
        pthread_exit(NULL);
    }
    pthread_barrier_wait(&copied);
    close(fd);
    (void)sleep(60);
    return EXIT_SUCCESS;
}

/* ---- the tests ---- */

/* Returns when it holds the descriptor as it is told to. */
static pid_t
run(const char *exe, const char *how, int fd)
{
    char number[16];
    char byte;
    int ready[2];

    snprintf(number, sizeof(number), "%d", fd);
    CHECK_INT(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();

    if (pid == 0) {
        dup2(ready[1], STDOUT_FILENO);
        execl(exe, exe, how, number, (char *)NULL);
        _exit(1);
    }
    close(ready[1]);
    CHECK_INT(read(ready[0], &byte, 1), 1);
    close(ready[0]);
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

/* A full look at all holders; what it told of the port. */
static const struct finding *
look_at(uint16_t port, int64_t ahead_ms)
{
    note_count = 0;
    turn(50, ahead_ms);
    return note_of(FINDING_OPEN, subject_of(port));
}

/* Where every process may be looked at: one that may not could be the holder that is missing. */
static void
hold_without_first_thread(void)
{
    CHECK_INT(mount("proc", "/proc", "proc", 0, NULL), 0);
    uint16_t port;
    int fd = listen_somewhere(&port);
    pid_t pid = run(own_exe, LEADERLESS, fd);

    close(fd);
    begin();
    expect_port(CONF_TCP, port, own_exe);
    start();
    CHECK(look_at(port, 61000) == NULL);
    CHECK(look_at(port, 122000) == NULL);
    end(pid);
}

static void
a_listed_program_whose_first_thread_has_ended_holds_its_port(void)
{
    if (!apart(CLONE_NEWPID | CLONE_NEWNS, hold_without_first_thread)) {
        printf("     left out: no namespaces (rights)\n");
    }
}

static void
another_program_is_seen_that_holds_a_port_in_a_thread_only(void)
{
    static const char *const ways[] = { LEADERLESS, APART };

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        uint16_t port;
        int fd = listen_somewhere(&port);
        char text[96];

        begin();
        expect_port(CONF_TCP, port, own_exe);
        start();
        CHECK(note_of(FINDING_OPEN, subject_of(port)) == NULL);
        pid_t pid = run(other_exe, ways[i], fd);
        const struct finding *f = look_at(port, 61000);

        CHECK_INT(f != NULL ? (int)f->code : -1, FINDING_PORT_WRONG);
        snprintf(text, sizeof(text), "exe=%s", other_exe);
        CHECK(has(f, text));
        snprintf(text, sizeof(text), "pid=%d ", pid);
        CHECK(has(f, text));
        end(pid);
        CHECK(look_at(port, 122000) == NULL);
        close(fd);
    }
}

static void
an_unexpected_port_that_only_a_thread_holds_is_told_with_its_program(void)
{
    uint16_t port;
    char text[96];

    begin();
    start();
    int fd = listen_somewhere(&port);
    CHECK(wait_note(FINDING_OPEN, subject_of(port)) >= 0);
    pid_t pid = run(other_exe, APART, fd);

    close(fd);
    const struct finding *f = look_at(port, 61000);

    CHECK_INT(f != NULL ? (int)f->code : -1, FINDING_PORT_UNEXPECTED);
    snprintf(text, sizeof(text), "exe=%s", other_exe);
    CHECK(has(f, text));
    end(pid);
}

/* The namespace of the thread that is not the first. */
static const char *
subject_elsewhere(pid_t pid)
{
    static char text[48];
    struct procfs_tasks tasks;
    char path[64];
    struct stat st = { .st_ino = 0 };
    int proc = procfs_open();

    CHECK_INT(procfs_tasks_open(&tasks, proc, pid), 0);
    CHECK_INT(procfs_tasks_next(&tasks), pid);
    snprintf(path, sizeof(path), "/proc/%d/ns/net", procfs_tasks_next(&tasks));
    CHECK_INT(stat(path, &st), 0);
    procfs_tasks_close(&tasks);
    close(proc);
    snprintf(text, sizeof(text), "tcp/%d@%llu", PORT_ELSEWHERE, (unsigned long long)st.st_ino);
    return text;
}

/* It stays open while the thread is there, whether the look at all namespaces comes by it or not. */
static void
stays_open(const char *subject, int64_t from_ms)
{
    for (int minute = 1; minute <= 3; minute++) {
        note_count = 0;
        turn(50, from_ms + minute * (int64_t)61000);
        CHECK(note_of(FINDING_OPEN, subject) != NULL);
        CHECK(note_of(FINDING_CLOSE, subject) == NULL);
    }
}

static void
a_namespace_that_only_a_thread_is_in_is_looked_into(void)
{
    if (geteuid() != 0) {
        printf("     left out: not root\n");
        return;
    }
    pid_t pid = run(own_exe, ELSEWHERE, 0);
    const char *subject = subject_elsewhere(pid);

    begin();
    start();
    CHECK(wait_note(FINDING_OPEN, subject) >= 0);
    stays_open(subject, 0);
    end(pid);
    note_count = 0;
    turn(50, 244000);
    CHECK(note_of(FINDING_OPEN, subject) == NULL);
}

static void
a_thread_that_goes_to_another_namespace_later_is_found_there(void)
{
    if (geteuid() != 0) {
        printf("     left out: not root\n");
        return;
    }
    begin();
    start();
    turn(50, 61000);
    pid_t pid = run(own_exe, ELSEWHERE, 0);
    const char *subject = subject_elsewhere(pid);

    stays_open(subject, 61000);
    end(pid);
}

int
main(int argc, char **argv)
{
    char dir[] = "/tmp/tocsin-threads-XXXXXX";
    char command[PROCFS_EXE + 128];

    if (argc == 3) {
        return serve(argv[1], atoi(argv[2]));
    }
    (void)own_network(); /* else other tests' sockets come and go between two looks */
    CHECK(readlink("/proc/self/exe", own_exe, sizeof(own_exe) - 1) > 0);
    CHECK(mkdtemp(dir) != NULL);
    snprintf(other_exe, sizeof(other_exe), "%s/other", dir);
    snprintf(command, sizeof(command), "cp '%s' '%s'", own_exe, other_exe);
    CHECK_INT(system(command), 0);
    CHECK_RUN(a_listed_program_whose_first_thread_has_ended_holds_its_port);
    CHECK_RUN(another_program_is_seen_that_holds_a_port_in_a_thread_only);
    CHECK_RUN(an_unexpected_port_that_only_a_thread_holds_is_told_with_its_program);
    CHECK_RUN(a_namespace_that_only_a_thread_is_in_is_looked_into);
    CHECK_RUN(a_thread_that_goes_to_another_namespace_later_is_found_there);
    unlink(other_exe);
    rmdir(dir);
    return check_result();
}
