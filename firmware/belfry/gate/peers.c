#include "belfry/gate/gate.h"

#include "belfry/gate/split.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BROKEN (EPOLLHUP | EPOLLERR)

/* ---- slots */

void
peers_init(struct gate *g)
{
    for (unsigned i = 0; i < GATE_PEERS; i++) {
        g->peer[i].fd = -1;
        g->peer[i].number = i;
    }
}

struct peer *
peer_find(struct gate *g, uint32_t number)
{
    struct peer *p = &g->peer[number % GATE_PEERS];

    return p->state != PEER_FREE && p->number == number ? p : NULL;
}

static uint32_t
slot_of(const struct gate *g, const struct peer *p)
{
    return (uint32_t)(p - g->peer);
}

static void
wait_for(struct gate *g, struct peer *p, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.u32 = slot_of(g, p) };

    if (p->waits != events) {
        p->waits = events;
        (void)epoll_ctl(g->epoll, EPOLL_CTL_MOD, p->fd, &e);
    }
}

/* How many handshakes there are from this address; each of them is told. */
static unsigned
count_kin(struct gate *g, const uint8_t address[GATE_ADDRESS])
{
    struct peer *kin[GATE_HANDSHAKES];
    unsigned count = 0;

    for (unsigned i = 0; i < GATE_PEERS && count < GATE_HANDSHAKES; i++) {
        struct peer *p = &g->peer[i];

        if (p->state == PEER_SHAKING && memcmp(p->address, address, GATE_ADDRESS) == 0) {
            kin[count++] = p;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        kin[i]->kin = count;
    }
    return count;
}

static void
set_state(struct gate *g, struct peer *p, enum peer_state state)
{
    enum peer_state was = p->state;

    p->state = state;
    p->begun_ms = g->now_ms;
    if (was == PEER_SHAKING || state == PEER_SHAKING) {
        g->counts.waiting += (state == PEER_SHAKING) - (was == PEER_SHAKING);
        (void)count_kin(g, p->address);
    }
    g->counts.open += (state == PEER_UP) - (was == PEER_UP);
}

static void
release(struct gate *g, struct peer *p)
{
    uint32_t slot = slot_of(g, p);
    uint32_t next = p->number + GATE_PEERS;

    set_state(g, p, PEER_FREE);
    tls_close(&p->tls);
    (void)close(p->fd);
    wire_wipe(p, sizeof *p);
    p->fd = -1;
    p->number = next >= GATE_PEERS ? next : slot; /* the numbers of a slot begin again after 2^32 */
}

/* Without a trace in the kernel: whoever only came to fill us gets no place there either. */
static void
shed_fd(int fd)
{
    struct linger none = { .l_onoff = 1, .l_linger = 0 };

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

static void
shed(struct gate *g, struct peer *p, uint64_t *count)
{
    (*count)++;
    shed_fd(p->fd);
    release(g, p);
}

/* The oldest handshake of this address, or with NULL of the address that has most of them. */
static struct peer *
oldest(struct gate *g, const uint8_t *address)
{
    struct peer *best = NULL;

    for (unsigned i = 0; i < GATE_PEERS; i++) {
        struct peer *p = &g->peer[i];

        if (p->state != PEER_SHAKING || (address != NULL && memcmp(p->address, address, GATE_ADDRESS) != 0)) {
            continue;
        }
        if (best == NULL || p->kin > best->kin || (p->kin == best->kin && p->begun_ms < best->begun_ms)) {
            best = p;
        }
    }
    return best;
}

static bool
may_be_shed(const struct gate *g, const struct peer *p)
{
    return p != NULL && g->now_ms - p->begun_ms >= (p->kin > 1 ? GATE_OLD_KIN_MS : GATE_OLD_MS);
}

bool
peers_have_room(struct gate *g)
{
    return g->counts.waiting < GATE_HANDSHAKES || may_be_shed(g, oldest(g, NULL));
}

/* Is there room for one more handshake from here, if need be in the place of an older one? */
static bool
make_room(struct gate *g, const uint8_t address[GATE_ADDRESS])
{
    struct peer *old = NULL;

    if (count_kin(g, address) >= GATE_PER_ADDRESS) {
        old = oldest(g, address);
        if (old == NULL || g->now_ms - old->begun_ms < GATE_OLD_KIN_MS) {
            return false;
        }
    } else if (g->counts.waiting >= GATE_HANDSHAKES) {
        old = oldest(g, NULL);
    }
    if (old != NULL) {
        shed(g, old, &g->counts.limited);
    }
    return true;
}

static struct peer *
free_slot(struct gate *g)
{
    for (unsigned i = 0; i < GATE_PEERS; i++) {
        if (g->peer[i].state == PEER_FREE) {
            return &g->peer[i];
        }
    }
    return NULL;
}

void
peer_begin(struct gate *g, int fd, const uint8_t address[GATE_ADDRESS], const char *name)
{
    struct peer *p = make_room(g, address) ? free_slot(g) : NULL;
    struct epoll_event e = { .events = EPOLLIN };

    g->counts.accepted++;
    if (p == NULL || tls_open(&p->tls, fd) != 0) {
        g->counts.limited++;
        shed_fd(fd);
        (void)close(fd);
        return;
    }
    p->fd = fd;
    memcpy(p->address, address, GATE_ADDRESS);
    memcpy(p->name, name, strnlen(name, sizeof p->name - 1));
    set_state(g, p, PEER_SHAKING);
    p->waits = EPOLLIN;
    e.data.u32 = slot_of(g, p);
    (void)epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd, &e);
}

/* ---- what belfry is told */

static void
post(const struct peer *p, enum gate_kind kind, enum gate_how how, uint32_t count, const void *bytes,
        size_t len)
{
    static struct gate_message m;

    memset(&m, 0, GATE_HEAD);
    m.kind = (uint8_t)kind;
    m.how = (uint8_t)how;
    m.len = (uint16_t)len;
    m.conn = p->number;
    m.count = count;
    memcpy(m.host, p->tls.host, sizeof m.host);
    if (len > 0) {
        memcpy(m.bytes, bytes, len);
    }
    gate_post(&m);
}

/* ---- an established connection */

static bool
flush(struct peer *p)
{
    size_t put = 0;

    while (p->out_len > 0) {
        enum tls_result r = tls_write(&p->tls, p->out, p->out_len, &put);

        if (r == TLS_READ || r == TLS_WRITE) {
            return true;
        }
        if (r != TLS_DONE) {
            return false;
        }
        p->out_len -= put;
        memmove(p->out, p->out + put, p->out_len);
    }
    return true;
}

/* Goes on with the end of a connection that belfry knows to be over. */
static void
leave(struct gate *g, struct peer *p)
{
    uint8_t rest[4096];
    ssize_t n;

    if (!p->finished) {
        if (!flush(p)) {
            release(g, p);
            return;
        }
        if (p->out_len > 0) {
            wait_for(g, p, EPOLLOUT | EPOLLIN);
            return;
        }
        tls_finish(&p->tls);
        (void)shutdown(p->fd, SHUT_WR);
        p->finished = true;
    }
    /* Closed with bytes unread, the kernel would reset it, and our last line would be lost with that. */
    n = recv(p->fd, rest, sizeof rest, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && p->over)) {
        release(g, p);
        return;
    }
    wait_for(g, p, EPOLLIN);
}

