#include "belfry/dial/resolve.h"

#include "belfry/dial/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOKUPS 16
#define PATIENCE_S 20
#define FRESH_MS 5000

enum state { FREE, RUNNING, DONE };

struct lookup {
    struct watch pipe; /* first: the watch is the lookup */
    enum state state;
    pid_t pid;
    int64_t until_ms; /* DONE: how long it is fresh */
    char host[CONF_HOST];
    struct addresses found;
};

static struct lookup lookups[LOOKUPS];
static void (*on_end)(void);

void
resolve_init(void (*ended)(void))
{
    on_end = ended;
}

static int
look_up(const char *host, int flags, struct addresses *out)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
    struct addrinfo *list = NULL;
    int error = getaddrinfo(host, NULL, &hints, &list);

    memset(out, 0, sizeof *out);
    for (struct addrinfo *a = list; error == 0 && a != NULL && out->count < RESOLVE_ADDRESSES;
            a = a->ai_next) {
        struct address *to = &out->address[out->count];

        if (a->ai_addrlen <= sizeof to->at) {
            memcpy(&to->at, a->ai_addr, a->ai_addrlen);
            to->len = a->ai_addrlen;
            out->count++;
        }
    }
    if (list != NULL) {
        freeaddrinfo(list);
    }
    out->error = error == EAI_AGAIN ? EAGAIN : ENXIO;
    return out->count > 0 ? 0 : -out->error;
}

_Noreturn static void
child(const char *host, int to)
{
    static struct addresses found;

    /* None of our descriptors: a connection must end when we say so. */
    (void)dup2(to, STDERR_FILENO + 1);
    (void)close_range(STDERR_FILENO + 2, ~0U, 0);
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(PATIENCE_S);
    (void)look_up(host, 0, &found);
    (void)!write(STDERR_FILENO + 1, &found, sizeof found);
    _exit(0);
}

static void
finish(struct lookup *l, const struct addresses *found)
{
    int fd = l->pipe.fd;

    loop_remove(&l->pipe);
    (void)close(fd);
    (void)kill(l->pid, SIGKILL);
    (void)waitpid(l->pid, NULL, 0);
    l->found = *found;
    l->state = DONE;
    l->until_ms = loop_now_ms() + FRESH_MS;
    on_end();
}

static void
on_pipe(struct watch *w, uint32_t events)
{
    struct lookup *l = (struct lookup *)w;
    static struct addresses found;
    ssize_t n = read(w->fd, &found, sizeof found);

    (void)events;
    if (n != (ssize_t)sizeof found || found.count > RESOLVE_ADDRESSES) {
        memset(&found, 0, sizeof found);
        found.error = ETIMEDOUT;
    }
    finish(l, &found);
}

static int
begin(struct lookup *l, const char *host)
{
    int ends[2];
    int error;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -errno;
    }
    error = loop_add(&l->pipe, ends[0], EPOLLIN, on_pipe);
    l->pid = error == 0 ? fork() : -1;
    if (l->pid == 0) {
        child(host, ends[1]);
    }
    error = error == 0 && l->pid < 0 ? -errno : error;
    (void)close(ends[1]);
    if (error != 0) {
        loop_remove(&l->pipe);
        (void)close(ends[0]);
        return error;
    }
    (void)snprintf(l->host, sizeof l->host, "%s", host);
    l->state = RUNNING;
    return -EINPROGRESS;
}

/* The lookup of this host that runs or is fresh. */
static struct lookup *
find(const char *host)
{
    for (int i = 0; i < LOOKUPS; i++) {
        struct lookup *l = &lookups[i];

        if (l->state == DONE && loop_now_ms() >= l->until_ms) {
            l->state = FREE;
        }
        if (l->state != FREE && strcasecmp(l->host, host) == 0) {
            return l;
        }
    }
    return NULL;
}

/* One that is not in use, or the one that ended first. */
static struct lookup *
spare(void)
{
    struct lookup *best = NULL;

    for (int i = 0; i < LOOKUPS; i++) {
        struct lookup *l = &lookups[i];

        if (l->state == FREE) {
            return l;
        }
        if (l->state == DONE && (best == NULL || l->until_ms < best->until_ms)) {
            best = l;
        }
    }
    return best;
}

int
resolve(const char *host, struct addresses *out)
{
    struct lookup *l;

    if (look_up(host, AI_NUMERICHOST, out) == 0) {
        return 0;
    }
    l = find(host);
    if (l == NULL) {
        l = spare();
        return l != NULL ? begin(l, host) : -EINPROGRESS;
    }
    if (l->state == RUNNING) {
        return -EINPROGRESS;
    }
    *out = l->found;
    return out->count > 0 ? 0 : -out->error;
}
