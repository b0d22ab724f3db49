#include "belfry/gate/gate.h"

#include "belfry/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 64
#define SECOND_MS 1000
#define SWEEP_MS 250
#define SLOW_MS 50 /* how often those are served that have used up their allowance */
#define LINK_SLOT (GATE_PEERS + GATE_LISTENS)
#define MESSAGES 64 /* of belfry, a turn */

void
gate_post(const struct gate_message *m)
{
    int r;

    while ((r = gate_send(GATE_FD, m)) == -EAGAIN) {
        struct pollfd p = { .fd = GATE_FD, .events = POLLOUT };

        (void)poll(&p, 1, SECOND_MS);
    }
    if (r != 0) {
        _exit(0);
    }
}

static void
obey(struct gate *g, struct gate_message *m)
{
    struct peer *p = peer_find(g, m->conn);
    struct wire_key key;

    if (m->kind == GATE_STOP) {
        peers_stop(g);
        _exit(0);
    }
    if (p == NULL) {
        return; /* it went while this was on its way */
    }
    switch (m->kind) {
    case GATE_KEY:
        memcpy(&key, m->bytes, sizeof key);
        peer_key(g, p, m->len > 0 ? &key : NULL);
        wire_wipe(&key, sizeof key);
        wire_wipe(m->bytes, sizeof key);
        break;
    case GATE_SAY:
        peer_say(g, p, m->bytes, m->len);
        break;
    case GATE_TAKEN:
        peer_taken(g, p, m->count);
        break;
    case GATE_CLOSE:
        peer_leave(g, p, GATE_ASKED);
        break;
    default:
        break;
    }
}

static void
take_messages(struct gate *g)
{
    static struct gate_message m;

    for (unsigned i = 0; i < MESSAGES; i++) {
        int n = gate_receive(GATE_FD, &m);

        if (n == -EAGAIN) {
            return;
        }
        if (n <= 0) {
            _exit(0);
        }
        if (gate_message_valid(&m, (size_t)n)) {
            obey(g, &m);
        }
    }
}

static void
post_counts(struct gate *g)
{
    static struct gate_message m;

    if (memcmp(&g->counts, &g->told, sizeof g->counts) == 0) {
        return;
    }
    g->told = g->counts;
    m.kind = GATE_COUNTS;
    m.len = sizeof g->counts;
    memcpy(m.bytes, &g->counts, sizeof g->counts);
    gate_post(&m);
}

/* Who has proved himself comes before who has not, and both before those who only knock. */
static void
serve(struct gate *g, const struct epoll_event *e, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (e[i].data.u32 == LINK_SLOT) {
            take_messages(g);
        }
    }
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < count; i++) {
            struct peer *p = e[i].data.u32 < GATE_PEERS ? &g->peer[e[i].data.u32] : NULL;

            if (p != NULL && (p->state == PEER_UP) == (pass == 0)) {
                peer_serve(g, p, e[i].events);
            }
        }
    }
    peers_again(g);
    for (unsigned i = 0; i < count; i++) {
        if (e[i].data.u32 >= GATE_PEERS && e[i].data.u32 < LINK_SLOT) {
            listen_accept(g, &g->listener[e[i].data.u32 - GATE_PEERS]);
        }
    }
}

void
gate_start(struct gate *g)
{
    struct epoll_event link = { .events = EPOLLIN, .data.u32 = LINK_SLOT };

    g->epoll = epoll_create1(EPOLL_CLOEXEC);
    (void)epoll_ctl(g->epoll, EPOLL_CTL_ADD, GATE_FD, &link);
    g->now_ms = clock_ms();
    peers_init(g);
    listen_open(g);
}

_Noreturn void
gate_run(struct gate *g)
{
    struct epoll_event e[EVENTS];
    int64_t sweep_ms = 0;
    int64_t second_ms = g->now_ms;

    listen_tell(g);
    for (;;) {
        bool paused = listen_resume(g);
        int patience = g->more ? 0 : g->slow || paused ? SLOW_MS : SWEEP_MS;
        int n = epoll_wait(g->epoll, e, EVENTS, patience);

        g->now_ms = clock_ms();
        serve(g, e, n > 0 ? (unsigned)n : 0);
        if (g->now_ms - sweep_ms >= (g->slow ? SLOW_MS : SWEEP_MS)) {
            sweep_ms = g->now_ms;
            peers_sweep(g);
        }
        if (g->now_ms - second_ms >= SECOND_MS) {
            second_ms = g->now_ms;
            listen_open(g);
            listen_tell(g);
            post_counts(g);
        }
    }
}
