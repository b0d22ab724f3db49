/*
 * bench_ports_agent: the port detector by itself, in a network namespace of its own with a loopback: CPU time
 * of a look at which nothing has changed and of a whole idle second, by the number of listeners and
 * connections; how long until a new listener is told; how many that live no time at all are told; who is
 * taken for somebody else. Needs root.
 */
#include "alarm/clock.h"
#include "watch/detector.h"
#include "watch/procfs.h"
#include "watch/socktable.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLLS 200
#define TICKS 50
#define CHILDREN 400
#define CONNECTIONS_A_CHILD 500
#define ROUNDS 1000
#define SHORT_LIVED 1000

static struct conf conf;
static pid_t children[CHILDREN];
static unsigned child_count;

/* What the detector told, of the newest listener and in all. */
static char wanted[32];
static bool told;
static unsigned brief;
static unsigned wrong;
static bool opened[UINT16_MAX + 1]; /* seen while it was still there */

static double
cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static unsigned
number_behind(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at != NULL ? (unsigned)strtoul(at + strlen(key), NULL, 10) : 0;
}

static void
report(void *to, const struct finding *f)
{
    (void)to;
    told = told || (f->op == FINDING_OPEN && strncmp(f->text, wanted, strlen(wanted)) == 0);
    brief += f->op == FINDING_BRIEF;
    brief += number_behind(f->text, " unsaid=");
    if (f->op == FINDING_OPEN && f->code == FINDING_PORT_UNEXPECTED) {
        opened[number_behind(f->text, "port=tcp/") & UINT16_MAX] = true;
    }
    wrong += f->op == FINDING_OPEN && f->code == FINDING_PORT_WRONG;
}

static const struct detector_env env = { .conf = &conf, .report = report };

static void
fail(const char *what)
{
    perror(what);
    exit(2);
}

static int
listen_on(uint16_t *port, bool six)
{
    struct sockaddr_in a4 = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    struct sockaddr_in6 a6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(*port), .sin6_addr = in6addr_loopback
    };
    struct sockaddr *a = six ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
    socklen_t len = six ? sizeof(a6) : sizeof(a4);
    int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, a, len) != 0 || listen(fd, 4096) != 0 || getsockname(fd, a, &len) != 0) {
        fail("bench_ports_agent: listen");
    }
    *port = ntohs(six ? a6.sin6_port : a4.sin_port);
    return fd;
}

/* A child that does something and waits until it is ended; returns when it has done it. */
static void
start(void (*act)(unsigned), unsigned argument)
{
    int ready[2];
    char byte;

    if (child_count == CHILDREN || pipe(ready) != 0) {
        fail("bench_ports_agent: pipe");
    }
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ready[0]);
        act(argument);
        (void)!write(ready[1], "x", 1);
        pause();
        _exit(0);
    }
    close(ready[1]);
    if (pid < 0 || read(ready[0], &byte, 1) != 1) {
        fail("bench_ports_agent: child");
    }
    close(ready[0]);
    children[child_count++] = pid;
}

static void
end_children(void)
{
    while (child_count > 0) {
        pid_t pid = children[--child_count];

        if (pid > 1) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
    }
}

static void
open_listeners(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint16_t port = 0;

        (void)listen_on(&port, i % 2 == 1);
    }
}

static void
connect_to_self(unsigned count)
{
    uint16_t port = 0;
    int listener = listen_on(&port, false);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };

    for (unsigned i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
                accept(listener, NULL, NULL) < 0) {
            fail("bench_ports_agent: connect");
        }
    }
}

static void
figure(const char *name, double ours, double goal)
{
    printf("%s\t%.1f us\t-\t-\t-\t<= %.0f us\t%s\n", name, ours, goal, ours <= goal ? "met" : "short");
    fflush(stdout);
}

