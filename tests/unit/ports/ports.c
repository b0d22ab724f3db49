/* The detector against real sockets of real processes, on the loopback. */
#include "detector_loop.h"
#include "support/check.h"
#include "support/own_network.h"
#include "watch/owners.h"
#include "watch/portfinding.h"
#include "watch/procnet.h"
#include "watch/sockdiag.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum kind { TCP4, TCP6, DUAL, UDP4, UDP6, TCP4_SHARED };

/* A bound socket, for TCP a listening one; its port, or 0. */
static int
open_socket(enum kind kind, uint16_t *port)
{
    bool six = kind == TCP6 || kind == DUAL || kind == UDP6;
    bool udp = kind == UDP4 || kind == UDP6;
    struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(*port) };
    struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(*port) };
    struct sockaddr *a = six ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
    socklen_t len = six ? sizeof(a6) : sizeof(a4);
    int fd = socket(six ? AF_INET6 : AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    int on = 1;
    int only = kind != DUAL;

    a4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a6.sin6_addr = kind == DUAL ? in6addr_any : in6addr_loopback;
    if (six) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    }
    setsockopt(fd, SOL_SOCKET, kind == TCP4_SHARED ? SO_REUSEPORT : SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, a, len) != 0 || (!udp && listen(fd, 4) != 0)) {
        close(fd);
        return -1;
    }
    getsockname(fd, a, &len);
    *port = ntohs(six ? a6.sin6_port : a4.sin_port);
    return fd;
}

/* A port below the kernel's own range that nobody has, so that UDP counts as a service. */
static uint16_t
free_port(enum kind kind)
{
    static uint16_t next = 20000;

    for (;;) {
        uint16_t port = next++;
        int fd = open_socket(kind, &port);

        if (fd >= 0) {
            close(fd);
            return port;
        }
        CHECK(next < 30000);
        if (next >= 30000) {
            exit(1);
        }
    }
}

static const char *
subject_of(enum kind kind, uint16_t port)
{
    static char text[16];

    snprintf(text, sizeof(text), "%s/%u", kind == UDP4 || kind == UDP6 ? "udp" : "tcp", port);
    return text;
}

static void
an_unexpected_port_of_each_kind_is_told_with_its_holder_and_told_when_it_is_over(void)
{
    static const enum kind kinds[] = { TCP4, TCP6, DUAL, UDP4, UDP6 };
    static const char *const addresses[] = { "addr=127.0.0.1", "addr=[::1]", "addr=[::]", "addr=127.0.0.1",
        "addr=[::1]" };
    char text[PROCFS_EXE + 16];

    begin();
    start();
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        uint16_t port = free_port(kinds[i]);
        int fd = open_socket(kinds[i], &port);

        CHECK(fd >= 0);
        CHECK(wait_note(FINDING_OPEN, subject_of(kinds[i], port)) >= 0);
        const struct finding *f = note_of(FINDING_OPEN, subject_of(kinds[i], port));
        CHECK_INT(f != NULL ? f->code : -1, FINDING_PORT_UNEXPECTED);
        CHECK(has(f, addresses[i]));
        snprintf(text, sizeof(text), "exe=%s", own_exe);
        CHECK(has(f, text));
        snprintf(text, sizeof(text), "pid=%d uid=%u", getpid(), getuid());
        CHECK(has(f, text));
        close(fd);
        CHECK(wait_note(FINDING_CLOSE, subject_of(kinds[i], port)) >= 0);
    }
}

static void
a_listed_port_that_is_back_within_the_grace_was_not_gone(void)
{
    uint16_t port = free_port(TCP4);
    int fd = open_socket(TCP4, &port);

    begin();
    expect_port(CONF_TCP, port, own_exe);
    conf.daemon_grace_s = 1;
    start();
    turn(50, 0);
    close(fd);
    turn(300, 0);
    fd = open_socket(TCP4, &port);
    turn(1500, 0);
    CHECK(note_of(FINDING_OPEN, subject_of(TCP4, port)) == NULL);
    close(fd);
    int64_t ms = wait_note(FINDING_OPEN, subject_of(TCP4, port));
    CHECK(ms >= 900);
    CHECK_INT(note_of(FINDING_OPEN, subject_of(TCP4, port))->code, FINDING_PORT_GONE);
}

