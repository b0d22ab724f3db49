#include "hal/host/screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define ROWS_USUAL 24
#define COLUMNS_USUAL 80
#define ROWS_LEFT 3

/*
 * Saved are cursor, attributes and character sets. A program may have left any of them on, and the origin
 * mode, so each is set before a row is drawn.
 */
#define SAVE "\0337\017\033(B\033[?6l"
#define RESTORE "\033[?6h\0338"

struct out {
    char *at;
    size_t left;
};

static void
put(struct out *o, const char *bytes, size_t len)
{
    len = len < o->left ? len : o->left;
    memcpy(o->at, bytes, len);
    o->at += len;
    o->left -= len;
}

__attribute__((format(printf, 2, 3))) static void
putf(struct out *o, const char *format, ...)
{
    char text[32];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(o, text, n > 0 ? (size_t)n : 0);
}

void
hal_screen_size(int fd, unsigned *rows, unsigned *columns)
{
    struct winsize size;
    int known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;

    *rows = known ? size.ws_row : ROWS_USUAL;
    *columns = known ? size.ws_col : COLUMNS_USUAL;
}

static void
put_text(struct out *o, const struct hal_screen_row *row, unsigned columns)
{
    size_t len = row->len < columns ? row->len : columns;

    for (size_t i = 0; i < len; i++) {
        char c = row->text[i];
        if (i + 1 == columns && row->len > columns) {
            c = '>';
        } else if (c < 0x20 || c > 0x7E) {
            c = '?';
        }
        put(o, &c, 1);
    }
    for (size_t i = len; row->style == HAL_SCREEN_REVERSE && i < columns; i++) {
        put(o, " ", 1);
    }
}

size_t
hal_screen_draw(const struct hal_screen_row *row, unsigned count, unsigned rows, unsigned columns,
        char out[HAL_SCREEN_BYTES])
{
    static const char *const styles[] = { "0", "0;1", "0;7" };
    struct out o = { .at = out, .left = HAL_SCREEN_BYTES };
    unsigned most = rows > ROWS_LEFT ? rows - ROWS_LEFT : 0;

    count = count < most ? count : most;
    count = count < HAL_SCREEN_ROWS_MAX ? count : HAL_SCREEN_ROWS_MAX;
    columns = columns < HAL_SCREEN_COLUMNS_MAX ? columns : HAL_SCREEN_COLUMNS_MAX;
    put(&o, SAVE, sizeof SAVE - 1);
    for (unsigned i = 0; i < count; i++) {
        /* Erased first: at the last column an erase would take the last character. */
        putf(&o, "\033[%u;1H\033[0m\033[2K\033[%sm", i + 1, styles[row[i].style]);
        put_text(&o, &row[i], columns);
    }
    putf(&o, "\033[%u;%ur", count + 1, rows);
    put(&o, RESTORE, sizeof RESTORE - 1);
    return (size_t)(o.at - out);
}
