/*
 * bench_guard: from a deed to the sealed line in a channel, with the whole agent at work: a daemon that is
 * killed or stopped, a file that is written, a new listener, a mount that is made writable, here or in
 * another mount namespace, unmounted or mounted over, and a new one. The agent is TOCSIN_BIN/tocsin
 * (TOCSIN_HOST_BIN where that is not set), its channel a file; TOCSIN_BENCH_ROUNDS (100) deeds of each quick
 * kind. Needs the right to mount. Prints a line a figure, tab-separated: name, p99, "median", median, ratio,
 * goal, met|short.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH 128
#define SIZE 4096U
#define ROUNDS_MAX 1000
#define SLOW_ROUNDS 5
#define WAIT_US 10000000
#define PAUSE_MS \
    250 /* the agent tells ten findings a second, and others of this machine may come in between */
#define PAIRING "0C0G-8085-1410-C000-0000-0000-00FS"

static char dir[] = "/tmp/tocsin-guard-XXXXXX";
static char program[4 * PATH];
static pid_t agent;
static pid_t watched;
static off_t read_to;  /* of the channel's file */
static int64_t newest; /* number of the line that was found last, in this session */

static int64_t
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static const char *
at(const char *name)
{
    static char paths[4][PATH];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, PATH, "%s/%s", dir, name);
    return path;
}

static bool
write_text(const char *name, const char *text)
{
    FILE *f = fopen(at(name), "w");
    bool written = f != NULL && fputs(text, f) >= 0;

    return f != NULL && fclose(f) == 0 && written;
}

