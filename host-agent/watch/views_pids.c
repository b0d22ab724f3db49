#include "watch/views_pids.h"
#include "alarm/clock.h"
#include "watch/procfs.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A sweep asks for each number by pidfd_open(), which knows the first threads of processes only, and compares
 * with the list. A process that is missing there is held by its pidfd: while that says that the process has
 * not ended, the list must show it. It is told when it was missing in three lists.
 *
 * 4096 numbers take about 2 ms. The first sweep, and one that is hurried, goes on at once; otherwise its
 * slices are spread over the time between two sweeps.
 */
#define SLICE 4096
#define SLICE_EVERY_MS 4000 /* at most, whatever the numbers go up to */
#define SMALL_PID_MAX 65536 /* up to here all numbers are asked, used or not */
#define LISTED 131072
#define SUSPECTS 16
#define LOOKS 3
#define LOOK_AGAIN_MS 20

struct suspect {
    int32_t pid;
    int pidfd;
    unsigned missed;
};

static int32_t listed[LISTED];

static struct pids_state {
    int proc;
    size_t listed;
    int32_t next;
    int32_t last; /* of this sweep */
    int32_t used; /* the highest number that was ever in use, as far as is known */
    bool sweeping;
    bool begun; /* a first sweep is done */
    bool hurry;
    bool all; /* the next sweep asks for each number that there can be */
    bool restricted;
    unsigned suspects;
    struct suspect suspect[SUSPECTS];
} pids = { .proc = -1 };