static void
a_listed_port_is_no_finding_its_end_is_and_its_return_is_told(void)
{
    uint16_t port = free_port(TCP4);
    int fd = open_socket(TCP4, &port);

    begin();
    expect_port(CONF_TCP, port, own_exe);
    start();
    turn(50, 0);
    CHECK(note_of(FINDING_OPEN, subject_of(TCP4, port)) == NULL);
    close(fd);
    CHECK(wait_note(FINDING_OPEN, subject_of(TCP4, port)) >= 0);
    CHECK_INT(note_of(FINDING_OPEN, subject_of(TCP4, port))->code, FINDING_PORT_GONE);
    CHECK(has(note_of(FINDING_OPEN, subject_of(TCP4, port)), "expected=/"));
    fd = open_socket(TCP4, &port);
    CHECK(wait_note(FINDING_CLOSE, subject_of(TCP4, port)) >= 0);
    close(fd);
}

static void
a_shared_port_is_gone_only_with_its_last_socket(void)
{
    uint16_t port = free_port(TCP4_SHARED);
    int one = open_socket(TCP4_SHARED, &port);
    int two = open_socket(TCP4_SHARED, &port);

    begin();
    CHECK(one >= 0 && two >= 0);
    expect_port(CONF_TCP, port, strrchr(own_exe, '/') + 1);
    start();
    close(one);
    turn(300, 0);
    CHECK(note_of(FINDING_OPEN, subject_of(TCP4, port)) == NULL);
    close(two);
    CHECK(wait_note(FINDING_OPEN, subject_of(TCP4, port)) >= 0);
}

/* A child that runs `act` with the descriptor and then waits to be killed. */
static pid_t
child_with(int fd, void (*act)(int fd))
{
    int ready[2];
    char byte;

    CHECK_INT(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ready[0]);
        act(fd);
        if (write(ready[1], "x", 1) == 1) {
            pause();
        }
        _exit(0);
    }
    close(ready[1]);
    (void)!read(ready[0], &byte, 1); /* exec closes it too */
    close(ready[0]);
    return pid;
}

