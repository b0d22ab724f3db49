#include "proc/link.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
link_pair(int pair[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ? -errno : 0;
}

int
link_send(int fd, const void *message, size_t len)
{
    ssize_t n;

    do {
        n = send(fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int
link_send_fd(int fd, const void *message, size_t len, int passed)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { .bytes = { 0 } };
    char copy[sizeof(struct control_message)];
    struct iovec part = { .iov_base = copy, .iov_len = len };
    struct msghdr m = { .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes) };

    if (len > sizeof(copy)) {
        return -EMSGSIZE;
    }
    memcpy(copy, message, len);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &passed, sizeof(int));
    return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

ssize_t
link_receive(int fd, void *out, size_t size)
{
    ssize_t n;

    do {
        n = recv(fd, out, size, MSG_DONTWAIT | MSG_TRUNC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return errno == ECONNRESET ? 0 : -errno;
    }
    return n;
}

/* The one descriptor that came along, or -1. Of several the kernel has kept all but the first back, and said
 * so. */
static int
descriptor_of(struct msghdr *m)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    int fd = -1;

    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
            c->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(&fd, CMSG_DATA(c), sizeof(int));
    }
    if (fd >= 0 && (m->msg_flags & MSG_CTRUNC) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

ssize_t
link_receive_fd(int fd, void *out, size_t size, int *passed)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = { .iov_base = out, .iov_len = size };
    /* CMSG_SPACE() is rounded up: on 64 bits a second one would fit in, which nobody asked for or closes. */
    struct msghdr m = { .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = CMSG_LEN(sizeof(int)) };
    ssize_t n;

    *passed = -1;
    do {
        n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return errno == ECONNRESET ? 0 : -errno;
    }
    *passed = descriptor_of(&m);
    return n;
}

void
link_wait_room(int fd, int timeout_ms)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };

    poll(&p, 1, timeout_ms);
}
