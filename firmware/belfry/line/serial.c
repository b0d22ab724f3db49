#include "belfry/line/line.h"

#include "hal/host/serial_port.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SECOND_MS 1000
#define OPEN_MS 2000 /* a device that is asked for so long hangs */
#define SET_MS 2000
#define SET_EACH_MS 5

static const enum transcript_event events[HAL_SERIAL_EVENTS] = {
    [HAL_SERIAL_DROPPED] = TRANSCRIPT_DROPPED,
    [HAL_SERIAL_TAKEN] = TRANSCRIPT_TAKEN,
    [HAL_SERIAL_OVERRUN] = TRANSCRIPT_OVERRUN,
    [HAL_SERIAL_FRAMING] = TRANSCRIPT_FRAMING,
    [HAL_SERIAL_PARITY] = TRANSCRIPT_PARITY,
    [HAL_SERIAL_BREAK] = TRANSCRIPT_BREAK,
    [HAL_SERIAL_MODEM] = TRANSCRIPT_MODEM,
};

_Static_assert(HAL_SERIAL_CTS == TRANSCRIPT_CTS && HAL_SERIAL_DSR == TRANSCRIPT_DSR &&
                       HAL_SERIAL_RI == TRANSCRIPT_RI && HAL_SERIAL_DCD == TRANSCRIPT_DCD &&
                       HAL_SERIAL_UNSEEN == TRANSCRIPT_UNSEEN,
        "modem lines are written as they are read");

static int
serial_open(struct line *l, int64_t now_ms)
{
    struct line_port *p = &l->is.port;
    enum dial_why why;
    int error;
    int fd;

    if (p->call == 0) {
        error = dial_call(l->conf, now_ms, &p->call);
        /* Many lines at once: belfry-port has not read all of them yet. */
        return error == 0 || error == -EAGAIN ? -EINPROGRESS : error;
    }
    error = dial_answer(p->call, now_ms, &fd, &why);
    if (error == -EINPROGRESS) {
        return error;
    }
    p->call = 0;
    if (error == 0) {
        error = hal_serial_take(fd, &p->serial);
        if (error != 0) {
            dial_close(fd);
        }
    }
    l->sweep_ms = error == 0 ? now_ms : l->sweep_ms;
    return error;
}

/* The descriptor leaves before others have it: else epoll would ask the port until they close it. */
static void
leave(const struct line *l)
{
    (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, hal_serial_fd(l->is.port.serial), NULL);
}

static void
serial_close(struct line *l)
{
    struct line_port *p = &l->is.port;

    if (p->call != 0) {
        dial_end(p->call);
        p->call = 0;
    }
    /* At once: a USB port that comes back while the old descriptor is held gets another name. */
    if (p->serial != NULL) {
        leave(l);
        dial_close(hal_serial_give(p->serial));
        p->serial = NULL;
    }
}

static int
serial_fd(const struct line *l)
{
    return l->is.port.call == 0 ? hal_serial_fd(l->is.port.serial) : -1;
}

static void
take_event(void *to, enum hal_serial_event what, uint64_t value, size_t at)
{
    line_event(to, events[what], value, at);
}

/* Another program has set the port. To put that right may wait for the device, and so would a read meanwhile.
 */
static void
put_back(struct line *l, const struct termios *settings, int64_t now_ms)
{
    struct line_port *p = &l->is.port;

    if (dial_set(hal_serial_fd(p->serial), settings, now_ms, &p->call) == 0) {
        leave(l);
        p->since_ms = now_ms;
        l->sweep_ms = now_ms + SET_EACH_MS;
    }
}

/* 0 or -errno. */
static int
look_at_putting_back(struct line *l, int64_t now_ms)
{
    struct line_port *p = &l->is.port;
    enum dial_why why;
    int same;
    int error = dial_answer(p->call, now_ms, &same, &why);

    if (error == -EINPROGRESS) {
        l->sweep_ms = now_ms + SET_EACH_MS;
        return now_ms - p->since_ms < SET_MS ? 0 : -ETIMEDOUT;
    }
    p->call = 0;
    l->sweep_ms = now_ms;
    if (error == 0) {
        (void)close(same);
        line_event(l, TRANSCRIPT_RESET, 1, 0);
    }
    return 0;
}

/* Once a second the driver's counts are looked at, and whether the name still leads to this port: what hangs
 * there by another name is another line. */
static int
serial_read(struct line *l, uint8_t *to, size_t size, bool ready, int64_t now_ms)
{
    struct line_port *p = &l->is.port;
    bool due = now_ms >= l->sweep_ms;
    int n;

    if (p->call != 0) {
        return due ? look_at_putting_back(l, now_ms) : 0;
    }
    if (!ready && !due && !l->more) {
        return 0;
    }
    if (due) {
        if (l->conf->path[0] == '/' && !hal_serial_is(p->serial, l->conf->path)) {
            return -ESTALE;
        }
        l->sweep_ms = (now_ms / SECOND_MS + 1) * SECOND_MS;
    }
    n = hal_serial_read(p->serial, to, size, now_ms, take_event, l);
    l->more = hal_serial_more(p->serial);
    if (n >= 0 && due && hal_serial_strayed(p->serial) != NULL) {
        put_back(l, hal_serial_strayed(p->serial), now_ms);
    }
    return n;
}

static uint64_t
serial_errors(const struct line *l)
{
    struct hal_serial_counts c;

    hal_serial_counts(l->is.port.serial, &c);
    return (uint64_t)c.frame + c.overrun + c.parity + c.lost;
}

static int
serial_write(struct line *l, const uint8_t *src, size_t len)
{
    /* While its settings are put back, the kernel would have us wait. */
    return l->is.port.call == 0 ? (int)hal_serial_write(l->is.port.serial, src, len) : 0;
}

const struct line_ops line_serial_ops = {
    .kind = "serial",
    .coming_ms = OPEN_MS,
    .wait_max_ms = 250, /* an adapter that is plugged in again is read within a second */
    .open = serial_open,
    .close = serial_close,
    .fd = serial_fd,
    .read = serial_read,
    .write = serial_write,
    .errors = serial_errors,
};
