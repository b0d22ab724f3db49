#include "belfry/dial/call.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define RESOLVE_MS 30000
#define CONNECT_MS 8000 /* each address */
#define HANDSHAKE_MS 15000

/* A peer that is gone without a word is found out in two minutes. */
#define KEEP_IDLE_S 60
#define KEEP_EACH_S 15
#define KEEP_COUNT 4

static struct call *calls;

static void connect_next(struct call *c);

static void
over(struct call *c)
{
    int fd = c->socket.fd;
    int pair = c->pair.fd;

    c->state = CALL_OVER;
    tls_free(c);
    loop_remove(&c->socket);
    loop_remove(&c->pair);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (pair >= 0) {
        (void)close(pair);
    }
    if (c->ca >= 0) {
        (void)close(c->ca);
        c->ca = -1;
    }
}

void
call_failed(struct call *c, int error, enum dial_why why)
{
    struct dial_message m;

    if (c->state != CALL_PUMP) {
        memset(&m, 0, DIAL_HEAD);
        m.kind = DIAL_FAILED;
        m.number = c->number;
        m.error = error;
        m.why = (uint8_t)why;
        (void)dial_send_patiently(DIAL_FD, &m, -1);
    }
    over(c);
}

void
call_came(struct call *c, int fd)
{
    struct dial_message m;
    memset(&m, 0, DIAL_HEAD);
    m.kind = DIAL_CAME;
    m.number = c->number;
    (void)dial_send_patiently(DIAL_FD, &m, fd);
    (void)close(fd);
}

/* ---- connecting */

static void
keep_alive(int fd)
{
    static const struct {
        int level;
        int option;
        int value;
    } options[] = {
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S },
        { IPPROTO_TCP, TCP_KEEPINTVL, KEEP_EACH_S },
        { IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT },
        { IPPROTO_TCP, TCP_NODELAY, 1 },
    };

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        (void)setsockopt(fd, options[i].level, options[i].option, &options[i].value, sizeof options[i].value);
    }
}

static void
connected(struct call *c)
{
    int fd = c->socket.fd;

    keep_alive(fd);
    if (c->tls) {
        c->state = CALL_HANDSHAKE;
        c->deadline_ms = loop_now_ms() + HANDSHAKE_MS;
        tls_begin(c);
        return;
    }
    loop_remove(&c->socket); /* the descriptor is no more ours */
    call_came(c, fd);
    over(c);
}

static void
on_socket(struct watch *w, uint32_t events)
{
    struct call *c = (struct call *)w;
    int error = 0;
    socklen_t len = sizeof error;

    (void)events;
    switch (c->state) {
    case CALL_CONNECT:
        if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
            c->error = error != 0 ? error : EIO;
            connect_next(c);
        } else {
            connected(c);
        }
        break;
    case CALL_HANDSHAKE:
        tls_handshake(c);
        break;
    case CALL_PUMP:
        tls_pump(c);
        break;
    default:
        break;
    }
}

/* 0 or -errno; connecting goes on. */
static int
connect_to(struct call *c, struct address *a)
{
    int fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0) {
        return -errno;
    }
    if (a->at.ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)&a->at)->sin6_port = htons(c->port);
    } else {
        ((struct sockaddr_in *)&a->at)->sin_port = htons(c->port);
    }
    if (connect(fd, (struct sockaddr *)&a->at, a->len) != 0 && errno != EINPROGRESS) {
        error = -errno;
        (void)close(fd);
        return error;
    }
    error = loop_add(&c->socket, fd, EPOLLOUT, on_socket);
    if (error != 0) {
        (void)close(fd);
        return error;
    }
    c->deadline_ms = loop_now_ms() + CONNECT_MS;
    return 0;
}

/* The next address; when there is none any more, the error of the last one is why. */
static void
connect_next(struct call *c)
{
    int fd = c->socket.fd;

    if (fd >= 0) {
        loop_remove(&c->socket);
        (void)close(fd);
    }
    while (c->at < c->to.count) {
        int error = connect_to(c, &c->to.address[c->at++]);

        if (error == 0) {
            return;
        }
        c->error = -error;
    }
    call_failed(c, c->error, DIAL_WHY_NONE);
}

static void
find_addresses(struct call *c)
{
    int error = resolve(c->host, &c->to);

    if (error == -EINPROGRESS) {
        return;
    }
    if (error != 0) {
        call_failed(c, -error, DIAL_WHY_NAME);
        return;
    }
    c->state = CALL_CONNECT;
    c->at = 0;
    connect_next(c);
}

/* ---- calls */

void
call_begin(const struct dial_message *m, int ca)
{
    struct call *c = calloc(1, sizeof *c);

    if (c == NULL) {
        _exit(1); /* belfry starts us again, and all lines with us */
    }
    c->socket.fd = -1;
    c->pair.fd = -1;
    c->number = m->number;
    c->tls = m->kind == DIAL_TLS;
    c->pinned = m->pinned != 0;
    c->port = m->port;
    c->ca = ca;
    memcpy(c->pin, m->pin, sizeof c->pin);
    (void)snprintf(c->line, sizeof c->line, "%s", dial_text(m, 0));
    (void)snprintf(c->host, sizeof c->host, "%s", dial_text(m, 1));
    (void)snprintf(c->peer, sizeof c->peer, "%s", dial_text(m, 2));
    c->state = CALL_RESOLVE;
    c->deadline_ms = loop_now_ms() + RESOLVE_MS;
    c->next = calls;
    calls = c;
    find_addresses(c);
}

void
call_end(uint32_t number)
{
    for (struct call *c = calls; c != NULL; c = c->next) {
        if (c->number == number && c->state != CALL_OVER) {
            over(c);
        }
    }
}

void
call_resolved(void)
{
    for (struct call *c = calls; c != NULL; c = c->next) {
        if (c->state == CALL_RESOLVE) {
            find_addresses(c);
        }
    }
}

void
call_tick(void)
{
    for (struct call *c = calls; c != NULL; c = c->next) {
        if (c->state >= CALL_PUMP || loop_now_ms() < c->deadline_ms) {
            continue;
        }
        if (c->state == CALL_CONNECT) {
            c->error = ETIMEDOUT;
            connect_next(c);
        } else {
            call_failed(c, ETIMEDOUT, c->state == CALL_RESOLVE ? DIAL_WHY_NAME : DIAL_WHY_TLS);
        }
    }
}

void
call_sweep(void)
{
    struct call **at = &calls;

    while (*at != NULL) {
        struct call *c = *at;

        if (c->state == CALL_OVER) {
            *at = c->next;
            free(c);
        } else {
            at = &c->next;
        }
    }
}
