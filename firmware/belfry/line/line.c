#include "belfry/line/line.h"

#include <errno.h>
#include <string.h>

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 2000

static const struct line_ops *const kinds[CONF_KINDS] = {
    [CONF_PTY] = &line_pty_ops,
    [CONF_SERIAL] = &line_serial_ops,
    [CONF_FILE] = &line_file_ops,
};

void
line_init(struct line *l, const struct conf_line *conf, int64_t now_ms)
{
    memset(l, 0, sizeof *l);
    l->ops = kinds[conf->kind];
    l->conf = conf;
    l->retry_ms = now_ms;
    l->wait_ms = RETRY_FIRST_MS;
    l->sweep_ms = INT64_MAX;
}

static void
try_later(struct line *l, int error, int64_t now_ms)
{
    l->up = false;
    l->more = false;
    l->error = -error;
    l->retry_ms = now_ms + l->wait_ms;
    l->wait_ms = l->wait_ms * 2 < RETRY_LAST_MS ? l->wait_ms * 2 : RETRY_LAST_MS;
}

enum line_change
line_open_if_due(struct line *l, int64_t now_ms)
{
    bool told = l->error != 0;
    int error;

    if (l->up || now_ms < l->retry_ms) {
        return LINE_SAME;
    }
    error = l->ops->open(l, now_ms);
    if (error != 0) {
        try_later(l, error, now_ms);
        return told ? LINE_SAME : LINE_WENT;
    }
    l->up = true;
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
    got = l->ops->read(l, to, LINE_SLICE, ready, now_ms);
    if (got < 0) {
        l->ops->close(l);
        l->sweep_ms = INT64_MAX;
        try_later(l, got, now_ms);
        return LINE_WENT;
    }
    if (got > 0) {
        /* Only a line that gives bytes is well: a port that opens and fails at once is tried more and more
         * seldom. */
        l->wait_ms = RETRY_FIRST_MS;
    }
    *n = (size_t)got;
    return LINE_SAME;
}

void
line_close(struct line *l)
{
    if (l->up) {
        l->ops->close(l);
        l->up = false;
    }
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

int64_t
line_due(const struct line *l)
{
    return l->up ? l->sweep_ms : l->retry_ms;
}
