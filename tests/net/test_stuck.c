#include "net.h"
#include "support/check.h"
#include "support/stuck.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

/*
 * A line, a printer, a device and a receiver that are stuck, all at once, for TOCSIN_STUCK_SECONDS (20): the
 * channel that is left carries each alarm, no process of the agent takes more memory, all go on at their
 * pace, and it ends in a second (times TOCSIN_ATTACK_SLACK, 3).
 */
#define SECONDS 20
#define RING_MS 100
#define PAGE_KB 4
/* Each channel that is stuck is told as lost by then, the wire that hangs was started anew, and each view has
 * looked twice. */
#define WARM_RINGS 300
#define PASSING "routes"
#define PASS_MS 500    /* its period, watch/routes.c */
#define PASSES_LEAST 9 /* of ten; bench_stuck measures the period */
#define STOP_MS 1000
#define SLACK 3

static struct stuck stuck;

static unsigned
setting(const char *name, unsigned usual)
{
    const char *text = getenv(name);
    unsigned n = text != NULL ? (unsigned)strtoul(text, NULL, 10) : usual;

    return n > 0 ? n : usual;
}

static void
ring_for(unsigned rings)
{
    for (unsigned i = 0; i < rings; i++) {
        CHECK(stuck_ring(&stuck) >= 0);
        poll(NULL, 0, RING_MS);
    }
}

/* The same, and what passes a detector makes meanwhile. */
static void
ring_and_count_passes(unsigned rings)
{
    int64_t first_ms = stuck_pass_ms(&stuck, PASSING);
    int64_t last_ms = first_ms;
    int64_t passes = 0;

    for (unsigned i = 0; i < rings; i++) {
        ring_for(1);
        int64_t pass_ms = stuck_pass_ms(&stuck, PASSING);

        passes += pass_ms > last_ms ? 1 : 0;
        last_ms = pass_ms > last_ms ? pass_ms : last_ms;
    }
    int64_t due = (last_ms - first_ms) / PASS_MS;

    printf("     %lld passes of %lld\n", (long long)passes, (long long)due);
    CHECK(first_ms != 0 && due >= (int64_t)rings * RING_MS / PASS_MS * PASSES_LEAST / 10 &&
            passes * 10 >= due * PASSES_LEAST);
}

static void
check_stop(int64_t took_ms, int status)
{
    printf("     stopped after %lld ms\n", (long long)took_ms);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(took_ms <= (int64_t)STOP_MS * setting("TOCSIN_ATTACK_SLACK", SLACK));
}

/* The core keeps what others do on this machine meanwhile: a finding is at most a kB. */
static void
check_memory(const struct stuck_process *before, unsigned news)
{
    long may_kb = strstr(before->role, "core") != NULL && news > 0 ? (long)news + PAGE_KB : 0;

    for (unsigned k = 0; k < stuck.processes; k++) {
        const struct stuck_process *now = &stuck.process[k];

        if (now->pid == before->pid && now->own_kb > before->own_kb + may_kb) {
            printf("%s: %ld kB, before %ld kB\n", now->role, now->own_kb, before->own_kb);
            CHECK(false);
        }
    }
}

static void
no_channel_that_is_stuck_hurts_another_or_takes_memory_or_holds_up_the_end(void)
{
    struct stuck_process before[STUCK_PROCESSES];
    int status;

    CHECK(stuck_begin(&stuck, STUCK_ALL));
    ring_for(WARM_RINGS);
    CHECK(stuck_pass_ms(&stuck, PASSING) != 0); /* who is asked the first time answers from new pages */
    stuck_measure(&stuck);
    unsigned count = stuck.processes;

    CHECK(count >= 8);
    memcpy(before, stuck.process, sizeof(before));
    unsigned news = stuck_news(&stuck);
    ring_and_count_passes(setting("TOCSIN_STUCK_SECONDS", SECONDS) * 1000 / RING_MS);
    stuck_measure(&stuck);
    for (unsigned i = 0; i < count; i++) {
        check_memory(&before[i], stuck_news(&stuck) - news);
    }
    int64_t took_ms = stuck_end(&stuck, &status);

    check_stop(took_ms, status);
}

#define OPENER "tocsin-opener"
#define TOLD_MS 30000

/* The process that opens the device now; 0: none does. */
static pid_t
opener(void)
{
    stuck_measure(&stuck);
    for (unsigned k = 0; k < stuck.processes; k++) {
        if (strcmp(stuck.process[k].role, OPENER) == 0) {
            return stuck.process[k].pid;
        }
    }
    return 0;
}

static pid_t
wait_for_opener(pid_t other_than)
{
    pid_t pid = 0;

    for (int waited = 0; waited < TOLD_MS && (pid == 0 || pid == other_than); waited += RING_MS) {
        CHECK(stuck_ring(&stuck) >= 0);
        poll(NULL, 0, RING_MS);
        pid = opener();
    }
    return pid != other_than ? pid : 0;
}

static bool
all_still_run(const struct stuck_process *before, unsigned count)
{
    unsigned found = 0;
    unsigned wanted = 0;

    stuck_measure(&stuck);
    for (unsigned i = 0; i < count; i++) {
        bool asked = strcmp(before[i].role, OPENER) != 0;

        wanted += asked ? 1 : 0;
        for (unsigned k = 0; asked && k < stuck.processes; k++) {
            found += stuck.process[k].pid == before[i].pid ? 1 : 0;
        }
    }
    return found == wanted && found >= 8;
}

static void
an_opener_that_hangs_holds_up_its_channel_only_and_is_ended_after_its_time(void)
{
    struct stuck_process before[STUCK_PROCESSES];
    int status;

    CHECK(stuck_begin(&stuck, STUCK_ALL));
    if (!stuck.fuse) {
        printf("     left out: no FUSE\n");
        (void)stuck_end(&stuck, &status);
        return;
    }
    pid_t first = wait_for_opener(0);
    unsigned count = stuck.processes;

    memcpy(before, stuck.process, sizeof(before));
    CHECK(first > 1);
    pid_t second = wait_for_opener(first);
    CHECK(second > 1 && kill(first, 0) < 0 && errno == ESRCH);
    CHECK(stuck_told(&stuck, "/hung/x") && stuck_told(&stuck, "channel.lost"));
    CHECK(all_still_run(before, count));
    int64_t took_ms = stuck_end(&stuck, &status);

    check_stop(took_ms, status);
    /* What is left of the agent came to us, the first process here: the last opener has to end as well. */
    while (waitpid(-1, NULL, 0) > 0) {
    }
    CHECK(kill(second, 0) < 0);
}

static int
inside(void)
{
    CHECK_RUN(an_opener_that_hangs_holds_up_its_channel_only_and_is_ended_after_its_time);
    CHECK_RUN(no_channel_that_is_stuck_hurts_another_or_takes_memory_or_holds_up_the_end);
    return check_result();
}

int
main(void)
{
    return net_inside(inside);
}
