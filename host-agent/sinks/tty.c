#include "hal/host/vt.h"
#include "sinks/descriptor.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/*
 * A terminal line of any kind, made raw. A virtual console may be locked: it is shown, and no other.
 */

static int
tty_open(const struct conf_channel *channel)
{
    int fd = sink_tty_open(channel, channel->device, channel->baud);
    int error = fd >= 0 && channel->lock ? hal_vt_lock(fd) : 0;

    if (error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

static int
tty_adopt(struct sink *s)
{
    return sink_tty_adopt(s, s->channel->baud);
}

/* To switch consoles takes rights that are not here. */
static int
tty_check(struct sink *s, char word[SINK_WORD])
{
    int found = sink_tty_check(s, word);

    if (found != 0) {
        return found;
    }
    if (s->channel->lock && hal_vt_shown(s->fd) != hal_vt_number(s->fd)) {
        snprintf(word, SINK_WORD, "console");
        return sink_tty_helpless(-EPERM);
    }
    return sink_tty_shows(s, word);
}

const struct sink_ops sink_tty_ops = {
    .scheme = "tty",
    .open = tty_open,
    .adopt = tty_adopt,
    .write = sink_fd_write,
    .queued = sink_tty_queued,
    .changes = true,
    .check = tty_check,
    .settings = sink_tty_settings,
    .close = sink_tty_close,
};
