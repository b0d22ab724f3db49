#include "belfry/line/line.h"

#include "hal/host/serial_port.h"

static int
serial_open(struct line *l, int64_t now_ms)
{
    (void)now_ms;
    return hal_serial_open(l->conf->path, l->conf->baud, &l->is.serial);
}

static void
serial_close(struct line *l)
{
    /* At once: a USB port that comes back while the old descriptor is held gets another name. */
    hal_serial_close(l->is.serial);
    l->is.serial = NULL;
}

static int
serial_fd(const struct line *l)
{
    return hal_serial_fd(l->is.serial);
}

static int
serial_read(struct line *l, uint8_t *to, size_t size, bool ready, int64_t now_ms)
{
    int n;

    (void)now_ms;
    if (!ready) {
        return 0;
    }
    n = hal_serial_read(l->is.serial, to, size);
    l->more = n == (int)size;
    return n;
}

static uint64_t
serial_errors(const struct line *l)
{
    struct hal_serial_counts c;

    hal_serial_counts(l->is.serial, &c);
    return (uint64_t)c.frame + c.overrun + c.parity + c.lost;
}

const struct line_ops line_serial_ops = {
    .kind = "serial",
    .open = serial_open,
    .close = serial_close,
    .fd = serial_fd,
    .read = serial_read,
    .errors = serial_errors,
};