void
peer_leave(struct gate *g, struct peer *p, enum gate_how how)
{
    if (p->state != PEER_UP) {
        return;
    }
    post(p, GATE_DOWN, how, 0, NULL, 0);
    set_state(g, p, PEER_LEAVING);
    leave(g, p);
}

/* It is gone: nothing can be sent to it. */
static void
lost(struct gate *g, struct peer *p, enum gate_how how)
{
    post(p, GATE_DOWN, how, 0, NULL, 0);
    release(g, p);
}

/* For what this gate has seen itself: the peer is told why. */
static void
turn_out(struct gate *g, struct peer *p, enum gate_how how)
{
    struct wire_talk talk = { .kind = WIRE_TALK_CLOSE,
        .reason = how == GATE_FORM ? WIRE_CLOSE_FORM : WIRE_CLOSE_LIMIT };
    char line[WIRE_TALK_MAX + 2];
    int n = wire_talk_compose(&talk, line, sizeof line - 1);

    g->counts.limited += how == GATE_LIMIT;
    if (n > 0 && p->out_len + (size_t)n + 1 <= sizeof p->out) {
        line[n] = '\n';
        memcpy(p->out + p->out_len, line, (size_t)n + 1);
        p->out_len += (size_t)n + 1;
    }
    peer_leave(g, p, how);
}

