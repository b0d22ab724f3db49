/*
 * The detector with one of its sources taken away, by a filter of system calls, by the rights of nobody or by
 * more than it has room for: what is missing is told, `status` names it, and what it would have told of is
 * found all the same.
 */
#include "detector_loop.h"
#include "support/check.h"
#include "support/own_network.h"
#include "watch/netspaces.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define ELSEWHERE (NETSPACES_MAX + 3) /* other namespaces, more than there is room for */
#define PORT_ELSEWHERE 23456
#define FDS_MOST 256

static bool root;

/* From here on the call fails with EPERM, where its argument of this number has this value. */
static void
deny(long call, unsigned argument, uint32_t value)
{
    unsigned at = (unsigned)(offsetof(struct seccomp_data, args) + sizeof(uint64_t) * argument);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

    CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_INT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* In a process of its own, which alone does without. */
static void
apart(void (*body)(void))
{
    int status = -1;

    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        check_failures = 0;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body();
        fflush(stdout);
        _exit(check_failures > 0);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK_INT(status, 0);
}

static int
open_bound(int type, uint16_t *port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    CHECK_INT(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    CHECK_INT(type == SOCK_STREAM ? listen(fd, 1) : 0, 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static const char *
subject_of(const char *proto, uint16_t port)
{
    static char text[16];

    snprintf(text, sizeof(text), "%s/%u", proto, port);
    return text;
}

static const char *
holder(void)
{
    static char text[PROCFS_EXE + 64];

    snprintf(text, sizeof(text), "exe=%s pid=%d uid=%u", own_exe, getpid(), getuid());
    return text;
}

static struct detector_status
status_now(void)
{
    struct detector_status s;

    status_init(&s, "ports");
    detector_ports_ops.status(&s);
    CHECK(status_valid(&s, sizeof(s)));
    return s;
}

/* `status` calls the detector reduced and says this among its sources or its notes. */
static void
status_says(const char *text)
{
    struct detector_status s = status_now();

    CHECK_INT(s.state, STATUS_REDUCED);
    if (strstr(s.sources, text) == NULL && strstr(s.note, text) == NULL) {
        printf("     %s | %s\n", s.sources, s.note);
        CHECK_STR("status", text);
    }
}

/* A new one is told with its holder, and its end is. */
static void
is_found(const char *proto, int type)
{
    uint16_t port = type == SOCK_STREAM ? 0 : 20999; /* UDP: below the range in which it is no service */
    int fd = open_bound(type, &port);

    CHECK(wait_note(FINDING_OPEN, subject_of(proto, port)) >= 0);
    const struct finding *f = note_of(FINDING_OPEN, subject_of(proto, port));
    CHECK_INT(f != NULL ? f->code : -1, FINDING_PORT_UNEXPECTED);
    CHECK(has(f, holder()));
    close(fd);
    CHECK(wait_note(FINDING_CLOSE, subject_of(proto, port)) >= 0);
}

static void
nothing_is_missing(void)
{
    begin();
    start();
    CHECK(!self_open("sock_diag", "missing") && !self_open("sock_destroy", "missing"));
    CHECK(!self_open("netns", "reduced"));
    struct detector_status s = status_now();
    CHECK(strstr(s.sources, "sock_diag") != NULL && strstr(s.sources, "sock_diag missing") == NULL);
    CHECK(strstr(s.sources, "destroy group missing") == NULL);
}

static void
with_every_source_none_is_told_as_missing(void)
{
    apart(nothing_is_missing);
}

static void
do_without_sock_diag(void)
{
    deny(SYS_socket, 0, AF_NETLINK);
    begin();
    start();
    CHECK(self_open("sock_diag", "missing"));
    CHECK(self_open("sock_destroy", "missing"));
    status_says("sock_diag missing (Operation not permitted)");
    status_says("destroy group missing (Operation not permitted)");
    is_found("tcp", SOCK_STREAM);
    is_found("udp", SOCK_DGRAM);
}

static void
without_sock_diag_the_text_of_proc_shows_the_same(void)
{
    apart(do_without_sock_diag);
}

static void
do_without_the_destroy_group(void)
{
    uint16_t port = 0;

    deny(SYS_setsockopt, 1, SOL_NETLINK);
    begin();
    int fd = open_bound(SOCK_STREAM, &port);
    expect_port(CONF_TCP, port, own_exe);
    start();
    CHECK(self_open("sock_destroy", "missing"));
    CHECK(!self_open("sock_diag", "missing"));
    status_says("destroy group missing (Operation not permitted)");
    turn(50, 0);
    CHECK(note_of(FINDING_OPEN, subject_of("tcp", port)) == NULL);
    close(fd);
    CHECK(wait_note(FINDING_OPEN, subject_of("tcp", port)) >= 0);
    CHECK_INT(note_of(FINDING_OPEN, subject_of("tcp", port))->code, FINDING_PORT_GONE);
}

static void
without_the_destroy_group_a_look_finds_what_is_gone(void)
{
    apart(do_without_the_destroy_group);
}

/* No look at all ports comes meanwhile, only those at TCP. */
static void
is_found_without_the_tracepoint(void)
{
    begin();
    conf.port_sweep_ms = 600000;
    start();
    CHECK(self_open("tracepoint", "missing"));
    status_says("tracepoint of listen() missing (Operation not permitted)");
    is_found("tcp", SOCK_STREAM);
}

static void
do_without_the_tracepoint(void)
{
    deny(SYS_bpf, 2, sizeof(union bpf_attr));
    is_found_without_the_tracepoint();
}

static void
without_the_tracepoint_polling_finds_a_listener(void)
{
    apart(do_without_the_tracepoint);
}

/* The kernel tells of no listener any more, and the detector has its descriptors as before. */
static void
silence_the_tracepoint(void)
{
    int links = 0;

    for (int fd = 3; fd < FDS_MOST; fd++) {
        char path[32], what[64] = "";

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        (void)!readlink(path, what, sizeof(what) - 1);
        if (strstr(what, "bpf") != NULL && (strstr(what, "link") != NULL || strstr(what, "raw") != NULL)) {
            CHECK(dup2(STDIN_FILENO, fd) == fd); /* the last one of it, and so it is detached */
            links++;
        }
    }
    CHECK_INT(links, 1);
}

/* Nor of one that is gone. */
static void
silence_the_destroy_group(void)
{
    int groups = 0;

    for (int fd = 3; fd < FDS_MOST; fd++) {
        int domain = 0;
        int protocol = -1;
        socklen_t len = sizeof(int);

        (void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
        (void)getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len);
        if (domain != AF_NETLINK || protocol != NETLINK_SOCK_DIAG) {
            continue;
        }
        for (int group = SKNLGRP_INET_TCP_DESTROY; group <= SKNLGRP_INET6_UDP_DESTROY; group++) {
            groups += setsockopt(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)) == 0;
        }
    }
    CHECK(groups > 0);
}

static void
go_on_while_nothing_is_told(void)
{
    begin();
    start();
    turn(5 * conf.port_sweep_ms, 0); /* the look that the start leaves due is over */
    silence_the_tracepoint();
    silence_the_destroy_group();
    is_found("tcp", SOCK_STREAM);
}

static void
behind_sources_that_were_silenced_looks_find_a_listener_and_its_end(void)
{
    if (!root) {
        printf("     left out: not root\n");
        return;
    }
    apart(go_on_while_nothing_is_told);
}

/* Connected, it is no listener; let go again, it is one, and no count says so. */
static void
come_uncounted(void)
{
    static const struct sockaddr none = { .sa_family = AF_UNSPEC };
    uint16_t port = 20998;

    begin();
    int fd = open_bound(SOCK_DGRAM, &port);
    struct sockaddr_in peer = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    CHECK_INT(connect(fd, (struct sockaddr *)&peer, sizeof(peer)), 0);
    start();
    turn(5 * conf.port_sweep_ms, 0);
    CHECK(note_of(FINDING_OPEN, subject_of("udp", port)) == NULL);
    CHECK_INT(connect(fd, &none, sizeof(none)), 0);
    CHECK(wait_note(FINDING_OPEN, subject_of("udp", port)) >= 0);
    close(fd);
    CHECK(wait_note(FINDING_CLOSE, subject_of("udp", port)) >= 0);
}

static void
behind_the_counts_looks_find_a_udp_socket_that_they_do_not_tell_of(void)
{
    apart(come_uncounted);
}

static void
be_nobody(void)
{
    if (root) {
        CHECK(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
        CHECK_INT(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0); /* as a program that is started by nobody is */
    }
    is_found_without_the_tracepoint();
}

static void
who_has_no_rights_finds_a_listener_of_its_own(void)
{
    apart(be_nobody);
}

/* A process in a network namespace of its own with a listener; the namespace's number. */
static ino_t
start_elsewhere(pid_t *pid)
{
    int link[2];
    struct stat st = { .st_ino = 0 };

    CHECK_INT(pipe2(link, O_CLOEXEC), 0);
    *pid = fork();
    if (*pid == 0) {
        uint16_t port = PORT_ELSEWHERE;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (own_network()) {
            (void)open_bound(SOCK_STREAM, &port);
            (void)stat("/proc/thread-self/ns/net", &st);
        }
        (void)!write(link[1], &st.st_ino, sizeof(st.st_ino));
        pause();
        _exit(0);
    }
    close(link[1]);
    CHECK_INT(read(link[0], &st.st_ino, sizeof(st.st_ino)), sizeof(st.st_ino));
    close(link[0]);
    CHECK(st.st_ino != 0);
    return st.st_ino;
}

static void
end_elsewhere(pid_t pid)
{
    CHECK(pid > 0);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static void
subject_elsewhere(ino_t space, char out[48])
{
    snprintf(out, 48, "tcp/%d@%lu", PORT_ELSEWHERE, (unsigned long)space);
}

static void
do_without_entering(void)
{
    char subject[48];
    pid_t pid;

    subject_elsewhere(start_elsewhere(&pid), subject);
    deny(SYS_setns, 1, CLONE_NEWNET);
    begin();
    start();
    CHECK(wait_note(FINDING_OPEN, subject) >= 0);
    CHECK(has(note_of(FINDING_OPEN, subject), own_exe));
    CHECK(self_open("netns", "reduced"));
    status_says("some network namespaces cannot be looked into");
    end_elsewhere(pid);
}

static void
a_listener_in_a_namespace_that_may_not_be_entered_is_read_from_outside(void)
{
    if (!root) {
        printf("     left out: not root\n");
        return;
    }
    apart(do_without_entering);
}

static void
look_into_as_many_as_fit(void)
{
    static pid_t pid[ELSEWHERE];
    static char subject[ELSEWHERE][48];
    int told = 0;

    for (int i = 0; i < ELSEWHERE; i++) {
        subject_elsewhere(start_elsewhere(&pid[i]), subject[i]);
    }
    begin();
    start();
    turn(1000, 0);
    CHECK(self_open("netns", "reduced"));
    status_says("some network namespaces cannot be looked into");
    for (int i = 0; i < ELSEWHERE; i++) {
        told += note_of(FINDING_OPEN, subject[i]) != NULL;
    }
    /* Others' may be on this machine, too. */
    CHECK(told > 0 && told <= NETSPACES_MAX);
    printf("     %d of %d looked into\n", told, ELSEWHERE);
    is_found("tcp", SOCK_STREAM);
    for (int i = 3; i < ELSEWHERE; i++) {
        end_elsewhere(pid[i]);
    }
    turn(100, 61000); /* sees that there is room, and the next time what there is room for */
    turn(100, 122000);
    for (int i = 0; i < 3; i++) {
        CHECK(note_of(FINDING_OPEN, subject[i]) != NULL);
    }
    CHECK(!self_open("netns", "reduced"));
    for (int i = 0; i < 3; i++) {
        end_elsewhere(pid[i]);
    }
}

static void
with_more_namespaces_than_fit_that_is_told_until_they_fit(void)
{
    if (!root) {
        printf("     left out: not root\n");
        return;
    }
    apart(look_into_as_many_as_fit);
}

int
main(void)
{
    root = own_network();
    CHECK(readlink("/proc/self/exe", own_exe, sizeof(own_exe) - 1) > 0);
    CHECK_RUN(with_every_source_none_is_told_as_missing);
    CHECK_RUN(without_sock_diag_the_text_of_proc_shows_the_same);
    CHECK_RUN(without_the_destroy_group_a_look_finds_what_is_gone);
    CHECK_RUN(without_the_tracepoint_polling_finds_a_listener);
    CHECK_RUN(behind_sources_that_were_silenced_looks_find_a_listener_and_its_end);
    CHECK_RUN(behind_the_counts_looks_find_a_udp_socket_that_they_do_not_tell_of);
    CHECK_RUN(who_has_no_rights_finds_a_listener_of_its_own);
    CHECK_RUN(a_listener_in_a_namespace_that_may_not_be_entered_is_read_from_outside);
    CHECK_RUN(with_more_namespaces_than_fit_that_is_told_until_they_fit);
    return check_result();
}
