#include "watch/fs_rolling.h"
#include "alarm/clock.h"
#include <time.h>

#define STEPS 16       /* of a call: each is a look at one entry */
#define BURST_US 20000 /* of work between two pauses, at least */

int
fs_rolling_open(struct fs_rolling *r, uint32_t every_s, uint32_t share)
{
    int code = 0;

    fs_workers_stop(&r->workers);
    if (!r->mapped) {
        code = fs_walk_map(&r->walk, FS_WALK_ARENA);
        r->mapped = code == 0;
    }
    code = code < 0 ? code : fs_workers_start(&r->workers, 1, true);
    r->every_s = every_s;
    r->share = share;
    r->running = false;
    r->busy_us = r->due_ms = 0;
    return code;
}

void
fs_rolling_restart(struct fs_rolling *r, int64_t now_ms)
{
    if (r->running) {
        fs_pass_abort(&r->pass);
        r->running = false;
    }
    r->due_ms = now_ms;
}

/* As slowly as brings it to its end in nine tenths of the time, going by the last pass; never above the
 * share. */
static unsigned
pace_of(const struct fs_rolling *r)
{
    unsigned most = r->share * 10;
    int64_t wanted = r->busy_us / ((int64_t)r->every_s * 900) + 1;

    return r->busy_us == 0 || wanted > most ? most : (unsigned)wanted;
}

static int64_t
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
begin(struct fs_rolling *r, const struct fs_span *top, unsigned tops, int64_t now_ms)
{
    r->paced = pace_of(r);
    /* What is longer than a burst is held open meanwhile: not slower than it may be. */
    atomic_store(&r->workers.share, r->share * 10);
    r->running = true;
    r->began_ms = now_ms;
    r->burst_us = r->pause_ms = r->worked_us = 0;
    fs_pass_begin(&r->pass, top, tops);
}

static void
end(struct fs_rolling *r, int64_t now_ms)
{
    r->running = false;
    r->ended_ms = now_ms;
    r->busy_us = r->worked_us + (now_us() - r->burst_us);
    r->looked = r->pass.looked;
    r->due_ms = r->began_ms + (int64_t)r->every_s * 1000;
    fs_walk_rest(&r->walk);
}

/* True when the burst is over: its pause has begun. */
static bool
rest(struct fs_rolling *r)
{
    int64_t worked = now_us() - r->burst_us;

    if (worked < BURST_US || !fs_pass_let_go(&r->pass)) {
        return false;
    }
    r->worked_us += worked;
    r->burst_us = 0;
    r->pause_ms = clock_boot_ms() + worked * (1000 - r->paced) / r->paced / 1000;
    return true;
}

bool
fs_rolling_work(
        struct fs_rolling *r, const struct fs_span *top, unsigned tops, int64_t now_ms, int64_t *due_ms)
{
    *due_ms = r->running ? r->pause_ms : r->due_ms;
    if (now_ms < *due_ms) {
        return false;
    }
    if (!r->running) {
        begin(r, top, tops, now_ms);
    }
    if (r->burst_us == 0) {
        r->burst_us = now_us();
    }
    for (unsigned steps = 0; steps < STEPS; steps++) {
        enum fs_pass_step step = fs_pass_step(&r->pass);

        if (step == FS_PASS_OVER) {
            end(r, clock_boot_ms());
            *due_ms = r->due_ms;
            return true;
        }
        /* Asked at each step: most calls end with a wait, and only between two files is nothing open. */
        if (rest(r)) {
            *due_ms = r->pause_ms;
            return false;
        }
        if (step == FS_PASS_WAITS) {
            *due_ms = INT64_MAX;
            return false;
        }
    }
    *due_ms = now_ms;
    return false;
}
