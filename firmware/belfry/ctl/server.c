#include "belfry/ctl/server.h"

#include "belfry/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "ctl"

/* Paths of sockets are short, state directories need not be: by way of the directory's descriptor. */
static void
address(int dir, struct sockaddr_un *out)
{
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    (void)snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/" SOCKET_NAME, dir);
}

static int
open_dir(const struct conf *conf)
{
    int dir = open(conf->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    return dir < 0 ? -errno : dir;
}

static int
listen_at(struct ctl_server *s)
{
    struct sockaddr_un at;

    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0) {
        return -errno;
    }
    address(s->dir, &at);
    (void)unlinkat(s->dir, SOCKET_NAME, 0);
    /* The mode of a socket is 0777 less the umask, which is 077 from main() on. */
    if (bind(s->fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(s->fd, CTL_CLIENTS) != 0) {
        int error = -errno;

        (void)close(s->fd);
        return error;
    }
    return 0;
}

/* Operators reach the socket; all else in the directory is for belfry's eyes by its own mode. */
void
ctl_reach(const struct ctl_server *s, const struct conf *conf)
{
    if (conf->operators > 0 || conf->readers[0] != '\0') {
        (void)chmod(conf->state_dir, 0711);
    }
    (void)fchmodat(s->dir, SOCKET_NAME, conf->operators > 0 ? 0666 : 0600, 0);
}

int
ctl_listen(struct ctl_server *s, const struct conf *conf, ctl_answer_fn *answer, void *to)
{
    int error;

    memset(s, 0, sizeof *s);
    s->answer = answer;
    s->to = to;
    s->dir = open_dir(conf);
    if (s->dir < 0) {
        return s->dir;
    }
    error = listen_at(s);
    if (error != 0) {
        (void)close(s->dir);
        return error;
    }
    ctl_reach(s, conf);
    return 0;
}

static void
drop(struct ctl_client *c)
{
    out_close(&c->out);
    c->used = false;
}

void
ctl_shut(struct ctl_server *s)
{
    for (unsigned i = 0; i < CTL_CLIENTS; i++) {
        if (s->client[i].used) {
            drop(&s->client[i]);
        }
    }
    (void)unlinkat(s->dir, SOCKET_NAME, 0);
    (void)close(s->fd);
    (void)close(s->dir);
}

void
ctl_polls(const struct ctl_server *s, struct pollfd *polls)
{
    bool room = false;

    for (unsigned i = 0; i < CTL_CLIENTS; i++) {
        const struct ctl_client *c = &s->client[i];

        polls[i + 1] = (struct pollfd){ .fd = c->used ? c->out.fd : -1,
            .events = (short)(c->out.len > 0 ? POLLOUT : POLLIN) };
        room = room || !c->used;
    }
    /* Without room, whoever comes waits in the socket's own queue. */
    polls[0] = (struct pollfd){ .fd = room ? s->fd : -1, .events = POLLIN };
}

/* False when the kernel does not say. */
static bool
ask_peer(int fd, struct ctl_peer *out)
{
    struct ucred cred;
    gid_t groups[CTL_GROUPS];
    socklen_t len = sizeof cred;

    memset(out, 0, sizeof *out);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0) {
        return false;
    }
    out->uid = cred.uid;
    out->gid = cred.gid;
    out->pid = cred.pid;
    len = sizeof groups;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
        out->groups = (unsigned)(len / sizeof groups[0]);
        memcpy(out->group, groups, len);
    }
    return true;
}

static bool
is_own(const struct ctl_peer *peer)
{
    return peer->uid == 0 || peer->uid == geteuid();
}

/* An operator has a place when there is one for operators, or when one of them has not asked anything yet. */
static bool
make_room(struct ctl_server *s)
{
    struct ctl_client *idle = NULL;
    unsigned others = 0;

    for (unsigned i = 0; i < CTL_CLIENTS; i++) {
        struct ctl_client *c = &s->client[i];

        if (!c->used || c->own) {
            continue;
        }
        others++;
        if (!c->answered && (idle == NULL || c->until_ms < idle->until_ms)) {
            idle = c;
        }
    }
    if (others < CTL_OTHERS) {
        return true;
    }
    if (idle != NULL) {
        drop(idle);
    }
    return idle != NULL;
}