static pid_t
start(const char *command, const char *argument)
{
    pid_t pid = fork();

    if (pid == 0) {
        int log = open(at("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);

        dup2(log, 1);
        dup2(log, 2);
        execl(program, "tocsin", "--config", at("conf"), "--state", at("state"), command, argument,
                (char *)NULL);
        _exit(127);
    }
    return pid;
}

static bool
run(const char *command, const char *argument)
{
    int status;
    pid_t pid = start(command, argument);

    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
start_watched(void)
{
    watched = fork();
    if (watched == 0) {
        execl(at("guarded"), "guarded", "1000", (char *)NULL);
        _exit(127);
    }
    return watched > 1;
}

/* The number of a line in its session, which stands behind "SESSION-NONCE."; -1 in what is no line. */
static int64_t
number_of(const char *line)
{
    const char *place = strchr(line, '.');

    return place != NULL && line[0] == '!' ? strtoll(place + 1, NULL, 10) : -1;
}

/* Takes the lines that are whole, up to the first that holds the text and is no copy of an earlier one. */
static bool
take_lines(char *block, const char *text)
{
    char *line = block;

    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        read_to += end + 1 - line;
        if (strstr(line, text) != NULL && number_of(line) > newest) {
            newest = number_of(line);
            return true;
        }
    }
    return false;
}

/* Microseconds until a new line in the channel holds the text; -1 when none comes. */
static int64_t
line_with(const char *text, int64_t from_us)
{
    char block[65536];
    int64_t seen_us = -1;
    int fd = -1;

    while (fd < 0 && now_us() - from_us < WAIT_US) {
        fd = open(at("out"), O_RDONLY | O_CLOEXEC); /* not there before the agent's first line */
        usleep(50);
    }
    while (fd >= 0 && seen_us < 0 && now_us() - from_us < WAIT_US) {
        ssize_t n = pread(fd, block, sizeof(block) - 1, read_to);
        int64_t read_us = now_us();

        block[n > 0 ? n : 0] = '\0';
        if (take_lines(block, text)) {
            seen_us = read_us - from_us;
        } else {
            usleep(50);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return seen_us;
}

static void
rest(void)
{
    (void)poll(NULL, 0, PAUSE_MS);
}

static int64_t
kill_watched(void)
{
    int64_t from_us = now_us();

    kill(watched, SIGKILL);
    int64_t us = line_with("daemon.down", from_us);

    waitpid(watched, NULL, 0);
    rest();
    if (!start_watched() || line_with("daemon.up", now_us()) < 0) {
        return -1;
    }
    rest();
    return us;
}

static int64_t
stop_watched(void)
{
    int64_t from_us = now_us();

    kill(watched, SIGSTOP);
    int64_t us = line_with("daemon.stopped", from_us);

    kill(watched, SIGCONT);
    if (line_with("daemon.up", now_us()) < 0) {
        return -1;
    }
    usleep((useconds_t)(rand() % 1000) * 1000); /* at any time of the look's second */
    return us;
}

static int64_t
remount(void)
{
    int64_t from_us = now_us();

    if (mount(NULL, at("mount"), NULL, MS_REMOUNT, NULL) != 0) {
        return -1;
    }
    int64_t us = line_with("mount.rw", from_us);

    rest();
    if (mount(NULL, at("mount"), NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0 ||
            line_with("mount.ok", now_us()) < 0) {
        return -1;
    }
    rest();
    return us;
}

static int64_t
told_and_over(const char *code, int64_t from_us, bool (*undo)(void))
{
    int64_t us = line_with(code, from_us);

    rest();
    if (us < 0 || !undo() || line_with("mount.ok", now_us()) < 0) {
        return -1;
    }
    usleep((useconds_t)(rand() % 1000) * 1000); /* at any time of the look's second */
    return us;
}

static bool
uncover(void)
{
    return umount2(at("mount"), MNT_DETACH) == 0;
}

static int64_t
mount_over(void)
{
    int64_t from_us = now_us();

    return mount("over", at("mount"), "tmpfs", 0, "size=64k") == 0
                   ? told_and_over("mount.gone", from_us, uncover)
                   : -1;
}

static bool
unmount_new(void)
{
    return umount2(at("tree/new"), MNT_DETACH) == 0;
}

static int64_t
mount_new(void)
{
    int64_t from_us = now_us();

    return mount("new", at("tree/new"), "tmpfs", 0, "size=64k") == 0
                   ? told_and_over("mount.added", from_us, unmount_new)
                   : -1;
}

static bool
mount_guarded(void)
{
    return mount("bench", at("mount"), "tmpfs", MS_RDONLY, "size=64k") == 0;
}

static int64_t
unmount(void)
{
    int64_t from_us = now_us();

    return umount2(at("mount"), MNT_DETACH) == 0 ? told_and_over("mount.gone", from_us, mount_guarded) : -1;
}

/* The superblock of our mount, by a process in a copy of our namespace: the kernel tells us nothing. */
static bool
remount_elsewhere(unsigned long flags)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        _exit(unshare(CLONE_NEWNS) == 0 && mount(NULL, at("mount"), NULL, MS_REMOUNT | flags, NULL) == 0 ? 0
                                                                                                         : 1);
    }
    return pid > 1 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
restore_elsewhere(void)
{
    return remount_elsewhere(MS_RDONLY);
}

static int64_t
superblock_elsewhere(void)
{
    int64_t from_us = now_us();

    return remount_elsewhere(0) ? told_and_over("mount.rw", from_us, restore_elsewhere) : -1;
}

static int64_t
change_file(void)
{
    static char content[SIZE + ROUNDS_MAX];
    static size_t round;
    char size[32];
    int fd = open(at("tree/file"), O_WRONLY | O_TRUNC | O_CLOEXEC);
    ssize_t len = (ssize_t)(SIZE + ++round % ROUNDS_MAX);

    if (fd < 0 || write(fd, content, (size_t)len) != len) {
        return -1;
    }
    int64_t from_us = now_us();

    close(fd);
    snprintf(size, sizeof(size), "size=4>%zd ", len);
    int64_t us = line_with(size, from_us);

    rest();
    if (!write_text("tree/file", "file") || line_with("integrity.ok", now_us()) < 0) {
        return -1;
    }
    rest();
    return us;
}

static int64_t
listen_anew(void)
{
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(name);
    char port[32];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0 ||
            getsockname(fd, (struct sockaddr *)&name, &len) != 0) {
        return -1;
    }
    snprintf(port, sizeof(port), "port.unexpected port=tcp/%u ", ntohs(name.sin_port));
    int64_t from_us = now_us();
    int64_t us = listen(fd, 1) == 0 ? line_with(port, from_us) : -1;

    rest();
    close(fd);
    if (line_with("port.ok", now_us()) < 0) {
        return -1;
    }
    rest();
    return us;
}

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static bool
measure(const char *name, int64_t (*deed)(void), unsigned rounds, int64_t goal_us)
{
    static int64_t us[ROUNDS_MAX];

    for (unsigned i = 0; i < rounds; i++) {
        us[i] = deed();
        if (us[i] < 0) {
            fprintf(stderr, "bench_guard: %s: no line in round %u\n", name, i);
            return false;
        }
    }
    qsort(us, rounds, sizeof(us[0]), by_value);
    int64_t p99_us = us[(rounds * 99 - 1) / 100];
    int64_t median_us = us[rounds / 2];

    printf("guard.%s p99\t%.2f ms\tmedian\t%.2f ms\t\t<= %.0f ms\t%s\n", name, (double)p99_us / 1e3,
            (double)median_us / 1e3, (double)goal_us / 1e3, p99_us <= goal_us ? "met" : "short");
    return true;
}

static bool
start_agent(void)
{
    newest = -1;
    agent = start("run", NULL);
    if (line_with("agent.start", now_us()) < 0) {
        fprintf(stderr, "bench_guard: the agent does not start\n");
        return false;
    }
    sleep(3); /* what is found at the start is told first */
    return true;
}

/*
 * Where other programs open ports, their findings take turns with ours. The kernel tells of processes that
 * start in the first network namespace only, so what needs that is measured before.
 */
static bool
start_agent_alone(void)
{
    kill(agent, SIGTERM);
    waitpid(agent, NULL, 0);
    return unshare(CLONE_NEWNET) == 0 && start_agent();
}

static bool
prepare(void)
{
    char text[8 * PATH];

    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mkdtemp(dir) == NULL || mkdir(at("mount"), 0755) != 0 ||
            mount("bench", at("mount"), "tmpfs", MS_RDONLY, "size=64k") != 0) {
        perror("bench_guard: a mount of its own");
        return false;
    }
    snprintf(text, sizeof(text), "cp /bin/sleep %s", at("guarded"));
    if (system(text) != 0 || !start_watched()) {
        return false;
    }
    snprintf(text, sizeof(text),
            "Host bench\nNamespaces own\nView hidden-processes off\nView disguised-processes off\n"
            "Channel file %s\nDaemon %s\nMount %s ro\nWatch %s\nPort tcp 1 any\n",
            at("out"), at("guarded"), at("mount"), at("tree"));
    if (mkdir(at("tree"), 0755) != 0 || mkdir(at("tree/new"), 0755) != 0 ||
            !write_text("tree/file", "file") || !write_text("conf", text) || !write_text("code", PAIRING) ||
            !run("pair", at("code")) || !run("baseline", "build")) {
        fprintf(stderr, "bench_guard: cannot be set up\n");
        return false;
    }
    return start_agent();
}

static void
end(void)
{
    char command[PATH];

    if (agent > 1) {
        kill(agent, SIGTERM);
        waitpid(agent, NULL, 0);
    }
    if (watched > 1) {
        kill(watched, SIGKILL);
        waitpid(watched, NULL, 0);
    }
    umount2(at("tree/new"), MNT_DETACH);
    umount2(at("mount"), MNT_DETACH);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    (void)!system(command);
}

int
main(void)
{
    const char *bin = getenv("TOCSIN_BIN");
    const char *rounds_text = getenv("TOCSIN_BENCH_ROUNDS");
    unsigned rounds = rounds_text != NULL ? (unsigned)strtoul(rounds_text, NULL, 10) : 100;

    rounds = rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
    bin = bin != NULL ? bin : getenv("TOCSIN_HOST_BIN");
    snprintf(program, sizeof(program), "%s/tocsin", bin != NULL ? bin : ".");
    bool done = prepare() && measure("daemon_killed", kill_watched, rounds, 5000) && start_agent_alone() &&
                measure("file_changed", change_file, rounds, 5000) &&
                measure("new_listener", listen_anew, rounds, 5000) &&
                measure("remount_rw", remount, rounds, 5000) &&
                measure("mounted_over", mount_over, SLOW_ROUNDS, 1500000) &&
                measure("mounted_new", mount_new, SLOW_ROUNDS, 1500000) &&
                measure("superblock_rw_elsewhere", superblock_elsewhere, SLOW_ROUNDS, 1500000) &&
                measure("unmounted", unmount, SLOW_ROUNDS, 1500000) &&
                measure("daemon_stopped", stop_watched, SLOW_ROUNDS, 2000000);

    end();
    return done ? 0 : 1;
}
