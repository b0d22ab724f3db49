#include "watch/procevents.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BUFFER (1 << 20)
#define WHAT_AT (sizeof(struct nlmsghdr) + sizeof(struct cn_msg))
#define PID_AT (WHAT_AT + offsetof(struct proc_event, event_data.exec.process_tgid))

/* Only exec events: forks and exits of others are many, and wake nobody this way. */
static int
attach_filter(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WHAT_AT),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_EXEC), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 ? 0 : -errno;
}

static int
subscribe(int fd)
{
    struct nlmsghdr head = { .nlmsg_len = WHAT_AT + sizeof(uint32_t), .nlmsg_type = NLMSG_DONE };
    struct cn_msg message = { .id = { .idx = CN_IDX_PROC, .val = CN_VAL_PROC }, .len = sizeof(uint32_t) };
    uint32_t operation = PROC_CN_MCAST_LISTEN;
    uint8_t ask[WHAT_AT + sizeof(operation)];

    memcpy(ask, &head, sizeof(head));
    memcpy(ask + sizeof(head), &message, sizeof(message));
    memcpy(ask + WHAT_AT, &operation, sizeof(operation));
    return send(fd, ask, sizeof(ask), 0) == (ssize_t)sizeof(ask) ? 0 : -errno;
}

int
procevents_open(void)
{
    struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
    int size = RECEIVE_BUFFER;
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);

    if (fd < 0) {
        return -errno;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    int error = attach_filter(fd);

    if (error == 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        error = -errno;
    }
    if (error == 0) {
        error = subscribe(fd);
    }
    if (error != 0) {
        close(fd);
        return error;
    }
    return fd;
}

int32_t
procevents_parse(const uint8_t *src, size_t len)
{
    struct nlmsghdr head;
    uint32_t what;
    int32_t pid;

#ifdef PLANT_PROCEVENTS
    if (len < PID_AT) {
#else
    if (len < PID_AT + sizeof(pid)) {
#endif
        return 0;
    }
    memcpy(&head, src, sizeof(head));
    memcpy(&what, src + WHAT_AT, sizeof(what));
    memcpy(&pid, src + PID_AT, sizeof(pid));
    return head.nlmsg_len <= len && what == PROC_EVENT_EXEC && pid > 0 ? pid : 0;
}

int32_t
procevents_next(int fd)
{
    for (;;) {
        uint8_t message[512];
        struct sockaddr_nl from = { .nl_family = AF_UNSPEC };
        socklen_t from_len = sizeof(from);
        ssize_t n = recvfrom(fd, message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno == ENOBUFS ? -1 : 0;
        }
        int32_t pid = from_len == sizeof(from) && from.nl_pid == 0 ? procevents_parse(message, (size_t)n) : 0;

        if (pid > 0) {
            return pid;
        }
    }
}
