#include "belfry/dial/loop.h"

#include "belfry/clock.h"

#include <errno.h>
#include <sys/epoll.h>

#define EVENTS 64

static int epoll = -1;
static int64_t now_ms;

int
loop_init(void)
{
    epoll = epoll_create1(EPOLL_CLOEXEC);
    now_ms = clock_ms();
    return epoll < 0 ? -errno : 0;
}

int64_t
loop_now_ms(void)
{
    return now_ms;
}

int
loop_add(struct watch *w, int fd, uint32_t events, void (*ready)(struct watch *w, uint32_t events))
{
    struct epoll_event e = { .events = events, .data = { .ptr = w } };

    *w = (struct watch){ .fd = fd, .events = events, .ready = ready };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        w->fd = -1;
        return -errno;
    }
    return 0;
}

void
loop_set(struct watch *w, uint32_t events)
{
    struct epoll_event e = { .events = events, .data = { .ptr = w } };
    /* One that wants nothing is taken out: a hangup would be told over and over. */
    int how = events == 0 ? EPOLL_CTL_DEL : w->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (w->fd >= 0 && events != w->events) {
        w->events = events;
        (void)epoll_ctl(epoll, how, w->fd, &e);
    }
}

void
loop_remove(struct watch *w)
{
    if (w->fd >= 0 && w->events != 0) {
        (void)epoll_ctl(epoll, EPOLL_CTL_DEL, w->fd, NULL);
    }
    w->fd = -1;
}

void
loop_turn(void)
{
    struct epoll_event e[EVENTS];
    int n = epoll_wait(epoll, e, EVENTS, LOOP_SECOND_MS);

    now_ms = clock_ms();
    for (int i = 0; i < n; i++) {
        struct watch *w = e[i].data.ptr;

        if (w->fd >= 0 && w->events != 0) {
            w->ready(w, e[i].events);
        }
    }
}