static void
end_child(pid_t pid)
{
    CHECK(pid > 0);
    if (pid <= 0) { /* kill() would take it for everybody */
        return;
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static uint16_t wanted_port;

static void
listen_as_sshd(int fd)
{
    (void)fd;
    prctl(PR_SET_NAME, "sshd");
    (void)open_socket(TCP4, &wanted_port);
}

static void
a_process_that_only_calls_itself_sshd_is_the_wrong_holder(void)
{
    begin();
    wanted_port = free_port(TCP4);
    expect_port(CONF_TCP, wanted_port, "sshd");
    start();
    CHECK(has(note_of(FINDING_OPEN, subject_of(TCP4, wanted_port)), "expected=sshd"));
    pid_t pid = child_with(-1, listen_as_sshd);
    turn(100, 0);
    const struct finding *f = note_of(FINDING_OPEN, subject_of(TCP4, wanted_port));
    CHECK_INT(f != NULL ? f->code : -1, FINDING_PORT_WRONG);
    CHECK(has(f, own_exe));
    end_child(pid);
}

static void
keep_inherited(int fd)
{
    (void)fd;
    execl("/bin/sleep", "sleep", "100", (char *)NULL);
}

static void
a_socket_passed_to_another_program_is_found_in_the_next_full_look(void)
{
    uint16_t port = free_port(TCP4);
    int fd = open_socket(TCP4, &port);
    int passed = dup(fd); /* without close-on-exec */

    begin();
    expect_port(CONF_TCP, port, own_exe);
    start();
    CHECK(note_of(FINDING_OPEN, subject_of(TCP4, port)) == NULL);
    pid_t pid = child_with(passed, keep_inherited);
    turn(50, 61000);
    const struct finding *f = note_of(FINDING_OPEN, subject_of(TCP4, port));
    CHECK_INT(f != NULL ? f->code : -1, FINDING_PORT_WRONG);
    CHECK(has(f, "sleep") || has(f, "coreutils") || has(f, "busybox"));
    end_child(pid);
    turn(50, 122000);
    unsigned last = note_count - 1;
    while (last > 0 &&
            notes[last].op != FINDING_PASS_END) { /* what others on this machine do comes behind it */
        last--;
    }
    CHECK(last > 0);
    for (unsigned i = last; i > 0 && notes[i].op != FINDING_PASS_BEGIN; i--) {
        CHECK(strncmp(notes[i].text, subject_of(TCP4, port), 3) == 0 ||
                strstr(notes[i].text, subject_of(TCP4, port)) == NULL);
    }
    close(fd);
    close(passed);
}

static char copy_path[64];

static void
listen_from_copy(int fd)
{
    char number[16];

    (void)fd;
    snprintf(number, sizeof(number), "%u", wanted_port);
    execl(copy_path, copy_path, "listen", number, (char *)NULL);
}

static void
copy_self(const char *path)
{
    char command[PROCFS_EXE + 128];

    snprintf(command, sizeof(command), "cp '%s' '%s'", own_exe, path);
    CHECK_INT(system(command), 0);
}

static void
the_same_path_with_another_file_behind_it_is_the_wrong_holder(void)
{
    char dir[] = "/tmp/tocsin-ports-XXXXXX";

    begin();
    CHECK(mkdtemp(dir) != NULL);
    snprintf(copy_path, sizeof(copy_path), "%s/server", dir);
    copy_self(copy_path);
    wanted_port = free_port(TCP4);
    expect_port(CONF_TCP, wanted_port, copy_path);
    start();
    pid_t pid = child_with(-1, listen_from_copy);
    turn(300, 0);
    CHECK(note_of(FINDING_CLOSE, subject_of(TCP4, wanted_port)) != NULL);

    /* Replaced on disk, as an upgrade does: the old one still counts, whatever else is opened before it is
     * looked at again. */
    unlink(copy_path);
    copy_self(copy_path);
    note_count = 0;
    uint16_t other = 0;
    int other_fd = open_socket(TCP4, &other);
    CHECK(wait_note(FINDING_OPEN, subject_of(TCP4, other)) >= 0);
    close(other_fd);
    turn(50, 61000);
    CHECK(note_of(FINDING_OPEN, subject_of(TCP4, wanted_port)) == NULL);
    end_child(pid);

    /* Another file under this path in a mount namespace of its own. */
    if (geteuid() == 0) {
        char command[600];

        snprintf(command, sizeof(command),
                "exec unshare -m sh -c 'cp %s %s/evil && mount --bind %s/evil %s && exec %s listen %u'",
                copy_path, dir, dir, copy_path, copy_path, wanted_port);
        pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            execl("/bin/sh", "sh", "-c", command, (char *)NULL);
            _exit(1);
        }
        const struct finding *f = NULL;
        for (int64_t end = now_ms() + HANG_MS;
                now_ms() < end && (f == NULL || f->code != FINDING_PORT_WRONG);) {
            note_count = 0;
            turn(100, 61000);
            f = note_of(FINDING_OPEN, subject_of(TCP4, wanted_port));
        }
        CHECK_INT(f != NULL ? f->code : -1, FINDING_PORT_WRONG);
        CHECK(has(f, copy_path));
        end_child(pid);
    }
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", dir);
    CHECK_INT(system(command), 0);
}

static void
a_file_that_is_only_called_deleted_is_another_one(void)
{
    char dir[] = "/tmp/tocsin-ports-XXXXXX";
    char server[64];

    begin();
    CHECK(mkdtemp(dir) != NULL);
    snprintf(server, sizeof(server), "%s/server", dir);
    snprintf(copy_path, sizeof(copy_path), "%s/server (deleted)", dir);
    copy_self(server);
    copy_self(copy_path);
    wanted_port = free_port(TCP4);
    expect_port(CONF_TCP, wanted_port, server);
    start();
    pid_t pid = child_with(-1, listen_from_copy);
    turn(300, 0);
    const struct finding *f = note_of(FINDING_OPEN, subject_of(TCP4, wanted_port));
    CHECK_INT(f != NULL ? f->code : -1, FINDING_PORT_WRONG);
    end_child(pid);
    unlink(copy_path);
    unlink(server);
    rmdir(dir);
}

static void
a_listener_that_lives_no_time_at_all_is_told(void)
{
    int told = 0;

    begin();
    start();
    if (self_open("tracepoint", "missing")) {
        printf("     left out: no tracepoint (rights)\n");
        return;
    }
    for (int i = 0; i < 5; i++) {
        uint16_t port = free_port(UDP4); /* its TCP sister is free too, and free_port() did not listen */
        int fd = open_socket(TCP4, &port);

        close(fd);
        turn(60, 0);
        told += note_of(FINDING_BRIEF, subject_of(TCP4, port)) != NULL ||
                note_of(FINDING_OPEN, subject_of(TCP4, port)) != NULL;
        const struct finding *f = note_of(FINDING_BRIEF, subject_of(TCP4, port));
        CHECK(f == NULL || (has(f, own_exe) && has(f, "life=short")));
    }
    CHECK_INT(told, 5);
}

static unsigned
number_behind(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at != NULL ? (unsigned)atoi(at + strlen(key)) : 0;
}

/* Each processor's ring says how many were dropped with the next one that it can tell. */
static void
listen_on_each_processor(void)
{
    cpu_set_t all;
    cpu_set_t one;

    CHECK_INT(sched_getaffinity(0, sizeof(all), &all), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        uint16_t port = 0;

        if (CPU_ISSET(cpu, &all)) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            (void)sched_setaffinity(0, sizeof(one), &one);
            close(open_socket(TCP4, &port));
        }
    }
    (void)sched_setaffinity(0, sizeof(all), &all);
}

