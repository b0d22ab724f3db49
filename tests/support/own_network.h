#ifndef TESTS_SUPPORT_OWN_NETWORK_H
#define TESTS_SUPPORT_OWN_NETWORK_H
/*
 * own_network - a network of the test's own: nobody else's sockets are in it, and a free port stays free
 *
 * Once, before the first socket and thread. Needs root.
 */
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* False where that may not be done: the machine's network it is then. */
static inline bool
own_network(void)
{
    struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    bool up;
    int fd;

    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
        return false;
    }
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
    (void)close(fd);
    return up;
}

#endif
