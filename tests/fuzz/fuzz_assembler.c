/*
 * The recorder's line assembler beside the receiver's stream: from the same bytes, fed in pieces of any size,
 * both find the same whole lines. The input is a script of raw bytes, whole lines, and pieces of them.
 */
#include <string.h>

#include "logger/assembler.h"
#include "wire/seal.h"
#include "wire/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX 16384

static uint8_t text[TEXT_MAX];
static size_t text_len;

struct story {
    uint32_t hash; /* of all lines, in order */
    unsigned lines;
};

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

static void
tell(struct story *s, const struct wire_line *line)
{
    for (size_t i = 0; i < line->len; i++) {
        s->hash = s->hash * 31 + (uint8_t)line->bytes[i];
    }
    s->lines++;
}

static bool
on_candidate(void *to, const struct wire_line *line, enum wire_seen seen)
{
    if (seen == WIRE_SEEN_WHOLE) {
        tell(to, line);
    }
    return true;
}

static void
on_text(void *to, const char *bytes, size_t len)
{
    (void)to;
    (void)bytes;
    (void)len;
}

static void
put(const void *src, size_t len)
{
    if (len <= sizeof(text) - text_len) {
        memcpy(text + text_len, src, len);
        text_len += len;
    }
}

/* A line of `extra` more characters, of which `from` to `to` are put. */
static void
put_line(uint8_t extra, uint8_t from, uint8_t to)
{
    char line[300] = "!1 CRIT web03 17-K3QF.42@812 20261121T193405Z daemon.down name=";
    size_t len = strlen(line);

    memset(line + len, 'x', extra);
    len += extra;
    memcpy(line + len, " ~FJZBT8V40PYQGQD9P2YZ", 22);
    len += 22;
    wire_check_make(line, len, line + len);
    len += WIRE_CHECK_CHARS;
    if (from < len && to >= from) {
        put(line + from, (to < len ? to : len) - from);
    }
}

static void
write_text(const uint8_t *data, size_t size)
{
    text_len = 0;
    while (size >= 4) {
        size_t raw = data[0] & 31;

        put_line(data[1] % 64, data[0] & 64 ? data[2] : 0, data[0] & 128 ? data[3] : 255);
        data += 4;
        size -= 4;
        raw = raw < size ? raw : size;
        put(data, raw);
        data += raw;
        size -= raw;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wire_stream_ops ops = { on_candidate, on_text, on_text };
    static struct wire_stream stream;
    static struct assembler a;
    struct story want = { .lines = 0 };
    struct story got = { .lines = 0 };
    size_t in_lines = 0;

    write_text(data, size);
    wire_stream_init(&stream, &ops, &want);
    wire_stream_feed(&stream, text, text_len);
    wire_stream_flush(&stream);
    assembler_init(&a);
    for (size_t at = 0; at < text_len;) {
        size_t piece = 1 + text[at] % 64u;
        struct wire_line line;
        bool found;

        piece = piece < text_len - at ? piece : text_len - at;
        at += assembler_feed(&a, text + at, piece, &line, &found);
        if (found) {
            check(memcmp(line.bytes, text + at - line.len, line.len) == 0);
            tell(&got, &line);
            in_lines += line.len;
        }
    }
    check(got.lines == want.lines && got.hash == want.hash);
    check(a.counts.bytes == text_len && a.counts.rubbish + a.len == text_len - in_lines &&
            a.counts.lines == got.lines);
    return 0;
}
