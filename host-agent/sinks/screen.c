#include "hal/host/screen.h"
#include "hal/host/tty.h"
#include "hal/host/vt.h"
#include "sinks/descriptor.h"
#include <stdio.h>
#include <string.h>

/*
 * Some rows of a virtual console: the newest alarms, the newest first, and below them a row that shows when
 * the agent was last alive. Whatever others do to the screen, the rows are drawn anew each second.
 */
#define LINES_USUAL 4
#define KEPT HAL_SCREEN_ROWS_MAX
#define KEPT_TEXT 400    /* a line, and what others tell more of it */
#define COPIED 1024      /* lines of which copies may come: as many as the core keeps */
#define AWAKE "\033[13]" /* ends the screen's sleep */

struct kept {
    char text[KEPT_TEXT];
    enum wire_severity severity;
    uint32_t session;
    uint32_t number;
};

static struct {
    struct kept alarm[KEPT]; /* the newest first */
    unsigned alarms;
    uint32_t session;
    uint32_t seen[COPIED]; /* numbers of lines and 1, by their last bits */
    uint32_t alive_number; /* the newest of the session */
    char open[24];         /* findings, by the last sign of life */
    char alive[96];        /* the last row */
    char line[WIRE_LINE_MAX];
    size_t line_len;
    char frame[HAL_SCREEN_BYTES + sizeof(AWAKE)];
    size_t frame_len;
    size_t frame_at;
    bool wake; /* the next frame ends the screen's sleep */
} screen;

static int
screen_open(const struct conf_channel *channel)
{
    return hal_tty_open(channel->device);
}

/* The rows are drawn by bytes that mean the same whatever the terminal is set to; its settings are others'.
 */
static int
screen_adopt(struct sink *s)
{
    screen.line_len = 0;
    screen.frame_len = 0;
    screen.frame_at = 0;
    return sink_tty_adopt_shared(s);
}

static int
flush(struct sink *s)
{
    int n = sink_fd_write(s, screen.frame + screen.frame_at, screen.frame_len - screen.frame_at);

    screen.frame_at += n > 0 ? (size_t)n : 0;
    return n;
}

static bool
is_out(void)
{
    return screen.frame_at == screen.frame_len;
}

static enum hal_screen_style
style_of(enum wire_severity severity)
{
    if (severity <= WIRE_CRIT) {
        return HAL_SCREEN_REVERSE;
    }
    return severity <= WIRE_WARN ? HAL_SCREEN_BOLD : HAL_SCREEN_PLAIN;
}

/* An alarm takes as many rows as it needs, as long as there are some. Returns how many it took. */
static unsigned
lay_out(const struct kept *k, unsigned columns, struct hal_screen_row *row, unsigned rows)
{
    size_t len = strlen(k->text);
    size_t at = 0;
    unsigned taken = 0;

    do {
        bool last = taken + 1 == rows || len - at <= columns;
        size_t part = last ? len - at : columns;

        row[taken++] = (struct hal_screen_row){ k->text + at, part, style_of(k->severity) };
        at += part;
    } while (at < len);
    return taken;
}

static unsigned
lines_of(const struct conf_channel *channel)
{
    return channel->lines != 0 ? channel->lines : LINES_USUAL;
}

static void
draw(struct sink *s)
{
    static struct hal_screen_row row[HAL_SCREEN_ROWS_MAX];
    unsigned count = lines_of(s->channel);
    unsigned rows, columns;
    unsigned taken = 0;
    size_t len = 0;

    hal_screen_size(s->fd, &rows, &columns);
    for (unsigned i = 0; i < screen.alarms && taken + 1 < count; i++) {
        taken += lay_out(&screen.alarm[i], columns, row + taken, count - 1 - taken);
    }
    while (taken + 1 < count) {
        row[taken++] = (struct hal_screen_row){ "", 0, HAL_SCREEN_PLAIN };
    }
    row[taken++] = (struct hal_screen_row){ screen.alive, strlen(screen.alive), HAL_SCREEN_REVERSE };
    if (screen.wake && hal_vt_number(s->fd) > 0) {
        memcpy(screen.frame, AWAKE, sizeof(AWAKE) - 1);
        len = sizeof(AWAKE) - 1;
    }
    screen.wake = false;
    screen.frame_len = len + hal_screen_draw(row, taken, rows, columns, screen.frame + len);
    screen.frame_at = 0;
}

static const char *
time_of(const struct wire_line *l, char out[9])
{
    uint64_t day_s = l->head.utc_s % 86400;

    snprintf(out, 9, "%02u:%02u:%02u", (unsigned)(day_s / 3600), (unsigned)(day_s / 60 % 60),
            (unsigned)(day_s % 60));
    return out;
}

/* Whose it is, when it was last heard, and how much is open. */
static void
take_life(const struct wire_line *l, bool beat)
{
    char time[9];
    size_t open_len = 0;
    const char *open = beat ? wire_detail_find(l->detail, l->detail_len, "open", &open_len) : NULL;

    if (l->head.number < screen.alive_number) {
        return;
    }
    screen.alive_number = l->head.number;
    if (open != NULL) {
        snprintf(screen.open, sizeof(screen.open), "  open %.*s", (int)open_len, open);
    }
    snprintf(screen.alive, sizeof(screen.alive), " %s  %s UTC  session %u%s", l->head.host, time_of(l, time),
            l->head.session, screen.open);
}

