#include "belfry/page/link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAM "belfry-page"
#define AGAIN_MS 1000
#define AGAIN_MAX_MS 60000

static int
run_it(struct page_link *p, int64_t now_ms)
{
    static char name[] = PROGRAM;
    static char place[CONF_PATH];
    static char port[8];
    char *argv[] = { name, place, p->conf->page.port != 0 ? port : NULL, NULL };
    int r;

    (void)snprintf(place, sizeof place, "%s", p->conf->page.place);
    (void)snprintf(port, sizeof port, "%u", p->conf->page.port);
    if (now_ms - p->start_ms > AGAIN_MAX_MS) {
        p->wait_ms = AGAIN_MS; /* it has lasted */
    }
    p->len = 0;
    p->blocked_ms = 0;
    p->start_ms = now_ms + p->wait_ms;
    p->wait_ms = p->wait_ms * 2 < AGAIN_MAX_MS ? p->wait_ms * 2 : AGAIN_MAX_MS;
    r = beside_start(&p->process, PROGRAM, argv, SOCK_STREAM);
    if (r == 0 && out_socket(&p->out, p->process.fd, CTL_ANSWER_MAX) != 0) {
        beside_stop(&p->process);
        r = -ENOMEM;
    }
    return r;
}

int
page_start(struct page_link *p, const struct conf *conf, ctl_answer_fn *answer, void *to, int64_t now_ms)
{
    memset(p, 0, sizeof *p);
    p->process = (struct beside){ .fd = -1, .pid = -1 };
    if (conf->page.place[0] == '\0') {
        return 0;
    }
    p->conf = conf;
    p->answer = answer;
    p->to = to;
    p->start_ms = INT64_MIN / 2;
    return run_it(p, now_ms);
}

int
page_fd(const struct page_link *p)
{
    return p->conf != NULL ? p->process.fd : -1;
}

short
page_events(const struct page_link *p)
{
    return p->out.len > 0 ? POLLOUT : POLLIN;
}

void
page_stop(struct page_link *p)
{
    if (p->process.fd < 0) {
        return;
    }
    out_close(&p->out); /* the link, too */
    p->process.fd = -1;
    beside_stop(&p->process);
}

static void
gone(struct page_link *p, const char *how)
{
    if (!p->process.absent) {
        out_warn("the status page %s; it is started again", how);
    }
    page_stop(p);
}

/* One request, if a whole one is there. False when it may not ask that. */
static bool
answer_next(struct page_link *p)
{
    struct ctl_request request;
    char *nl = memchr(p->in, '\n', p->len);
    size_t used;

    if (nl == NULL) {
        return p->len < sizeof p->in;
    }
    used = (size_t)(nl + 1 - p->in);
    if (!ctl_parse(p->in, used - 1, &request) || ctl_changes(&request)) {
        return false;
    }
    p->answer(p->to, &request, &p->out);
    (void)out_put(&p->out, "end\n", 4);
    p->len -= used;
    memmove(p->in, p->in + used, p->len);
    return true;
}

/* False when the link is over. */
static bool
listen_to(struct page_link *p)
{
    size_t room = sizeof p->in - p->len;
    ssize_t n;

    if (room == 0) {
        return true;
    }
    n = recv(p->process.fd, p->in + p->len, room, MSG_DONTWAIT);
    if (n > 0) {
        p->len += (size_t)n;
        return true;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void
look_at_patience(struct page_link *p, int64_t now_ms)
{
    if (p->out.len == 0) {
        p->blocked_ms = 0;
    } else if (p->blocked_ms == 0) {
        p->blocked_ms = now_ms;
    } else if (now_ms - p->blocked_ms >= PAGE_HANGS_MS) {
        gone(p, "hangs");
    }
}

void
page_serve(struct page_link *p, bool ready, int64_t now_ms)
{
    if (p->conf == NULL) {
        return;
    }
    if (p->process.fd < 0) {
        if (now_ms >= p->start_ms && run_it(p, now_ms) != 0) {
            out_warn("the status page cannot be started");
        }
        return;
    }
    if (p->out.len == 0 && p->changed) {
        p->changed = !out_put(&p->out, "changed\n", 8);
    }
    if (ready && p->out.len == 0 && !listen_to(p)) {
        gone(p, "has ended");
        return;
    }
    if (p->out.len == 0 && !answer_next(p)) {
        gone(p, "asked what it may not");
        return;
    }
    if (out_flush(&p->out) != 0) {
        gone(p, "has ended");
        return;
    }
    look_at_patience(p, now_ms);
}
