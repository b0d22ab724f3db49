#include "watch/daemonscan.h"
#include "watch/daemonmatch.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIDS 131072
#define THREADS 16 /* looked at of a process whose first one has ended */
#define ALIVE_EVERY 1000
#define COMM 15 /* the kernel keeps this many bytes of a process's own name */
#define TEXT 8192

/* One process, and what was read of it so far. */
struct probe {
    int proc;
    int32_t pid;
    int exe_error;
    bool exe_looked; /* which file it is, too */
    struct procfs_exe exe;
    struct procfs_stat stat;
    ssize_t stat_read; /* 0: not yet, 1: read, else gone */
    ssize_t group_len; /* -1: not read */
    ssize_t args_len;  /* -1: not read */
    char group[TEXT];
    char args[TEXT];
    char comm[32];
    ssize_t comm_len; /* -1: not read */
};

static struct probe probe;

/* When the first thread has ended, the others still know what they run. Kernel threads have no others. */
static int
exe_of_a_thread(int proc, int32_t pid, struct procfs_exe *exe)
{
    char name[32];
    int32_t thread[THREADS];

    if (procfs_threads(proc, pid) < 2) {
        return -ENOENT;
    }
    snprintf(name, sizeof(name), "%d/task", pid);
    int dir = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ssize_t count = dir >= 0 ? procfs_pids(dir, thread, THREADS) : 0;
    int error = -ENOENT;

    for (ssize_t i = 0; i < count && error == -ENOENT; i++) {
        if (thread[i] != pid) {
            error = procfs_exe(dir, thread[i], exe);
        }
    }
    if (dir >= 0) {
        close(dir);
    }
    return error;
}

static void
read_once(ssize_t *len, const char *file, char *out, size_t size)
{
    char name[32];

    if (*len < 0) {
        snprintf(name, sizeof(name), "%d/%s", probe.pid, file);
        ssize_t n = procfs_read(probe.proc, name, out, size);

        *len = n > 0 ? n : 0;
    }
}

static bool
probe_stat(void)
{
    if (probe.stat_read == 0) {
        bool lives = procfs_stat(probe.proc, probe.pid, &probe.stat) == 0 && daemonscan_lives(&probe.stat);

        probe.stat_read = lives ? 1 : -1;
    }
    return probe.stat_read > 0;
}

static void
probe_begin(int proc, int32_t pid)
{
    probe.proc = proc;
    probe.pid = pid;
    probe.stat_read = 0;
    probe.group_len = -1;
    probe.args_len = -1;
    probe.comm_len = -1;
    probe.exe_error = procfs_exe_path(proc, pid, &probe.exe);
    probe.exe_looked = probe.exe_error == -ENOENT;
    if (probe.exe_looked) {
        probe.exe_error = exe_of_a_thread(proc, pid, &probe.exe);
    }
}

static bool
fits_exe(const char *path)
{
    if (probe.exe_error != 0 || strcmp(path, probe.exe.path) != 0) {
        return false;
    }
    if (!probe.exe_looked) {
        procfs_exe_identify(probe.proc, probe.pid, &probe.exe.file);
        probe.exe_looked = true;
    }
    return procfs_file_at(&probe.exe.file, probe.exe.path);
}

/* What cannot be looked at may be the daemon, when it calls itself so. */
static bool
may_be_exe(const char *path)
{
    if (probe.exe_error != -EACCES) {
        return false;
    }
    read_once(&probe.comm_len, "comm", probe.comm, sizeof(probe.comm));
    return probe.comm_len > 1 && strncmp(procfs_base(path), probe.comm, (size_t)probe.comm_len - 1) == 0 &&
           (probe.comm_len - 1 == COMM || procfs_base(path)[probe.comm_len - 1] == '\0');
}

static bool
fits_unit(const char *unit)
{
    read_once(&probe.group_len, "cgroup", probe.group, sizeof(probe.group));
    return daemonmatch_unit(probe.group, (size_t)probe.group_len, unit);
}

