/*
 * bench_guard: from a deed to the sealed line in a channel, with the whole agent at work: a daemon that is
 * killed or stopped, a mount that is made writable. The agent is TOCSIN_BIN/tocsin (TOCSIN_HOST_BIN where
 * that is not set), its channel a file; TOCSIN_BENCH_ROUNDS (100) deeds of each quick kind. Needs the right
 * to mount. Prints a line a figure, tab-separated: name, p99, "median", median, ratio, goal, met|short.
 */
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
static off_t read_to; /* of the channel's file */

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

/* Microseconds until a new line in the channel holds the text; -1 when none comes. */
static int64_t
line_with(const char *text, int64_t from_us)
{
    char block[65536];
    int fd = -1;

    while (fd < 0 && now_us() - from_us < WAIT_US) {
        fd = open(at("out"), O_RDONLY | O_CLOEXEC); /* not there before the agent's first line */
        usleep(50);
    }
    while (fd >= 0 && now_us() - from_us < WAIT_US) {
        ssize_t n = pread(fd, block, sizeof(block) - 1, read_to);
        int64_t seen_us = now_us();

        block[n > 0 ? n : 0] = '\0';
        const char *found = strstr(block, text);
        const char *end = found != NULL ? strchr(found, '\n') : NULL;

        if (end != NULL) {
            read_to += end + 1 - block;
            close(fd);
            return seen_us - from_us;
        }
        usleep(50);
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
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

    printf("guard.%s p99\t%.2f ms\tmedian\t%.2f ms\t\t<= %.0f ms\t%s\n", name, (double)p99_us / 1e3,
            (double)us[rounds / 2] / 1e3, (double)goal_us / 1e3, p99_us <= goal_us ? "met" : "short");
    return true;
}

static bool
start_agent(void)
{
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
            "Channel file %s\nDaemon %s\nMount %s ro\n",
            at("out"), at("guarded"), at("mount"));
    if (!write_text("conf", text) || !write_text("code", PAIRING) || !run("pair", at("code"))) {
        fprintf(stderr, "bench_guard: cannot pair\n");
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
                measure("remount_rw", remount, rounds, 5000) &&
                measure("daemon_stopped", stop_watched, SLOW_ROUNDS, 2000000);

    end();
    return done ? 0 : 1;
}
