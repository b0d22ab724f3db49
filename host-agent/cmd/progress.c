#include "cmd/progress.h"
#include "conf/plural.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define EACH_MS 200
#define BAR 30 /* marks between the brackets */
#define COLUMNS 79

static struct {
    bool asked;
    bool terminal;
    int drawn; /* columns */
    int64_t due_ms;
} progress;

static int64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One less than there are, as in the last one some terminals go to the next line. */
static int
columns(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_col <= COLUMNS
                   ? size.ws_col - 1
                   : COLUMNS;
}

/* Where it does not fit the bar is left out, and then what stands last. */
static void
draw(uint64_t looked, uint64_t total, uint64_t bytes)
{
    char line[COLUMNS + 1], bar[] = "[..............................] ";
    uint64_t of = total > looked ? total : looked;
    int width = columns();

    if (total > 0) {
        memset(bar + 1, '#', looked * BAR / of);
        snprintf(line, sizeof(line), "%s%3u%%  %" PRIu64 " of %" PRIu64 " entries, %" PRIu64 " MB",
                width < COLUMNS ? "" : bar, (unsigned)(looked * 100 / of), looked, of, bytes / 1000000);
    } else {
        snprintf(line, sizeof(line), "%" PRIu64 " entr%s, %" PRIu64 " MB", looked, plural_ies(looked),
                bytes / 1000000);
    }
    fprintf(stderr, "\r%-*.*s", width, width, line);
    progress.drawn = width;
}

void
cmd_progress(uint64_t looked, uint64_t total, uint64_t bytes)
{
    int64_t now = now_ms();

    if (!progress.asked) {
        progress.asked = true;
        progress.terminal = isatty(STDERR_FILENO) != 0;
        progress.due_ms = now + EACH_MS;
    }
    if (progress.terminal && now >= progress.due_ms) {
        progress.due_ms = now + EACH_MS;
        draw(looked, total, bytes);
    }
}

void
cmd_progress_clear(void)
{
    if (progress.drawn > 0) {
        fprintf(stderr, "\r%*s\r", progress.drawn, "");
        progress.drawn = 0;
    }
}
