#include "belfry/line/remote.h"
#include "belfry/line/telnet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const enum transcript_event events[] = {
    [TELNET_BREAK] = TRANSCRIPT_BREAK,
    [TELNET_FRAMING] = TRANSCRIPT_FRAMING,
    [TELNET_PARITY] = TRANSCRIPT_PARITY,
    [TELNET_OVERRUN] = TRANSCRIPT_OVERRUN,
    [TELNET_MODEM] = TRANSCRIPT_MODEM,
};

_Static_assert(TELNET_CTS == TRANSCRIPT_CTS && TELNET_DSR == TRANSCRIPT_DSR && TELNET_RI == TRANSCRIPT_RI &&
                       TELNET_DCD == TRANSCRIPT_DCD,
        "modem lines are written as they are heard");

/* What waits to be said; what the other side does not take stays. 0 or -errno. */
static int
flush(struct line *l)
{
    struct telnet *t = l->is.remote.telnet;
    int n = t->out_len > 0 ? remote_write(l, t->out, t->out_len) : 0;

    if (n > 0) {
        telnet_sent(t, (size_t)n);
    }
    return n < 0 ? n : 0;
}

static void
telnet_close(struct line *l)
{
    remote_close(l);
    free(l->is.remote.telnet);
    l->is.remote.telnet = NULL;
}

static int
telnet_open(struct line *l, int64_t now_ms)
{
    const struct conf_options *o = &l->conf->options;
    struct telnet_port port = { .baud = o->baud, .flow = o->flow, .set_flow = conf_option_given(o, "flow") };
    int error = remote_dial(l, now_ms);

    if (error != 0) {
        return error;
    }
    memcpy(port.frame, o->frame, sizeof port.frame);
    l->is.remote.telnet = malloc(sizeof *l->is.remote.telnet);
    if (l->is.remote.telnet == NULL) {
        l->up = true; /* as close() has to find it */
        remote_close(l);
        l->up = false;
        return -ENOMEM;
    }
    telnet_init(l->is.remote.telnet, &port);
    (void)flush(l); /* an error shows in the first read */
    return 0;
}

static int
telnet_read(struct line *l, uint8_t *to, size_t size, bool ready, int64_t now_ms)
{
    struct telnet *t = l->is.remote.telnet;
    int n = remote_read(l, to, size, ready, now_ms);
    size_t data;

    if (n <= 0) {
        return n;
    }
    data = telnet_feed(t, to, (size_t)n, to, now_ms);
    for (unsigned i = 0; i < t->events; i++) {
        const struct telnet_event *e = &t->event[i];
        uint64_t value = e->what == TELNET_MODEM ? (uint64_t)e->changed << 8 | e->on : 1;

        line_event(l, events[e->what], value, e->at);
    }
    n = flush(l);
    return n < 0 ? n : (int)data;
}

static int
telnet_put(struct line *l, const uint8_t *src, size_t len)
{
    struct telnet *t = l->is.remote.telnet;
    size_t taken;
    int error = flush(l);

    if (error != 0 || t->paused) {
        return error;
    }
    t->out_len = (uint16_t)(t->out_len + telnet_write(t, src, len, t->out + t->out_len,
                                                 sizeof t->out - t->out_len, &taken));
    error = flush(l);
    return error != 0 ? error : (int)taken;
}

/* Once a second: what could not be said when it came up, and whether the port is as it shall be. */
static int
telnet_mend(struct line *l)
{
    (void)flush(l);
    if (l->is.remote.telnet->differs != 0) {
        l->why = "port-set-otherwise";
        return -EINVAL;
    }
    return 0;
}

const struct line_ops line_telnet_ops = {
    .kind = "telnet",
    .wait_first_ms = REMOTE_WAIT_FIRST_MS,
    .wait_max_ms = REMOTE_WAIT_MAX_MS,
    .well_ms = REMOTE_WELL_MS,
    .open = telnet_open,
    .close = telnet_close,
    .fd = remote_fd,
    .read = telnet_read,
    .write = telnet_put,
    .mend = telnet_mend,
};
