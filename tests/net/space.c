#include "net.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SKIPPED 77

int64_t
net_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
first_process(int (*work)(void))
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Pseudo-terminals of our own: a number that belfry gave back must not become somebody else's. */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("proc", "/proc", "proc", 0, NULL) < 0 ||
            mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666") < 0 ||
            mount("/dev/pts/ptmx", "/dev/ptmx", NULL, MS_BIND, NULL) < 0) {
        printf("skip: mounts in a namespace: %s\n", strerror(errno));
        return SKIPPED;
    }
    return work();
}

int
net_inside(int (*work)(void))
{
    int status;

    if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) < 0) {
        printf("skip: namespaces: %s\n", strerror(errno));
        return SKIPPED;
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        status = first_process(work);
        fflush(stdout);
        _exit(status);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        return 1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

pid_t
net_spawn(struct net *n, enum net_space where, const char *const argv[], int out, int err)
{
    char *words[16];
    int count = 0;
    pid_t pid = fork();

    if (pid != 0) {
        return pid;
    }
    while (argv[count] != NULL && count < 15) {
        words[count] = strdup(argv[count]);
        count++;
    }
    words[count] = NULL;
    setpgid(0, 0);
    if (out >= 0) {
        dup2(out, 1);
    }
    if (err >= 0) {
        dup2(err, 2);
    }
    if (setns(n->space[where], CLONE_NEWNET) == 0) {
        execvp(words[0], words);
    }
    fprintf(stderr, "%s: %s\n", words[0], strerror(errno));
    _exit(127);
}

bool
net_do(struct net *n, enum net_space where, const char *command)
{
    const char *argv[] = { "/bin/sh", "-c", command, NULL };
    int status;
    pid_t pid = net_spawn(n, where, argv, -1, -1);

    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A new network namespace; the caller stays where it is. */
static int
new_space(void)
{
    int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int fd = -1;

    if (here >= 0 && unshare(CLONE_NEWNET) == 0) {
        fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (setns(here, CLONE_NEWNET) < 0) {
            perror("setns");
            exit(1);
        }
    }
    close(here);
    return fd;
}

/* A veth pair between two namespaces. */
static bool
link_pair(struct net *n, enum net_space where, const char *name, enum net_space other, const char *other_name)
{
    char command[256];

    snprintf(command, sizeof(command), "ip link add %s type veth peer name %s netns /proc/%d/fd/%d", name,
            other_name, (int)getpid(), n->space[other]);
    return net_do(n, where, command);
}

/* Gives the ends of the net 10.66.NET.0/24 their addresses. */
static bool
link_up(struct net *n, const char *router, enum net_space where, const char *other, int net)
{
    char command[256];

    snprintf(command, sizeof(command),
            "ip link set lo up && ip address add 10.66.%d.1/24 dev %s && ip link set %s up && "
            "echo 1 >/proc/sys/net/ipv4/ip_forward",
            net, router, router);
    if (!net_do(n, NET_ROUTER, command)) {
        return false;
    }
    snprintf(command, sizeof(command),
            "ip link set lo up && ip address add 10.66.%d.2/24 dev %s && ip link set %s up && "
            "ip route add default via 10.66.%d.1",
            net, other, other, net);
    return net_do(n, where, command);
}

static void *
shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

static bool
relay_begin(struct net *n)
{
    n->relay = shared(sizeof(*n->relay));
    if (n->relay == NULL || !link_pair(n, NET_ROUTER, "b0", NET_BETWEEN, "w0") ||
            !link_pair(n, NET_RECEIVER, "down0", NET_BETWEEN, "w1") ||
            !net_do(n, NET_BETWEEN, "ip link set w0 up && ip link set w1 up")) {
        return false;
    }
    n->relay->seed = 1;
    n->relay_pid = fork();
    if (n->relay_pid == 0) {
        if (setns(n->space[NET_BETWEEN], CLONE_NEWNET) == 0) {
            relay_run(n->relay, "w0", "w1");
        }
        _exit(1);
    }
    return n->relay_pid > 0;
}

/* ---- what the router carries ---- */

#define NET_HOST_CLEAR (" " NET_HOST " 1-")

/* Text that only the two ends may read. */
static bool
is_clear(const unsigned char *bytes, size_t len)
{
    static const char *const words[] = { NET_HOST_CLEAR, "agent.start", "agent.beat", "test.alarm", "=hello ",
        "=seen ", "=ping " };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (memmem(bytes, len, words[i], strlen(words[i])) != NULL) {
            return true;
        }
    }
    return false;
}

/* An IPv4 packet with TCP in it. */
static void
look_at(struct net_capture *c, const unsigned char *packet, size_t len)
{
    size_t head =
            len >= 40 && packet[0] >> 4 == 4 && packet[9] == IPPROTO_TCP ? (size_t)(packet[0] & 15) * 4 : 0;

    if (head < 20 || len < head + 20) {
        return;
    }
    const unsigned char *tcp = packet + head;
    unsigned from = (unsigned)tcp[0] << 8 | tcp[1];
    unsigned to = (unsigned)tcp[2] << 8 | tcp[3];
    size_t data = head + (size_t)(tcp[12] >> 4) * 4;
    size_t end = (size_t)packet[2] << 8 | packet[3];
    if ((from != NET_PORT && to != NET_PORT) || end > len || data >= end) {
        return;
    }
    c->packets++;
    c->bytes += end - data;
    c->clear += is_clear(packet + data, end - data);
    int64_t *first_us = from == NET_PORT ? &c->answered_us : &c->asked_us;
    int64_t now_us = net_now_us();
    if (*first_us < c->since_us) {
        *first_us = now_us;
    }
}

static void
look(struct net *n, int ready)
{
    static unsigned char packet[1 << 16];
    struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
    int fd = setns(n->space[NET_ROUTER], CLONE_NEWNET) < 0
                     ? -1
                     : socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
    ssize_t len;

    at.sll_ifindex = (int)if_nametoindex("a0");
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
        perror("net: a packet socket");
        _exit(1);
    }
    if (write(ready, "", 1) != 1) {
        _exit(1);
    }
    while ((len = recv(fd, packet, sizeof(packet), 0)) > 0 || errno == ENETDOWN) {
        look_at(n->capture, packet, len > 0 ? (size_t)len : 0);
    }
    _exit(1);
}