/* As an event, or for a moment, as a look may have come while it was there. */
static bool
told_wrong(void)
{
    char head[32];

    snprintf(head, sizeof(head), "port=%s ", subject_of(TCP4, wanted_port));
    for (unsigned i = 0; i < note_count; i++) {
        if (notes[i].code == FINDING_PORT_WRONG && strncmp(notes[i].text, head, strlen(head)) == 0) {
            return true;
        }
    }
    return false;
}

/* Is a listener told that lives no time at all, by a process of its own as `how` says? */
static bool
brief_is_wrong(const char *how)
{
    char number[16];

    note_count = 0;
    snprintf(number, sizeof(number), "%u", wanted_port);
    pid_t pid = fork();

    if (pid == 0) {
        execl(copy_path, copy_path, how, number, (char *)NULL);
        _exit(1);
    }
    for (int i = 0; i < 50 && !told_wrong(); i++) {
        turn(10, 0);
    }
    end_child(pid);
    return told_wrong();
}

static void
a_listener_that_lives_no_time_at_all_is_told_unless_its_place_fits_as_well(void)
{
    char dir[] = "/tmp/tocsin-ports-XXXXXX";
    char server[64];

    begin();
    wanted_port = free_port(TCP4);
    CHECK(mkdtemp(dir) != NULL && chmod(dir, 0755) == 0);
    snprintf(server, sizeof(server), "%s/server", dir);
    strcpy(copy_path, server);
    copy_self(copy_path);
    expect_port(CONF_TCP, wanted_port, server);
    struct conf_port right = conf.port[0];
    struct conf_port address = right;
    struct conf_port unit = right;
    struct conf_port user = right;

    address.on = CONF_ADDRESS_4; /* 0.0.0.0 */
    strcpy(unit.unit, "other.service");
    strcpy(user.user, "65533");
    conf.port[0] = unit; /* so that units are read */
    start();
    if (self_open("tracepoint", "missing")) {
        printf("     left out: no tracepoint (rights)\n");
        return;
    }
    const struct conf_port *const wrong[] = { &address, &unit };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        conf.port[0] = *wrong[i];
        CHECK(brief_is_wrong("brief"));
    }
    conf.port[0] = right;
    CHECK(!brief_is_wrong("brief"));

    begin();
    conf.ports = 1;
    conf.port[0] = user;
    start();
    CHECK(geteuid() != 0 || brief_is_wrong("brief-nobody"));
    strcpy(conf.port[0].user, "65534");
    start();
    CHECK(geteuid() != 0 || !brief_is_wrong("brief-nobody"));

    /* Another file, whose path is shown as the listed one. */
    conf.port[0] = right;
    snprintf(copy_path, sizeof(copy_path), "%s/server (deleted)", dir);
    copy_self(copy_path);
    CHECK(brief_is_wrong("brief"));
    unlink(copy_path);
    unlink(server);
    rmdir(dir);
}

static void
a_flood_of_short_listeners_is_told_a_few_times_and_the_rest_counted(void)
{
    uint16_t port;
    unsigned told = 0;
    unsigned counted = 0;

    begin();
    start();
    if (self_open("tracepoint", "missing")) {
        printf("     left out: no tracepoint (rights)\n");
        return;
    }
    note_count = 0;
    for (int i = 0; i < 2000; i++) {
        port = 0;
        close(open_socket(TCP4, &port));
        if (i % 10 == 0) {
            turn(0, 0);
        }
    }
    turn(200, 0);
    listen_on_each_processor();
    turn(100, 0);
    turn(50, 1500);
    for (unsigned i = 0; i < note_count; i++) {
        told += notes[i].op == FINDING_BRIEF;
        counted += number_behind(notes[i].text, " unsaid=") + number_behind(notes[i].text, " missed=");
    }
    CHECK(told <= 40);
    CHECK(told + counted >= 2000); /* others on this machine may listen, too */
}

