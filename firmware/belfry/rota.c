#include "belfry/rota.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define WAKE_MAX 256 /* taken from epoll at a time */
#define TOGETHER 64  /* lines that are looked at in one turn */
#define PARTS 4

int
rota_init(struct rota *r)
{
    memset(r, 0, sizeof *r);
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    return r->epoll < 0 ? -errno : 0;
}

void
rota_free(struct rota *r)
{
    (void)close(r->epoll);
    free(r->due_ms);
    free(r->wake);
    free(r->line);
}

int
rota_arrange(struct rota *r, unsigned count, const uint32_t *from)
{
    int64_t *due = calloc(count + 1, sizeof *due);
    uint32_t *wake = calloc(count + 1, sizeof *wake);
    struct rota_line *line = calloc(count + 1, sizeof *line);

    if (due == NULL || wake == NULL || line == NULL) {
        free(due);
        free(wake);
        free(line);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < count; i++) {
        bool is_new = from == NULL || from[i] >= r->count;

        line[i] = is_new ? (struct rota_line){ .wait_ms = ROTA_FIRST_MS } : r->line[from[i]];
    }
    free(r->due_ms);
    free(r->wake);
    free(r->line);
    r->due_ms = due;
    r->wake = wake;
    r->line = line;
    r->count = count;
    r->woken = 0;
    r->from = 0;
    return 0;
}

void
rota_cut(struct rota *r, unsigned count)
{
    r->count = count < r->count ? count : r->count;
}

int
rota_fd(const struct rota *r, int64_t now_ms)
{
    return now_ms >= r->look_ms ? r->epoll : -1;
}

void
rota_wake(struct rota *r, int64_t now_ms)
{
    struct epoll_event event[WAKE_MAX];
    int n;

    r->woken = 0;
    do {
        n = epoll_wait(r->epoll, event, WAKE_MAX, 0);
        for (int i = 0; i < n; i++) {
            uint32_t place = event[i].data.u32;

            if (place < r->count && r->woken < r->count) {
                r->wake[r->woken++] = place;
            }
        }
    } while (n == WAKE_MAX);
    /* When nobody spoke, the next one to speak wakes us by itself. */
    r->look_ms = r->woken > 0 ? now_ms + ROTA_FIRST_MS : now_ms;
}

int64_t
rota_due(const struct rota *r, int64_t now_ms)
{
    int64_t due = r->look_ms > now_ms ? r->look_ms : INT64_MAX;

    for (unsigned i = 0; i < r->count; i++) {
        due = r->due_ms[i] < due ? r->due_ms[i] : due;
    }
    return due;
}

/* It tells once; then the line is ours until it is quiet again. */
static bool
wait_in_epoll(const struct rota *r, unsigned place, int fd)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.u32 = place };

    return epoll_ctl(r->epoll, EPOLL_CTL_MOD, fd, &event) == 0 ||
           (errno == ENOENT && epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

/* Looks that are due at about the same time are made at the same time: few lines all at once, as what costs
 * is to wake; many in four parts, as a quiet line waits meanwhile. */
static int64_t
rounded(const struct rota *r, int64_t at_ms, int64_t wait_ms)
{
    unsigned parts = wait_ms == ROTA_FIRST_MS ? 1 : 1 + r->count / TOGETHER;
    int64_t step = wait_ms / (parts < PARTS ? parts : PARTS);

    return at_ms / step * step;
}

/* Counts one look. True while the line has not used up what its quiet times have earned. */
static bool
has_credit(struct rota_line *l, int64_t now_ms)
{
    int64_t most_ms = (int64_t)ROTA_CREDIT * ROTA_EARN_MS;

    l->paid_ms = l->paid_ms > now_ms - most_ms ? l->paid_ms : now_ms - most_ms;
    l->paid_ms = l->paid_ms < now_ms + most_ms ? l->paid_ms : now_ms + most_ms;
    l->paid_ms += ROTA_EARN_MS;
    return l->paid_ms <= now_ms;
}

static int64_t
next_look(const struct rota *r, struct rota_line *l, size_t got, int64_t now_ms)
{
    if (got >= ROTA_MUCH) {
        l->wait_ms = l->wait_ms / 2 > ROTA_FIRST_MS ? l->wait_ms / 2 : ROTA_FIRST_MS;
        return now_ms;
    }
    if (has_credit(l, now_ms) || now_ms - l->fed_ms > ROTA_MEMORY_MS) {
        l->wait_ms = ROTA_FIRST_MS;
    } else if (got < ROTA_LITTLE) {
        l->wait_ms = l->wait_ms * 2 < ROTA_LAST_MS ? l->wait_ms * 2 : ROTA_LAST_MS;
    }
    return rounded(r, now_ms + l->wait_ms, l->wait_ms);
}

void
rota_served(struct rota *r, unsigned place, int fd, size_t got, int64_t due_ms, int64_t now_ms)
{
    struct rota_line *l = &r->line[place];
    int64_t look_ms = INT64_MAX;

    if (got > 0) {
        look_ms = next_look(r, l, got, now_ms);
        l->fed_ms = now_ms;
    } else if (fd >= 0 && !wait_in_epoll(r, place, fd)) {
        look_ms = now_ms + ROTA_LAST_MS; /* what epoll does not take is looked at by the clock */
    }
    r->due_ms[place] = due_ms < look_ms ? due_ms : look_ms;
}

void
rota_down(struct rota *r, unsigned place, int64_t due_ms)
{
    r->due_ms[place] = due_ms;
}
