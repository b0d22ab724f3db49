#include "belfry/line/telnet.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int condition)
{
    if (!condition) {
        abort();
    }
}

static const struct telnet_port port = { .baud = 9600, .frame = "7e1", .set_flow = true };

/* Feeds pieces of `piece` bytes; what is to be sent is taken now and then, or never. */
static size_t
feed(struct telnet *t, const uint8_t *src, size_t len, size_t piece, bool reads, uint8_t *to)
{
    size_t n = 0;

    telnet_init(t, &port);
    for (size_t at = 0; at < len; at += piece) {
        size_t now = len - at < piece ? len - at : piece;
        size_t got = telnet_feed(t, src + at, now, to + n, (int64_t)at);

        must(got <= now && t->out_len <= TELNET_OUT && t->events <= TELNET_EVENTS);
        for (unsigned i = 0; i < t->events; i++) {
            must(t->event[i].at <= got && t->event[i].what <= TELNET_MODEM);
        }
        if (reads) {
            telnet_sent(t, t->out_len);
        }
        n += got;
    }
    return n;
}

/* However it is cut into segments, and whether or not the other side reads, the data is the same. */
static void
pieces_make_no_difference(const uint8_t *src, size_t len, size_t piece)
{
    static struct telnet t;
    uint8_t *whole = malloc(len + 1);
    uint8_t *parts = malloc(len + 1);
    size_t n;

    must(whole != NULL && parts != NULL);
    n = feed(&t, src, len, len, true, whole);
    must(feed(&t, src, len, piece, false, parts) == n && memcmp(whole, parts, n) == 0);
    must(feed(&t, src, len, piece, true, parts) == n && memcmp(whole, parts, n) == 0);
    /* In its own place, as a line does it. */
    memcpy(parts, src, len);
    telnet_init(&t, &port);
    must(telnet_feed(&t, parts, len, parts, 0) == n && memcmp(whole, parts, n) == 0);
    free(whole);
    free(parts);
}

/* What is written comes out again on the other side. */
static void
written_is_read(const uint8_t *src, size_t len, size_t room)
{
    static struct telnet t;
    uint8_t wire[64];
    uint8_t data[64];

    for (int binary = 0; binary < 2; binary++) {
        telnet_init(&t, &port);
        t.us[TELNET_BINARY] = binary != 0 ? TELNET_YES : TELNET_NO;
        t.him[TELNET_BINARY] = t.us[TELNET_BINARY];
        for (size_t at = 0; at < len;) {
            size_t taken;
            size_t n = telnet_write(&t, src + at, len - at, wire, room, &taken);

            must(n <= room && taken <= len - at && taken > 0);
            must(telnet_feed(&t, wire, n, data, 0) == taken && memcmp(data, src + at, taken) == 0);
            at += taken;
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    pieces_make_no_difference(data + 2, size - 2, 1 + data[0] % 64);
    written_is_read(data + 2, size - 2, 2 + data[1] % 60);
    return 0;
}
