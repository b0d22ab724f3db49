#include "belfry/notice/notice.h"

#define ESC 0x1B

/* Where a sequence that begins behind an ESC ends: ECMA-48, 5.3 and 5.4 (ESC, intermediates, final; CSI with
 * parameters) and 5.6 (a command string up to BEL or ESC). */
static size_t
skip_sequence(const unsigned char *src, size_t at, size_t len)
{
    if (at < len && src[at] == '[') {
        at++;
        while (at < len && src[at] >= 0x20 && src[at] <= 0x3F) {
            at++;
        }
        return at < len && src[at] >= 0x40 && src[at] <= 0x7E ? at + 1 : at;
    }
    if (at < len &&
            (src[at] == ']' || src[at] == 'P' || src[at] == '^' || src[at] == '_' || src[at] == 'X')) {
        while (at < len && src[at] != 0x07 && src[at] != ESC) {
            at++;
        }
        return at < len && src[at] == 0x07 ? at + 1 : at;
    }
    while (at < len && src[at] >= 0x20 && src[at] <= 0x2F) {
        at++;
    }
    return at < len && src[at] >= 0x30 && src[at] <= 0x7E ? at + 1 : at;
}

size_t
notice_plain(char *to, const char *src, size_t len)
{
    const unsigned char *from = (const unsigned char *)src;
    size_t n = 0;

    for (size_t at = 0; at < len;) {
        unsigned char c = from[at++];

        if (c == ESC) {
            at = skip_sequence(from, at, len);
        } else if (c == '\t') {
            to[n++] = ' ';
        } else if (c >= 0x20 && c != 0x7F) {
            to[n++] = (char)c;
        }
    }
    return n;
}