static bool
fits_args(const char *args)
{
    read_once(&probe.args_len, "cmdline", probe.args, sizeof(probe.args));
    return daemonmatch_args(probe.args, (size_t)probe.args_len, args);
}

/* The cheapest first. *hidden: it would fit, but for an executable that may not be looked at. */
static bool
fits(const struct conf *conf, unsigned i, bool *hidden)
{
    const struct conf_daemon *d = &conf->daemon[i];
    bool sure = d->exe[0] == '\0' || fits_exe(d->exe);

    *hidden = false;
    if (!sure && !may_be_exe(d->exe)) {
        return false;
    }
    if (d->exe[0] == '\0' && probe.exe_error != 0 && probe.exe_error != -EACCES) {
        return false; /* gone, or a kernel thread */
    }
    if ((d->unit[0] != '\0' && !fits_unit(d->unit)) || (d->args[0] != '\0' && !fits_args(d->args))) {
        return false;
    }
    if (d->pidfile[0] != '\0') {
        bool alone = d->exe[0] == '\0' && d->unit[0] == '\0';

        if (!probe_stat() || !daemonmatch_named(i, probe.pid, probe.stat.start, alone)) {
            return false;
        }
    }
    *hidden = !sure;
    return sure;
}

static enum image
image_for(const struct conf_daemon *d)
{
    return probe.exe_error == 0 ? procimage_of(&probe.exe, d->exe[0] != '\0') : IMAGE_SAME;
}

bool
daemonscan_is(int proc, const struct conf *conf, unsigned i, struct daemon_process *out)
{
    bool hidden;

    probe_begin(proc, out->pid);
    if (!fits(conf, i, &hidden)) {
        return false;
    }
    out->image = image_for(&conf->daemon[i]);
    return true;
}

bool
daemonscan_one(int proc, const struct conf *conf, int32_t pid, struct daemon_process *out,
        struct daemon_match *match)
{
    *match = (struct daemon_match){ .runs = 0 };
    probe_begin(proc, pid);
    for (unsigned i = conf->daemons; i-- > 0;) {
        bool hidden;

        if (fits(conf, i, &hidden)) {
            match->runs |= UINT64_C(1) << i;
            out->image = image_for(&conf->daemon[i]);
        } else if (hidden) {
            match->hidden |= UINT64_C(1) << i;
        }
    }
    if ((match->runs | match->hidden) == 0 || !probe_stat()) {
        return false;
    }
    out->pid = pid;
    out->start = probe.stat.start;
    return true;
}

void
daemonscan_pidfiles(const struct conf *conf)
{
    for (unsigned i = 0; i < conf->daemons; i++) {
        if (conf->daemon[i].pidfile[0] != '\0') {
            daemonmatch_pidfile(i, conf->daemon[i].pidfile);
        }
    }
}

static void
count_one(const struct conf *conf, struct daemon_seen *seen, const struct daemon_process *process,
        const struct daemon_match *match)
{
    for (unsigned i = 0; i < conf->daemons; i++) {
        struct daemon_seen *s = &seen[i];
        bool runs = (match->runs >> i & 1) != 0;

        s->hidden = s->hidden || (match->hidden >> i & 1) != 0;
        s->count += runs;
        s->stale += runs && process->image != IMAGE_SAME;
        if (runs && s->kept < DAEMONSCAN_KEPT) {
            s->process[s->kept++] = *process;
        }
    }
}

ssize_t
daemonscan_all(int proc, const struct conf *conf, struct daemon_seen *seen, void (*alive)(void *to), void *to)
{
    static int32_t pids[PIDS];
    ssize_t count = procfs_pids(proc, pids, PIDS);

    memset(seen, 0, conf->daemons * sizeof(*seen));
    if (count < 0) {
        return count;
    }
    daemonscan_pidfiles(conf);
    for (ssize_t i = 0; i < count; i++) {
        struct daemon_process process;
        struct daemon_match match;

        if (alive != NULL && i % ALIVE_EVERY == 0) {
            alive(to);
        }
        if (daemonscan_one(proc, conf, pids[i], &process, &match)) {
            count_one(conf, seen, &process, &match);
        }
    }
    return count;
}
