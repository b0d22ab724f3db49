/* What belfry takes from belfry-dial, should that be somebody else's. */
#include "support/check.h"

#include "belfry/dial/link.h"
#include "belfry/line/remote.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned
open_descriptors(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 256; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

static void
send_two(int link, const struct dial_message *m)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = { .bytes = { 0 } };
    struct iovec part = { .iov_base = (void *)(uintptr_t)m, .iov_len = DIAL_HEAD };
    struct msghdr msg = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    const int two[2] = { STDOUT_FILENO, STDERR_FILENO };

    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof two);
    memcpy(CMSG_DATA(&control.head), two, sizeof two);
    CHECK_INT(sendmsg(link, &msg, 0), DIAL_HEAD);
}

static void
a_message_with_two_descriptors_leaves_none_open_but_the_one_that_is_given(void)
{
    static struct dial_message m;
    int passed = -1;
    int pair[2];
    unsigned before;

    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    before = open_descriptors();
    memset(&m, 0, DIAL_HEAD);
    m.kind = DIAL_CAME;
    send_two(pair[0], &m);
    CHECK_INT(dial_receive(pair[1], &m, &passed), DIAL_HEAD);
    if (passed >= 0) {
        (void)close(passed);
    }
    CHECK_INT(open_descriptors(), before);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

/* A read that waits is ended by the alarm, and the test with it. */
static void
a_socket_that_its_maker_lets_block_is_neither_waited_for_to_read_nor_to_write(void)
{
    static const struct conf_line conf = { .kind = CONF_TLS };
    static uint8_t bytes[LINE_SLICE];
    struct line l = { .conf = &conf, .ops = &line_tls_ops, .up = true, .more = true };
    int pair[2];
    int n;

    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    l.is.remote.fd = pair[0];
    (void)alarm(10);
    CHECK_INT(remote_read(&l, bytes, sizeof bytes, true, 0), 0);
    do {
        n = remote_write(&l, bytes, sizeof bytes);
    } while (n > 0);
    CHECK_INT(n, 0);
    (void)alarm(0);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

int
main(void)
{
    CHECK_RUN(a_message_with_two_descriptors_leaves_none_open_but_the_one_that_is_given);
    CHECK_RUN(a_socket_that_its_maker_lets_block_is_neither_waited_for_to_read_nor_to_write);
    return check_result();
}