static void
reckon_allowance(struct gate *g, struct peer *p)
{
    int64_t more = (g->now_ms - p->allowed_ms) * GATE_LINES_S / 1000;

    if (more > 0) {
        p->allowance = more > GATE_LINES_BURST - (int64_t)p->allowance ? GATE_LINES_BURST
                                                                       : p->allowance + (unsigned)more;
        p->allowed_ms = g->now_ms;
    }
}

static unsigned
lines_allowed(const struct peer *p)
{
    unsigned flight = GATE_FLIGHT - p->flight;

    return flight < p->allowance ? flight : p->allowance;
}

/* Gives belfry the whole lines that are there, as many as may be. False when they are none. */
static bool
forward(struct peer *p)
{
    struct gate_split s;

    if (!gate_split(p->in, p->in_len, lines_allowed(p), &s)) {
        return false;
    }
    if (s.lines > 0) {
        post(p, GATE_LINES, 0, s.lines, p->in, s.used);
        p->flight += s.lines;
        p->allowance -= s.lines;
        p->in_len -= s.used;
        memmove(p->in, p->in + s.used, p->in_len);
    }
    return true;
}

static bool
may_read(const struct peer *p)
{
    return !p->over && lines_allowed(p) > 0 && p->in_len < sizeof p->in;
}

static void
take_bytes(struct gate *g, struct peer *p)
{
    size_t got = 0;

    switch (tls_read(&p->tls, p->in + p->in_len, sizeof p->in - p->in_len, &got)) {
    case TLS_DONE:
        p->in_len += got;
        p->heard_ms = g->now_ms;
        break;
    case TLS_READ:
    case TLS_WRITE:
    case TLS_WHO:
        break;
    case TLS_FIN:
        p->over = true;
        p->how = GATE_FIN;
        break;
    case TLS_RESET:
        p->over = true;
        p->how = GATE_RESET;
        break;
    case TLS_CUT:
    case TLS_BAD:
        p->over = true;
        p->how = GATE_CUT;
        break;
    }
}

/* All it has sent goes to belfry before its end does. */
static bool
is_drained(const struct peer *p)
{
    return memchr(p->in, '\n', p->in_len) == NULL;
}

static void
serve_up(struct gate *g, struct peer *p, uint32_t events)
{
    reckon_allowance(g, p);
    if ((events & BROKEN) != 0 && (p->waits & EPOLLIN) == 0 && !p->over) {
        p->over = true;
        p->how = GATE_RESET;
    }
    if (may_read(p) && (p->more || (events & (EPOLLIN | BROKEN)) != 0)) {
        take_bytes(g, p);
    }
    if (!forward(p)) {
        turn_out(g, p, GATE_FORM);
        return;
    }
    if (p->over) {
        /* Nothing comes any more, and epoll would go on telling that. */
        (void)epoll_ctl(g->epoll, EPOLL_CTL_DEL, p->fd, NULL);
        if (is_drained(p)) {
            lost(g, p, p->how);
        }
        return;
    }
    if (!flush(p)) {
        lost(g, p, GATE_CUT);
        return;
    }
    p->more = may_read(p) && tls_has_more(&p->tls);
    g->more = g->more || p->more;
    g->slow = g->slow || p->allowance == 0;
    wait_for(g, p, (may_read(p) ? EPOLLIN : 0U) | (p->out_len > 0 ? EPOLLOUT : 0U));
}

/* ---- a handshake */

static void
proved(struct gate *g, struct peer *p)
{
    uint8_t bytes[GATE_EXPORT + GATE_PEER];
    size_t name_len = strlen(p->name);

    if (g->counts.open >= GATE_CONNS || !tls_export(&p->tls, bytes)) {
        shed(g, p, &g->counts.limited);
        return;
    }
    memcpy(bytes + GATE_EXPORT, p->name, name_len);
    set_state(g, p, PEER_UP);
    p->heard_ms = g->now_ms;
    p->allowance = GATE_LINES_BURST;
    p->allowed_ms = g->now_ms;
    post(p, GATE_UP, 0, 0, bytes, GATE_EXPORT + name_len);
    wire_wipe(bytes, sizeof bytes);
    serve_up(g, p, 0); /* what came with the last record of the handshake */
}