static void
a_new_listener_is_told_without_a_look_at_all_ports(void)
{
    int64_t worst = 0;

    begin();
    conf.port_sweep_ms = 60000;
    start();
    if (self_open("tracepoint", "missing")) {
        printf("     left out: no tracepoint (rights)\n");
        return;
    }
    for (int i = 0; i < 20; i++) {
        uint16_t port = 0;
        int fd = open_socket(TCP4, &port);
        int64_t ms = wait_note(FINDING_OPEN, subject_of(TCP4, port));

        CHECK(ms >= 0);
        worst = ms > worst ? ms : worst;
        close(fd);
    }
    printf("     worst of 20: %lld ms\n", (long long)worst);
}

static void
a_udp_socket_of_the_kernels_range_is_told_only_when_it_stays(void)
{
    uint16_t port = 0;

    begin();
    start();
    int fd = open_socket(UDP4, &port);
    turn(300, 0);
    CHECK(note_of(FINDING_OPEN, subject_of(UDP4, port)) == NULL);
    turn(30, 11000);
    CHECK(note_of(FINDING_OPEN, subject_of(UDP4, port)) != NULL);
    close(fd);

    begin();
    expect_port(CONF_UDP, 0, own_exe);
    start();
    port = 0;
    fd = open_socket(UDP4, &port);
    turn(300, 0);
    turn(30, 11000);
    CHECK(note_of(FINDING_OPEN, subject_of(UDP4, port)) == NULL);
    close(fd);
}

static void
a_port_that_two_programs_hold_is_right_when_both_are_listed(void)
{
    uint16_t port = free_port(TCP4);
    int fd = open_socket(TCP4, &port);
    int passed = dup(fd); /* as a service manager passes its socket on */
    struct procfs_exe sleeper;
    int proc = procfs_open();

    pid_t pid = child_with(passed, keep_inherited);
    CHECK_INT(procfs_exe(proc, pid, &sleeper), 0);
    begin();
    expect_port(CONF_TCP, port, own_exe);
    conf.port[0].processes = 2;
    snprintf(conf.port[0].process[1], CONF_PATH, "%s", sleeper.path);
    start();
    turn(50, 61000);
    CHECK(note_of(FINDING_OPEN, subject_of(TCP4, port)) == NULL);
    conf.port[0].processes = 1;
    turn(50, 122000);
    CHECK_INT(note_of(FINDING_OPEN, subject_of(TCP4, port)) != NULL
                      ? note_of(FINDING_OPEN, subject_of(TCP4, port))->code
                      : -1,
            FINDING_PORT_WRONG);
    end_child(pid);
    close(passed);
    close(fd);
    close(proc);
}

static void
ten_thousand_passing_udp_sockets_are_no_finding(void)
{
    begin();
    start();
    for (int i = 0; i < 10000; i++) {
        uint16_t port = 0;
        int fd = open_socket(UDP4, &port);

        if (i % 100 == 0) {
            turn(2, (int64_t)i); /* as if they took ten seconds */
        }
        close(fd);
    }
    for (unsigned i = 0; i < note_count; i++) {
        CHECK(strstr(notes[i].text, own_exe) == NULL);
    }
}

/* The next `count` ports below `below`, each by a socket; false when not all are free. */
static bool
open_many(uint16_t below, int *fd, int count)
{
    for (int i = 0; i < count; i++) {
        uint16_t port = (uint16_t)(below - count + i);

        fd[i] = open_socket(UDP4, &port);
        if (fd[i] < 0) {
            return false;
        }
    }
    return true;
}

