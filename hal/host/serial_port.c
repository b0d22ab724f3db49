#include "hal/host/serial_port.h"

#include "hal/host/serial_stream.h"
#include "hal/host/tty.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <linux/serial.h>

#define SLICE 4096 /* a terminal holds one less: N_TTY_BUF_SIZE; behind it the kernel has more */
#define FULL ((ssize_t)SLICE / 4 * 3)
#define LOOK_MS 1000
#define QUIET_MS 200          /* by then what the driver has counted can be read */
#define KERNEL_MAX (2U << 20) /* the kernel holds less of a line: drivers/tty/tty_buffer.c, twice 640 KiB */

struct hal_serial {
    int fd;
    dev_t number;
    struct serial_icounter_struct base;
    struct serial_icounter_struct last;
    bool counts;    /* the driver does */
    bool registers; /* modem lines are read from the chip, not over a bus that may hang */
    int modem;
    struct termios want;
    struct hal_serial_stream stream;
    struct hal_serial_units now; /* as the driver counted them at the last look */
    uint64_t overruns;           /* told */
    bool more;
    bool strayed; /* another program has set it */
    int64_t look_ms;
    int64_t byte_ms; /* when something was read last */
};

static int
modem_lines(const struct hal_serial *s)
{
    int bits = 0;

    if (ioctl(s->fd, TIOCMGET, &bits) != 0) {
        return s->modem;
    }
    return ((bits & TIOCM_CTS) != 0 ? HAL_SERIAL_CTS : 0) | ((bits & TIOCM_DSR) != 0 ? HAL_SERIAL_DSR : 0) |
           ((bits & TIOCM_RI) != 0 ? HAL_SERIAL_RI : 0) | ((bits & TIOCM_CD) != 0 ? HAL_SERIAL_DCD : 0);
}

/* USB ports answer TIOCSERGETLSR, too (ftdi_sio does), and would be asked over their bus for modem lines. */
static bool
hangs_at_usb(dev_t number)
{
    char path[64];
    char place[512];
    ssize_t n;

    (void)snprintf(path, sizeof path, "/sys/dev/char/%u:%u", major(number), minor(number));
    n = readlink(path, place, sizeof place - 1);
    if (n < 0) {
        return true;
    }
    place[n] = '\0';
    return strstr(place, "/usb") != NULL;
}

static void
begin_counts(struct hal_serial *s)
{
    unsigned state;

    s->counts = ioctl(s->fd, TIOCGICOUNT, &s->base) == 0;
    s->last = s->base;
    s->registers = !hangs_at_usb(s->number) && ioctl(s->fd, TIOCSERGETLSR, &state) == 0;
    s->modem = s->registers ? modem_lines(s) : 0;
}

int
hal_serial_take(int fd, struct hal_serial **out)
{
    struct hal_serial *s = calloc(1, sizeof *s);
    struct stat st;

    if (s == NULL) {
        return -ENOMEM;
    }
    if (fstat(fd, &st) != 0 || tcgetattr(fd, &s->want) != 0) {
        int error = -errno;

        free(s);
        return error;
    }
    s->fd = fd;
    s->number = st.st_rdev;
    s->stream.marks = (s->want.c_iflag & PARMRK) != 0;
    s->stream.parity = (s->want.c_cflag & PARENB) != 0;
    begin_counts(s);
    *out = s;
    return 0;
}

int
hal_serial_give(struct hal_serial *s)
{
    int fd = s->fd;

    free(s);
    return fd;
}

int
hal_serial_fd(const struct hal_serial *s)
{
    return s->fd;
}

static void
report(const struct hal_serial_teller *t, enum hal_serial_event what, uint64_t value, size_t at)
{
    t->tell(t->arg, what, value, at);
}

/* ---- what the driver counts */

static void
add_counts(struct hal_serial *s, const struct serial_icounter_struct *now)
{
    const struct serial_icounter_struct *last = &s->last;
    uint32_t rx = (uint32_t)now->rx - (uint32_t)last->rx;
    uint32_t dropped = (uint32_t)now->buf_overrun - (uint32_t)last->buf_overrun;

    s->now.accepted += rx - (dropped < rx ? dropped : rx);
    s->now.frame += (uint32_t)now->frame - (uint32_t)last->frame;
    s->now.parity += (uint32_t)now->parity - (uint32_t)last->parity;
    s->now.brk += (uint32_t)now->brk - (uint32_t)last->brk;
    if (dropped > 0) {
        s->stream.dropped += dropped;
        s->stream.dropped_at = s->now.accepted;
    }
}

static int
moved(const struct serial_icounter_struct *now, const struct serial_icounter_struct *last)
{
    return (now->cts != last->cts ? HAL_SERIAL_CTS : 0) | (now->dsr != last->dsr ? HAL_SERIAL_DSR : 0) |
           (now->rng != last->rng ? HAL_SERIAL_RI : 0) | (now->dcd != last->dcd ? HAL_SERIAL_DCD : 0);
}

