/*
 * Lines: raw bytes, and a good line with a piece cut out and another put in, its check made good again. What
 * is accepted can be written again and gives the same bytes.
 */
#include <string.h>

#include "wire/escape.h"
#include "wire/line.h"
#include "wire/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

static void
check_values(const struct wire_line *line)
{
    const char *at = line->detail;
    const char *end = at + line->detail_len;

    while (at < end) {
        const char *value = (const char *)memchr(at, '=', (size_t)(end - at)) + 1;
        const char *stop = memchr(value, ' ', (size_t)(end - value));
        size_t len = (size_t)((stop != NULL ? stop : end) - value);
        uint8_t raw[WIRE_LINE_MAX];
        char again[3 * WIRE_LINE_MAX];
        int n = wire_unescape(raw, sizeof(raw), value, len);

        if (n >= 0) {
            check(wire_escape(again, sizeof(again), raw, (size_t)n, WIRE_ESCAPE_VALUE) == len);
            check(memcmp(again, value, len) == 0);
        }
        at = value + len + (stop != NULL);
    }
}

static void
check_line(const char *text, size_t len)
{
    struct wire_line line;
    char again[WIRE_LINE_MAX];
    size_t prefix = wire_line_prefix(text, len);
    int result = wire_line_parse(text, len, &line);
    int n;

    check(prefix <= len);
    if (result != 0) {
        check(result >= WIRE_E_CHECK && result <= WIRE_E_SIZE);
        return;
    }
    check(prefix == len && line.len == len && line.bytes == text);
    check(wire_host_valid(line.head.host, strnlen(line.head.host, sizeof(line.head.host))));
    n = wire_line_compose(&line.head, line.detail, line.detail_len, again, sizeof(again));
    check(n > 0 && (size_t)n + 1 == line.body_len && memcmp(again, text, (size_t)n) == 0);
    check_values(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char good[] =
            "!1 CRIT web03 17-K3QF.42@812 20261121T193405Z daemon.down name=s%20d pid=8%+2+ "
            "~FJZBT8V40PYQGQD9P2YZ1RN9";
    char text[sizeof(good) + 64];
    char escaped[200];
    size_t at;
    size_t cut;
    size_t put;

    check_line((const char *)data, size);
    if (size < 3) {
        return 0;
    }
    check(wire_escape(escaped, 24 + data[0] % 100u, data, size,
                  data[1] % 2 ? WIRE_ESCAPE_TEXT : WIRE_ESCAPE_VALUE) < 24 + data[0] % 100u);
    at = data[0] % (sizeof(good) - 1);
    cut = data[1] % (sizeof(good) - at);
    put = size - 2 > 64 ? 64 : size - 2;
    memcpy(text, good, at);
    memcpy(text + at, data + 2, put);
    memcpy(text + at + put, good + at + cut, sizeof(good) - 1 - at - cut);
    size = sizeof(good) - 1 - cut + put;
    if (size > WIRE_CHECK_CHARS) {
        wire_check_make(text, size - WIRE_CHECK_CHARS, text + size - WIRE_CHECK_CHARS);
    }
    check_line(text, size);
    return 0;
}