/* They come before it in the order in which ports are judged. */
static void
a_port_that_more_ports_than_are_told_come_before_is_not_over(void)
{
    static int fd[PORTFINDINGS_MAX + 1];
    struct rlimit files = { .rlim_cur = 2048, .rlim_max = 2048 };
    uint16_t port = 31999;
    int last = open_socket(UDP4, &port);

    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0 && last >= 0);
    begin();
    start();
    CHECK(wait_note(FINDING_OPEN, subject_of(UDP4, port)) >= 0);
    CHECK(open_many(port, fd, PORTFINDINGS_MAX + 1));
    turn(500, 0);
    turn(500, 61000); /* with a look at all holders */
    CHECK(note_of(FINDING_CLOSE, subject_of(UDP4, port)) == NULL);
    CHECK(notes[note_count - 1].op != FINDING_PASS_END);
    for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
        close(fd[i]);
    }
    turn(500, 62000);
    CHECK(note_of(FINDING_CLOSE, subject_of(UDP4, port)) == NULL);
    close(last);
    turn(500, 63000);
    CHECK(note_of(FINDING_CLOSE, subject_of(UDP4, port)) != NULL);
}

static int
compare_rows(const void *a, const void *b)
{
    const struct socket_row *x = a;
    const struct socket_row *y = b;

    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static void
both_ways_of_looking_see_the_same_sockets(void)
{
    static struct sockets diag;
    static struct sockets text;
    int fds[6];
    struct procnet files = { .proc = procfs_open(), .net = "self/net" };
    int fd = sockdiag_open();

    for (int i = 0; i < 6; i++) {
        uint16_t port = 0;
        fds[i] = open_socket((enum kind)i, &port);
    }
    for (int proto = 0; proto <= CONF_UDP && fd >= 0; proto++) {
        CHECK_INT(sockdiag_dump(fd, (enum conf_proto)proto, &diag), 0);
        CHECK_INT(procnet_dump(&files, (enum conf_proto)proto, &text), 0);
        CHECK_INT(diag.count, text.count);
        CHECK(diag.count > 0);
        qsort(diag.row, diag.count, sizeof(diag.row[0]), compare_rows);
        qsort(text.row, text.count, sizeof(text.row[0]), compare_rows);
        for (uint32_t i = 0; i < diag.count && i < text.count; i++) {
            text.row[i].key = diag.row[i].key;
            CHECK_MEM(&diag.row[i], &text.row[i], sizeof(diag.row[0]));
        }
    }
    for (int i = 0; i < 6; i++) {
        close(fds[i]);
    }
    close(fd);
    procnet_close(&files);
    close(files.proc);
}

static bool
has_udp(const struct sockets *s, uint8_t family, uint16_t port)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->row[i].family == family && s->row[i].port == port) {
            return true;
        }
    }
    return false;
}

static void
a_table_that_stays_open_shows_what_came_since_and_is_opened_anew_when_it_cannot_be_read(void)
{
    static struct sockets text;
    struct procnet files = { .proc = procfs_open(), .net = "self/net" };
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);

    CHECK_INT(procnet_dump(&files, CONF_UDP, &text), 0);
    for (int i = 0; i < 3; i++) {
        uint16_t port4 = 0;
        uint16_t port6 = 0;
        int fd4 = open_socket(UDP4, &port4);
        int fd6 = open_socket(UDP6, &port6);

        CHECK_INT(procnet_dump(&files, CONF_UDP, &text), 0);
        CHECK(has_udp(&text, AF_INET, port4));
        CHECK(has_udp(&text, AF_INET6, port6));
        close(fd4);
        close(fd6);
        CHECK_INT(procnet_dump(&files, CONF_UDP, &text), 0);
        CHECK(!has_udp(&text, AF_INET, port4));
        CHECK(!has_udp(&text, AF_INET6, port6));
        CHECK_INT(dup3(nothing, files.file[CONF_UDP][0].fd, O_CLOEXEC), files.file[CONF_UDP][0].fd);
    }
    close(nothing);
    procnet_close(&files);
    close(files.proc);
}

static void
the_listeners_are_those_that_ss_lists(void)
{
    static struct sockets diag;
    char line[512];
    unsigned ss = 0;
    unsigned missing = 0;
    int fd = sockdiag_open();
    FILE *p =
            access("/usr/bin/ss", X_OK) == 0 || access("/bin/ss", X_OK) == 0 ? popen("ss -Hltn", "r") : NULL;

    if (p == NULL || fd < 0) {
        printf("     left out: no ss (iproute2)\n");
        return;
    }
    CHECK_INT(sockdiag_dump(fd, CONF_TCP, &diag), 0);
    while (fgets(line, sizeof(line), p) != NULL) {
        char local[128] = "";
        bool found = false;

        ss++;
        CHECK_INT(sscanf(line, "%*s %*s %*s %127s", local), 1);
        unsigned port = (unsigned)atoi(strrchr(local, ':') != NULL ? strrchr(local, ':') + 1 : "0");
        for (uint32_t i = 0; i < diag.count; i++) {
            found = found || diag.row[i].port == port;
        }
        missing += !found;
    }
    CHECK_INT(pclose(p), 0);
    CHECK_INT(ss, diag.count);
    CHECK_INT(missing, 0);
    close(fd);
}

