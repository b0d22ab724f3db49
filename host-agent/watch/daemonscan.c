#include "watch/daemonscan.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIDS 131072
#define THREADS 16 /* looked at of a process whose first one has ended */
#define ALIVE_EVERY 1000
#define COMM 15 /* the kernel keeps this many bytes of a process's own name */

static int
entry_by_path(const struct conf *conf, const struct procfs_exe *exe)
{
    for (unsigned i = 0; i < conf->daemons; i++) {
        if (strcmp(conf->daemon[i], exe->path) == 0) {
            return procfs_file_at(&exe->file, exe->path) ? (int)i : -1;
        }
    }
    return -1;
}

/* What cannot be looked at may be the daemon, when it calls itself so. */
static int
entry_by_name(int proc, const struct conf *conf, int32_t pid)
{
    char name[32];
    char comm[32];

    snprintf(name, sizeof(name), "%d/comm", pid);
    ssize_t len = procfs_read(proc, name, comm, sizeof(comm));
    if (len < 2) {
        return -1;
    }
    comm[len - 1] = '\0';
    for (unsigned i = 0; i < conf->daemons; i++) {
        if (strncmp(procfs_base(conf->daemon[i]), comm, COMM) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* When the first thread has ended, the others still know what they run. */
static int
exe_of_a_thread(int proc, int32_t pid, struct procfs_exe *exe)
{
    char name[32];
    int32_t thread[THREADS];

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

int
daemonscan_exe(int proc, const struct conf *conf, int32_t pid, struct daemon_process *out, bool *hidden)
{
    static struct procfs_exe exe;
    int error = procfs_exe(proc, pid, &exe);

    error = error == -ENOENT ? exe_of_a_thread(proc, pid, &exe) : error;
    *hidden = error == -EACCES;
    if (*hidden) {
        return entry_by_name(proc, conf, pid);
    }
    if (error != 0) {
        return -1;
    }
    out->deleted = exe.file.deleted;
    return entry_by_path(conf, &exe);
}

int
daemonscan_one(int proc, const struct conf *conf, int32_t pid, struct daemon_process *out, bool *hidden)
{
    struct procfs_stat stat;
    int entry = daemonscan_exe(proc, conf, pid, out, hidden);

    if (*hidden || entry < 0) {
        return entry;
    }
    if (procfs_stat(proc, pid, &stat) != 0 || !daemonscan_lives(&stat)) {
        return -1;
    }
    out->pid = pid;
    out->start = stat.start;
    return entry;
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
    for (ssize_t i = 0; i < count; i++) {
        struct daemon_process process;
        bool hidden;
        int entry = daemonscan_one(proc, conf, pids[i], &process, &hidden);

        if (alive != NULL && i % ALIVE_EVERY == 0) {
            alive(to);
        }
        if (entry < 0) {
            continue;
        }
        struct daemon_seen *s = &seen[entry];

        s->hidden = s->hidden || hidden;
        s->count += !hidden;
        s->deleted += !hidden && process.deleted;
        if (!hidden && s->kept < DAEMONSCAN_KEPT) {
            s->process[s->kept++] = process;
        }
    }
    return count;
}
