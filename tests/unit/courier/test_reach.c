/* How the receiver is reached: attempts to connect, datagrams, and the addresses of a name. Time is the
 * test's own. */
#include "courier/dialer.h"
#include "courier/knock.h"
#include "support/check.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILL 8
#define HANG_MS 20000

static unsigned failures;
static int last_error;

static void
note(void *owner, int error)
{
    (void)owner;
    failures++;
    last_error = error;
}

static struct address
loopback(uint8_t last)
{
    struct address a = { .family = AF_INET, .bytes = { 127, 0, 0, last } };

    return a;
}

/* A listener on 127.0.0.`last`; its port. */
static int
listen_at(uint8_t last, int backlog, uint16_t *port)
{
    struct sockaddr_storage at;
    struct address a = loopback(last);
    socklen_t size = address_socket(&a, 0, &at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&at, size) == 0 && listen(fd, backlog) == 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *port = ntohs(((const struct sockaddr_in *)(const void *)&at)->sin_port);
    return fd;
}

static void
begin(struct dialer *d, uint16_t port, const struct addresses *to)
{
    failures = 0;
    dialer_init(d, port, 7);
    d->failed = note;
    dialer_aim(d, to);
}

static unsigned
under_way(const struct dialer *d)
{
    unsigned count = 0;

    for (unsigned i = 0; i < DIALS; i++) {
        count += d->dial[i].fd >= 0;
    }
    return count;
}

static void
all_addresses_are_tried_until_one_answers(void)
{
    struct addresses to = { .count = 3, .at = { loopback(1), loopback(3), loopback(2) } };
    struct address at = { 0 };
    struct dialer d;
    uint16_t port;
    int listener = listen_at(2, 8, &port);
    int fd = -1;

    begin(&d, port, &to);
    for (int64_t now_ms = 0; now_ms < 10000 && fd < 0; now_ms += 10) {
        fd = dialer_work(&d, &at, now_ms);
    }
    CHECK(fd >= 0);
    CHECK_MEM(at.bytes, to.at[2].bytes, 16);
    CHECK_INT(failures, 2);
    CHECK_INT(last_error, ECONNREFUSED);
    CHECK_INT(under_way(&d), 0);
    close(fd);
    close(listener);
}

/* A listener whose queue is full answers no SYN, as a network does that is gone. */
static void
while_an_attempt_waits_the_next_begins_and_their_number_is_bounded(void)
{
    struct addresses to = { .count = 1, .at = { loopback(1) } };
    struct address at;
    struct sockaddr_storage full;
    struct dialer d;
    uint16_t port;
    int listener = listen_at(1, 0, &port);
    int fill[FILL];
    unsigned most = 0;

    socklen_t size = address_socket(&to.at[0], port, &full);
    for (unsigned i = 0; i < FILL; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (const struct sockaddr *)&full, size);
    }
    begin(&d, port, &to);
    for (int64_t now_ms = 0; now_ms < 60000; now_ms += 10) {
        CHECK_INT(dialer_work(&d, &at, now_ms), -1);
        CHECK(dialer_due(&d, now_ms) <= now_ms + DIAL_MS);
        most = under_way(&d) > most ? under_way(&d) : most;
    }
    CHECK(most > 2 && most <= DIALS);
    CHECK(failures > 60 && failures <= 60000 / (DIAL_NEXT_MS * 3 / 4));
    CHECK_INT(last_error, ETIMEDOUT);
    dialer_stop(&d);
    for (unsigned i = 0; i < FILL; i++) {
        close(fill[i]);
    }
    close(listener);
}

static void
what_fails_at_once_is_tried_again_each_second_at_last(void)
{
    struct addresses to = { .count = 1, .at = { loopback(1) } };
    struct address at;
    struct dialer d;
    uint16_t port;

    close(listen_at(1, 1, &port));
    begin(&d, port, &to);
    for (int64_t now_ms = 0; now_ms < 100000; now_ms += 10) {
        CHECK_INT(dialer_work(&d, &at, now_ms), -1);
    }
    CHECK(failures > 100000 / 1250 && failures < 100000 / 750 + 3);
    unsigned before = failures;
    dialer_hurry(&d, 100000);
    (void)dialer_work(&d, &at, 100000);
    (void)dialer_work(&d, &at, 100001);
    CHECK_INT(failures, before + 1);
}

