#include "alarm/errand.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void
signal_to(int fd)
{
    const uint64_t one = 1;

    while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

static void *
run(void *arg)
{
    struct errand *e = arg;
    uint64_t n;

    for (;;) {
        if (read(e->wake, &n, sizeof(n)) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return NULL;
        }
#ifdef PLANT_REKEY_EARLY
        signal_to(e->done);
#endif
        e->work();
#ifndef PLANT_REKEY_EARLY
        signal_to(e->done);
#endif
    }
}

static int
start_thread(struct errand *e, void *stack, size_t size)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    int code = pthread_attr_init(&attr);

    if (code != 0) {
        return -code;
    }
    code = pthread_attr_setstack(&attr, stack, size);
    if (code == 0) {
        code = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    }
    if (code == 0) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        code = pthread_create(&thread, &attr, run, e);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attr);
    return -code;
}

static void
close_both(struct errand *e)
{
    if (e->wake >= 0) {
        close(e->wake);
    }
    if (e->done >= 0) {
        close(e->done);
    }
    e->wake = -1;
    e->done = -1;
}

int
errand_start(struct errand *e, void (*work)(void), void *stack, size_t size)
{
    e->work = work;
    e->wake = eventfd(0, EFD_CLOEXEC);
    e->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = e->wake < 0 || e->done < 0 ? -errno : start_thread(e, stack, size);

    if (error < 0) {
        close_both(e);
    }
    return error;
}

void
errand_give(struct errand *e)
{
    signal_to(e->wake);
}

bool
errand_back(struct errand *e)
{
    uint64_t n;

    return read(e->done, &n, sizeof(n)) == (ssize_t)sizeof(n);
}
