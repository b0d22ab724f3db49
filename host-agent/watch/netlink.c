#include "watch/netlink.h"
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define RECEIVE_BUFFER (1 << 20)
#define ANSWER_WAIT_MS 500

int
netlink_open(int protocol, int flags)
{
    struct sockaddr_nl address = { .nl_family = AF_NETLINK };
    struct timeval patience = { .tv_usec = ANSWER_WAIT_MS * 1000L };
    int size = RECEIVE_BUFFER;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, protocol);

    if (fd < 0) {
        return -errno;
    }
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = -errno;

        close(fd);
        return error;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

int
netlink_join(int fd, int group)
{
    return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) == 0 ? 0 : -errno;
}

ssize_t
netlink_receive(int fd, uint8_t *out, size_t size)
{
    for (;;) {
        struct sockaddr_nl from = { .nl_family = AF_UNSPEC };
        socklen_t from_len = sizeof(from);
        ssize_t n = recvfrom(fd, out, size, MSG_TRUNC, (struct sockaddr *)&from, &from_len);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n >= 0 && from_len == sizeof(from) && from.nl_pid == 0) {
            return n > (ssize_t)size ? -ENOBUFS : n;
        }
    }
}

/* What stands behind a length, and the cursor behind its padding. */
static bool
take_padded(struct fs_bytes *c, size_t length, size_t head, struct fs_bytes *out)
{
    size_t left = fs_bytes_left(c);
    size_t step = NLMSG_ALIGN(length);

#ifdef PLANT_NETLINK
    if (length < head) {
#else
    if (length < head || length > left) {
#endif
        c->short_read = true;
        return false;
    }
    *out = (struct fs_bytes){ .at = c->at + head, .end = c->at + length };
    c->at += step < left ? step : left;
    return true;
}

bool
netlink_next(struct fs_bytes *c, struct netlink_message *out)
{
    struct nlmsghdr head;

    if (c->short_read || fs_bytes_left(c) < sizeof(head)) {
        c->short_read = c->short_read || fs_bytes_left(c) > 0;
        return false;
    }
    memcpy(&head, c->at, sizeof(head));
    out->type = head.nlmsg_type;
    out->seq = head.nlmsg_seq;
    return take_padded(c, head.nlmsg_len, sizeof(head), &out->payload);
}

bool
netlink_attribute(struct fs_bytes *c, struct netlink_attribute *out)
{
    struct nlattr head;

    if (c->short_read || fs_bytes_left(c) < sizeof(head)) {
        c->short_read = c->short_read || fs_bytes_left(c) > 0;
        return false;
    }
    memcpy(&head, c->at, sizeof(head));
    out->type = head.nla_type & NLA_TYPE_MASK;
    return take_padded(c, head.nla_len, sizeof(head), &out->value);
}

void
netlink_text(const struct netlink_attribute *a, char *out, size_t size)
{
    size_t len = strnlen((const char *)a->value.at, fs_bytes_left(&a->value));

    len = len < size ? len : size - 1;
    memcpy(out, a->value.at, len);
    out[len] = '\0';
}

uint32_t
netlink_u32(const struct netlink_attribute *a)
{
    uint32_t n = 0;

    if (fs_bytes_left(&a->value) == sizeof(n)) {
        memcpy(&n, a->value.at, sizeof(n));
    }
    return n;
}

uint32_t
netlink_be32(const struct netlink_attribute *a)
{
    const uint8_t *b = a->value.at;

    if (fs_bytes_left(&a->value) != sizeof(uint32_t)) {
        return 0;
    }
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