static void
a_receiver_that_does_not_want_us_is_left_alone_for_longer(void)
{
    struct addresses to = { .count = 1, .at = { loopback(1) } };
    struct dialer d;
    int64_t waited_ms = 0;

    begin(&d, 1, &to);
    for (unsigned i = 0; i < 10; i++) {
        int64_t before_ms = waited_ms;

        dialer_again(&d, true, 0, 0);
        waited_ms = d.due_ms;
        CHECK(waited_ms * 2 > before_ms && waited_ms <= DIAL_REFUSED_MOST_MS * 5 / 4);
    }
    CHECK(waited_ms >= DIAL_REFUSED_MOST_MS * 3 / 4);
    dialer_again(&d, false, DIAL_STEADY_MS, 0);
    CHECK(d.due_ms <= DIAL_FIRST_MS * 5 / 4);
}

static void
two_agents_do_not_wait_alike(void)
{
    struct dialer a;
    struct dialer b;
    unsigned same = 0;

    dialer_init(&a, 1, 7);
    dialer_init(&b, 1, 8);
    for (unsigned i = 0; i < 20; i++) {
        dialer_again(&a, true, 0, 0);
        dialer_again(&b, true, 0, 0);
        same += a.due_ms == b.due_ms;
    }
    CHECK(same < 4);
}

static void
a_port_that_nobody_listens_at_is_a_sign_of_life(void)
{
    struct address at = loopback(1);
    struct knock k;
    uint16_t port;

    close(listen_at(1, 1, &port));
    knock_init(&k);
    for (unsigned i = 0; i < 20; i++) {
        CHECK_INT(knock_send(&k, &at, port), 0);
    }
    close(k.fd);
}

static bool
shell(const char *command)
{
    return system(command) == 0;
}

/* What may take the way away, and give it back. */
static const char *const ways[][2] = {
    { "ip link set d0 down", "ip link set d0 up" },
    { "ip addr del 10.9.0.1/24 dev d0", "ip addr add 10.9.0.1/24 dev d0" },
    { "ip route add blackhole 10.9.0.2", "ip route del blackhole 10.9.0.2" },
    { "nft 'add table t; add chain t o { type filter hook output priority 0; }; add rule t o drop'",
            "nft delete table t" },
    { "nft 'add table t; add chain t o { type filter hook output priority 0; }; add rule t o reject'",
            "nft delete table t" },
    /* another address in place of the one that was known */
    { "ip addr del 10.9.0.1/24 dev d0", "ip addr add 10.9.0.3/24 dev d0" },
};

static void
a_datagram_that_cannot_leave_is_told_each_time_until_it_can(void)
{
    struct address at = { .family = AF_INET, .bytes = { 10, 9, 0, 2 } };
    struct knock k;

    if (unshare(CLONE_NEWNET) < 0 ||
            !shell("ip link add d0 type veth peer name d1 && ip link set d1 up && ip link set d0 up && "
                   "ip addr add 10.9.0.1/24 dev d0 && nft list tables")) {
        printf("skip: needs root, for a network namespace of its own, ip and nft\n");
        return;
    }
    knock_init(&k);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        CHECK_INT(knock_send(&k, &at, 9), 0);
        CHECK(shell(ways[i][0]));
        for (unsigned round = 0; round < 3; round++) {
            CHECK(knock_send(&k, &at, 9) < 0);
        }
        CHECK(shell(ways[i][1]));
        CHECK_INT(knock_send(&k, &at, 9), 0);
    }
    close(k.fd);
}

/* In the same namespace. */
static void
that_nobody_listens_hides_nothing_that_came_later(void)
{
    struct address at = loopback(1);
    struct knock k;

    if (!shell("ip link show d0 >/dev/null 2>&1 && ip link set lo up")) {
        return;
    }
    knock_init(&k);
    CHECK_INT(knock_send(&k, &at, 9), 0);
    CHECK(shell(ways[3][0]));
    CHECK(knock_send(&k, &at, 9) < 0);
    CHECK(shell(ways[3][1]));
    close(k.fd);
}