static void
tell_more(const struct hal_serial_teller *t, enum hal_serial_event what, uint64_t now, uint64_t *seen,
        size_t at)
{
    if (now > *seen) {
        report(t, what, now - *seen, at);
        *seen = now;
    }
}

static void
look_at_counts(struct hal_serial *s, const struct hal_serial_teller *t, size_t at)
{
    struct serial_icounter_struct now;
    int changed;

    if (!s->counts || ioctl(s->fd, TIOCGICOUNT, &now) != 0) {
        return;
    }
    add_counts(s, &now);
    changed = moved(&now, &s->last);
    s->last = now;
    tell_more(t, HAL_SERIAL_OVERRUN, (uint32_t)now.overrun - (uint32_t)s->base.overrun, &s->overruns, at);
    if (changed != 0 && !s->registers) {
        report(t, HAL_SERIAL_MODEM, (uint64_t)changed << 8 | HAL_SERIAL_UNSEEN, at);
    }
}

static void
look_at_lines(struct hal_serial *s, const struct hal_serial_teller *t, size_t at)
{
    int lines = s->registers ? modem_lines(s) : 0;

    if (s->registers && lines != s->modem) {
        report(t, HAL_SERIAL_MODEM, (uint64_t)((lines ^ s->modem) << 8 | lines), at);
        s->modem = lines;
    }
}

static void
look_at_settings(struct hal_serial *s)
{
    struct termios now;

    s->strayed = tcgetattr(s->fd, &now) == 0 &&
                 (now.c_iflag != s->want.c_iflag || now.c_cflag != s->want.c_cflag ||
                         now.c_lflag != s->want.c_lflag || cfgetispeed(&now) != cfgetispeed(&s->want));
}

/*
 * Nothing has come since the last look, so what was counted then is read, or never will be: a driver that
 * counts and does not mark, or another reader. On a line that never rests only what no kernel holds is surely
 * taken.
 */
static void
settle(struct hal_serial *s, const struct hal_serial_teller *t, bool quiet, size_t at)
{
    struct hal_serial_units *seen = &s->stream.seen;

    if (quiet) {
        tell_more(t, HAL_SERIAL_FRAMING, s->now.frame, &seen->frame, at);
        tell_more(t, HAL_SERIAL_PARITY, s->now.parity, &seen->parity, at);
        tell_more(t, HAL_SERIAL_BREAK, s->now.brk, &seen->brk, at);
        hal_serial_tell_dropped(&s->stream, t, at);
    }
    if ((s->want.c_iflag & IXON) == 0 && s->now.accepted > seen->accepted + (quiet ? 0 : KERNEL_MAX)) {
        tell_more(t, HAL_SERIAL_TAKEN, s->now.accepted, &seen->accepted, at);
    }
}

int
hal_serial_read(
        struct hal_serial *s, uint8_t *to, size_t size, int64_t now_ms, hal_serial_tell *tell, void *arg)
{
    const struct hal_serial_teller t = { tell, arg };
    uint8_t raw[SLICE];
    ssize_t n = read(s->fd, raw, size - 1 < sizeof raw ? size - 1 : sizeof raw);
    size_t len = 0;

    if (n == 0) {
        return -ENODEV; /* hung up: the terminal was taken away or unplugged */
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        return -errno;
    }
    s->more = n >= FULL;
    if (n > 0) {
        len = hal_serial_unmark(&s->stream, &t, raw, (size_t)n, to);
        s->byte_ms = now_ms;
    }
    if (now_ms >= s->look_ms) {
        settle(s, &t, n < 0 && now_ms - s->byte_ms >= QUIET_MS && s->look_ms != 0, len);
        look_at_counts(s, &t, len);
        look_at_lines(s, &t, len);
        look_at_settings(s);
        s->look_ms = (now_ms / LOOK_MS + 1) * LOOK_MS;
    }
    return (int)len;
}

bool
hal_serial_more(const struct hal_serial *s)
{
    return s->more;
}

const struct termios *
hal_serial_strayed(const struct hal_serial *s)
{
    return s->strayed ? &s->want : NULL;
}

ssize_t
hal_serial_write(struct hal_serial *s, const uint8_t *src, size_t len)
{
    ssize_t n = write(s->fd, src, len);

    return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

bool
hal_serial_is(const struct hal_serial *s, const char *device)
{
    struct stat name;

    return stat(device, &name) != 0 || (S_ISCHR(name.st_mode) && name.st_rdev == s->number);
}

void
hal_serial_counts(const struct hal_serial *s, struct hal_serial_counts *out)
{
    struct serial_icounter_struct now;

    memset(out, 0, sizeof *out);
    if (ioctl(s->fd, TIOCGICOUNT, &now) != 0) {
        return;
    }
    out->frame = (uint32_t)(now.frame - s->base.frame);
    out->overrun = (uint32_t)(now.overrun - s->base.overrun);
    out->parity = (uint32_t)(now.parity - s->base.parity);
    out->brk = (uint32_t)(now.brk - s->base.brk);
    out->lost = (uint32_t)(now.buf_overrun - s->base.buf_overrun);
}
