/* A notifier's process by itself: this program is its belfry and its collector. */
#include "support/check.h"

#include "belfry/beside.h"
#include "belfry/notify/link.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 100
#define BYTES 1048576

static int notifier_link = -1;
static pid_t notifier = -1;
static char heard[BYTES];

/* A port of this machine that nobody listens at yet. */
static int
port_reserve(struct sockaddr_in *at)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof *at;

    *at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    CHECK_INT(bind(fd, (struct sockaddr *)at, len), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)at, &len), 0);
    return fd;
}

static void
start(const struct sockaddr_in *at)
{
    char place[64];
    int pair[2];

    (void)snprintf(place, sizeof place, "tcp://127.0.0.1:%u", ntohs(at->sin_port));
    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    notifier = fork();
    if (notifier == 0) {
        (void)dup2(pair[1], BESIDE_FD);
        (void)execl(NOTIFIER, "belfry-notify", "far", "syslog", place, (char *)NULL);
        _exit(127);
    }
    (void)close(pair[1]);
    notifier_link = pair[0];
}

static void
send_notice(int64_t seq, bool ahead)
{
    static struct notify_message m;

    memset(&m, 0, sizeof m);
    m.what = NOTIFY_NOTICE;
    m.ahead = ahead;
    m.of.notice.seq = seq;
    m.of.notice.alarm.id = seq;
    (void)snprintf(m.of.notice.alarm.code, RECORD_CODE, "belfry.ledger");
    CHECK_INT(send(notifier_link, &m, notify_size(&m), MSG_NOSIGNAL), notify_size(&m));
}

/* It has taken all that was sent to it. */
static bool
all_are_read(void)
{
    int unread = 1;

    for (int waited = 0; waited < 10000 && ioctl(notifier_link, SIOCOUTQ, &unread) == 0 && unread != 0;
            waited++) {
        (void)poll(NULL, 0, 1);
    }
    return unread == 0;
}

/* One connection, until it was told `messages` or nothing comes for 5 s. How many it was told. */
static unsigned
collect(int listener, unsigned messages)
{
    struct pollfd p = { .fd = listener, .events = POLLIN };
    unsigned count = 0;
    size_t len = 0;
    ssize_t n = 0;
    int fd = poll(&p, 1, 40000) == 1 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;

    CHECK(fd >= 0);
    p.fd = fd;
    while (fd >= 0 && count < messages && len < BYTES - 1 && poll(&p, 1, 5000) == 1 &&
            (n = read(fd, heard + len, BYTES - 1 - len)) > 0) {
        len += (size_t)n;
        heard[len] = '\0';
        count = 0;
        for (const char *at = heard; (at = strstr(at, " alarm=\"")) != NULL; at++) {
            count++;
        }
    }
    (void)close(fd);
    return count;
}

static unsigned
answers(unsigned least)
{
    struct pollfd p = { .fd = notifier_link, .events = POLLIN };
    struct notify_answer a;
    unsigned told = 0;

    while (told < least && poll(&p, 1, 10000) == 1 && recv(notifier_link, &a, sizeof a, 0) > 0) {
        told += a.said == NOTIFY_TOLD;
    }
    return told;
}

static void
what_is_told_at_once_beside_all_that_waits_for_a_collector_arrives_and_again_when_it_comes_back(void)
{
    struct sockaddr_in at;
    int listener = port_reserve(&at);
    int status = 0;

    start(&at);
    for (int64_t seq = 1; seq <= NOTIFY_ROOM; seq++) {
        send_notice(seq, false);
    }
    for (unsigned i = 0; i < AT_ONCE; i++) {
        send_notice(0, false);
    }
    CHECK_INT(listen(listener, 1), 0);
    CHECK_INT(collect(listener, NOTIFY_ROOM + AT_ONCE), NOTIFY_ROOM + AT_ONCE);
    CHECK_INT(collect(listener, NOTIFY_ROOM + AT_ONCE), NOTIFY_ROOM + AT_ONCE);
    CHECK_INT(answers(NOTIFY_ROOM), NOTIFY_ROOM);
    (void)close(notifier_link);
    CHECK_INT(waitpid(notifier, &status, 0), notifier);
    CHECK_INT(status, 0);
    (void)close(listener);
}

static void
what_is_ahead_is_told_before_what_has_waited_longer(void)
{
    struct sockaddr_in at;
    int listener = port_reserve(&at);
    const char *first;
    int status = 0;

    start(&at);
    for (int64_t seq = 1; seq < AT_ONCE; seq++) {
        send_notice(seq, false);
    }
    send_notice(AT_ONCE, true);
    CHECK(all_are_read());
    CHECK_INT(listen(listener, 1), 0);
    CHECK_INT(collect(listener, AT_ONCE), AT_ONCE);
    first = strstr(heard, " alarm=\"");
    CHECK(first != NULL && strtol(first + 8, NULL, 10) == AT_ONCE);
    (void)close(notifier_link);
    CHECK_INT(waitpid(notifier, &status, 0), notifier);
    (void)close(listener);
}

int
main(void)
{
    CHECK_RUN(what_is_ahead_is_told_before_what_has_waited_longer);
    CHECK_RUN(
            what_is_told_at_once_beside_all_that_waits_for_a_collector_arrives_and_again_when_it_comes_back);
    return check_result();
}
