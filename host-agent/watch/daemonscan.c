#include "watch/daemonscan.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PIDS 131072
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

int
daemonscan_one(int proc, const struct conf *conf, int32_t pid, struct daemon_process *out, bool *hidden)
{
    static struct procfs_exe exe;
    struct procfs_stat stat;
    int error = procfs_exe(proc, pid, &exe);

    *hidden = error == -EACCES;
    if (*hidden) {
        return entry_by_name(proc, conf, pid);
    }
    int entry = error == 0 ? entry_by_path(conf, &exe) : -1;

    if (entry < 0 || procfs_stat(proc, pid, &stat) != 0 || stat.state == 'Z' || stat.state == 'X') {
        return -1;
    }
    *out = (struct daemon_process){ .pid = pid, .start = stat.start, .deleted = exe.file.deleted };
    return entry;
}

int
daemonscan_all(int proc, const struct conf *conf, struct daemon_seen *seen, void (*alive)(void *to), void *to)
{
    static int32_t pids[PIDS];
    ssize_t count = procfs_pids(proc, pids, PIDS);

    memset(seen, 0, conf->daemons * sizeof(*seen));
    if (count < 0) {
        return (int)count;
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
    return 0;
}
