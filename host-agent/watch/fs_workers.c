#include "watch/fs_workers.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STACK ((size_t)128 * 1024)
#define NICE 19
#define IOPRIO_LOWEST \
    (2 << 13 | 7) /* best effort, last: idle could starve, and a sweep must come to its end */
#define PAUSE_STEP_US INT64_C(1000000) /* a pause counts as a step so often */
#define WORK_US INT64_C(100000)        /* at one file before its first pause: it stays open meanwhile */
/* Threads are woken again after so long: glibc 2.27 to 2.40 can lose a signal (its bug 25847). */
#define WAIT_US INT64_C(1000000)
#define BATCH 8 /* jobs that wake a thread: to wake it costs more than a small file */

static int64_t
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint8_t *
buffer_of(const struct fs_workers *w, unsigned thread)
{
    return w->buffers + (size_t)thread * FS_READ_CHUNK;
}

static void
make_lowly(void)
{
    const struct sched_param none = { 0 };

    sched_setscheduler(0, SCHED_BATCH, &none);
    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread, on Linux */
    syscall(SYS_ioprio_set, 1, 0, IOPRIO_LOWEST);
}

/*
 * Goes to a core of its own, of those we may use, and is free to leave it: a scheduler that sees no cache
 * shared by two cores wakes a thread where it was last, for good.
 */
static void
spread(unsigned self)
{
    cpu_set_t all, one;
    int here = sched_getcpu(), place = 0, count;

    if (here < 0 || sched_getaffinity(0, sizeof(all), &all) < 0 || (count = CPU_COUNT(&all)) < 2) {
        return;
    }
    for (int cpu = 0; cpu < here; cpu++) {
        place += CPU_ISSET(cpu, &all) ? 1 : 0;
    }
    place = (place + 1 + (int)self) % count;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &all) && place-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof(one), &one);
            sched_setaffinity(0, sizeof(all), &all);
            return;
        }
    }
}

static void
count_step(struct fs_workers *w)
{
    atomic_fetch_add_explicit(&w->steps, 1, memory_order_relaxed);
}

/* Pauses so long that the work since `*began_us` was no more than the share. */
static void
pace(struct fs_workers *w, int64_t *began_us)
{
    unsigned share = atomic_load_explicit(&w->share, memory_order_relaxed);
    int64_t worked = now_us() - *began_us;

    if (share == 0 || share >= 1000 || worked < WORK_US) {
        return;
    }
    int64_t until = now_us() + worked * (1000 - share) / share;

    pthread_mutex_lock(&w->lock);
    for (int64_t now = now_us(); !atomic_load(&w->stopping) && !atomic_load(&w->dropping) && now < until;
            now = now_us()) {
        int64_t next = until - now < PAUSE_STEP_US ? until : now + PAUSE_STEP_US;
        struct timespec end = { .tv_sec = next / 1000000, .tv_nsec = next % 1000000 * 1000 };

        pthread_cond_timedwait(&w->hurry, &w->lock, &end);
        count_step(w);
    }
    pthread_mutex_unlock(&w->lock);
    *began_us = now_us();
}

static struct fs_job *
take(struct fs_workers *w)
{
    struct fs_job *job = w->queue[w->first];

    w->first = (w->first + 1) % FS_JOBS;
    w->waiting--;
    return job;
}

static void
tell_done(struct fs_workers *w, struct fs_job *job, enum fs_read_result result)
{
    job->result = result;
    atomic_store(&job->done, true);
    atomic_fetch_sub(&w->undone, 1);
    if (atomic_load(&w->awaited) == job) {
        eventfd_write(w->ready_fd, 1);
    }
}

static void
do_job(struct fs_workers *w, struct fs_job *job, uint8_t *buffer)
{
    struct wire_hasher hash;
    enum fs_read_result result = FS_READ_MORE;
    int64_t began_us = now_us();

    while (result == FS_READ_MORE && !atomic_load_explicit(&w->dropping, memory_order_relaxed)) {
        result = fs_read_step(&job->read, &hash, buffer);
        count_step(w);
        pace(w, &began_us);
    }
    if (result == FS_READ_MORE) {
        fs_read_abort(&job->read);
    }
    tell_done(w, job, result);
}

/*
 * Begins and ends with the lock held. In the background several at a time: the giver must seldom meet the
 * lock in the hands of a thread that has to wait for its turn on the processor.
 */
static void
do_jobs(struct fs_workers *w, uint8_t *buffer)
{
    struct fs_job *mine[BATCH];
    unsigned count = 0;

    while (w->waiting > 0 && count < (w->background ? BATCH : 1)) {
        mine[count++] = take(w);
    }
    w->running += count;
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < count; i++) {
        do_job(w, mine[i], buffer);
    }
    pthread_mutex_lock(&w->lock);
    w->running -= count;
    pthread_cond_signal(&w->finished);
}