static bool hangs;      /* a process that was killed, in the kernel */
static unsigned waited; /* for it */

pid_t
waitpid(pid_t pid, int *status, int options)
{
    if (hangs) {
        waited += (options & WNOHANG) == 0 ? 1 : 0;
        return 0;
    }
    return (pid_t)syscall(SYS_wait4, pid, status, options, NULL);
}

static void
a_look_up_that_cannot_be_ended_holds_up_nobody_and_gets_no_other_beside_it(void)
{
    struct resolver r = { .fd = -1 };
    struct addresses list;
    int error = -EBUSY;

    CHECK_INT(resolver_start(&r, "localhost", 0), 0);
    hangs = true;
    resolver_stop(&r);
    CHECK_INT(waited, 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(resolver_start(&r, "localhost", 0), -EBUSY);
        CHECK_INT(resolver_take(&r, &list, 0), 0);
    }
    CHECK_INT(waited, 0);
    hangs = false;
    for (int i = 0; i < HANG_MS && error == -EBUSY; i++) {
        error = resolver_start(&r, "localhost", 0);
        poll(NULL, 0, 1);
    }
    CHECK_INT(error, 0);
    resolver_stop(&r);
    for (int i = 0; i < HANG_MS && r.killed != 0; i++) {
        CHECK_INT(resolver_take(&r, &list, 0), 0);
        poll(NULL, 0, 1);
    }
    CHECK_INT(r.killed, 0);
}

static bool
parse(const char *text, struct addresses *out)
{
    return addresses_parse(text, strlen(text), "a.example", out);
}

static void
the_file_of_a_name_is_read_whole_or_not_at_all(void)
{
    const char *whole = "a.example\n192.0.2.7\n2001:db8::7\n";
    struct addresses list = { .count = 77 };
    char cut[64];

    for (size_t len = 0; len < strlen(whole); len++) {
        snprintf(cut, len + 1, "%s", whole);
        bool line = len > strlen("a.example\n") && whole[len - 1] == '\n';
        CHECK_INT(parse(cut, &list), line);
    }
    CHECK(parse(whole, &list));
    CHECK_INT(list.count, 2);
    CHECK_INT(list.at[1].family, AF_INET6);
    CHECK(!parse("a.example\n", &list) && !parse("b.example\n192.0.2.7\n", &list));
    CHECK(!parse("a.example\n192.0.2\n", &list) && !parse("a.example\n192.0.2.7 \n", &list));
    CHECK(!parse("a.example\n::1\n::1\n::1\n::1\n::1\n::1\n::1\n::1\n::1\n", &list));
    CHECK_INT(list.count, 2);
}

static void
addresses_in_another_order_are_the_same(void)
{
    struct addresses a = { .count = 2, .at = { loopback(1), loopback(2) } };
    struct addresses b = { .count = 2, .at = { loopback(2), loopback(1) } };
    struct addresses c = { .count = 2, .at = { loopback(2), loopback(3) } };
    struct addresses d = { .count = 1, .at = { loopback(1) } };

    CHECK(addresses_same(&a, &b) && !addresses_same(&a, &c) && !addresses_same(&a, &d));
}

int
main(void)
{
    CHECK_RUN(all_addresses_are_tried_until_one_answers);
    CHECK_RUN(while_an_attempt_waits_the_next_begins_and_their_number_is_bounded);
    CHECK_RUN(what_fails_at_once_is_tried_again_each_second_at_last);
    CHECK_RUN(a_receiver_that_does_not_want_us_is_left_alone_for_longer);
    CHECK_RUN(two_agents_do_not_wait_alike);
    CHECK_RUN(a_port_that_nobody_listens_at_is_a_sign_of_life);
    CHECK_RUN(a_look_up_that_cannot_be_ended_holds_up_nobody_and_gets_no_other_beside_it);
    CHECK_RUN(the_file_of_a_name_is_read_whole_or_not_at_all);
    CHECK_RUN(addresses_in_another_order_are_the_same);
    CHECK_RUN(a_datagram_that_cannot_leave_is_told_each_time_until_it_can);
    CHECK_RUN(that_nobody_listens_hides_nothing_that_came_later);
    return check_result();
}
