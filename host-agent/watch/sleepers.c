#include "watch/sleepers.h"
#include "alarm/clock.h"
#include "watch/procfs.h"
#include <stddef.h>
#include <stdio.h>

#define PIDS 131072
#define JUST_NOW_MS 500
#define FORGET_EVERY 8 /* lists */

struct sleeper {
    uint64_t ran; /* 0: not known */
    int32_t pid;
    uint8_t added; /* a bit for each who did */
    bool alone;    /* it has one thread, and only that one could begin others */
};

static int32_t pids[PIDS];

static struct {
    struct sleeper list[2][PIDS]; /* in the order of the pids */
    size_t count[2];
    unsigned now; /* which of the two is in force */
    unsigned made;
    unsigned looked; /* a bit for each who did with this list */
    int64_t made_ms;
} sleepers;

/* "TIME WAITED TIMES" as one number: each time that it ran changes the last, whatever the clocks say. */
static uint64_t
ran_of(int proc, int32_t pid)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325); /* FNV-1a */
    char path[32];
    char text[64];

    snprintf(path, sizeof(path), "%d/schedstat", pid);
    ssize_t len = procfs_read(proc, path, text, sizeof(text));

    for (ssize_t i = 0; i < len; i++) {
        hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001B3);
    }
    return len > 0 && text[0] != '0' ? hash : 0;
}

static void
make_list(int proc)
{
    const struct sleeper *was = sleepers.list[sleepers.now];
    const struct sleeper *end = was + sleepers.count[sleepers.now];
    struct sleeper *next = sleepers.list[!sleepers.now];
    ssize_t count = procfs_pids(proc, pids, PIDS);

    sleepers.made++;
    for (ssize_t i = 0; i < count; i++) {
        struct sleeper s = { .pid = pids[i], .ran = ran_of(proc, pids[i]) };

        while (was < end && was->pid < s.pid) {
            was++;
        }
        if (s.ran != 0 && was < end && was->pid == s.pid && was->ran == s.ran) {
            s.alone = was->alone;
            s.added = ((unsigned)s.pid + sleepers.made) % FORGET_EVERY != 0 ? was->added : 0;
        } else {
            s.alone = s.ran != 0 && procfs_threads(proc, s.pid) == 1;
        }
        next[i] = s;
    }
    sleepers.now = !sleepers.now;
    sleepers.count[sleepers.now] = count > 0 ? (size_t)count : 0;
}

static struct sleeper *
find(int32_t pid)
{
    struct sleeper *list = sleepers.list[sleepers.now];
    size_t low = 0;
    size_t high = sleepers.count[sleepers.now];

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (list[middle].pid < pid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < sleepers.count[sleepers.now] && list[low].pid == pid ? &list[low] : NULL;
}

void
sleepers_begin(int proc, enum sleepers_who who)
{
    int64_t now_ms = clock_boot_ms();

    if (sleepers.made == 0 || (sleepers.looked & 1u << who) != 0 || now_ms - sleepers.made_ms > JUST_NOW_MS) {
        make_list(proc);
        sleepers.made_ms = now_ms;
        sleepers.looked = 0;
    }
    sleepers.looked |= 1u << who;
}

bool
sleepers_has(int32_t pid, enum sleepers_who who)
{
    const struct sleeper *s = find(pid);

    return s != NULL && (s->added & 1u << who) != 0;
}

void
sleepers_add(int32_t pid, enum sleepers_who who)
{
    struct sleeper *s = find(pid);

    if (s != NULL && s->alone) {
        s->added |= (uint8_t)(1u << who);
    }
}