static bool
capture_begin(struct net *n)
{
    int ready[2];
    char byte;

    n->capture = shared(sizeof(*n->capture));
    if (n->capture == NULL || pipe2(ready, O_CLOEXEC) < 0) {
        return false;
    }
    n->looker = fork();
    if (n->looker == 0) {
        close(ready[0]);
        look(n, ready[1]);
    }
    close(ready[1]);
    bool looks = n->looker > 0 && read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    return looks;
}

bool
net_spaces_begin(struct net *n, bool relay)
{
    for (int i = 0; i < NET_SPACES; i++) {
        n->space[i] = new_space();
        if (n->space[i] < 0) {
            printf("net: a network namespace: %s\n", strerror(errno));
            return false;
        }
    }
    return link_pair(n, NET_ROUTER, "a0", NET_AGENT, "up0") && link_up(n, "a0", NET_AGENT, "up0", 1) &&
           (relay ? relay_begin(n) : link_pair(n, NET_ROUTER, "b0", NET_RECEIVER, "down0")) &&
           link_up(n, "b0", NET_RECEIVER, "down0", 2) && capture_begin(n);
}

void
net_spaces_end(struct net *n)
{
    net_stop(&n->looker, SIGKILL);
    net_stop(&n->relay_pid, SIGKILL);
    if (n->capture != NULL) {
        munmap(n->capture, sizeof(*n->capture));
    }
    if (n->relay != NULL) {
        munmap(n->relay, sizeof(*n->relay));
    }
    for (int i = 0; i < NET_SPACES; i++) {
        if (n->space[i] > 0) {
            close(n->space[i]);
        }
    }
}
