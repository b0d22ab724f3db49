#include "belfry/port/jobs.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MS 20 /* nothing was taken for so long: who should take it is held by a device */
#define STACK 262144

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wanted = PTHREAD_COND_INITIALIZER;
static struct job *first; /* of those that wait */
static struct job **last = &first;
static struct job *running;
static void (*do_work)(struct job *job);
static pthread_attr_t attributes;
static unsigned waiting;
static unsigned idle;    /* threads */
static unsigned threads; /* all of them */
static unsigned taken;   /* jobs, ever */
static unsigned tended;  /* `taken` at the last look */

static void
remove_running(struct job *job)
{
    struct job **at = &running;

    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
}

static struct job *
take_job(void)
{
    struct job *job = first;

    first = job->next;
    last = first == NULL ? &first : last;
    job->next = running;
    running = job;
    waiting--;
    taken++;
    return job;
}

/* The first stays; those that came because it was held go when there is nothing left to do. */
static void *
work(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&lock);
    for (;;) {
        struct job *job;

        if (first == NULL && threads > 1 && idle > 0) {
            break;
        }
        idle++;
        while (first == NULL) {
            (void)pthread_cond_wait(&wanted, &lock);
        }
        idle--;
        job = take_job();
        (void)pthread_mutex_unlock(&lock);
        do_work(job);
        (void)pthread_mutex_lock(&lock);
        remove_running(job);
        free(job);
    }
    threads--;
    (void)pthread_mutex_unlock(&lock);
    return NULL;
}

static int
begin_thread(void)
{
    pthread_t thread;
    int error = pthread_create(&thread, &attributes, work, NULL);

    threads += error == 0;
    return -error;
}

int
jobs_init(void (*with)(struct job *job))
{
    do_work = with;
    if (pthread_attr_init(&attributes) != 0 || pthread_attr_setstacksize(&attributes, STACK) != 0 ||
            pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) != 0) {
        return -ENOMEM;
    }
    return begin_thread();
}

static bool
is_open_to(const struct job *list, const char *place)
{
    for (; list != NULL; list = list->next) {
        if (list->kind == DIAL_PORT && strcmp(list->place, place) == 0) {
            return false;
        }
    }
    return true;
}

bool
jobs_add(struct job *job)
{
    bool may;

    (void)pthread_mutex_lock(&lock);
    may = job->kind != DIAL_PORT || (is_open_to(first, job->place) && is_open_to(running, job->place));
    if (may) {
        job->next = NULL;
        *last = job;
        last = &job->next;
        waiting++;
        (void)pthread_cond_signal(&wanted);
    }
    (void)pthread_mutex_unlock(&lock);
    return may;
}

/* Twice as many each time: what hangs may be most of them. */
int
jobs_tend(void)
{
    unsigned more = 0;
    int again;

    (void)pthread_mutex_lock(&lock);
    if (waiting > 0 && taken == tended) {
        more = waiting < threads + 1 ? waiting : threads + 1;
    }
    while (more-- > 0 && begin_thread() == 0) {
    }
    tended = taken;
    again = waiting > 0 ? HELD_MS : -1;
    (void)pthread_mutex_unlock(&lock);
    return again;
}

void
jobs_finish(int patience_ms)
{
    bool left = true;

    for (int waited = 0; left && waited < patience_ms; waited += HELD_MS) {
        (void)jobs_tend();
        (void)pthread_mutex_lock(&lock);
        left = first != NULL || running != NULL;
        (void)pthread_mutex_unlock(&lock);
        if (left) {
            (void)poll(NULL, 0, HELD_MS);
        }
    }
}