/* Strangers hold no place that others wait for. */
static bool
is_welcome(struct ctl_server *s, int fd, bool *own)
{
    struct ctl_peer peer;

    if (!ask_peer(fd, &peer)) {
        return false;
    }
    *own = is_own(&peer);
    return *own || (s->welcome != NULL && s->welcome(s->to, &peer) && make_room(s));
}

static void
accept_one(struct ctl_server *s, int64_t now_ms)
{
    for (unsigned i = 0; i < CTL_CLIENTS; i++) {
        struct ctl_client *c = &s->client[i];
        bool own = false;
        int fd;

        if (c->used) {
            continue;
        }
        fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        memset(c, 0, sizeof *c);
        if (!is_welcome(s, fd, &own) || out_socket(&c->out, fd, CTL_ANSWER_MAX) != 0) {
            (void)close(fd);
            return;
        }
        c->used = true;
        c->own = own;
        c->until_ms = now_ms + CTL_PATIENCE_MS;
        return;
    }
}

/* Whoever is neither root nor who belfry runs as has come to write to a line, and may ask for nothing else.
 */
static bool
may_ask(const struct ctl_peer *peer, const struct ctl_request *request)
{
    return is_own(peer) || ctl_writes(request);
}

static void
answer(struct ctl_server *s, struct ctl_client *c, size_t len)
{
    struct ctl_request request;
    struct ctl_peer peer;

    if (ctl_parse(c->in, len, &request) && ask_peer(c->out.fd, &peer) && may_ask(&peer, &request)) {
        request.peer = &peer;
        s->answer(s->to, &request, &c->out);
    } else {
        (void)out_put(&c->out, "error\tnot a request\n", 20);
    }
    (void)out_put(&c->out, "end\n", 4);
    c->answered = true;
}

static void
serve_client(struct ctl_server *s, struct ctl_client *c, short revents)
{
    const char *nl;
    ssize_t n;

    if (revents != 0 && !c->answered) {
        n = recv(c->out.fd, c->in + c->len, sizeof c->in - c->len, MSG_DONTWAIT);
        if (n <= 0) {
            drop(c);
            return;
        }
        c->len += (size_t)n;
        nl = memchr(c->in, '\n', c->len);
        if (nl != NULL) {
            answer(s, c, (size_t)(nl - c->in));
        } else if (c->len == sizeof c->in) {
            drop(c);
            return;
        }
    }
    if (out_flush(&c->out) != 0 || (c->answered && c->out.len == 0)) {
        drop(c);
    }
}

void
ctl_serve(struct ctl_server *s, const struct pollfd *polls, int64_t now_ms)
{
    for (unsigned i = 0; i < CTL_CLIENTS; i++) {
        struct ctl_client *c = &s->client[i];

        if (!c->used) {
            continue;
        }
        if (polls[i + 1].fd == c->out.fd && polls[i + 1].revents != 0) {
            serve_client(s, c, polls[i + 1].revents);
        }
        if (c->used && now_ms >= c->until_ms) {
            drop(c);
        }
    }
    if (polls[0].revents != 0) {
        accept_one(s, now_ms);
    }
}

int
ctl_connect(const struct conf *conf, int patience_ms)
{
    struct timeval limit = { .tv_sec = patience_ms / 1000,
        .tv_usec = (suseconds_t)1000 * (patience_ms % 1000) };
    struct sockaddr_un at;
    int dir = open_dir(conf);
    int fd;

    if (dir < 0) {
        return dir;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        address(dir, &at);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
            int error = errno == ENOENT ? -ECONNREFUSED : -errno;

            (void)close(fd);
            fd = error;
        }
    }
    (void)close(dir);
    return fd;
}
