/* Bytes of a peer into lines: whatever it takes is whole lines of the right form, however the bytes come. */
#include <stdint.h>
#include <string.h>

#include "belfry/gate/split.h"
#include "wire/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

static void
check_lines(const char *src, const struct gate_split *s)
{
    char line[WIRE_LINE_MAX];
    size_t at = 0;
    unsigned lines = 0;

    while (at < s->used) {
        size_t len = gate_line_length(src + at, s->used - at);

        check(len > 0 && len <= sizeof(line) && at + len < s->used);
        memcpy(line, src + at, len);
        for (size_t i = 0; i < len; i++) {
            check(line[i] >= 0x20 && line[i] <= 0x7E);
        }
        at += len + 1;
        lines++;
    }
    check(lines == s->lines);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *src = (const char *)data;
    unsigned most = size > 0 ? data[0] % 8U + 1 : 1;
    struct gate_split s;
    struct gate_split all;

    if (!gate_split(src, size, most, &s)) {
        check(!gate_split(src, size, UINT16_MAX, &all));
        return 0;
    }
    check(s.lines <= most && s.used <= size);
    check_lines(src, &s);
    /* The rest is a line that has only begun, or more than was asked for. */
    check(s.lines == most ||
            (size - s.used <= WIRE_LINE_MAX && memchr(src + s.used, '\n', size - s.used) == NULL));
    return 0;
}
