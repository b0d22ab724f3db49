#include "belfry/notify/stream.h"

#include "belfry/clock.h"
#include "belfry/notify/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLOSED "it has closed the connection"
#define DEAD_MS 20000 /* a peer that acknowledges nothing for so long is gone */

static void
explain(char *why, const char *text)
{
    (void)snprintf(why, NOTIFY_WHY, "%s", text);
}

/* 0 or an errno. */
static int
wait_connected(int fd, int64_t until_ms)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    int64_t left = until_ms - clock_ms();
    int error = ETIMEDOUT;
    socklen_t len = sizeof error;

    if (left > 0 && poll(&p, 1, (int)left) > 0) {
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    }
    return error;
}

static void
set_timers(int fd)
{
    int on = 1;
    int idle_s = 30;
    unsigned dead_ms = DEAD_MS;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* The socket, or a negative errno. */
static int
connect_to(const struct addrinfo *a, int64_t until_ms)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    int error = 0;

    if (fd < 0) {
        return -errno;
    }
    if (a->ai_socktype == SOCK_STREAM) {
        set_timers(fd);
    }
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
        error = errno == EINPROGRESS ? wait_connected(fd, until_ms) : errno;
    }
    if (error != 0) {
        (void)close(fd);
        return -error;
    }
    return fd;
}

int
stream_socket(const struct notify_url *url, uint16_t port, int type, char *why)
{
    struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_ADDRCONFIG };
    struct addrinfo *list = NULL;
    int64_t until_ms;
    char text[8];
    int fd = -1;
    int r;

    (void)snprintf(text, sizeof text, "%u", url->port != 0 ? url->port : port);
    r = getaddrinfo(url->host, text, &hints, &list);
    if (r != 0) {
        explain(why, gai_strerror(r));
        return -1;
    }
    until_ms = clock_ms() + NOTIFY_WAIT_MS;
    for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
        fd = connect_to(a, until_ms);
    }
    freeaddrinfo(list);
    if (fd < 0) {
        explain(why, strerror(-fd));
        return -1;
    }
    return fd;
}

int
stream_open(struct stream *s, const struct notify_url *url, uint16_t port, const char *name, char *why)
{
    s->tls = NULL;
    s->fd = stream_socket(url, port, SOCK_STREAM, why);
    if (s->fd < 0) {
        return -1;
    }
    if (name != NULL) {
        s->tls = notify_tls_open(s->fd, name, clock_ms() + NOTIFY_WAIT_MS, why);
        if (s->tls == NULL) {
            (void)close(s->fd);
            s->fd = -1;
            return -1;
        }
    }
    return 0;
}

static int
plain_send(int fd, const char *at, size_t len, int64_t until_ms, char *why)
{
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n >= 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd p = { .fd = fd, .events = POLLOUT };
            int64_t left = until_ms - clock_ms();

            if (left <= 0 || poll(&p, 1, (int)left) == 0) {
                explain(why, "it takes nothing");
                return -1;
            }
        } else if (errno != EINTR) {
            explain(why, strerror(errno));
            return -1;
        }
    }
    return 0;
}

int
stream_send(struct stream *s, const void *bytes, size_t len, char *why)
{
    int64_t until_ms = clock_ms() + NOTIFY_WAIT_MS;

    return s->tls != NULL ? notify_tls_send(s->tls, bytes, len, until_ms, why)
                          : plain_send(s->fd, bytes, len, until_ms, why);
}

bool
stream_alive(struct stream *s, char *why)
{
    char bytes[1024];
    ssize_t n;

    if (s->tls != NULL) {
        return notify_tls_alive(s->tls, why);
    }
    do {
        n = recv(s->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    } while (n > 0 || (n < 0 && errno == EINTR));
    explain(why, n == 0 ? CLOSED : strerror(errno));
    return n < 0 && errno == EAGAIN;
}

bool
stream_arrived(const struct stream *s)
{
    int left = 0;

    return ioctl(s->fd, SIOCOUTQ, &left) == 0 && left == 0;
}

void
stream_close(struct stream *s)
{
    if (s->tls != NULL) {
        notify_tls_close(s->tls);
        s->tls = NULL;
    }
    if (s->fd >= 0) {
        (void)close(s->fd);
        s->fd = -1;
    }
}
