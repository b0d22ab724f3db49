#include "support/stuck.h"
#include "alarm/schedule.h"
#include "proc/link.h"
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH 160
#define PAIRING "0C0G-8085-1410-C000-0000-0000-00FS"
#define START_MS INT64_C(30000)
#define ANSWER_MS INT64_C(20000)
#define PORT 8627

static int64_t
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static const char *
at(const struct stuck *s, const char *name)
{
    static char paths[8][PATH];
    static unsigned turn;
    char *path = paths[turn++ % 8];

    snprintf(path, PATH, "%s/%s", s->dir, name);
    return path;
}

static bool
write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    bool written = f != NULL && fputs(text, f) >= 0;

    return f != NULL && fclose(f) == 0 && written;
}

static bool
failed(const char *what)
{
    printf("stuck: %s: %s\n", what, strerror(errno));
    return false;
}

/* ---- the devices ---- */

static bool
is_stuck(const struct stuck *s, unsigned what)
{
    return (s->what & what) != 0;
}

static void
fill(int fd)
{
    char block[256];

    memset(block, 'x', sizeof(block));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, block, sizeof(block)) > 0) {
    }
    while (write(fd, block, 1) > 0) {
    }
}

/* Reads what is to be well, until it is killed. */
static pid_t
read_all(const struct stuck *s)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct pollfd fds[2] = { { .fd = is_stuck(s, STUCK_LINE) ? -1 : s->master, .events = POLLIN },
            { .fd = is_stuck(s, STUCK_PRINTER) ? -1 : s->pipe[0], .events = POLLIN } };
        char block[4096];

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            (void)poll(fds, 2, 1000);
            for (int i = 0; i < 2; i++) {
                (void)!((fds[i].revents & POLLIN) != 0 ? read(fds[i].fd, block, sizeof(block)) : 0);
            }
        }
    }
    return pid;
}