static int
pidfd_open_of(int32_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* False when it cannot be searched: longer than there is room, or not in ascending order as the kernel's. */
static bool
read_list(void)
{
    ssize_t count = procfs_pids(pids.proc, listed, LISTED);

    pids.listed = count > 0 ? (size_t)count : 0;
    for (ssize_t i = 1; i < count; i++) {
        if (listed[i] <= listed[i - 1]) {
            return false;
        }
    }
    if (count > 0 && listed[count - 1] > pids.used) {
        pids.used = listed[count - 1];
    }
    return count > 0 && count < LISTED;
}

static bool
is_listed(int32_t pid)
{
    size_t low = 0;
    size_t high = pids.listed;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (listed[middle] == pid) {
            return true;
        }
        if (listed[middle] < pid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* The last word of loadavg is the newest number. */
static int32_t
newest_pid(void)
{
    char text[128];
    ssize_t len = procfs_read(pids.proc, "loadavg", text, sizeof(text));
    const char *at = len > 0 ? memrchr(text, ' ', (size_t)len) : NULL;
    uint64_t pid = 0;

    if (at == NULL) {
        return 0;
    }
    at++;
    return procfs_decimal(&at, text + len, INT32_MAX, &pid) ? (int32_t)pid : 0;
}

static int32_t
greatest_pid(void)
{
    char text[32];
    ssize_t len = procfs_read(pids.proc, "sys/kernel/pid_max", text, sizeof(text));
    const char *at = text;
    uint64_t max = 0;

    return len > 0 && procfs_decimal(&at, text + len, INT32_MAX, &max) ? (int32_t)max : 0;
}

static void
drop(unsigned i)
{
    close(pids.suspect[i].pidfd);
    pids.suspect[i] = pids.suspect[--pids.suspects];
}

static void
tell(struct views *v, int32_t pid)
{
    static struct procfs_exe exe;
    struct procfs_stat stat;
    struct finding f;
    char number[16];

    snprintf(number, sizeof(number), "%d", pid);
    finding_begin(&f, FINDING_PROCESS_HIDDEN, "pid", number, strlen(number));
    finding_addf(&f, "from", "list");
    if (procfs_stat(pids.proc, pid, &stat) == 0) {
        finding_add(&f, "name", stat.name, strlen(stat.name));
        finding_addf(&f, "ppid", "%d", stat.parent);
    }
    if (procfs_exe(pids.proc, pid, &exe) == 0) {
        finding_add(&f, "exe", exe.path, exe.len);
    }
    view_found(v, CONF_VIEW_HIDDEN_PROCESSES, &f);
}

static bool
has_ended(const struct suspect *s)
{
    struct pollfd fd = { .fd = s->pidfd, .events = POLLIN };

    return poll(&fd, 1, 0) != 0;
}

/* The order matters: one that has not ended after the list was read was there while it was read. */
static void
look_again(struct views *v)
{
    bool whole = read_list();

    for (unsigned i = pids.suspects; i-- > 0;) {
        struct suspect *s = &pids.suspect[i];

        if (!whole || is_listed(s->pid) || has_ended(s)) {
            drop(i);
        } else if (++s->missed == LOOKS) {
            tell(v, s->pid);
            drop(i);
        }
    }
}

static void
ask(int32_t pid)
{
    int fd = pidfd_open_of(pid);

    if (fd < 0) {
        return;
    }
    if (is_listed(pid)) {
        close(fd);
        return;
    }
    pids.suspect[pids.suspects++] = (struct suspect){ .pid = pid, .pidfd = fd };
}

static void
sweep_slice(void)
{
    int32_t past = pids.last - pids.next < SLICE ? pids.last : pids.next + SLICE - 1;

    if (!read_list()) {
        pids.next = past + 1;
        return;
    }
    while (pids.next <= past && pids.suspects < SUSPECTS) {
        ask(pids.next++);
    }
}

/*
 * A list that hides other users' processes by its own rules (hidepid), or that is of another pid namespace,
 * can be compared with nothing.
 */
static bool
list_is_whole(void)
{
    char self[16];
    char number[16];
    ssize_t len = readlinkat(pids.proc, "self", self, sizeof(self));
    int expected = snprintf(number, sizeof(number), "%d", getpid());

    return len == expected && memcmp(self, number, (size_t)len) == 0 && read_list() && is_listed(1);
}

static bool
begin_sweep(struct views *v)
{
    int32_t newest = newest_pid();
    int32_t greatest = greatest_pid();

    view_self(v, &pids.restricted, !list_is_whole(), "process_list", "restricted");
    if (pids.restricted) {
        return false;
    }
    pids.used = newest > pids.used ? newest : pids.used;
    bool whole = pids.all || greatest <= SMALL_PID_MAX;
    pids.last = whole && greatest > pids.used ? greatest : pids.used;
    pids.all = false;
    pids.next = 1;
    pids.sweeping = true;
    view_begin(v, CONF_VIEW_HIDDEN_PROCESSES);
    return true;
}

static int64_t
next_slice_ms(const struct views *v, int64_t now_ms)
{
    int64_t slices = pids.last / SLICE + 1;
    int64_t pause_ms = view_every_ms(v, CONF_VIEW_HIDDEN_PROCESSES) / slices;

    if (!pids.begun || pids.hurry) {
        return now_ms;
    }
    return clock_next_ms(now_ms, pause_ms > SLICE_EVERY_MS ? pause_ms : SLICE_EVERY_MS);
}

static int64_t
pids_look(struct views *v, int64_t now_ms)
{
    if (!pids.sweeping && !begin_sweep(v)) {
        return VIEW_DONE;
    }
    if (pids.suspects > 0) {
        look_again(v);
    } else if (pids.next <= pids.last) {
        sweep_slice();
    }
    if (pids.suspects > 0) {
        return now_ms + LOOK_AGAIN_MS;
    }
    if (pids.next <= pids.last) {
        return next_slice_ms(v, now_ms);
    }
    bool first = !pids.begun;

    view_end(v, CONF_VIEW_HIDDEN_PROCESSES);
    pids.sweeping = false;
    pids.begun = true;
    pids.hurry = false;
    return first ? VIEW_DONE : next_slice_ms(v, now_ms);
}

void
views_pids_hurry(struct views *v, bool all)
{
    pids.hurry = true;
    pids.all = all;
    pids.sweeping = pids.sweeping && !all;
    pids.next = 1;
    view_hurry(v, CONF_VIEW_HIDDEN_PROCESSES);
}

static int
pids_open(struct views *v)
{
    (void)v;
    while (pids.suspects > 0) {
        drop(pids.suspects - 1);
    }
    if (pids.proc >= 0) {
        close(pids.proc);
    }
    pids = (struct pids_state){ .proc = -1 };
    int fd = pidfd_open_of(getpid());

    if (fd < 0) {
        return -errno;
    }
    close(fd);
    pids.proc = procfs_open();
    return pids.proc < 0 ? pids.proc : 0;
}

const struct view_ops views_pids_ops = {
    .view = CONF_VIEW_HIDDEN_PROCESSES,
    .open = pids_open,
    .look = pids_look,
};
