/*
 * bench_ports_floor: the least that a list of listeners with their holders can cost, as tools without an eBPF
 * program see them: one dump of all TCP listeners, and the links of all descriptors of all processes.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_STATE 10

/* How many messages came. */
static unsigned
dump(int family)
{
    static char answer[1 << 16];
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 diag;
    } ask = { .head = { .nlmsg_len = sizeof(ask),
                      .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
        .diag = { .sdiag_family = (uint8_t)family,
                .sdiag_protocol = IPPROTO_TCP,
                .idiag_states = 1U << LISTEN_STATE } };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    unsigned count = 0;
    bool over = fd < 0 || send(fd, &ask, sizeof(ask), 0) < 0;

    while (!over) {
        ssize_t got = recv(fd, answer, sizeof(answer), 0);
        unsigned left = got > 0 ? (unsigned)got : 0;

        over = got <= 0;
        for (struct nlmsghdr *m = (void *)answer; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
            over = over || m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR;
            count++;
        }
    }
    close(fd);
    return count;
}

static unsigned
links_of(int proc, const char *pid)
{
    char path[300];
    char link[64];
    unsigned count = 0;

    snprintf(path, sizeof(path), "%s/fd", pid);
    int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        count += e->d_name[0] != '.' && readlinkat(fd, e->d_name, link, sizeof(link)) > 0;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

int
main(void)
{
    DIR *proc = opendir("/proc");
    unsigned listeners = dump(AF_INET) + dump(AF_INET6);
    unsigned links = 0;

    for (const struct dirent *e; proc != NULL && (e = readdir(proc)) != NULL;) {
        if (e->d_name[0] >= '0' && e->d_name[0] <= '9') {
            links += links_of(dirfd(proc), e->d_name);
        }
    }
    if (proc != NULL) {
        closedir(proc);
    }
    printf("%u listeners, %u links\n", listeners, links);
    return 0;
}
