#include "belfry/line/line.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 2000
#define ASK_FIRST_MS 5 /* while it is coming, whether it has come */
#define ASK_LAST_MS 200
#define COMING_MS 120000 /* the longest: who makes the connection gives up before */

static const struct line_ops *const kinds[CONF_KINDS] = {
    [CONF_PTY] = &line_pty_ops,
    [CONF_SERIAL] = &line_serial_ops,
    [CONF_FILE] = &line_file_ops,
    [CONF_TCP] = &line_tcp_ops,
    [CONF_TELNET] = &line_telnet_ops,
    [CONF_TLS] = &line_tls_ops,
    [CONF_UNIX] = &line_unix_ops,
    [CONF_COMMAND] = &line_command_ops,
};

static int64_t
first_wait(const struct line *l)
{
    return l->ops->wait_first_ms != 0 ? l->ops->wait_first_ms : RETRY_FIRST_MS;
}

void
line_init(struct line *l, const struct conf_line *conf, int64_t now_ms)
{
    memset(l, 0, offsetof(struct line, stream));
    l->ops = kinds[conf->kind];
    l->conf = conf;
    l->epoll = -1;
    l->why = "";
    l->retry_ms = now_ms;
    l->wait_ms = first_wait(l);
    l->sweep_ms = INT64_MAX;
}

/* Where others are asked, half to one and a half of the time: many lines to one server do not all come at
 * once. */
static int64_t
spread(const struct line *l, int64_t wait_ms)
{
    uint32_t random = 0;

    if (l->ops->well_ms == 0 || getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random) {
        return wait_ms;
    }
    return wait_ms / 2 + (int64_t)random % wait_ms;
}

static void
try_later(struct line *l, int error, int64_t now_ms)
{
    int64_t most = l->ops->wait_max_ms != 0 ? l->ops->wait_max_ms : RETRY_LAST_MS;

    if (l->up && l->ops->well_ms != 0 && now_ms - l->since_ms >= l->ops->well_ms) {
        l->wait_ms = first_wait(l);
    }
    l->up = false;
    l->coming = false;
    l->bent = false;
    l->more = false;
    l->error = -error;
    l->retry_ms = now_ms + spread(l, l->wait_ms);
    l->wait_ms = l->wait_ms * 2 < most ? l->wait_ms * 2 : most;
}

/* True while it is still coming. */
static bool
wait_for_it(struct line *l, int64_t now_ms)
{
    int64_t ask_ms = now_ms - l->since_ms;

    if (!l->coming) {
        l->coming = true;
        l->since_ms = now_ms;
        ask_ms = 0;
    }
    if (ask_ms > (l->ops->coming_ms != 0 ? l->ops->coming_ms : COMING_MS)) {
        return false;
    }
    /* As long as it has taken already, within bounds. */
    ask_ms = ask_ms > ASK_FIRST_MS ? ask_ms : ASK_FIRST_MS;
    l->retry_ms = now_ms + (ask_ms < ASK_LAST_MS ? ask_ms : ASK_LAST_MS);
    return true;
}

enum line_change
line_open_if_due(struct line *l, int64_t now_ms)
{
    bool told = l->error != 0;
    int error;

    if (l->up || now_ms < l->retry_ms) {
        return LINE_SAME;
    }
    if (!l->coming) {
        l->why = "";
    }
    error = l->ops->open(l, now_ms);
    if (error == -EINPROGRESS) {
        if (wait_for_it(l, now_ms)) {
            return LINE_SAME;
        }
        l->ops->close(l);
        error = -ETIMEDOUT;
    }
    if (error != 0) {
        try_later(l, error, now_ms);
        return told ? LINE_SAME : LINE_WENT;
    }
    l->up = true;
    l->coming = false;
    l->since_ms = now_ms;
    l->bent = false;
    l->error = 0;
    return LINE_CAME;
}

enum line_change
line_mend(struct line *l)
{
    int done = l->up && l->ops->mend != NULL ? l->ops->mend(l) : 0;

    if (done < 0) {
        bool told = l->bent && l->error == -done;

        l->bent = true;
        l->error = -done;
        return told ? LINE_SAME : LINE_BENT;
    }
    if (done == 0 && !l->bent) {
        return LINE_SAME;
    }
    l->bent = false;
    l->error = 0;
    return LINE_MENDED;
}

enum line_change
line_read(struct line *l, uint8_t to[LINE_SLICE], bool ready, int64_t now_ms, size_t *n)
{
    int got;

    *n = 0;
    l->more = false;
    l->replay = false;
    l->events.what = 0;
    got = l->ops->read(l, to, LINE_SLICE, ready, now_ms);
    if (got < 0) {
        l->ops->close(l);
        l->why = "";
        l->sweep_ms = INT64_MAX;
        try_later(l, got, now_ms);
        return LINE_WENT;
    }
    if (got > 0 && l->ops->well_ms == 0) {
        /* Only a line that gives bytes is well: a port that opens and fails at once is tried more and more
         * seldom. */
        l->wait_ms = first_wait(l);
    }
    *n = (size_t)got;
    return LINE_SAME;
}

void
line_close(struct line *l)
{
    if (l->up || l->coming) {
        l->ops->close(l);
        l->up = false;
        l->coming = false;
    }
}

int
line_write(struct line *l, const uint8_t *src, size_t len)
{
    if (l->conf->options.alarm_only) {
        return -EPERM;
    }
    if (l->ops->write == NULL) {
        return -ENOTSUP;
    }
    return l->up ? l->ops->write(l, src, len) : -ENOTCONN;
}

int
line_fd(const struct line *l)
{
    return l->up ? l->ops->fd(l) : -1;
}

uint64_t
line_errors(const struct line *l)
{
    return l->up && l->ops->errors != NULL ? l->ops->errors(l) : 0;
}

void
line_event(struct line *l, enum transcript_event what, uint64_t value, size_t at)
{
    struct line_events *e = &l->events;
    bool first = (e->what & 1U << what) == 0;

    if (first) {
        e->what |= 1U << what;
        e->at[what] = (uint16_t)at;
    }
    e->value[what] = first ? value : transcript_join(what, e->value[what], value);
}

int64_t
line_due(const struct line *l)
{
    return l->up ? l->sweep_ms : l->retry_ms;
}
