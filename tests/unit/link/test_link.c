#include "proc/link.h"
#include "support/check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* As a sender that keeps to nothing: `count` descriptors with one message. */
static bool
send_with(int fd, const struct control_message *message, unsigned count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(8 * sizeof(int))];
    } control = { .bytes = { 0 } };
    struct control_message copy = *message;
    struct iovec part = { .iov_base = &copy, .iov_len = sizeof(copy) };
    struct msghdr m = { .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (unsigned i = 0; i < count; i++) {
        memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
    }
    return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(copy);
}

static unsigned
open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned n = 0;

    while (folder != NULL && readdir(folder) != NULL) {
        n++;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return n;
}

static void
one_descriptor_comes_along(void)
{
    const struct control_message m = { .kind = CONTROL_PEER };
    struct control_message got;
    int pair[2];
    int passed;

    CHECK_INT(link_pair(pair), 0);
    CHECK_INT(link_send_fd(pair[0], &m, sizeof(m), pair[0]), 0);
    CHECK_INT(link_receive_fd(pair[1], &got, sizeof(got), &passed), sizeof(got));
    CHECK(passed >= 0 && fcntl(passed, F_GETFD) == FD_CLOEXEC);
    CHECK_INT(got.kind, CONTROL_PEER);
    close(passed);
    close(pair[0]);
    close(pair[1]);
}

static void
a_message_without_one_has_none(void)
{
    const struct control_message m = { .kind = CONTROL_READY };
    struct control_message got;
    int pair[2];
    int passed = 7;

    CHECK_INT(link_pair(pair), 0);
    CHECK_INT(link_send(pair[0], &m, sizeof(m)), 0);
    CHECK_INT(link_receive_fd(pair[1], &got, sizeof(got), &passed), sizeof(got));
    CHECK_INT(passed, -1);
    close(pair[0]);
    close(pair[1]);
}

static void
of_several_none_is_taken_and_none_stays_open(void)
{
    const struct control_message m = { .kind = CONTROL_PEER };
    struct control_message got;
    int pair[2];
    int passed;

    CHECK_INT(link_pair(pair), 0);
    unsigned before = open_descriptors();
    for (unsigned count = 2; count <= 8; count++) {
        CHECK(send_with(pair[0], &m, count));
        CHECK_INT(link_receive_fd(pair[1], &got, sizeof(got), &passed), sizeof(got));
        CHECK_INT(passed, -1);
        CHECK_INT(open_descriptors(), before);
    }
    close(pair[0]);
    close(pair[1]);
}

int
main(void)
{
    CHECK_RUN(one_descriptor_comes_along);
    CHECK_RUN(a_message_without_one_has_none);
    CHECK_RUN(of_several_none_is_taken_and_none_stays_open);
    return check_result();
}
