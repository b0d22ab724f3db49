#ifndef WATCH_FS_WORKERS_H
#define WATCH_FS_WORKERS_H
/*
 * fs_workers - threads that read and hash files, so that the one that walks need not wait for a disk
 *
 * Who gives a job keeps it untouched until it is done; jobs may be done in any order. Without threads, and
 * unless the workers stay in the background, the giver does them itself, a chunk a call. Threads share
 * nothing but the queue. No heap; stacks and buffers are mapped at the start.
 */
#include "watch/fs_read.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FS_WORKERS 16
#define FS_JOBS 64 /* given and not done */

struct fs_job {
    struct fs_read read;        /* opened by the giver */
    enum fs_read_result result; /* once done */
    atomic_bool done;
};

struct fs_workers {
    unsigned threads;
    bool background; /* low priority, and the giver never waits or helps: it polls `ready_fd` */
    int ready_fd;    /* readable when the awaited job is done; -1 when not in the background */
    /* Of a second, how many thousandths each thread may work at a large file; 1000 or 0 for all. */
    atomic_uint share;
    pthread_t thread[FS_WORKERS];
    pthread_mutex_t lock;
    pthread_cond_t given;
    pthread_cond_t finished;
    pthread_cond_t hurry; /* ends pauses */
    struct fs_job *queue[FS_JOBS];
    unsigned first;
    unsigned waiting; /* in the queue */
    unsigned running;
    atomic_uint undone; /* given and not done */
    atomic_uint steps;  /* that ended, of all jobs, and of pauses: reading goes on while this does */
    _Atomic(struct fs_job *) awaited;
    atomic_bool stopping;
    atomic_bool dropping;
    struct fs_job *own; /* what the giver is at */
    struct wire_hasher own_hash;
    uint8_t *buffers; /* one a thread, then the giver's */
    size_t buffers_size;
};

/* Starts so many threads, none or more. 0 or -errno, and then nothing runs. */
int fs_workers_start(struct fs_workers *w, unsigned threads, bool background);

#define FS_WORKERS_NONE 2 /* passes without threads that may run at the same time */

/* Without threads: the giver does everything itself. For the main thread; `which` of FS_WORKERS_NONE, each
 * for one pass at a time. */
struct fs_workers *fs_workers_none(unsigned which);

/* Drops what was given, ends the threads. */
void fs_workers_stop(struct fs_workers *w);

/* Hands a job over, whose file is open; not when fs_workers_full(). */
void fs_workers_give(struct fs_workers *w, struct fs_job *job);

/* True when as many jobs are given and not done, and their files open, as may be. */
bool fs_workers_full(const struct fs_workers *w);

bool fs_workers_done(const struct fs_job *job);

/* Has what is given begun, also where that is no whole batch. */
void fs_workers_wake(struct fs_workers *w);

/* Does a chunk of a job that nobody has begun. False when there is none, or in the background. */
bool fs_workers_help(struct fs_workers *w);

/* Waits until the job is done; not in the background. */
void fs_workers_wait(struct fs_workers *w, const struct fs_job *job);

/* Makes `ready_fd` unreadable again. */
void fs_workers_heard(const struct fs_workers *w);

/* Takes all jobs back, done or not; their files are closed. Waits for the chunks that are being read. */
void fs_workers_drop(struct fs_workers *w);

/*
 * In the background: `ready_fd` becomes readable when this job is done, and for no other. False when it is
 * done already.
 */
bool fs_workers_await(struct fs_workers *w, struct fs_job *job);

/* Gives the giver's buffer back until it is used again. */
void fs_workers_rest(const struct fs_workers *w);

/* How many threads a command should use by itself, with the one that walks. */
unsigned fs_workers_cores(void);

#endif
