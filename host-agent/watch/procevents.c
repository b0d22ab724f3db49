#include "watch/procevents.h"
#include "watch/procfs.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#define RECEIVE_BUFFER (1 << 20)
#define MESSAGE 512
#define WHAT_AT (sizeof(struct nlmsghdr) + sizeof(struct cn_msg))
#define PID_AT (WHAT_AT + offsetof(struct proc_event, event_data.exec.process_tgid))

/* The processes' numbers stand at one place in the events of both kinds. */
_Static_assert(offsetof(struct proc_event, event_data.exec.process_tgid) ==
                       offsetof(struct proc_event, event_data.ptrace.process_tgid),
        "where the pid of an event is");

/* And the kernel's answer: forks and exits of others are many, and wake nobody this way. */
static int
attach_filter(int fd, uint32_t what)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WHAT_AT),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(what), 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_NONE), 0, 1),
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

/* One datagram of the kernel's. Its length, 0 for somebody else's, -errno. */
static ssize_t
receive(int fd, uint8_t *out, size_t size)
{
    struct sockaddr_nl from = { .nl_family = AF_UNSPEC };
    socklen_t from_len = sizeof(from);
    ssize_t n = recvfrom(fd, out, size, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

    if (n < 0) {
        return -errno;
    }
    return from_len == sizeof(from) && from.nl_pid == 0 ? n : 0;
}

/* Whoever may be told is answered before send() returns; in another pid namespace nothing ever comes. */
static int
hear_answer(int fd)
{
    uint8_t message[MESSAGE];
    uint32_t what;
    ssize_t n;

    while ((n = receive(fd, message, sizeof(message))) >= 0 || n == -EINTR) {
        if (n >= (ssize_t)PID_AT) {
            memcpy(&what, message + WHAT_AT, sizeof(what));
            if (what == PROC_EVENT_NONE) {
                return 0;
            }
        }
    }
    return -EOPNOTSUPP;
}

int
procevents_open(enum procevents_kind kind)
{
    uint32_t what = kind == PROCEVENTS_EXEC ? PROC_EVENT_EXEC : PROC_EVENT_PTRACE;
    struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
    int size = RECEIVE_BUFFER;
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);

    if (fd < 0) {
        return -errno;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    int error = attach_filter(fd, what);

    if (error == 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        error = -errno;
    }
    if (error == 0) {
        error = subscribe(fd);
    }
    if (error == 0) {
        error = hear_answer(fd);
    }
    if (error != 0) {
        close(fd);
        return error;
    }
    return fd;
}

bool
procevents_lasting(void)
{
    struct utsname kernel;
    uint64_t major;
    uint64_t minor;

    if (uname(&kernel) != 0) {
        return false;
    }
    const char *at = kernel.release;
    const char *end = at + strlen(at);

    if (!procfs_decimal(&at, end, UINT32_MAX, &major) || at == end || *at++ != '.' ||
            !procfs_decimal(&at, end, UINT32_MAX, &minor)) {
        return false;
    }
    return major > 6 || (major == 6 && minor >= 6);
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
    bool known = what == PROC_EVENT_EXEC || what == PROC_EVENT_PTRACE;

    return head.nlmsg_len <= len && known && pid > 0 ? pid : 0;
}

int32_t
procevents_next(int fd)
{
    for (;;) {
        uint8_t message[MESSAGE];
        ssize_t n = receive(fd, message, sizeof(message));

        if (n == -EINTR) {
            continue;
        }
        if (n < 0) {
            return n == -ENOBUFS ? -1 : 0;
        }
        int32_t pid = procevents_parse(message, (size_t)n);

        if (pid > 0) {
            return pid;
        }
    }
}
