/*
 * Streams: the input is a script that writes whole lines, torn lines, kernel records, seals and raw bytes.
 * Fed in pieces and at once it gives the same; what is called whole stood in the stream as it is; what is
 * proved was sealed.
 */
#include <string.h>

#include "wire/seal.h"
#include "wire/stream.h"
#include "wire/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES 16
#define STREAM_MAX 16384

struct sealed {
    char text[WIRE_LINE_MAX];
    size_t len;
};

static struct sealed sealed[LINES];
static uint8_t text[STREAM_MAX];
static size_t text_len;

struct watcher {
    struct wire_stream stream;
    uint32_t story; /* of all that was told, in order */
    unsigned told;
};

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

static void
seal_lines(void)
{
    const struct wire_key seed = { .bytes = { 1, 2, 3 } };
    struct wire_head head = {
        .host = "web03", .nonce = "K3QF", .session = 17, .utc_s = 1795289645, .code = "more"
    };
    static const char detail[] = "path=/tmp/[12345.678901] of=42 k=%20%+12+/ value=123456789";

    for (unsigned i = 0; i < LINES; i++) {
        struct wire_key leaf;
        int n;

        head.number = i;
        n = wire_line_compose(&head, detail, i % 4 * 24 / 2 > 0 ? 24 : 0, sealed[i].text, WIRE_LINE_MAX);
        wire_tree_at(&seed, i, WIRE_TREE_DEPTH, &leaf);
        sealed[i].len = (size_t)wire_seal(&leaf, sealed[i].text, (size_t)n, WIRE_LINE_MAX);
    }
}

static void
tell(struct watcher *w, uint8_t kind, const char *bytes, size_t len)
{
    w->story = w->story * 31 + kind;
    for (size_t i = 0; i < len; i++) {
        w->story = w->story * 31 + (uint8_t)bytes[i];
    }
    w->told++;
}

static bool
on_candidate(void *to, const struct wire_line *line, enum wire_seen seen)
{
    bool proved = line->head.number < LINES && line->len == sealed[line->head.number].len &&
                  memcmp(line->bytes, sealed[line->head.number].text, line->len) == 0;

    check(line->len <= WIRE_LINE_MAX && wire_check_ok(line->bytes, line->len));
    check(seen == WIRE_SEEN_REPAIRED || memmem(text, text_len, line->bytes, line->len) != NULL);
    tell(to, seen == WIRE_SEEN_WHOLE ? 'w' : 'm', line->bytes, line->len);
    return proved;
}

static void
on_torn(void *to, const char *bytes, size_t len)
{
    check(len >= 3 && len <= WIRE_STREAM_WIDTH && memcmp(bytes, "!1 ", 3) == 0);
    tell(to, 't', bytes, len);
}

static void
on_text(void *to, const char *bytes, size_t len)
{
    check(len >= 1 && len <= WIRE_STREAM_WIDTH && memchr(bytes, '\n', len) == NULL);
    tell(to, 'o', bytes, len);
}

static const struct wire_stream_ops ops = { .candidate = on_candidate, .torn = on_torn, .text = on_text };

static void
put(const void *bytes, size_t len)
{
    len = len > STREAM_MAX - text_len ? STREAM_MAX - text_len : len;
    memcpy(text + text_len, bytes, len);
    text_len += len;
}

/* One step of the script; returns how much of it was used. */
static size_t
step(const uint8_t *data, size_t size)
{
    static const char *const record[] = { "[   12.345678] usb 1-1: new device\r\n",
        "<6>[    1.000000] a!\r\n", "no stamp at all\r\n" };
    const struct sealed *s = &sealed[data[1] % LINES];
    size_t cut = size > 2 ? data[2] % (s->len + 1) : 0;
    size_t raw = 0;

    switch (data[0] % 7) {
    case 0:
        put(s->text, s->len);
        put("\r\n", 2);
        break;
    case 1:
        put(s->text, cut);
        break;
    case 2:
        put(s->text + cut, s->len - cut);
        put("\n", 1);
        break;
    case 3:
        put(record[data[1] % 3], strlen(record[data[1] % 3]));
        break;
    case 4:
        raw = data[1] % 32u < size - 2 ? data[1] % 32u : size - 2;
        put(data + 2, raw);
        return 2 + raw;
    case 5:
        put("\n", 1);
        return 1;
    default:
        put(s->text + s->len - 26, 26);
        break;
    }
    return 3;
}

static void
run(struct watcher *w, size_t piece)
{
    memset(w, 0, sizeof(*w));
    wire_stream_init(&w->stream, &ops, w);
    for (size_t at = 0; at < text_len; at += piece) {
        wire_stream_feed(&w->stream, text + at, text_len - at < piece ? text_len - at : piece);
        check(w->stream.history_len <= WIRE_STREAM_HISTORY && w->stream.now.len < WIRE_STREAM_WIDTH);
    }
    wire_stream_flush(&w->stream);
    check(w->stream.history_len == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct watcher at_once;
    static struct watcher in_pieces;
    size_t piece;

    if (size < 3) {
        return 0;
    }
    if (sealed[0].len == 0) {
        seal_lines();
    }
    text_len = 0;
    piece = 1 + data[0];
    for (size_t at = 1; at + 1 < size;) {
        at += step(data + at, size - at);
    }
    run(&at_once, STREAM_MAX);
    run(&in_pieces, piece);
    check(at_once.story == in_pieces.story && at_once.told == in_pieces.told);
    return 0;
}
