#include "belfry/ctl/lines.h"

#include "belfry/state.h"
#include "wire/escape.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TIME_WIDTH 24
#define SUGGESTIONS 5
#define OUTPUT 65536 /* to be written at once */

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

/* What a hurried hand makes of a name: letters in another case, left out, added or exchanged at one place. */
static bool
is_near(const char *a, const char *b)
{
    size_t first = 0;
    size_t last = 0;
    size_t la = strlen(a);
    size_t lb = strlen(b);
    size_t shorter = la < lb ? la : lb;

    while (first < shorter && tolower((unsigned char)a[first]) == tolower((unsigned char)b[first])) {
        first++;
    }
    while (last < shorter - first &&
            tolower((unsigned char)a[la - 1 - last]) == tolower((unsigned char)b[lb - 1 - last])) {
        last++;
    }
    return la - first - last <= 2 && lb - first - last <= 2 && first + last > 0;
}

/* ": did you mean A, B?", or where all names are. */
static void
suggest(const struct conf *conf, const char *name, char *out, size_t size)
{
    unsigned found = 0;
    size_t n = 0;

    for (unsigned i = 0; i < conf->lines && found < SUGGESTIONS; i++) {
        const char *other = conf->line[i].name;

        if (is_near(name, other) || (name[0] != '\0' && strcasestr(other, name) != NULL)) {
            n += (size_t)snprintf(out + n, size - n, "%s%s", found == 0 ? "; did you mean " : ", ", other);
            found++;
        }
    }
    (void)snprintf(out + n, size - n, "%s", found > 0 ? "?" : "; `belfry status` lists the lines");
}

int
lines_open(const struct command *c, struct reader *r)
{
    const char *name = c->argument[0];
    char hint[SUGGESTIONS * (CONF_NAME + 2) + 40];
    int dir;
    int error;

    /* A name, not a path: a configured line's, or that of a transcript left from one. */
    if (!is_line(c->conf, name) && (strchr(name, '/') != NULL || strlen(name) >= CONF_NAME)) {
        suggest(c->conf, name, hint, sizeof hint);
        return command_error("\"%s\" is no line%s", command_shown(name), hint);
    }
    dir = state_lines(c->conf, false);
    error = dir < 0 ? dir : reader_open(r, dir, name);
    if (error == -ENOENT && !is_line(c->conf, name)) {
        suggest(c->conf, name, hint, sizeof hint);
        return command_error(
                "\"%s\" is no line, and there is no transcript of one%s", command_shown(name), hint);
    }
    if (error != 0) {
        return command_error("line \"%s\": no transcript: %s", command_shown(name), strerror(-error));
    }
    (void)setvbuf(stdout, NULL, _IOFBF, OUTPUT);
    return 0;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HIGH EACH(0x80)

/* Nothing but 0x20 to 0x7E without %. Eight bytes at a time: this is most of the work. */
static bool
is_clean(const uint8_t *src, size_t len)
{
    uint64_t bad = 0;
    size_t i = 0;

    for (; i + 8 <= len; i += 8) {
        uint64_t eight;
        uint64_t percent;

        memcpy(&eight, src + i, sizeof eight);
        percent = eight ^ EACH('%');
        /* In bytes below 0x80: a borrow from what is less than 0x20, a carry from 0x7F, a borrow from what is
         * 0. A borrow may spoil the bytes above it, but then this one is bad already. */
        bad |= (eight | (eight - EACH(0x20)) | (eight + EACH(1)) | (percent - EACH(1))) & HIGH;
    }
    for (; i < len; i++) {
        bad |= (uint64_t)(src[i] < 0x20 || src[i] > 0x7E || src[i] == '%');
    }
    return bad == 0;
}

/* As wide as every time is, with a blank behind it. */
static void
show_time(struct lines *l, uint64_t time_ns)
{
    char text[TEXT_TIME] = "-";

    if (time_ns != 0) {
        (void)text_time((int64_t)(time_ns / 1000000), text);
    }
    (void)snprintf(l->time, sizeof l->time, "%-*s ", TIME_WIDTH, text);
    l->shown_ns = time_ns;
}

static void
print_line(struct lines *l, const uint8_t *src, size_t len, uint64_t time_ns)
{
    char shown[TIME_WIDTH + LINES_WIDTH * WIRE_ESCAPE_WORST + 32];
    size_t n = TIME_WIDTH + 1;

    if (time_ns != l->shown_ns || l->time[0] == '\0') {
        show_time(l, time_ns);
    }
    len -= len > 0 && src[len - 1] == '\r';
    memcpy(shown, l->time, n);
    if (is_clean(src, len)) {
        memcpy(shown + n, src, len);
        n += len;
    } else {
        n += wire_escape(shown + n, sizeof shown - n - 1, src, len, WIRE_ESCAPE_TEXT);
    }
    shown[n++] = '\n';
    (void)fwrite_unlocked(shown, 1, n, stdout);
}

static void
keep_some(struct lines *l, const uint8_t *src, size_t len, uint64_t time_ns)
{
    if (l->len == 0) {
        l->begun_ns = time_ns;
    }
    memcpy(l->line + l->len, src, len);
    l->len += len;
    if (l->len == sizeof l->line) {
        lines_finish(l);
    }
}

void
lines_finish(struct lines *l)
{
    if (l->len > 0) {
        print_line(l, (const uint8_t *)l->line, l->len, l->begun_ns);
        l->len = 0;
    }
}

static void
print_bytes(struct lines *l, const struct reader_piece *p)
{
    const uint8_t *at = p->bytes;
    const uint8_t *end = at + p->len;

    while (at < end) {
        const uint8_t *nl = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((nl != NULL ? nl : end) - at);
        size_t room = sizeof l->line - l->len;

        if (nl != NULL && l->len == 0 && len < room) {
            print_line(l, at, len, p->time_ns);
        } else if (nl != NULL && len < room) {
            keep_some(l, at, len, p->time_ns);
            print_line(l, (const uint8_t *)l->line, l->len, l->begun_ns);
            l->len = 0;
        } else {
            nl = NULL;
            len = len < room ? len : room;
            keep_some(l, at, len, p->time_ns);
        }
        at += len + (nl != NULL);
    }
}

static void
print_lack(struct lines *l, const struct reader_piece *p)
{
    char text[TRANSCRIPT_TEXT];

    if (p->what == READER_MARK) {
        (void)transcript_mark_text(&p->mark, text);
    } else {
        (void)snprintf(text, sizeof text, "%llu bytes %s", (unsigned long long)p->count,
                p->what == READER_DROPPED ? "are not kept any more" : "cannot be read: the part is damaged");
    }
    if (text[0] == '\0') {
        return;
    }
    if (l->raw) {
        (void)command_error("%s", text);
        return;
    }
    lines_finish(l);
    (void)printf("%-24s -- %s --\n", "-", text);
}

bool
lines_show(struct lines *l, struct reader *r)
{
    struct reader_piece piece;

    for (;;) {
        reader_next(r, &piece);
        switch (piece.what) {
        case READER_BYTES_CAME:
            if (l->raw) {
                (void)fwrite_unlocked(piece.bytes, 1, piece.len, stdout);
            } else {
                print_bytes(l, &piece);
            }
            break;
        case READER_MARK:
        case READER_DROPPED:
        case READER_DAMAGED:
            print_lack(l, &piece);
            break;
        case READER_END:
        case READER_OVER:
            return piece.what == READER_END && fflush(stdout) == 0;
        }
        if (ferror_unlocked(stdout)) {
            return false;
        }
    }
}
