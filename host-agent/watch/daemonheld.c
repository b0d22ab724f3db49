#include "watch/daemonheld.h"
#include "watch/pidinfo.h"
#include "watch/sleepers.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FULL_EVERY 8 /* looks: whatever is known of a sleeper, so often it is looked at in full */

const char *
held_state_name(enum held_state state)
{
    static const char *const name[HELD_STATES] = {
        [HELD_STOPPED] = "stopped",
        [HELD_TRACED] = "traced",
        [HELD_FROZEN] = "frozen",
    };

    return name[state];
}

void
held_init(struct held *h)
{
    *h = (struct held){ .fd = -1, .stat = -1, .freezer = FREEZER_WATCH_NONE };
}

void
held_end(struct held *h)
{
    if (h->fd >= 0) {
        close(h->fd);
    }
    if (h->stat >= 0) {
        close(h->stat);
    }
    freezer_forget(&h->freezer);
    held_init(h);
}

static bool
read_stat(const struct held *h, int proc, struct procfs_stat *out)
{
    char text[1024];

    if (h->stat < 0) {
        return procfs_stat(proc, h->pid, out) == 0;
    }
    ssize_t len = pread(h->stat, text, sizeof(text), 0);
    return len > 0 && procfs_stat_parse(text, (size_t)len, out);
}

/* PID/cgroup costs as much as PID/stat: it is read when it may say something else than at the last look. */
static enum freezer_state
look_frozen(struct held *h, int proc, const struct freezer *freezer, char state)
{
    struct pidinfo info = { .group = 0 };
    bool known = h->fd >= 0 && pidinfo_read(h->fd, &info);

    if (known && info.group == h->group && (state == 'S' || state == 'R') &&
            freezer_look_again(&h->freezer) == FREEZER_THAWED) {
        return FREEZER_THAWED;
    }
    h->group = info.group; /* as it was before the text is read: a move meanwhile is seen at the next look */
    return freezer_look(freezer, proc, h->pid, &h->freezer);
}

static enum held_state
state_of(const struct procfs_stat *stat)
{
    return stat->state == 'T' ? HELD_STOPPED : stat->state == 't' ? HELD_TRACED : HELD_RUNS;
}

/* Of the first that is held. */
static enum held_state
state_of_threads(int proc, int32_t pid)
{
    enum held_state state = HELD_RUNS;
    struct procfs_tasks tasks;
    int32_t tid;

    if (procfs_tasks_open(&tasks, proc, pid) != 0) {
        return HELD_RUNS;
    }
    while (state == HELD_RUNS && (tid = procfs_tasks_next(&tasks)) > 0) {
        struct procfs_stat stat;

        state = procfs_stat(tasks.dir, tid, &stat) == 0 ? state_of(&stat) : HELD_RUNS;
    }
    procfs_tasks_close(&tasks);
    return state;
}

static enum held_state
look_at_threads(struct held *h, int proc, const struct procfs_stat *first)
{
    if (first->threads < 2) {
        h->threads = HELD_RUNS;
    } else if (h->threads != HELD_RUNS || (h->threads_ran && h->threads_rested >= FULL_EVERY)) {
        h->threads_ran = false;
        h->threads_rested = 0;
        h->threads = state_of_threads(proc, h->pid);
    }
    return h->threads;
}

static enum held_state
state_now(struct held *h, int proc, const struct freezer *freezer)
{
    struct procfs_stat stat;

    /* Only the same start time is the same process, for a pid can be used again. */
    if (!read_stat(h, proc, &stat) || stat.start != h->start || !daemonscan_lives(&stat)) {
        return HELD_GONE;
    }
    h->parent = stat.parent;
    enum freezer_state frozen = look_frozen(h, proc, freezer, stat.state);

    if (frozen == FREEZER_UNKNOWN && !read_stat(h, proc, &stat)) {
        return HELD_GONE; /* in between */
    }
    h->blind = frozen == FREEZER_UNKNOWN;
    enum held_state state = state_of(&stat);

    state = state == HELD_RUNS ? look_at_threads(h, proc, &stat) : state;
    h->slept = stat.state == 'S' && frozen == FREEZER_THAWED && state == HELD_RUNS;
    return state == HELD_RUNS && frozen == FREEZER_FROZEN ? HELD_FROZEN : state;
}

/* True also when it cannot be known. */
static bool
ran_since(struct held *h)
{
    int64_t ran = sleepers_ran(h->pid);
    bool same = ran != 0 && ran == h->ran;

    h->ran = ran;
    h->threads_ran = h->threads_ran || !same;
    return !same;
}

/* How long it ran is read before its state: what happens in between is seen at the next look. */
static bool
still_sleeps(struct held *h, const struct freezer *freezer)
{
    return !ran_since(h) && h->slept && !freezer->in_place && ++h->rested < FULL_EVERY &&
           freezer_look_again(&h->freezer) == FREEZER_THAWED;
}

bool
held_look(struct held *h, int proc, const struct freezer *freezer)
{
    h->threads_rested++;
    if (still_sleeps(h, freezer)) {
        return true;
    }
    h->slept = false;
    h->rested = 0;
    enum held_state now = state_now(h, proc, freezer);

    if (now == HELD_RUNS || now == h->seen) {
        h->state = now;
    }
    h->seen = now;
    return now != HELD_GONE;
}

static int
open_file(int proc, int32_t pid, const char *file)
{
    char name[32];

    snprintf(name, sizeof(name), "%d/%s", pid, file);
    return openat(proc, name, O_RDONLY | O_CLOEXEC);
}

bool
held_begin(struct held *h, int proc, const struct freezer *freezer, const struct daemon_process *process)
{
    held_init(h);
    h->pid = process->pid;
    h->start = process->start;
    h->image = process->image;
    h->fd = (int)syscall(SYS_pidfd_open, process->pid, 0u);
    h->stat = open_file(proc, process->pid, "stat");
    h->state = h->threads = HELD_RUNS;
    h->threads_rested = FULL_EVERY;
    if (!held_look(h, proc, freezer)) {
        held_end(h);
        return false;
    }
    return true;
}

enum held_state
held_look_once(int proc, const struct freezer *freezer, const struct daemon_seen *seen, int32_t *pid)
{
    for (uint32_t i = 0; i < seen->kept; i++) {
        struct held h;
        bool runs = held_begin(&h, proc, freezer, &seen->process[i]);
        enum held_state state = h.seen;

        held_end(&h);
        if (runs && state != HELD_RUNS) {
            *pid = seen->process[i].pid;
            return state;
        }
    }
    *pid = 0;
    return HELD_RUNS;
}
