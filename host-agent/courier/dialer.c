#include "courier/dialer.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#define TCP_GIVE_UP_MS 10000

void
dialer_init(struct dialer *d, uint16_t port, uint32_t seed)
{
    *d = (struct dialer){ .port = port, .wait_ms = DIAL_FIRST_MS, .random = seed | 1 };
    for (unsigned i = 0; i < DIALS; i++) {
        d->dial[i].fd = -1;
    }
}

void
dialer_aim(struct dialer *d, const struct addresses *to)
{
    d->to = *to;
    d->turn = 0;
}

/* xorshift: it only has to differ from one agent to the next. */
static int64_t
spread(struct dialer *d, int64_t ms)
{
    d->random ^= d->random << 13;
    d->random ^= d->random >> 17;
    d->random ^= d->random << 5;
    return ms - ms / 4 + (int64_t)(d->random % (uint32_t)(ms / 2 + 1));
}

static void
wait_longer(struct dialer *d, int64_t most_ms, int64_t now_ms)
{
    d->wait_ms = d->wait_ms < most_ms ? d->wait_ms : most_ms;
    d->due_ms = now_ms + spread(d, d->wait_ms);
    d->wait_ms = d->wait_ms * 2;
}

void
dialer_hurry(struct dialer *d, int64_t now_ms)
{
    d->due_ms = now_ms;
    d->wait_ms = DIAL_FIRST_MS;
}

void
dialer_again(struct dialer *d, bool refused, int64_t lasted_ms, int64_t now_ms)
{
    if (lasted_ms >= DIAL_STEADY_MS) {
        d->wait_ms = DIAL_FIRST_MS;
    }
    wait_longer(d, refused ? DIAL_REFUSED_MOST_MS : DIAL_FAILED_MOST_MS, now_ms);
}

static void
hang_up(struct dial *dial)
{
    if (dial->fd >= 0) {
        close(dial->fd);
        dial->fd = -1;
    }
}

void
dialer_stop(struct dialer *d)
{
    for (unsigned i = 0; i < DIALS; i++) {
        hang_up(&d->dial[i]);
    }
}

/* A free place, else that of the oldest attempt. */
static struct dial *
place(struct dialer *d)
{
    struct dial *oldest = &d->dial[0];

    for (unsigned i = 0; i < DIALS; i++) {
        if (d->dial[i].fd < 0) {
            return &d->dial[i];
        }
        oldest = d->dial[i].began_ms < oldest->began_ms ? &d->dial[i] : oldest;
    }
    hang_up(oldest);
    return oldest;
}

static int
begin(struct dialer *d, struct dial *dial, int64_t now_ms)
{
    const struct address *at = &d->to.at[d->turn++ % d->to.count];
    unsigned give_up_ms = TCP_GIVE_UP_MS;
    struct sockaddr_storage to;
    socklen_t len = address_socket(at, d->port, &to);
    int yes = 1;

    dial->fd = socket(at->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (dial->fd < 0) {
        return -errno;
    }
    dial->began_ms = now_ms;
    dial->at = *at;
    (void)setsockopt(dial->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    (void)setsockopt(dial->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up_ms, sizeof(give_up_ms));
    /* On a line that loses packets the few lines of a check-in are sent again without doubling the wait. */
    (void)setsockopt(dial->fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, &yes, sizeof(yes));
    if (connect(dial->fd, (const struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS) {
        int error = -errno;
        hang_up(dial);
        return error;
    }
    return 0;
}

/* 1 when connected, 0 when it still waits, -errno when it failed. */
static int
look(const struct dial *dial, int64_t now_ms)
{
    struct pollfd p = { .fd = dial->fd, .events = POLLOUT };
    int error = 0;
    socklen_t size = sizeof(error);

    if (poll(&p, 1, 0) <= 0) {
        return now_ms - dial->began_ms < DIAL_MS ? 0 : -ETIMEDOUT;
    }
    if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
        error = errno;
    }
    return error == 0 ? 1 : -error;
}

/* One that got no answer was overtaken by the next ones already. */
static void
note_failure(struct dialer *d, int error, int64_t now_ms)
{
    d->failed(d->owner, -error);
    if (error != -ETIMEDOUT) {
        wait_longer(d, DIAL_FAILED_MOST_MS, now_ms);
    }
}

/* The first that is connected; those that failed are told. */
static int
harvest(struct dialer *d, struct address *at, int64_t now_ms)
{
    for (unsigned i = 0; i < DIALS; i++) {
        struct dial *dial = &d->dial[i];
        int state = dial->fd >= 0 ? look(dial, now_ms) : 0;

        if (state > 0) {
            int fd = dial->fd;
            *at = dial->at;
            dial->fd = -1;
            dialer_stop(d);
            return fd;
        }
        if (state < 0) {
            hang_up(dial);
            note_failure(d, state, now_ms);
        }
    }
    return -1;
}

int
dialer_work(struct dialer *d, struct address *at, int64_t now_ms)
{
    int fd = harvest(d, at, now_ms);

    if (fd >= 0 || d->to.count == 0 || now_ms < d->due_ms) {
        return fd;
    }
    int error = begin(d, place(d), now_ms);
    if (error < 0) {
        note_failure(d, error, now_ms);
    } else {
        d->due_ms = now_ms + spread(d, DIAL_NEXT_MS);
    }
    return -1;
}

int64_t
dialer_due(const struct dialer *d, int64_t now_ms)
{
    int64_t due_ms = d->to.count > 0 ? d->due_ms : INT64_MAX;

    for (unsigned i = 0; i < DIALS; i++) {
        if (d->dial[i].fd >= 0 && d->dial[i].began_ms + DIAL_MS < due_ms) {
            due_ms = d->dial[i].began_ms + DIAL_MS;
        }
    }
    return due_ms > now_ms ? due_ms : now_ms;
}
