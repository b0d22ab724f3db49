#include "belfry/ctl/commands.h"

#include "belfry/line/transcript.h"
#include "belfry/state.h"
#include "belfry/text.h"
#include "wire/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_BACK 4096  /* so much of the transcript is shown at first */
#define TAIL_WIDTH 1024 /* a longer physical line is shown in pieces */
#define FOLLOW_MS 100

struct tail {
    int raw;
    int index;
    uint64_t at;      /* in the transcript */
    uint64_t mark;    /* number of the next index record */
    uint64_t time_ns; /* when the bytes at `at` arrived, 0 when not known */
    uint64_t next;    /* offset of the next mark, UINT64_MAX when it is not there yet */
    struct transcript_mark waiting;
    uint64_t begun_ns; /* arrival of the line that is being put together */
    size_t len;
    char line[TAIL_WIDTH];
};

static void
print_line(struct tail *t)
{
    char time[TEXT_TIME] = "-";
    char shown[TAIL_WIDTH * WIRE_ESCAPE_WORST + 32];

    if (t->begun_ns != 0) {
        (void)text_time((int64_t)(t->begun_ns / 1000000), time);
    }
    wire_escape(shown, sizeof shown, t->line, t->len, WIRE_ESCAPE_TEXT);
    (void)printf("%-24s %s\n", time, shown);
    t->len = 0;
}

static void
take_byte(struct tail *t, char c)
{
    if (t->len == 0) {
        t->begun_ns = t->time_ns;
    }
    if (c == '\n') {
        if (t->len > 0 && t->line[t->len - 1] == '\r') {
            t->len--;
        }
        print_line(t);
        return;
    }
    t->line[t->len++] = c;
    if (t->len == sizeof t->line) {
        print_line(t);
    }
}

/* Loads the next index record, if it is written yet. */
static void
load_mark(struct tail *t)
{
    uint8_t record[TRANSCRIPT_RECORD];

    t->next = UINT64_MAX;
    if (pread(t->index, record, sizeof record, (off_t)(t->mark * TRANSCRIPT_RECORD)) ==
            (ssize_t)sizeof record) {
        transcript_mark_read(record, &t->waiting);
        t->next = t->waiting.offset;
    }
}

static void
pass_marks(struct tail *t)
{
    while (t->next <= t->at) {
        if (t->waiting.gap) {
            if (t->len > 0) {
                print_line(t);
            }
            (void)printf(
                    "%-24s -- %llu bytes are missing here --\n", "-", (unsigned long long)t->waiting.value);
        } else {
            t->time_ns = t->waiting.value;
        }
        t->mark++;
        load_mark(t);
    }
}

/* The last record at or before `at`: records are in order, so by halving. */
static void
find_mark(struct tail *t)
{
    struct stat st;
    uint64_t low = 0;
    uint64_t high = fstat(t->index, &st) == 0 ? (uint64_t)st.st_size / TRANSCRIPT_RECORD : 0;

    while (low < high) {
        t->mark = low + (high - low) / 2;
        load_mark(t);
        if (t->next <= t->at) {
            low = t->mark + 1;
        } else {
            high = t->mark;
        }
    }
    t->mark = low > 0 ? low - 1 : 0;
    load_mark(t);
    if (t->next <= t->at && t->waiting.gap) {
        t->mark++; /* it lies at or before what is shown */
        load_mark(t);
    }
}

/* Shows what is there. False when the transcript cannot be read. */
static bool
show(struct tail *t)
{
    char bytes[4096];
    ssize_t n;

    if (t->next == UINT64_MAX) {
        load_mark(t);
    }
    while ((n = pread(t->raw, bytes, sizeof bytes, (off_t)t->at)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            pass_marks(t);
            take_byte(t, bytes[i]);
            t->at++;
        }
    }
    return n == 0;
}

/* Begins behind a line end, so that the first line shown is whole. */
static void
find_start(struct tail *t)
{
    struct stat st;
    char bytes[TAIL_BACK];
    const char *nl;
    ssize_t n;

    if (fstat(t->raw, &st) != 0 || st.st_size <= TAIL_BACK) {
        return;
    }
    t->at = (uint64_t)st.st_size - TAIL_BACK;
    n = pread(t->raw, bytes, sizeof bytes, (off_t)t->at);
    nl = n > 0 ? memchr(bytes, '\n', (size_t)n) : NULL;
    if (nl != NULL) {
        t->at += (uint64_t)(nl - bytes) + 1;
    }
}

static int
open_pair(struct tail *t, int dir, const char *name)
{
    char file[CONF_NAME + 8];

    (void)snprintf(file, sizeof file, "%s.raw", name);
    t->raw = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (t->raw < 0) {
        return -errno;
    }
    (void)snprintf(file, sizeof file, "%s.idx", name);
    t->index = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return t->index < 0 ? -errno : 0;
}

static bool
is_line(const struct conf *conf, const char *name)
{
    for (unsigned i = 0; i < conf->lines; i++) {
        if (strcmp(conf->line[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

int
command_tail(const struct command *c)
{
    static struct tail t;
    const char *name = c->argument[0];
    bool fine;
    int dir;
    int r;

    /* A name, not a path: a configured line's, or that of a transcript left from one. */
    if (!is_line(c->conf, name) && (strchr(name, '/') != NULL || strlen(name) >= CONF_NAME)) {
        return command_error("\"%s\" is no line", command_shown(name));
    }
    dir = state_lines(c->conf, false);
    r = dir < 0 ? dir : open_pair(&t, dir, name);
    if (r != 0) {
        return command_error("line \"%s\": no transcript: %s", command_shown(name), strerror(-r));
    }
    find_start(&t);
    find_mark(&t);
    fine = show(&t);
    while (c->follow && fine && fflush(stdout) == 0) {
        (void)poll(NULL, 0, FOLLOW_MS);
        fine = show(&t);
    }
    if (t.len > 0) {
        print_line(&t);
    }
    return fine && fflush(stdout) == 0 ? COMMAND_WELL : command_error("cannot read on: %s", strerror(errno));
}
