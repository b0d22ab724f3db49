#ifndef WATCH_NETLINK_H
#define WATCH_NETLINK_H
/*
 * netlink - sockets to the kernel, and the messages and attributes that come from there
 */
#include "watch/fs_bytes.h"
#include <sys/types.h>

struct netlink_message {
    uint16_t type;
    uint32_t seq;
    struct fs_bytes payload;
};

struct netlink_attribute {
    uint16_t type; /* without the flags */
    struct fs_bytes value;
};

/* A socket with a port of its own, close-on-exec; `flags` may be SOCK_NONBLOCK. Or -errno. */
int netlink_open(int protocol, int flags);

/* 0 or -errno. */
int netlink_join(int fd, int group);

/*
 * A datagram of the kernel's; what others send is passed over. Its length; -EAGAIN when nothing waits;
 * -ENOBUFS when some were lost or one was cut.
 */
ssize_t netlink_receive(int fd, uint8_t *out, size_t size);

/* The next one at the cursor. False at the end, and with short_read when it is torn. */
bool netlink_next(struct fs_bytes *c, struct netlink_message *out);
bool netlink_attribute(struct fs_bytes *c, struct netlink_attribute *out);

/* Text up to its NUL or the attribute's end, shortened to fit; always NUL-terminated. */
void netlink_text(const struct netlink_attribute *a, char *out, size_t size);

/* Of four bytes in the machine's order, or in the network's. 0 for another length. */
uint32_t netlink_u32(const struct netlink_attribute *a);
uint32_t netlink_be32(const struct netlink_attribute *a);

#endif