static void
shake(struct gate *g, struct peer *p)
{
    enum tls_result r = tls_handshake(&p->tls);

    if (r != TLS_DONE && tls_received(&p->tls) > GATE_HELLO_BYTES) {
        r = TLS_BAD;
    }
    switch (r) {
    case TLS_DONE:
        proved(g, p);
        break;
    case TLS_READ:
        wait_for(g, p, EPOLLIN);
        break;
    case TLS_WRITE:
        wait_for(g, p, EPOLLOUT);
        break;
    case TLS_WHO:
        wait_for(g, p, 0);
        post(p, GATE_WHO, 0, 0, NULL, 0);
        break;
    default:
        g->counts.refused++;
        release(g, p);
        break;
    }
}

void
peer_key(struct gate *g, struct peer *p, const struct wire_key *key)
{
    if (p->state == PEER_SHAKING && p->tls.state == TLS_ASKING) {
        tls_key(&p->tls, key);
        shake(g, p);
    }
}

void
peer_serve(struct gate *g, struct peer *p, uint32_t events)
{
    switch (p->state) {
    case PEER_FREE:
        break;
    case PEER_SHAKING:
        if ((events & BROKEN) != 0 && p->waits == 0) {
            shed(g, p, &g->counts.refused);
            return;
        }
        shake(g, p);
        break;
    case PEER_UP:
        serve_up(g, p, events);
        break;
    case PEER_LEAVING:
        p->over = p->over || (events & BROKEN) != 0;
        leave(g, p);
        break;
    }
}

/* ---- what belfry says */

void
peer_say(struct gate *g, struct peer *p, const void *lines, size_t len)
{
    if (p->state != PEER_UP) {
        return;
    }
    if (len > sizeof p->out - p->out_len) {
        turn_out(g, p, GATE_LIMIT);
        return;
    }
    memcpy(p->out + p->out_len, lines, len);
    p->out_len += len;
    serve_up(g, p, 0);
}

void
peer_taken(struct gate *g, struct peer *p, uint32_t count)
{
    if (p->state == PEER_UP) {
        p->flight -= count < p->flight ? count : p->flight;
        serve_up(g, p, 0);
    }
}

/* ---- the clock */

static void
sweep_one(struct gate *g, struct peer *p)
{
    int64_t age_ms = g->now_ms - p->begun_ms;

    switch (p->state) {
    case PEER_FREE:
        break;
    case PEER_SHAKING:
        if (age_ms >= GATE_HANDSHAKE_MS) {
            shed(g, p, &g->counts.expired);
        }
        break;
    case PEER_UP:
        if (!may_read(p)) {
            p->heard_ms = g->now_ms; /* it is not heard since we do not listen */
            serve_up(g, p, 0);
        } else if (g->now_ms - p->heard_ms >= GATE_SILENT_MS) {
            lost(g, p, GATE_TIMEOUT);
        }
        break;
    case PEER_LEAVING:
        if (age_ms >= GATE_CLOSE_MS) {
            release(g, p);
        }
        break;
    }
}

void
peers_sweep(struct gate *g)
{
    g->slow = false;
    for (unsigned i = 0; i < GATE_PEERS; i++) {
        sweep_one(g, &g->peer[i]);
    }
}

void
peers_again(struct gate *g)
{
    g->more = false;
    for (unsigned i = 0; i < GATE_PEERS; i++) {
        struct peer *p = &g->peer[i];

        if (p->state == PEER_UP && p->more) {
            serve_up(g, p, 0);
        }
    }
}

void
peers_stop(struct gate *g)
{
    for (unsigned i = 0; i < GATE_PEERS; i++) {
        struct peer *p = &g->peer[i];

        if (p->state == PEER_UP || (p->state == PEER_LEAVING && !p->finished)) {
            (void)flush(p);
            tls_finish(&p->tls);
        }
    }
}
