#include "belfry/line/line.h"

#include "hal/host/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A link of this name that is not a symbolic link is somebody's file. */
static int
place_link(const char *target, const char *link)
{
    char temp[CONF_PATH + 32];
    struct stat st;

    if (lstat(link, &st) == 0 && !S_ISLNK(st.st_mode)) {
        return -EEXIST;
    }
    (void)snprintf(temp, sizeof temp, "%s.%ld.new", link, (long)getpid());
    (void)unlink(temp);
    if (symlink(target, temp) != 0) {
        return -errno;
    }
    if (rename(temp, link) != 0) {
        int error = -errno;

        (void)unlink(temp);
        return error;
    }
    return 0;
}

static int
open_pair(struct line_pty *p, uint32_t mode)
{
    int error;

    p->slave = -1;
    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (p->master < 0) {
        return -errno;
    }
    if (grantpt(p->master) != 0 || unlockpt(p->master) != 0 ||
            ptsname_r(p->master, p->name, sizeof p->name) != 0) {
        return -errno;
    }
    p->slave = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->slave < 0) {
        return -errno;
    }
    error = hal_tty_raw(p->slave, CONF_DEFAULT_BAUD, "8n1");
    if (error == 0 && fchmod(p->slave, mode) != 0) {
        error = -errno;
    }
    return error;
}

static void
close_pair(struct line_pty *p)
{
    if (p->slave >= 0) {
        (void)close(p->slave);
    }
    if (p->master >= 0) {
        (void)close(p->master);
    }
}

static int
pty_open(struct line *l, int64_t now_ms)
{
    struct line_pty *p = &l->is.pty;
    int error;

    (void)now_ms;
    error = open_pair(p, l->conf->options.mode);
    if (error == 0) {
        error = place_link(p->name, l->conf->path);
    }
    if (error != 0) {
        close_pair(p);
    }
    return error;
}

static bool
link_is_ours(const struct line *l)
{
    const struct line_pty *p = &l->is.pty;
    char target[sizeof p->name];
    ssize_t n = readlink(l->conf->path, target, sizeof target);

    return n > 0 && (size_t)n == strlen(p->name) && memcmp(target, p->name, (size_t)n) == 0;
}

static void
pty_close(struct line *l)
{
    /* Ours only: another belfry may have put its own in this place. */
    if (link_is_ours(l)) {
        (void)unlink(l->conf->path);
    }
    close_pair(&l->is.pty);
}

/* Whoever opens the name next would write to somebody else, or to nobody. */
static int
pty_mend(struct line *l)
{
    int error;

    if (link_is_ours(l)) {
        return 0;
    }
    error = place_link(l->is.pty.name, l->conf->path);
    return error == 0 ? 1 : error;
}

static int
pty_fd(const struct line *l)
{
    return l->is.pty.master;
}

static int
pty_read(struct line *l, uint8_t *to, size_t size, bool ready, int64_t now_ms)
{
    ssize_t n;

    (void)now_ms;
    if (!ready) {
        return 0;
    }
    n = read(l->is.pty.master, to, size);
    if (n < 0) {
        /* EIO: no writer has it open. Not an end: we hold the slave, so it passes. */
        return errno == EAGAIN || errno == EINTR || errno == EIO ? 0 : -errno;
    }
    return (int)n;
}

static int
pty_write(struct line *l, const uint8_t *src, size_t len)
{
    ssize_t n = write(l->is.pty.master, src, len);

    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    return (int)n;
}

const struct line_ops line_pty_ops = {
    .kind = "pty",
    .open = pty_open,
    .close = pty_close,
    .fd = pty_fd,
    .read = pty_read,
    .write = pty_write,
    .mend = pty_mend,
};