static bool
open_line(struct stuck *s)
{
    s->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (s->master < 0 || grantpt(s->master) != 0 || unlockpt(s->master) != 0) {
        return failed("pseudo-terminal");
    }
    s->slave = open(ptsname(s->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    return s->slave >= 0 || failed(ptsname(s->master));
}

static bool
open_pipe(struct stuck *s)
{
    if (mkfifo(at(s, "printer"), 0600) != 0) {
        return failed("mkfifo");
    }
    s->pipe[0] = open(at(s, "printer"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    s->pipe[1] = open(at(s, "printer"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return (s->pipe[0] >= 0 && s->pipe[1] >= 0) || failed("printer");
}

/* Nobody answers for what is in there. Without it the rest is tried. */
static void
mount_hung(struct stuck *s)
{
    char options[64];

    s->device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", s->device);
    s->fuse = s->device >= 0 && mount("hung", at(s, "hung"), "fuse", 0, options) == 0;
    if (!s->fuse) {
        printf("stuck: without a device that hangs: no FUSE here\n");
    }
}

/* Takes connections, as a kernel does, and never says a word. */
static bool
listen_only(struct stuck *s)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
    int one = 1;

    s->receiver = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->receiver < 0 || ioctl(s->receiver, SIOCSIFFLAGS, &lo) != 0) {
        return failed("loopback");
    }
    setsockopt(s->receiver, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    return (bind(s->receiver, (struct sockaddr *)&to, sizeof(to)) == 0 && listen(s->receiver, 64) == 0) ||
           failed("listen");
}

static bool
prepare_devices(struct stuck *s)
{
    if (!open_line(s) || !open_pipe(s) || !listen_only(s)) {
        return false;
    }
    if (is_stuck(s, STUCK_DEVICE)) {
        mount_hung(s);
    }
    if (is_stuck(s, STUCK_LINE)) {
        fill(s->slave);
    }
    if (is_stuck(s, STUCK_PRINTER)) {
        fill(s->pipe[1]);
    }
    s->reader = read_all(s);
    return true;
}

/* ---- the agent ---- */

static pid_t
start(const struct stuck *s, const char *command, const char *argument)
{
    const char *program = getenv("TOCSIN_BIN") != NULL ? getenv("TOCSIN_BIN") : getenv("TOCSIN_HOST_BIN");
    char path[4 * PATH];
    pid_t pid = fork();

    if (pid == 0) {
        int log = open(at(s, "log"), O_WRONLY | O_CREAT | O_APPEND, 0600);

        snprintf(path, sizeof(path), "%s/tocsin", program != NULL ? program : "build/host/bin");
        dup2(log, 1);
        dup2(log, 2);
        execl(path, "tocsin", "--config", at(s, "conf"), "--state", at(s, "state"), command, argument,
                (char *)NULL);
        _exit(127);
    }
    return pid;
}

static bool
run(const struct stuck *s, const char *command, const char *argument)
{
    int status;
    pid_t pid = start(s, command, argument);

    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
configure(const struct stuck *s)
{
    char text[1024];

    snprintf(text, sizeof(text),
            "Host stuck\nBeat 1\nNamespaces own\nView disguised-processes off\nView hidden-processes off\n"
            "Channel file %s\nChannel tty %s\nChannel file %s\nChannel file %s\n%s",
            at(s, "out"), ptsname(s->master), at(s, "printer"), s->fuse ? at(s, "hung/x") : at(s, "out2"),
            is_stuck(s, STUCK_RECEIVER) ? "Receiver 127.0.0.1\n" : "");
    return write_text(at(s, "conf"), text) && write_text(at(s, "code"), PAIRING) &&
           run(s, "pair", at(s, "code"));
}

static bool
connect_client(struct stuck *s)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };

    snprintf(to.sun_path, sizeof(to.sun_path), "%.90s", at(s, "state/ctl"));
    for (int64_t from_us = now_us(); now_us() - from_us < START_MS * 1000;) {
        s->client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (connect(s->client, (const struct sockaddr *)&to, sizeof(to)) == 0) {
            return true;
        }
        close(s->client);
        poll(NULL, 0, 20);
    }
    return failed("no agent");
}

/* One message of this size; others are passed. */
static bool
take(const struct stuck *s, void *out, size_t size)
{
    struct pollfd p = { .fd = s->client, .events = POLLIN };

    for (int64_t from_us = now_us(); now_us() - from_us < ANSWER_MS * 1000;) {
        if (poll(&p, 1, 100) > 0 && link_receive(s->client, out, size) == (ssize_t)size) {
            return true;
        }
    }
    return false;
}

static bool
ask(const struct stuck *s, enum ctl_kind kind, uint32_t from)
{
    struct ctl_request m = { .magic = CTL_MAGIC, .kind = (uint8_t)kind, .from = from };

    return link_send(s->client, &m, sizeof(m)) == 0;
}

int64_t
stuck_ring(struct stuck *s)
{
    struct ctl_reply r;
    int64_t from_us = now_us();

    if (!ask(s, CTL_RING, 0)) {
        return -1;
    }
    while (take(s, &r, sizeof(r))) {
        if (r.network == 0 && r.channel == 0 && r.state == CTL_WRITTEN) {
            return now_us() - from_us;
        }
    }
    return -1;
}

int64_t
stuck_pass_ms(struct stuck *s, const char *detector)
{
    struct ctl_detector r = { .next = 0 };

    do {
        do {
            if ((r.next == 0 && !ask(s, CTL_DETECTOR, 0)) || (r.next != 0 && !ask(s, CTL_DETECTOR, r.next)) ||
                    !take(s, &r, sizeof(r))) {
                return 0;
            }
        } while (!message_detector_valid(&r, sizeof(r)));
        if (strcmp(r.status.name, detector) == 0) {
            return r.status.pass_ms;
        }
    } while (r.next != 0);
    return 0;
}

static bool
fill_schedule(struct stuck *s)
{
    for (unsigned i = 0; i < SCHEDULE_LINES + 16; i++) {
        if (stuck_ring(s) < 0) {
            return failed("ring");
        }
    }
    return true;
}

bool
stuck_begin(struct stuck *s, unsigned what)
{
    *s = (struct stuck){ .dir = "/tmp/tocsin-stuck-XXXXXX", .what = what, .device = -1 };
    if (mkdtemp(s->dir) == NULL || mkdir(at(s, "state"), 0700) != 0 || mkdir(at(s, "hung"), 0700) != 0) {
        return failed("mkdtemp");
    }
    if (!prepare_devices(s) || !configure(s)) {
        return failed("configure");
    }
    s->agent = start(s, "run", NULL);
    return s->agent > 1 && connect_client(s) && fill_schedule(s);
}

/* ---- what it takes ---- */

static long
own_memory_kb(pid_t pid)
{
    char path[64];
    char line[128];
    long kb = 0;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "RssAnon:", 8) == 0) {
            kb = strtol(line + 8, NULL, 10);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return kb;
}

static void
add_process(struct stuck *s, pid_t pid)
{
    struct stuck_process *p = &s->process[s->processes];
    char path[64];

    if (s->processes == STUCK_PROCESSES) {
        return;
    }
    *p = (struct stuck_process){ .pid = pid, .own_kb = own_memory_kb(pid) };
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    FILE *f = fopen(path, "re");
    if (f != NULL && fgets(p->role, sizeof(p->role), f) != NULL) {
        p->role[strcspn(p->role, "\n")] = '\0';
        s->processes++;
    }
    if (f != NULL) {
        fclose(f);
    }
}

void
stuck_measure(struct stuck *s)
{
    char path[64];
    char children[256] = "";

    s->processes = 0;
    add_process(s, s->agent);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)s->agent, (int)s->agent);
    FILE *f = fopen(path, "re");
    if (f != NULL && fgets(children, sizeof(children), f) != NULL) {
        char *save;
        for (char *word = strtok_r(children, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
            add_process(s, (pid_t)strtol(word, NULL, 10));
        }
    }
    if (f != NULL) {
        fclose(f);
    }
}

unsigned
stuck_news(const struct stuck *s)
{
    char line[256];
    unsigned n = 0;
    FILE *f = fopen(at(s, "out"), "re");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        n += line[0] == '!' && strstr(line, " test.alarm ") == NULL && strstr(line, " agent.beat ") == NULL
                     ? 1
                     : 0;
    }
    if (f != NULL) {
        fclose(f);
    }
    return n;
}

bool
stuck_told(const struct stuck *s, const char *text)
{
    char line[256];
    bool told = false;
    FILE *f = fopen(at(s, "out"), "re");

    while (f != NULL && !told && fgets(line, sizeof(line), f) != NULL) {
        told = strstr(line, text) != NULL;
    }
    if (f != NULL) {
        fclose(f);
    }
    return told;
}

static void
clean(struct stuck *s)
{
    char command[64];

    if (s->fuse) {
        umount2(at(s, "hung"), MNT_DETACH);
        close(s->device);
    }
    if (s->reader > 1) {
        kill(s->reader, SIGKILL);
        waitpid(s->reader, NULL, 0);
    }
    close(s->client);
    close(s->master);
    close(s->slave);
    close(s->pipe[0]);
    close(s->pipe[1]);
    close(s->receiver);
    snprintf(command, sizeof(command), "rm -r %s", s->dir);
    (void)!system(command);
}

int64_t
stuck_end(struct stuck *s, int *status)
{
    int64_t from_us = now_us();

    *status = -1;
    if (s->agent > 1 && kill(s->agent, SIGTERM) == 0) {
        waitpid(s->agent, status, 0);
    }
    int64_t took_ms = (now_us() - from_us) / 1000;

    clean(s);
    return took_ms;
}