static void
one_pass_of_check_stands_between_its_ends(void)
{
    uint16_t port = 0;
    uint16_t gone = free_port(TCP4);
    int fd = open_socket(TCP4, &port);

    begin();
    expect_port(CONF_TCP, gone, "nobody");
    CHECK_INT(detector_ports_ops.check(&env), 0);
    CHECK(note_count >= 4);
    CHECK_INT(notes[0].op, FINDING_PASS_BEGIN);
    CHECK_INT(notes[note_count - 1].op, FINDING_PASS_END);
    CHECK_INT(notes[0].source, FINDING_PORTS);
    CHECK(has(note_of(FINDING_OPEN, subject_of(TCP4, port)), own_exe));
    CHECK_INT(note_of(FINDING_OPEN, subject_of(TCP4, gone))->code, FINDING_PORT_GONE);
    close(fd);
}

static int
listen_briefly(const char *how)
{
    if (strcmp(how, "brief-nobody") == 0 &&
            (setresuid(65534, 65534, 65534) != 0 || prctl(PR_SET_DUMPABLE, 1) != 0)) {
        return 1;
    }
    close(open_socket(TCP4, &wanted_port));
    pause();
    return 0;
}

static int
serve(const char *how, const char *port)
{
    wanted_port = (uint16_t)atoi(port);
    if (strncmp(how, "brief", 5) == 0) {
        return listen_briefly(how);
    }
    for (int i = 0; i < 100; i++) {
        if (open_socket(TCP4, &wanted_port) >= 0) {
            pause();
        }
        usleep(10000);
    }
    return 1;
}

int
main(int argc, char **argv)
{
    if (argc == 3) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        return serve(argv[1], argv[2]);
    }
    (void)own_network(); /* else other tests' sockets come and go between two looks */
    CHECK(readlink("/proc/self/exe", own_exe, sizeof(own_exe) - 1) > 0);
    CHECK_RUN(an_unexpected_port_of_each_kind_is_told_with_its_holder_and_told_when_it_is_over);
    CHECK_RUN(a_listed_port_that_is_back_within_the_grace_was_not_gone);
    CHECK_RUN(a_listed_port_is_no_finding_its_end_is_and_its_return_is_told);
    CHECK_RUN(a_shared_port_is_gone_only_with_its_last_socket);
    CHECK_RUN(a_process_that_only_calls_itself_sshd_is_the_wrong_holder);
    CHECK_RUN(a_socket_passed_to_another_program_is_found_in_the_next_full_look);
    CHECK_RUN(the_same_path_with_another_file_behind_it_is_the_wrong_holder);
    CHECK_RUN(a_file_that_is_only_called_deleted_is_another_one);
    CHECK_RUN(a_listener_that_lives_no_time_at_all_is_told);
    CHECK_RUN(a_listener_that_lives_no_time_at_all_is_told_unless_its_place_fits_as_well);
    CHECK_RUN(a_flood_of_short_listeners_is_told_a_few_times_and_the_rest_counted);
    CHECK_RUN(a_new_listener_is_told_without_a_look_at_all_ports);
    CHECK_RUN(a_udp_socket_of_the_kernels_range_is_told_only_when_it_stays);
    CHECK_RUN(a_port_that_two_programs_hold_is_right_when_both_are_listed);
    CHECK_RUN(a_port_that_more_ports_than_are_told_come_before_is_not_over);
    CHECK_RUN(ten_thousand_passing_udp_sockets_are_no_finding);
    CHECK_RUN(both_ways_of_looking_see_the_same_sockets);
    CHECK_RUN(a_table_that_stays_open_shows_what_came_since_and_is_opened_anew_when_it_cannot_be_read);
    CHECK_RUN(the_listeners_are_those_that_ss_lists);
    CHECK_RUN(one_pass_of_check_stands_between_its_ends);
    return check_result();
}
