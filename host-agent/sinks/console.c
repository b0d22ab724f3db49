#include "hal/host/tty.h"
#include "hal/host/vt.h"
#include "sinks/descriptor.h"
#include <string.h>

/*
 * The kernel's console, which printk and getty write to as well. They set it as they need, and cut into a
 * line: so each begins on a row of its own, and goes out by one write. Never by /dev/kmsg: while printk waits
 * for a line that is held up, the machine stands.
 */
#define ROW "\r\n"
#define ROW_LEN (sizeof(ROW) - 1)

static struct {
    bool begun;   /* the line's own bytes are next */
    size_t ahead; /* bytes of ROW that are out */
} row;

/* By /dev/console, whoever asks for it (TIOCCONS) would get the lines in place of the console. */
static int
console_open(const struct conf_channel *channel)
{
    char behind[CONF_PATH];
    const char *path = channel->device;

    if (strcmp(path, CONF_CONSOLE) == 0 && hal_vt_console_path(behind, sizeof(behind)) == 0) {
        path = behind;
    }
    int fd = hal_tty_open(path);
    if (fd >= 0) {
        hal_tty_never_wait_in_close(fd);
    }
    return fd;
}

static int
console_adopt(struct sink *s)
{
    row.begun = false;
    row.ahead = 0;
    return sink_tty_adopt_shared(s);
}

static int
write_with_row(struct sink *s, const char *src, size_t len)
{
    char out[ROW_LEN + WIRE_LINE_MAX + ROW_LEN];
    size_t head = ROW_LEN - row.ahead;
    size_t body = len < sizeof(out) - head ? len : sizeof(out) - head;

    memcpy(out, &ROW[row.ahead], head);
    memcpy(out + head, src, body);
    int n = sink_fd_write(s, out, head + body);
    if (n < 0) {
        return n;
    }
    row.begun = (size_t)n >= head;
    row.ahead = row.begun ? 0 : row.ahead + (size_t)n;
    return row.begun ? n - (int)head : 0;
}

static int
console_write(struct sink *s, const char *src, size_t len)
{
    int n = row.begun ? sink_fd_write(s, src, len) : write_with_row(s, src, len);

    if (n > 0 && src[n - 1] == '\n') {
        row.begun = false;
    }
    return n;
}

const struct sink_ops sink_console_ops = {
    .scheme = "console",
    .hangs_up = true,
    .open = console_open,
    .adopt = console_adopt,
    .write = console_write,
    .queued = sink_tty_queued,
    .changes = true,
    .check = sink_tty_check,
    .settings = sink_tty_settings,
    .close = sink_fd_close,
};
