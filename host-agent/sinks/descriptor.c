#include "sinks/descriptor.h"
#include "hal/host/tty.h"
#include "hal/host/vt.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    struct hal_tty_mark mark;
    int queued;    /* at the last look */
    bool refused;  /* took nothing when last asked to */
    bool helpless; /* told that it could not be put right */
} tty;

int
sink_fd_write(struct sink *s, const char *src, size_t len)
{
    ssize_t n = write(s->fd, src, len);

    tty.refused = n <= 0;
    if (n >= 0) {
        return (int)n;
    }
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

int
sink_fd_none_queued(struct sink *s)
{
    (void)s;
    return 0;
}

void
sink_tty_settings(struct sink *s, char out[SINK_SETTINGS])
{
    hal_tty_describe(s->fd, out, SINK_SETTINGS);
}

void
sink_fd_close(struct sink *s)
{
    if (s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
}

static enum hal_tty_flow
flow_of(const struct conf_channel *channel)
{
    switch ((enum conf_flow)channel->flow) {
    case CONF_FLOW_RTSCTS:
        return HAL_TTY_FLOW_RTSCTS;
    case CONF_FLOW_XONXOFF:
        return HAL_TTY_FLOW_XONXOFF;
    case CONF_FLOW_NONE:
        break;
    }
    return HAL_TTY_FLOW_NONE;
}

static int
set_line(int fd, const struct conf_channel *channel, uint32_t baud)
{
    const struct hal_tty_line line = {
        .baud = baud,
        .frame = channel->frame[0] != '\0' ? channel->frame : "8n1",
        .flow = flow_of(channel),
        .deaf = true,
    };

    return hal_tty_set(fd, &line);
}

int
sink_tty_open(const struct conf_channel *channel, const char *path, uint32_t baud)
{
    int fd = hal_tty_open(path);

    if (fd < 0) {
        return fd;
    }
    int error = set_line(fd, channel, baud);
    if (error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

/* What somebody did to it before it was opened again is found by check(), and what was told is not told anew.
 */
static int
mark(struct sink *s, bool shared)
{
    struct hal_tty_mark now;
    int error = hal_tty_mark(s->fd, shared, &now);

    if (error < 0) {
        return error;
    }
    tty.helpless = hal_tty_keep(&tty.mark, &now) && tty.helpless;
    tty.mark = now;
    tty.queued = 0;
    tty.refused = false;
    return 0;
}

int
sink_tty_adopt(struct sink *s, uint32_t baud)
{
    int error = set_line(s->fd, s->channel, baud);

    return error < 0 ? error : mark(s, false);
}

int
sink_tty_adopt_shared(struct sink *s)
{
    return mark(s, true);
}

int
sink_tty_queued(struct sink *s)
{
    return hal_tty_queued(s->fd);
}

int
sink_tty_helpless(int error)
{
    if (tty.helpless) {
        return error;
    }
    tty.helpless = true;
    return SINK_TAMPERED;
}

/* Somebody may have stopped what goes out: by tcflow(), or a stop character before it was made raw again. */
static void
keep_going(struct sink *s)
{
    int queued = hal_tty_queued(s->fd);

    if (tty.refused || (queued > 0 && queued >= tty.queued)) {
        hal_tty_start(s->fd);
    }
    tty.queued = queued;
}

int
sink_tty_check(struct sink *s, char word[SINK_WORD])
{
    const char *what = "";
    int found = hal_tty_mend(s->fd, &tty.mark, &what);

    if (found == -EIO) {
        what = "hung-up";
    }
    snprintf(word, SINK_WORD, "%s", what);
    if (found == -EPERM) {
        return sink_tty_helpless(found);
    }
    if (found < 0) {
        return found;
    }
    keep_going(s);
    return found == 0 ? 0 : SINK_TAMPERED;
}

int
sink_tty_shows(struct sink *s, char word[SINK_WORD])
{
    if (hal_vt_shows_text(s->fd)) {
        return 0;
    }
    snprintf(word, SINK_WORD, "graphics");
    return SINK_WAITS;
}

/* A line that is held up would hold up close(). */
void
sink_tty_close(struct sink *s)
{
    if (s->fd >= 0) {
        hal_tty_forget(s->fd);
    }
    sink_fd_close(s);
}
