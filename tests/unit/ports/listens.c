/*
 * The kernel's word on each listen(): what it says is so, what it cannot say is counted, and a kernel that
 * has its fields elsewhere is found out.
 */
#include "watch/listens.h"
#include "support/check.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MPTCP 262

/* Who listens, as the kernel must tell it. */
static struct listen_event
listen_at(int family, int protocol, const char *address)
{
    struct listen_event e = {
        .pid = getpid(), .thread = (int32_t)syscall(SYS_gettid), .family = (uint16_t)family
    };
    struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
    struct sockaddr_in four = { .sin_family = AF_INET };
    struct sockaddr *to = family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;
    socklen_t size = family == AF_INET ? sizeof(four) : sizeof(six);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol);

    if (fd < 0) {
        return e; /* port 0 */
    }
    CHECK_INT(inet_pton(family, address, e.address), 1);
    memcpy(family == AF_INET ? (void *)&four.sin_addr : (void *)&six.sin6_addr, e.address,
            family == AF_INET ? 4 : 16);
    if (bind(fd, to, size) == 0 && getsockname(fd, to, &size) == 0 && listen(fd, 8) == 0) {
        e.port = ntohs(family == AF_INET ? four.sin_port : six.sin6_port);
    }
    close(fd);
    e.protocol = IPPROTO_TCP;
    return e;
}

static bool
same(const struct listen_event *a, const struct listen_event *b)
{
    return a->pid == b->pid && a->thread == b->thread && a->port == b->port && a->family == b->family &&
           a->protocol == b->protocol && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* Is it among those that wait? */
static bool
told(const struct listen_event *wanted)
{
    struct listen_event e;
    bool found = false;

    while (listens_next(&e) > 0) {
        found = found || same(&e, wanted);
    }
    return found;
}

static int
open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    CHECK(dir != NULL);
    if (dir == NULL) {
        return 0;
    }
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

static void
a_kernel_that_has_a_field_elsewhere_is_not_believed(void)
{
    static const int by[] = { -8, -2, 2, 8 };
    int before = open_files();

    for (size_t field = 0; field < sizeof(struct listens_layout) / sizeof(uint16_t); field++) {
        for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
            struct listens_layout moved = listens_usual;
            uint16_t at;

            memcpy(&at, (char *)&moved + field * sizeof(at), sizeof(at));
            at = (uint16_t)(at + by[i]);
            memcpy((char *)&moved + field * sizeof(at), &at, sizeof(at));
            int error = listens_open(&moved);

            if (error != -EPROTO) {
                printf("field %zu, %d further: %d\n", field, by[i], error);
            }
            CHECK_INT(error, -EPROTO);
        }
    }
    CHECK_INT(open_files(), before);
    CHECK(listens_open(&listens_usual) >= 0);
    listens_close();
    CHECK_INT(open_files(), before);
}

static void
a_proof_is_nobodys_listener(void)
{
    struct listen_event e;
    int got;

    CHECK(listens_open(&listens_usual) >= 0);
    while ((got = listens_next(&e)) != 0) {
        CHECK(got > 0 && e.pid != getpid());
    }
    listens_close();
}

static void
a_listener_is_told_with_its_address_and_its_process(void)
{
    int fd = listens_open(&listens_usual);
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    struct listen_event four = listen_at(AF_INET, 0, "127.0.0.1");

    CHECK(four.port != 0);
    CHECK_INT(poll(&wait, 1, 1000), 1);
    CHECK(told(&four));
    struct listen_event any = listen_at(AF_INET, 0, "0.0.0.0");

    CHECK(told(&any));
    struct listen_event six = listen_at(AF_INET6, 0, "::1");

    if (six.port == 0) {
        printf("     left out: no IPv6\n");
    } else {
        CHECK(told(&six));
        six = listen_at(AF_INET6, 0, "::");
        CHECK(told(&six));
        six = listen_at(AF_INET6, 0, "::ffff:127.0.0.1");
        CHECK(told(&six));
    }
    listens_close();
}

/* The TCP socket that it consists of is told as well. */
static void
a_multipath_listener_is_told_from_a_plain_one(void)
{
    struct listen_event e;
    unsigned plain = 0;

    CHECK(listens_open(&listens_usual) >= 0);
    struct listen_event multipath = listen_at(AF_INET, MPTCP, "127.0.0.1");

    while (listens_next(&e) > 0) {
        if (e.pid == getpid()) {
            CHECK_INT(e.port, multipath.port);
            CHECK(e.protocol == IPPROTO_TCP || e.protocol == 0);
            plain += e.protocol == IPPROTO_TCP;
        }
    }
    if (multipath.port == 0) {
        printf("     left out: no multipath TCP\n");
    } else {
        CHECK_INT(plain, 1);
    }
    listens_close();
}

