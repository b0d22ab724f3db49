#include "watch/proctables.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
open_table(int dir, int32_t id)
{
    char name[32];

    snprintf(name, sizeof(name), "%d/fd", id);
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 ? fd : -errno;
}

int
proctables_first(struct proctables *t, int proc, int32_t pid)
{
    t->proc = proc;
    t->pid = t->last = pid;
    t->tasks.dir = -1;
    return open_table(proc, pid);
}

/* Where the kernel does not compare, one thread stands for the others: the first one may have ended. */
static bool
shares(const struct proctables *t, int32_t with, int32_t tid)
{
    long order = syscall(SYS_kcmp, with, tid, KCMP_FILES, 0ul, 0ul);

    return order == 0 || (order < 0 && errno == ENOSYS && t->last != t->pid);
}

int
proctables_next(struct proctables *t)
{
    int32_t tid;

    if (t->tasks.dir < 0 &&
            (procfs_threads(t->proc, t->pid) < 2 || procfs_tasks_open(&t->tasks, t->proc, t->pid) != 0)) {
        return -ENOENT;
    }
    while ((tid = procfs_tasks_next(&t->tasks)) > 0) {
        if (shares(t, t->pid, tid) || (t->last != t->pid && shares(t, t->last, tid))) {
            continue;
        }
        int fd = open_table(t->tasks.dir, tid);

        if (fd >= 0) {
            t->last = tid;
            return fd;
        }
    }
    proctables_end(t);
    return -ENOENT;
}

void
proctables_end(struct proctables *t)
{
    procfs_tasks_close(&t->tasks);
}
