/*
 * bench_guard: from a deed to the sealed line in a channel, with the whole agent at work: a daemon that is
 * killed, stopped or frozen, a file that is written, a new listener, a mount that is made writable, here or
 * in another mount namespace, unmounted or mounted over, loses an option, a disk that is made writable or has
 * an error, and a new mount. The agent is TOCSIN_BIN/tocsin (TOCSIN_HOST_BIN where that is not set), its
 * channel a file; TOCSIN_BENCH_ROUNDS (100) deeds of each quick kind. Needs the right to mount; what else
 * cannot be done here is left out, and stderr says so. Prints a line a figure, tab-separated: name, p99,
 * "median", median, ratio, goal, met|short.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
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
static bool disks;     /* there are file systems on loop devices */

/* A control group that can be frozen. */
static struct {
    const char *freeze;
    const char *thaw;
    char dir[PATH];
    char state[2 * PATH];
} group;

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

static bool
write_to(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0) {
        close(fd);
    }
    return written;
}

/* False where no such hierarchy is mounted. */
static bool
make_group(const char *root, long magic, const char *file, const char *freeze, const char *thaw)
{
    struct statfs fs;
    char processes[2 * PATH], number[16];

    if (statfs(root, &fs) != 0 || (long)fs.f_type != magic) {
        return false;
    }
    snprintf(group.dir, PATH, "%s/tocsin-guard-%d", root, (int)getpid());
    snprintf(group.state, sizeof(group.state), "%s/%s", group.dir, file);
    snprintf(processes, sizeof(processes), "%s/cgroup.procs", group.dir);
    snprintf(number, sizeof(number), "%d", (int)watched);
    group.freeze = freeze;
    group.thaw = thaw;
    if (mkdir(group.dir, 0755) == 0 && access(group.state, W_OK) == 0 && write_to(processes, number)) {
        return true;
    }
    rmdir(group.dir);
    group.dir[0] = '\0';
    return false;
}

/* With what is in it. */
static void
remove_group(void)
{
    if (group.dir[0] == '\0') {
        return;
    }
    (void)write_to(group.state, group.thaw);
    kill(watched, SIGKILL);
    waitpid(watched, NULL, 0);
    watched = 0;
    for (int i = 0; i < 100 && rmdir(group.dir) != 0; i++) {
        usleep(10000);
    }
    group.dir[0] = '\0';
}