static void
of_a_thousand_listeners_that_live_no_time_none_is_missed(void)
{
    unsigned seen = 0;

    CHECK(listens_open(&listens_usual) >= 0);
    for (int i = 0; i < 1000; i++) {
        struct listen_event e = listen_at(AF_INET, 0, "127.0.0.1");

        seen += told(&e);
    }
    CHECK_INT(seen, 1000);
    listens_close();
}

static void
what_the_kernel_drops_is_counted(void)
{
    struct listen_event e;
    unsigned seen = 0;
    unsigned lost = 0;
    unsigned times = 0;
    int got;

    CHECK(listens_open(&listens_usual) >= 0);
    for (int i = 0; i < 5000; i++) {
        (void)listen_at(AF_INET, 0, "127.0.0.1");
    }
    while ((got = listens_next(&e)) != 0) {
        seen += got > 0;
        lost += got < 0 ? listens_lost() : 0;
        times += got < 0;
    }
    CHECK(lost > 0 && times >= 1);
    CHECK(seen + lost >= 5000 && seen + lost < 6000); /* others may listen, too */
    e = listen_at(AF_INET, 0, "127.0.0.1");
    CHECK(told(&e));
    CHECK_INT(listens_next(&e), 0);
    listens_close();
}

/* Whoever may open none asks all the same, whenever something else wakes it. */
static void
nothing_is_heard_where_nothing_is_open(void)
{
    struct listen_event e;

    listens_close();
    CHECK_INT(listens_next(&e), 0);
    const struct listens_layout no_kernels = { 0 };
    CHECK(listens_open(&no_kernels) < 0);
    CHECK_INT(listens_next(&e), 0);
    CHECK_INT(listens_lost(), 0);
}

static int
report_to(int fd, int flags)
{
    struct listen_event e = { .port = 0 };

    if (unshare(flags) != 0) {
        return 1;
    }
    pid_t child = fork();

    if (child == 0) {
        e = listen_at(AF_INET, 0, "0.0.0.0");
        _exit(write(fd, &e, sizeof(e)) != sizeof(e));
    }
    int status = 1;

    (void)waitpid(child, &status, 0);
    return status;
}

/* A listener of a process in namespaces of its own, as that process sees it. */
static struct listen_event
listen_apart(int flags)
{
    struct listen_event e = { .port = 0 };
    int ends[2];
    int status = 1;

    CHECK_INT(pipe(ends), 0);
    pid_t child = fork();

    if (child == 0) {
        _exit(report_to(ends[1], flags) != 0);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    CHECK(read(ends[0], &e, sizeof(e)) == sizeof(e));
    close(ends[0]);
    close(ends[1]);
    return e;
}

static void
other_network_namespaces_are_heard(void)
{
    CHECK(listens_open(&listens_usual) >= 0);
    struct listen_event e = listen_apart(CLONE_NEWNET);

    CHECK(e.port != 0 && told(&e));
    listens_close();
}

static void
hear_within(void)
{
    check_failures = 0;
    CHECK_INT(mount("proc", "/proc", "proc", 0, NULL), 0);
    CHECK(listens_open(&listens_usual) >= 0);
    struct listen_event e = listen_at(AF_INET, 0, "127.0.0.1");

    CHECK(told(&e));
    e = listen_apart(CLONE_NEWPID);
    e.pid = e.thread = 0; /* it has another number here, which the kernel does not tell */
    CHECK(told(&e));
    _exit(check_failures > 0);
}

static void
a_process_has_the_number_of_the_agents_own_pid_namespace(void)
{
    int status = 1;
    pid_t outer = fork();

    if (outer == 0) {
        if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0 ||
                mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
            _exit(1);
        }
        pid_t inner = fork();

        if (inner == 0) {
            hear_within();
        }
        (void)waitpid(inner, &status, 0);
        _exit(status != 0);
    }
    CHECK_INT(waitpid(outer, &status, 0), outer);
    CHECK_INT(status, 0);
}

int
main(void)
{
    CHECK_RUN(nothing_is_heard_where_nothing_is_open);
    int error = listens_open(&listens_usual);

    if (error == -EPERM || error == -ENOSYS) {
        printf("skip: %s\n", strerror(-error));
        return CHECK_SKIPPED;
    }
    listens_close();
    CHECK(error >= 0);
    CHECK_RUN(a_kernel_that_has_a_field_elsewhere_is_not_believed);
    CHECK_RUN(a_proof_is_nobodys_listener);
    CHECK_RUN(a_listener_is_told_with_its_address_and_its_process);
    CHECK_RUN(a_multipath_listener_is_told_from_a_plain_one);
    CHECK_RUN(of_a_thousand_listeners_that_live_no_time_none_is_missed);
    CHECK_RUN(what_the_kernel_drops_is_counted);
    CHECK_RUN(other_network_namespaces_are_heard);
    CHECK_RUN(a_process_has_the_number_of_the_agents_own_pid_namespace);
    return check_failures > 0;
}