static void
count_figure(const char *name, unsigned got, unsigned of)
{
    printf("%s\t%u\tof\t%u\t-\tall\t%s\n", name, got, of, got >= of ? "met" : "short");
    fflush(stdout);
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double
poll_us(void)
{
    static struct sockets known;
    static struct sockets part;
    static struct sockets next;
    static double took[POLLS];
    struct socktable table;
    int proc = procfs_open();

    socktable_open(&table, proc, "self/net");
    sockets_clear(&known);
    (void)socktable_dump(&table, CONF_TCP, &known);
    for (int i = 0; i < POLLS; i++) {
        double begun = cpu_us();
        bool changed = socktable_dump(&table, CONF_TCP, &part) != 0 || sockets_exchange(&next, &known, &part);

        took[i] = cpu_us() - begun;
        if (changed) {
            fprintf(stderr, "bench_ports_agent: something listens that should not\n");
            exit(2);
        }
    }
    socktable_close(&table);
    close(proc);
    qsort(took, POLLS, sizeof(took[0]), compare);
    return took[POLLS / 2];
}

static void
open_detector(void)
{
    if (detector_ports_ops.open(&env) != 0) {
        fail("bench_ports_agent: open");
    }
    while (detector_ports_ops.work(clock_boot_ms()) <= clock_boot_ms()) {
    }
}

/* A second in which nothing happens: the look behind the events, at all kinds of sockets. */
static double
tick_us(void)
{
    static double took[TICKS];

    open_detector();
    for (int i = 0; i < TICKS; i++) {
        double begun = cpu_us();

        (void)detector_ports_ops.work(clock_boot_ms() + 1000 * (i + 1));
        took[i] = cpu_us() - begun;
    }
    qsort(took, TICKS, sizeof(took[0]), compare);
    return took[TICKS / 2];
}

static void
measure_load(unsigned listeners, unsigned processes, unsigned connections, double goal)
{
    char name[64];
    const char *with = connections > 0 ? ".connections" : "";

    for (unsigned i = 0; i < processes; i++) {
        start(open_listeners, listeners / processes);
    }
    for (unsigned i = 0; i < connections / CONNECTIONS_A_CHILD; i++) {
        start(connect_to_self, CONNECTIONS_A_CHILD);
    }
    snprintf(name, sizeof(name), "ports.poll.%u%s", listeners, with);
    figure(name, poll_us(), goal);
    if (listeners == 20) {
        snprintf(name, sizeof(name), "ports.tick.%u%s", listeners, with);
        figure(name, tick_us(), 150);
    }
    end_children();
}

/* Turns the loop until `wanted` is told, or for at most `us`. */
static void
turn(double us)
{
    double end = now_us() + us;

    do {
        struct pollfd fds[DETECTOR_FDS];
        int n = detector_ports_ops.fds(fds, DETECTOR_FDS);
        int64_t due_ms = detector_ports_ops.work(clock_boot_ms()) - clock_boot_ms();

        if (poll(fds, (nfds_t)n, due_ms < 0 ? 0 : due_ms > 5 ? 5 : (int)due_ms) > 0) {
            detector_ports_ops.ready(fds, n);
        }
    } while (!told && now_us() < end);
}

static void
measure_new(void)
{
    static double took[ROUNDS];

    open_detector();
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint16_t port = (uint16_t)(10000 + i);
        double begun = now_us();
        int fd = listen_on(&port, false);

        snprintf(wanted, sizeof(wanted), "port=tcp/%u ", port);
        told = false;
        turn(1e6);
        took[i] = now_us() - begun;
        close(fd);
        told = false;
        turn(2000);
    }
    qsort(took, ROUNDS, sizeof(took[0]), compare);
    figure("ports.new.median", took[ROUNDS / 2], 1000);
    figure("ports.new.p99", took[ROUNDS * 99 / 100], 5000);
}

static void
open_and_close(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint16_t port = (uint16_t)(20000 + i);

        close(listen_on(&port, false));
        usleep(500);
    }
}

static void
measure_short(void)
{
    open_detector();
    brief = 0;
    told = false;
    memset(opened, 0, sizeof(opened));
    snprintf(wanted, sizeof(wanted), "none");
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        open_and_close(SHORT_LIVED);
        _exit(0);
    }
    turn(4e6);
    if (pid > 1) {
        waitpid(pid, NULL, 0);
    }
    for (unsigned port = 20000; port < 20000 + SHORT_LIVED; port++) {
        brief += opened[port];
    }
    count_figure("ports.short", brief, SHORT_LIVED);
}

static const struct impostor {
    const char *name;
    uint16_t port;
} impostors[] = { { "sshd", 22 }, { "httpd", 80 }, { "httpd", 443 }, { "cf-server", 5308 } };

#define IMPOSTORS (sizeof(impostors) / sizeof(impostors[0]))

static void
pretend(unsigned which)
{
    uint16_t port = impostors[which].port;

    prctl(PR_SET_NAME, impostors[which].name);
    (void)listen_on(&port, false);
}

static void
measure_impostors(void)
{
    for (size_t i = 0; i < IMPOSTORS; i++) {
        struct conf_port *p = &conf.port[conf.ports++];

        memset(p, 0, sizeof(*p));
        p->proto = CONF_TCP;
        p->port = impostors[i].port;
        p->processes = 1;
        snprintf(p->process[0], CONF_PATH, "%s", impostors[i].name);
    }
    wrong = 0;
    for (size_t i = 0; i < IMPOSTORS; i++) {
        start(pretend, (unsigned)i);
    }
    open_detector();
    count_figure("ports.impostors", wrong, IMPOSTORS);
    end_children();
}

static void
own_network(void)
{
    struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    struct rlimit files;

    if (unshare(CLONE_NEWNET) != 0) {
        fprintf(stderr, "bench_ports_agent: not root\n");
        exit(77);
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (ioctl(fd, SIOCSIFFLAGS, &lo) != 0 || getrlimit(RLIMIT_NOFILE, &files) != 0) {
        fail("bench_ports_agent: lo");
    }
    close(fd);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

int
main(void)
{
    own_network();
    if (!conf_init(&conf, NULL, NULL)) {
        return 2;
    }
    conf.own_netns = true;
    measure_load(20, 10, 0, 50);
    measure_load(20, 10, 20000, 50);
    measure_load(1000, 50, 0, 500);
    measure_load(10000, 100, 0, 8000);
    measure_new();
    measure_short();
    measure_impostors();
    return 0;
}
