/*
 * What reads behind the events takes no more of a core than it may, by the kernel's count of its CPU time,
 * and comes last where others want the processor or the disk.
 */
#include "ground.h"
#include "support/check.h"
#include "watch/fs_rolling.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOWEST_NICE 19
#define LOWEST_IO (2 << 13 | 7) /* best effort, the last level */
#define HANG_US INT64_C(30000000)
#define SMALL 400
#define LARGE 40
#define LARGE_BYTES 20000000
#define LOOK_US 2000
#define SLACK 1.5 /* a burst, or a pause, more or less in a short while */

static struct fs_workers workers;
static struct fs_rolling rolling;
static struct fs_roots roots;
static struct baseline base;

static int64_t
clock_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t
now_us(void)
{
    return clock_us(CLOCK_BOOTTIME);
}

/* Our threads but this one, as the kernel numbers them. */
static unsigned
threads_of_ours(pid_t tids[FS_WORKERS])
{
    DIR *d = opendir("/proc/self/task");
    unsigned count = 0;

    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL && count < FS_WORKERS;) {
        pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

        if (tid > 0 && tid != getpid()) {
            tids[count++] = tid;
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    return count;
}

/* Waits for what a thread does first. */
static bool
comes_to(pid_t tid, int policy, int nice, long io)
{
    int64_t end = now_us() + HANG_US;

    while (now_us() < end) {
        if (sched_getscheduler(tid) == policy && getpriority(PRIO_PROCESS, (id_t)tid) == nice &&
                syscall(SYS_ioprio_get, 1, tid) == io) {
            return true;
        }
        usleep(1000);
    }
    printf("     policy %d, nice %d, io %lx\n", sched_getscheduler(tid), getpriority(PRIO_PROCESS, (id_t)tid),
            syscall(SYS_ioprio_get, 1, tid));
    return false;
}

static void
threads_in_the_background_come_last_and_those_of_a_command_do_not(void)
{
    const int own_nice = getpriority(PRIO_PROCESS, 0), own_policy = sched_getscheduler(0);
    const long own_io = syscall(SYS_ioprio_get, 1, 0);
    pid_t tids[FS_WORKERS];

    for (int background = 0; background < 2; background++) {
        CHECK_INT(fs_workers_start(&workers, 3, background != 0), 0);
        CHECK_INT(threads_of_ours(tids), 3);
        for (unsigned i = 0; i < 3; i++) {
            CHECK(background != 0 ? comes_to(tids[i], SCHED_BATCH, LOWEST_NICE, LOWEST_IO)
                                  : comes_to(tids[i], own_policy, own_nice, own_io));
        }
        fs_workers_stop(&workers);
    }
    CHECK_INT(getpriority(PRIO_PROCESS, 0), own_nice);
}

static bool
sleeps(pid_t tid)
{
    char path[64], text[512] = "";
    const char *state;
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    state = n > 0 ? strrchr(text, ')') : NULL;
    return state != NULL && state[2] == 'S';
}

/* A file that takes the thread longer than the test; what of two seconds it works, and of a core it takes. */
static void
a_thread_works_at_a_large_file_for_its_share_of_the_time(void)
{
    static struct fs_job job;
    const double share = 0.15;
    unsigned looks = 0, awake = 0;
    clockid_t clock;
    struct stat st;
    pid_t tids[FS_WORKERS] = { 0 };

    ground_open();
    int fd = open(ground_path("large"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    CHECK_INT(ftruncate(fd, (off_t)FS_READ_BLOCKS_FROM - 1), 0);
    close(fd);
    CHECK_INT(fs_workers_start(&workers, 1, true), 0);
    CHECK_INT(threads_of_ours(tids), 1);
    CHECK_INT(pthread_getcpuclockid(workers.thread[0], &clock), 0);
    atomic_store(&workers.share, 150);
    CHECK_INT(stat(ground_path("large"), &st), 0);
    CHECK_INT(fs_read_open(&job.read, AT_FDCWD, ground_path("large"), &st), FS_READ_MORE);
    fs_workers_give(&workers, &job);
    int64_t began = now_us(), cpu = clock_us(clock);
    fs_workers_wake(&workers);
    while (now_us() - began < 2000000 && !fs_workers_done(&job)) {
        awake += !sleeps(tids[0]);
        looks++;
        usleep(LOOK_US);
    }
    double part = (double)(clock_us(clock) - cpu) / (double)(now_us() - began);
    double busy = looks > 0 ? (double)awake / looks : 0;

    printf("     %.3f of a core, at work %.3f of the time; share %.3f\n", part, busy, share);
    CHECK(!fs_workers_done(&job));
    CHECK(part <= share * SLACK);
    CHECK(busy >= share / 2);
    fs_workers_stop(&workers);
}

static void
hear(void *to, enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    unsigned *told = to;

    (void)was;
    (void)now;
    (void)differs;
    *told += verdict != FS_SAME;
}

/* Many small ones, and holes that are a few bursts to read. */
static void
make_tree(void)
{
    struct baseline_error error;
    char name[64];

    ground_open();
    for (unsigned i = 0; i < SMALL + LARGE; i++) {
        snprintf(name, sizeof(name), "file%u", i);
        ground_write(name, name);
        if (i % (SMALL / LARGE + 1) == 0) {
            CHECK_INT(truncate(ground_path(name), LARGE_BYTES), 0);
        }
    }
    CHECK(ground_baseline());
    snprintf(name, sizeof(name), "%s/" BASELINE_FILE, ground.state);
    CHECK_INT(baseline_load(&base, name, &error), 0);
    CHECK(fs_roots_init(&roots, &ground.conf, &base));
}

struct passed {
    double took_s;
    double part; /* of a core, by all threads */
};

/* From now to the end of a pass. */
static struct passed
roll_on(void)
{
    int64_t began = now_us(), cpu = clock_us(CLOCK_PROCESS_CPUTIME_ID), due = 0;
    bool over = false;

    while (!over && now_us() - began < HANG_US) {
        over = fs_rolling_work(&rolling, roots.root, roots.count, now_us() / 1000, &due);
        int64_t wait = due - now_us() / 1000;
        struct pollfd fd = { .fd = rolling.workers.ready_fd, .events = POLLIN };

        if (!over && wait > 0 && poll(&fd, 1, wait < 1000 ? (int)wait : 1000) > 0) {
            fs_workers_heard(&rolling.workers);
        }
    }
    CHECK(over);
    double took = (double)(now_us() - began) / 1e6;

    return (struct passed){ took, (double)(clock_us(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e6 / took };
}

/* The first pass knows nothing of the tree and takes its share; the second is spread over the time there is.
 */
static void
a_pass_through_all_content_takes_no_more_than_its_share_and_then_the_time_it_was_given(void)
{
    const uint32_t every_s = 3, share = 20;
    unsigned told = 0;

    make_tree();
    CHECK_INT(fs_rolling_open(&rolling, every_s, share), 0);
    rolling.pass.base = &base;
    rolling.pass.roots = &roots;
    rolling.pass.walk = &rolling.walk;
    rolling.pass.workers = &rolling.workers;
    rolling.pass.told = hear;
    rolling.pass.told_to = &told;
    struct passed first = roll_on();
    uint64_t looked = rolling.looked;
    fs_rolling_restart(&rolling, now_us() / 1000);
    struct passed second = roll_on();

    printf("     first %.2f s, %.3f of a core; then %.2f s of %u, %.3f of a core, %u thousandths; share "
           "0.%u\n",
            first.took_s, first.part, second.took_s, every_s, second.part, rolling.paced, share);
    CHECK(looked > SMALL + LARGE && rolling.looked == looked);
    CHECK_INT(told, 0);
    CHECK(first.part <= share * SLACK / 100);
    CHECK(second.part <= share * SLACK / 100);
    CHECK(second.took_s >= every_s / 2.0);
    fs_workers_stop(&rolling.workers);
    baseline_unload(&base);
}

int
main(void)
{
    CHECK_RUN(threads_in_the_background_come_last_and_those_of_a_command_do_not);
    CHECK_RUN(a_thread_works_at_a_large_file_for_its_share_of_the_time);
    CHECK_RUN(a_pass_through_all_content_takes_no_more_than_its_share_and_then_the_time_it_was_given);
    ground_close();
    return check_result();
}
