#include "cmd/agent.h"
#include "cmd/cmd.h"
#include "proc/link.h"
#include "proc/warden.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
agent_connect(const struct conf *conf)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };

    if (!conf_state_path(conf, WARDEN_CTL, to.sun_path, sizeof(to.sun_path))) {
        return -ENAMETOOLONG;
    }
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

int
agent_refused(const struct conf *conf, int error)
{
    if (error == -ECONNREFUSED || error == -ENOENT) {
        return cmd_error("no agent runs on %s", cmd_text(conf->state_dir));
    }
    return cmd_error("%s: cannot ask the agent: %s", cmd_text(conf->state_dir), strerror(-error));
}

int
agent_ask(int fd, enum ctl_kind kind, uint32_t from)
{
    const struct ctl_request ask = { .magic = CTL_MAGIC, .kind = (uint8_t)kind, .from = from };

    return link_send(fd, &ask, sizeof(ask));
}

bool
agent_take(int fd, void *out, size_t size, int timeout_ms, bool (*valid)(const void *message, size_t len))
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    if (poll(&p, 1, timeout_ms) <= 0) {
        return false;
    }
    ssize_t n = link_receive(fd, out, size);
    return n > 0 && valid(out, (size_t)n);
}
