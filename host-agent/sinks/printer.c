#include "hal/host/printer.h"
#include "sinks/descriptor.h"
#include "sinks/paper.h"
#include "sinks/sink.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS_USUAL PAPER_COLUMNS_MIN
#define NOT_OUT WIRE_LINE_MAX /* what queued() says at least of a line that is not out */
#define LINE_END 2            /* bytes in front of a line that end what is torn before it */

/*
 * A line that the printer cannot take now is kept here, so that the device stays ours; check() looks whether
 * it can. What is under way when the device goes is printed again, whole, by the wire.
 */
static struct {
    struct paper paper;
    char out[LINE_END + PAPER_ROOM];
    size_t len; /* of `out`; 0: nothing waits */
    size_t at;
    enum hal_printer_state state;
    bool tells; /* its state */
    bool torn;  /* what the last row on paper holds is not known */
} printer;

static int
printer_open(const struct conf_channel *channel)
{
    return hal_printer_open(channel->device);
}

/* Returns what it says. One that never said anything counts as ready; one that did and does not now, as an
 * error. */
static enum hal_printer_state
look_at_state(const struct sink *s)
{
    enum hal_printer_state state = hal_printer_state(s->fd);

    printer.state = state;
    if (state != HAL_PRINTER_SILENT) {
        printer.tells = true;
    } else {
        printer.state = printer.tells ? HAL_PRINTER_ERROR : HAL_PRINTER_READY;
    }
    return state;
}

static int
printer_adopt(struct sink *s)
{
    printer.paper.columns = s->channel->columns != 0 ? s->channel->columns : COLUMNS_USUAL;
    printer.paper.page = s->channel->page;
    printer.len = 0;
    printer.at = 0;
    printer.tells = false;
    printer.torn = true;
    look_at_state(s);
    return 0;
}

static void
flush(const struct sink *s)
{
    while (printer.state == HAL_PRINTER_READY && printer.at < printer.len) {
        int n = hal_printer_write(s->fd, printer.out + printer.at, printer.len - printer.at);

        if (n == 0) {
            return;
        }
        if (n > 0) {
            printer.at += (size_t)n;
        } else {
            look_at_state(s);
            printer.state = printer.state == HAL_PRINTER_READY ? HAL_PRINTER_ERROR : printer.state;
        }
    }
}

/* Lines alone are printed: the end that a wire writes when it has opened a device comes with the first of
 * them. */
static int
printer_write(struct sink *s, const char *src, size_t len)
{
    size_t text = len;

    if (printer.len > 0) {
        return 0;
    }
    while (text > 0 && (src[text - 1] == '\n' || src[text - 1] == '\r')) {
        text--;
    }
    if (text == 0) {
        return (int)len;
    }
    memcpy(printer.out, "\r\n", LINE_END);
    printer.len = LINE_END + paper_lay(&printer.paper, src, text, printer.out + LINE_END);
    printer.at = printer.torn ? 0 : LINE_END;
    printer.torn = false;
    look_at_state(s);
    flush(s);
    return (int)len;
}

/*
 * The driver of a USB printer says that it is done also when what it sent got lost with the printer. So the
 * printer is asked: one that does not answer has not printed it.
 */
static int
printer_queued(struct sink *s)
{
    if (printer.len == 0) {
        return 0;
    }
    flush(s);
    if (printer.at == printer.len && hal_printer_idle(s->fd)) {
        enum hal_printer_state state = look_at_state(s);

        if (state != HAL_PRINTER_GONE && (state != HAL_PRINTER_SILENT || !printer.tells)) {
            printer.len = 0;
            return 0;
        }
        printer.at = 0;
    }
    return (int)(printer.len - printer.at) + NOT_OUT;
}

/* One that was switched off in the middle of a line may have forgotten what it had of it. */
static void
begin_line_again(enum hal_printer_state before)
{
    if ((before == HAL_PRINTER_OFFLINE || before == HAL_PRINTER_ERROR) && printer.at > LINE_END &&
            printer.at < printer.len) {
        printer.at = 0;
    }
}

static int
printer_check(struct sink *s, char word[SINK_WORD])
{
    static const char *const words[] = {
        [HAL_PRINTER_READY] = "",
        [HAL_PRINTER_PAPER] = "paper",
        [HAL_PRINTER_OFFLINE] = "offline",
        [HAL_PRINTER_ERROR] = "error",
        [HAL_PRINTER_GONE] = "gone",
    };
    enum hal_printer_state before = printer.state;

    look_at_state(s);
    snprintf(word, SINK_WORD, "%s", words[printer.state]);
    if (printer.state == HAL_PRINTER_GONE) {
        return -ENODEV;
    }
    if (printer.state != HAL_PRINTER_READY) {
        return SINK_WAITS;
    }
    begin_line_again(before);
    return 0;
}

static void
printer_settings(struct sink *s, char out[SINK_SETTINGS])
{
    (void)s;
    int n = snprintf(out, SINK_SETTINGS, "columns=%u", printer.paper.columns);

    if (printer.paper.page > 0) {
        snprintf(out + n, SINK_SETTINGS - (size_t)n, " page=%u", printer.paper.page);
    }
}

const struct sink_ops sink_printer_ops = {
    .scheme = "printer",
    .open = printer_open,
    .adopt = printer_adopt,
    .write = printer_write,
    .queued = printer_queued,
    .changes = true,
    .check = printer_check,
    .settings = printer_settings,
    .close = sink_fd_close,
};
