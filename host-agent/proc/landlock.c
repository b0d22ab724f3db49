#include "proc/landlock.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From linux/landlock.h, which is older than some of this where we are built; the numbers are kernel ABI. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
#define ASK_VERSION 1u
#define RULE_PATH 1
#define RULE_PORT 2

#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_ALL_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13)
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL (UINT64_C(1) << 15)
#define NET_BIND (UINT64_C(1) << 0)
#define NET_CONNECT (UINT64_C(1) << 1)
#define SCOPE_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)
#define FS_IN_TREE                                                                                   \
    ((UINT64_C(1) << 1) /* write */ | FS_READ_FILE | FS_READ_DIR | (UINT64_C(1) << 5) /* unlink */ | \
            (UINT64_C(1) << 8) /* create */ | FS_TRUNCATE)

struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

struct path_rule {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

struct port_rule {
    uint64_t allowed;
    uint64_t port;
};

/* What each version can wall off, all of it. */
static const struct ruleset by_version[] = {
    [1] = { .fs = FS_ALL_1 },
    [2] = { .fs = FS_ALL_1 | FS_REFER },
    [3] = { .fs = FS_ALL_1 | FS_REFER | FS_TRUNCATE },
    [4] = { .fs = FS_ALL_1 | FS_REFER | FS_TRUNCATE, .net = NET_BIND | NET_CONNECT },
    [5] = { .fs = FS_ALL_1 | FS_REFER | FS_TRUNCATE | FS_IOCTL, .net = NET_BIND | NET_CONNECT },
    [6] = { .fs = FS_ALL_1 | FS_REFER | FS_TRUNCATE | FS_IOCTL,
            .net = NET_BIND | NET_CONNECT,
            .scoped = SCOPE_SOCKET | SCOPE_SIGNAL },
};

#define VERSIONS ((int)(sizeof(by_version) / sizeof(by_version[0])))

static int
allow_path(int ruleset, int fd, uint64_t allowed)
{
    const struct path_rule rule = { .allowed = allowed, .fd = fd };

    return syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0u) == 0 ? 0 : -errno;
}

static int
allow_reading(int ruleset)
{
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 ? -errno : allow_path(ruleset, fd, FS_READ_FILE | FS_READ_DIR);

    if (fd >= 0) {
        close(fd);
    }
    return error;
}

static int
allow_ports(int ruleset, const struct landlock_order *order)
{
    for (size_t i = 0; i < sizeof(order->port) / sizeof(order->port[0]); i++) {
        const struct port_rule rule = { .allowed = NET_CONNECT, .port = order->port[i] };

        if (rule.port != 0 && syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0u) != 0) {
            return -errno;
        }
    }
    return 0;
}

static int
add_rules(int ruleset, const struct ruleset *handled, const struct landlock_order *order)
{
    int error = 0;

    if (order->tree >= 0) {
        error = allow_path(ruleset, order->tree, FS_IN_TREE & handled->fs);
    }
    if (error == 0 && order->read_all) {
        error = allow_reading(ruleset);
    }
    return error == 0 && handled->net != 0 ? allow_ports(ruleset, order) : error;
}

int
landlock_enforce(const struct landlock_order *order)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0u, ASK_VERSION);

    if (version < 1) {
        return version < 0 ? -errno : -ENOTSUP;
    }
    const struct ruleset *handled = &by_version[version < VERSIONS ? version : VERSIONS - 1];
    /* An older kernel takes no attribute that it does not know, unless it is zero. */
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, handled, sizeof(*handled), 0u);
    if (ruleset < 0) {
        return -errno;
    }
    int error = add_rules(ruleset, handled, order);
    if (error == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0u) != 0) {
        error = -errno;
    }
    close(ruleset);
    return error < 0 ? error : (int)version;
}
