#include "belfry/gate/split.h"

#include "wire/line.h"

#include <string.h>

bool
gate_split(const char *src, size_t len, unsigned most, struct gate_split *out)
{
    size_t begun = 0;

    *out = (struct gate_split){ .lines = 0 };
    for (size_t i = 0; i < len && out->lines < most; i++) {
        if (src[i] == '\n') {
            if (i == begun) {
                return false;
            }
            out->lines++;
            out->used = i + 1;
            begun = i + 1;
            continue;
        }
#ifdef PLANT_GATESPLIT
        if (src[i] < 0x20 || src[i] > 0x7E || i - begun > WIRE_LINE_MAX) {
#else
        if (src[i] < 0x20 || src[i] > 0x7E || i - begun == WIRE_LINE_MAX) {
#endif
            return false;
        }
    }
    return true;
}

size_t
gate_line_length(const char *src, size_t len)
{
    const char *end = memchr(src, '\n', len);

    return end != NULL ? (size_t)(end - src) : len;
}
