#include "cmd/progress.h"
#include "conf/plural.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EACH_MS 200
#define BAR 30
#define COLUMNS 79

static struct {
    bool asked;
    bool terminal;
    bool drawn;
    int64_t due_ms;
} progress;

static int64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
draw(uint64_t looked, uint64_t total, uint64_t bytes)
{
    char line[COLUMNS + 1], bar[BAR + 1];
    uint64_t of = total > looked ? total : looked;
    unsigned done = total > 0 ? (unsigned)(looked * BAR / of) : 0;

    memset(bar, '.', BAR);
    memset(bar, '#', done);
    bar[BAR] = '\0';
    if (total > 0) {
        snprintf(line, sizeof(line), "[%s] %3u%%  %" PRIu64 " of %" PRIu64 " entries, %" PRIu64 " MB", bar,
                (unsigned)(looked * 100 / of), looked, of, bytes / 1000000);
    } else {
        snprintf(line, sizeof(line), "%" PRIu64 " entr%s, %" PRIu64 " MB", looked, plural_ies(looked),
                bytes / 1000000);
    }
    fprintf(stderr, "\r%-*s", COLUMNS, line);
    progress.drawn = true;
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
    if (progress.drawn) {
        fprintf(stderr, "\r%*s\r", COLUMNS, "");
        progress.drawn = false;
    }
}