static void *
work(void *to)
{
    struct fs_workers *w = to;
    unsigned self = 0;

    pthread_mutex_lock(&w->lock);
    while (self < w->threads && !pthread_equal(w->thread[self], pthread_self())) {
        self++;
    }
    if (w->background) {
        make_lowly();
    } else {
        spread(self);
    }
    while (!atomic_load(&w->stopping)) {
        if (w->waiting > 0) {
            do_jobs(w, buffer_of(w, self));
            continue;
        }
        if (w->background) {
            madvise(buffer_of(w, self), FS_READ_CHUNK, MADV_DONTNEED);
        }
        pthread_cond_wait(&w->given, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static int
start_threads(struct fs_workers *w, unsigned threads)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int code = pthread_attr_init(&attr);

    if (code != 0) {
        return -code;
    }
    pthread_attr_setstacksize(&attr, STACK);
    /* Signals are for the thread that waits for them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&w->lock);
    while (code == 0 && w->threads < threads) {
        code = pthread_create(&w->thread[w->threads], &attr, work, w);
        w->threads += code == 0;
    }
    pthread_mutex_unlock(&w->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return -code;
}

static void
init_locks(struct fs_workers *w)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->hurry, &monotonic);
    pthread_cond_init(&w->given, NULL);
    pthread_cond_init(&w->finished, &monotonic);
}

int
fs_workers_start(struct fs_workers *w, unsigned threads, bool background)
{
    threads = threads < FS_WORKERS ? threads : FS_WORKERS;
    size_t size = ((size_t)threads + 1) * FS_READ_CHUNK;

    memset(w, 0, sizeof(*w));
    w->ready_fd = -1;
    w->background = background;
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        return -errno;
    }
    w->buffers = map;
    w->buffers_size = size;
    if (background) {
        w->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (w->ready_fd < 0) {
            int code = -errno;

            munmap(map, size);
            return code;
        }
    }
    init_locks(w);
    int code = start_threads(w, threads);
    if (code < 0) {
        fs_workers_stop(w);
    }
    return code;
}

struct fs_workers *
fs_workers_none(unsigned which)
{
    static uint8_t buffer[FS_WORKERS_NONE][FS_READ_CHUNK] __attribute__((aligned(4096)));
    static struct fs_workers none[FS_WORKERS_NONE];
    struct fs_workers *w = &none[which];

    if (w->buffers == NULL) {
        w->ready_fd = -1;
        w->buffers = buffer[which];
        init_locks(w);
    }
    return w;
}

void
fs_workers_stop(struct fs_workers *w)
{
    if (w->buffers == NULL) {
        return;
    }
    fs_workers_drop(w);
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->stopping, true);
    pthread_cond_broadcast(&w->given);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->threads; i++) {
        pthread_join(w->thread[i], NULL);
    }
    munmap(w->buffers, w->buffers_size);
    if (w->ready_fd >= 0) {
        close(w->ready_fd);
    }
    pthread_cond_destroy(&w->hurry);
    pthread_cond_destroy(&w->given);
    pthread_cond_destroy(&w->finished);
    pthread_mutex_destroy(&w->lock);
    memset(w, 0, sizeof(*w));
    w->ready_fd = -1;
}

void
fs_workers_give(struct fs_workers *w, struct fs_job *job)
{
    atomic_store(&job->done, false);
    atomic_fetch_add(&w->undone, 1);
    pthread_mutex_lock(&w->lock);
    w->queue[(w->first + w->waiting++) % FS_JOBS] = job;
    if (w->waiting >= BATCH) {
        pthread_cond_signal(&w->given);
    }
    pthread_mutex_unlock(&w->lock);
}

bool
fs_workers_full(const struct fs_workers *w)
{
    return atomic_load_explicit(&w->undone, memory_order_relaxed) >= FS_JOBS;
}

void
fs_workers_wake(struct fs_workers *w)
{
    pthread_mutex_lock(&w->lock);
    if (w->waiting > 0) {
        pthread_cond_broadcast(&w->given);
    }
    pthread_mutex_unlock(&w->lock);
}

bool
fs_workers_done(const struct fs_job *job)
{
    return atomic_load_explicit(&job->done, memory_order_acquire);
}

bool
fs_workers_help(struct fs_workers *w)
{
    if (w->background) {
        return false;
    }
    if (w->own == NULL) {
        pthread_mutex_lock(&w->lock);
        w->own = w->waiting > 0 ? take(w) : NULL;
        pthread_mutex_unlock(&w->lock);
        if (w->own == NULL) {
            return false;
        }
    }
    enum fs_read_result result = fs_read_step(&w->own->read, &w->own_hash, buffer_of(w, w->threads));
    count_step(w);
    if (result != FS_READ_MORE) {
        tell_done(w, w->own, result);
        w->own = NULL;
    }
    return true;
}

void
fs_workers_wait(struct fs_workers *w, const struct fs_job *job)
{
    while (!fs_workers_done(job)) {
        fs_workers_wake(w);
        pthread_mutex_lock(&w->lock);
        if (!fs_workers_done(job)) {
            int64_t next = now_us() + WAIT_US;
            struct timespec end = { .tv_sec = next / 1000000, .tv_nsec = next % 1000000 * 1000 };

            pthread_cond_timedwait(&w->finished, &w->lock, &end);
        }
        pthread_mutex_unlock(&w->lock);
    }
}

void
fs_workers_drop(struct fs_workers *w)
{
    atomic_store(&w->dropping, true);
    if (w->own != NULL) {
        fs_read_abort(&w->own->read);
        w->own = NULL;
    }
    pthread_mutex_lock(&w->lock);
    pthread_cond_broadcast(&w->hurry);
    while (w->waiting > 0) {
        fs_read_abort(&take(w)->read);
    }
    while (w->running > 0) {
        pthread_cond_wait(&w->finished, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    atomic_store(&w->undone, 0);
    atomic_store(&w->dropping, false);
}

void
fs_workers_heard(const struct fs_workers *w)
{
    eventfd_t count;

    if (w->ready_fd >= 0) {
        eventfd_read(w->ready_fd, &count);
    }
}

bool
fs_workers_await(struct fs_workers *w, struct fs_job *job)
{
    fs_workers_heard(w);
    fs_workers_wake(w);
    atomic_store(&w->awaited, job);
    return !fs_workers_done(job);
}

void
fs_workers_rest(const struct fs_workers *w)
{
    madvise(buffer_of(w, w->threads), FS_READ_CHUNK, MADV_DONTNEED);
}

unsigned
fs_workers_cores(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return count < 1 ? 1 : count > FS_WORKERS ? FS_WORKERS : (unsigned)count;
}