/* Severity, time, code and details: what proves the line is for machines. */
static void
keep_alarm(const struct wire_line *l, struct kept *k)
{
    char time[9];

    k->severity = l->head.severity;
    k->session = l->head.session;
    k->number = l->head.number;
    snprintf(k->text, sizeof(k->text), "%s %s %s %.*s", wire_severity_name(k->severity), time_of(l, time),
            l->head.code, (int)l->detail_len, l->detail);
}

/* What is told more of an alarm that is kept is put behind it. False when it is none of that. */
static bool
take_more(const struct wire_line *l)
{
    size_t len;
    uint32_t of;
    const char *value = wire_detail_find(l->detail, l->detail_len, "of", &len);

    if (strcmp(l->head.code, "more") != 0 || value == NULL || !wire_decimal(value, len, &of)) {
        return false;
    }
    for (unsigned i = 0; i < screen.alarms; i++) {
        struct kept *k = &screen.alarm[i];

        if (k->session == l->head.session && k->number == of) {
            size_t used = strlen(k->text);
            const char *more = value + len;

            snprintf(k->text + used, sizeof(k->text) - used, "%.*s", (int)(l->detail + l->detail_len - more),
                    more);
            return true;
        }
    }
    return false;
}

/* Lines are told several times, also when they have long left the screen; here once is enough. */
static bool
is_news(const struct wire_head *h)
{
    uint32_t *seen = &screen.seen[h->number % COPIED];

    if (h->session != screen.session) {
        memset(screen.seen, 0, sizeof(screen.seen));
        screen.alive_number = 0;
        screen.session = h->session;
    }
    if (*seen == h->number + 1) {
        return false;
    }
    *seen = h->number + 1;
    return true;
}

static bool
is_newer(const struct kept *k, const struct wire_head *h)
{
    return k->session > h->session || (k->session == h->session && k->number > h->number);
}

/* Behind those that are newer: to a process that is new itself the copies of old lines come as well. */
static unsigned
place_of(const struct wire_head *h)
{
    unsigned at = 0;

    while (at < screen.alarms && is_newer(&screen.alarm[at], h)) {
        at++;
    }
    return at;
}

static void
take_line(const char *text, size_t len)
{
    struct wire_line l;

    if (wire_line_parse(text, len, &l) != 0) {
        return;
    }
    bool beat = strcmp(l.head.code, "agent.beat") == 0;
    if (!is_news(&l.head)) {
        return;
    }
    take_life(&l, beat);
    if (beat || take_more(&l)) {
        return;
    }
    unsigned at = place_of(&l.head);

    if (at == KEPT) {
        return;
    }
    memmove(screen.alarm + at + 1, screen.alarm + at, (KEPT - 1 - at) * sizeof(screen.alarm[0]));
    keep_alarm(&l, &screen.alarm[at]);
    screen.alarms += screen.alarms < KEPT;
    screen.wake = true;
}

static void
take_bytes(const char *src, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (src[i] == '\n' || src[i] == '\r') {
            take_line(screen.line, screen.line_len);
            screen.line_len = 0;
        } else if (screen.line_len < sizeof(screen.line)) {
            screen.line[screen.line_len++] = src[i];
        }
    }
}

static int
screen_write(struct sink *s, const char *src, size_t len)
{
    int n = is_out() ? 0 : flush(s);

    if (n < 0 || !is_out()) {
        return n < 0 ? n : 0;
    }
    take_bytes(src, len);
    draw(s);
    n = flush(s);
    return n < 0 ? n : (int)len;
}

static int
screen_queued(struct sink *s)
{
    int n = is_out() ? 0 : flush(s);

    if (n < 0) {
        return n;
    }
    n = hal_tty_queued(s->fd);
    return n < 0 ? n : n + (int)(screen.frame_len - screen.frame_at);
}

static int
screen_check(struct sink *s, char word[SINK_WORD])
{
    int found = sink_tty_check(s, word);

    if (found < 0) {
        return found;
    }
    if (is_out()) {
        draw(s);
    }
    int n = flush(s);
    if (n < 0) {
        return n;
    }
    return found != 0 ? found : sink_tty_shows(s, word);
}

static void
screen_settings(struct sink *s, char out[SINK_SETTINGS])
{
    unsigned rows, columns;

    hal_screen_size(s->fd, &rows, &columns);
    snprintf(out, SINK_SETTINGS, "%ux%u lines %u", columns, rows, lines_of(s->channel));
}

const struct sink_ops sink_screen_ops = {
    .scheme = "screen",
    .hangs_up = true,
    .open = screen_open,
    .adopt = screen_adopt,
    .write = screen_write,
    .queued = screen_queued,
    .changes = true,
    .check = screen_check,
    .settings = screen_settings,
    .close = sink_fd_close,
};