static int64_t
freeze_watched(void)
{
    int64_t from_us = now_us();

    if (!write_to(group.state, group.freeze)) {
        return -1;
    }
    int64_t us = line_with("daemon.stopped", from_us);

    if (!write_to(group.state, group.thaw) || line_with("daemon.up", now_us()) < 0) {
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

static bool
give_option(void)
{
    return mount(NULL, at("options"), NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL) == 0;
}

static int64_t
take_option(void)
{
    int64_t from_us = now_us();

    return mount(NULL, at("options"), NULL, MS_REMOUNT | MS_BIND, NULL) == 0
                   ? told_and_over("missing=nosuid", from_us, give_option)
                   : -1;
}

/* A small ext4 on a loop device, which goes with its last mount. */
static bool
mount_disk(const char *name, const char *options)
{
    char text[8 * PATH];

    snprintf(text, sizeof(text),
            "cd %s && truncate -s 1M image && mke2fs -q -t ext4 -O ^has_journal image >/dev/null 2>&1 &&"
            "mount -n -i -o loop,%s image %s 2>/dev/null && rm image",
            dir, options, name);
    return system(text) == 0;
}

/* "/dev/loop0" of what is mounted there. */
static bool
device_of(const char *name, char out[PATH])
{
    struct stat st;

    snprintf(out, PATH, "/dev/loop");
    if (stat(at(name), &st) != 0) {
        return false;
    }
    snprintf(out + strlen(out), PATH - strlen(out), "%u", minor(st.st_dev));
    return true;
}

static bool
set_device(int read_only)
{
    char device[PATH];
    int fd = device_of("disk", device) ? open(device, O_RDONLY | O_CLOEXEC) : -1;
    bool set = fd >= 0 && ioctl(fd, BLKROSET, &read_only) == 0;

    if (fd >= 0) {
        close(fd);
    }
    return set;
}

static bool
protect_device(void)
{
    return set_device(1);
}

static int64_t
open_device(void)
{
    int64_t from_us = now_us();

    return set_device(0) ? told_and_over("layer=device", from_us, protect_device) : -1;
}

/* A new one: the number of its errors stays with a file system. */
static bool
replace_broken(void)
{
    return umount2(at("broken"), MNT_DETACH) == 0 && mount_disk("broken", "errors=continue");
}

static int64_t
break_disk(void)
{
    char device[PATH];
    char trigger[2 * PATH];

    if (!device_of("broken", device)) {
        return -1;
    }
    snprintf(trigger, sizeof(trigger), "/sys/fs/ext4/%s/trigger_fs_error", strrchr(device, '/') + 1);
    int64_t from_us = now_us();

    return write_to(trigger, "1") ? told_and_over("why=errors", from_us, replace_broken) : -1;
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

/* By the freezer of version 2 and by that of version 1, as far as they are there. */
static bool
measure_frozen(void)
{
    static const struct {
        const char *name, *root, *file, *freeze, *thaw;
        long magic;
    } kind[] = {
        { "daemon_frozen_v2", "/sys/fs/cgroup", "cgroup.freeze", "1", "0", CGROUP2_SUPER_MAGIC },
        { "daemon_frozen_v2", "/sys/fs/cgroup/unified", "cgroup.freeze", "1", "0", CGROUP2_SUPER_MAGIC },
        { "daemon_frozen_v1", "/sys/fs/cgroup/freezer", "freezer.state", "FROZEN", "THAWED",
                CGROUP_SUPER_MAGIC },
    };
    bool any = false;
    bool done = true;

    for (size_t i = 0; done && i < sizeof(kind) / sizeof(kind[0]); i++) {
        if (make_group(kind[i].root, kind[i].magic, kind[i].file, kind[i].freeze, kind[i].thaw)) {
            any = true;
            done = measure(kind[i].name, freeze_watched, SLOW_ROUNDS, 2000000);
            remove_group();
            done = done && line_with("daemon.down", now_us()) >= 0 && start_watched() &&
                   line_with("daemon.up", now_us()) >= 0;
        }
    }
    if (!any) {
        fprintf(stderr, "bench_guard: daemon_frozen is left out: no control group can be made here\n");
    }
    return done;
}

static bool
measure_disks(void)
{
    if (!disks) {
        fprintf(stderr,
                "bench_guard: device_rw and ext4_error are left out: no ext4 on a loop device here\n");
        return true;
    }
    return measure("device_rw", open_device, SLOW_ROUNDS, 1500000) &&
           measure("ext4_error", break_disk, SLOW_ROUNDS, 1500000);
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
            mount("bench", at("mount"), "tmpfs", MS_RDONLY, "size=64k") != 0 ||
            mkdir(at("options"), 0755) != 0 ||
            mount("bench", at("options"), "tmpfs", MS_NOSUID, "size=64k") != 0) {
        perror("bench_guard: a mount of its own");
        return false;
    }
    disks = mkdir(at("disk"), 0755) == 0 && mkdir(at("broken"), 0755) == 0 &&
            mount_disk("disk", "errors=continue") &&
            mount(NULL, at("disk"), NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0 && protect_device() &&
            mount_disk("broken", "errors=continue");
    snprintf(text, sizeof(text), "cp /bin/sleep %s", at("guarded"));
    if (system(text) != 0 || !start_watched()) {
        return false;
    }
    snprintf(text, sizeof(text),
            "Host bench\nNamespaces own\nView hidden-processes off\nView disguised-processes off\n"
            "Channel file %s\nDaemon %s\nMount %s ro\nWatch %s\nPort tcp 1 any\n",
            at("out"), at("guarded"), at("mount"), at("tree"));
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "Mount %s rw nosuid\n", at("options"));
    if (disks) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "Mount %s ro device\nMount %s rw\n",
                at("disk"), at("broken"));
    }
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
    remove_group();
    if (watched > 1) {
        kill(watched, SIGKILL);
        waitpid(watched, NULL, 0);
    }
    umount2(at("tree/new"), MNT_DETACH);
    umount2(at("mount"), MNT_DETACH);
    umount2(at("options"), MNT_DETACH);
    umount2(at("disk"), MNT_DETACH);
    umount2(at("broken"), MNT_DETACH);
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
                measure("option_missing", take_option, SLOW_ROUNDS, 1500000) && measure_disks() &&
                measure("daemon_stopped", stop_watched, SLOW_ROUNDS, 2000000) && measure_frozen();

    end();
    return done ? 0 : 1;
}
