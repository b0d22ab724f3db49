#include "wire/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool
plain(uint8_t c, enum wire_escape_set set)
{
    if (c == '%' || c > 0x7E) {
        return false;
    }
    if (set == WIRE_ESCAPE_TEXT) {
        return c >= 0x20;
    }
    return c > 0x20 && c != '!' && c != '~' && c != '=';
}

static size_t
columns(uint8_t c, enum wire_escape_set set)
{
    return plain(c, set) ? 1 : WIRE_ESCAPE_WORST;
}

static char *
put(char *out, const uint8_t *src, size_t len, enum wire_escape_set set)
{
    static const char hex[16] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        if (plain(src[i], set)) {
            *out++ = (char)src[i];
        } else {
            *out++ = '%';
            *out++ = hex[src[i] >> 4];
            *out++ = hex[src[i] & 15];
        }
    }
    return out;
}

/* Writes %+N+ and returns its end. */
static char *
put_left_out(char *out, size_t left_out)
{
    char digits[20];
    unsigned n = 0;

    do {
        digits[n++] = (char)('0' + left_out % 10);
        left_out /= 10;
    } while (left_out > 0);
    *out++ = '%';
    *out++ = '+';
    while (n > 0) {
        *out++ = digits[--n];
    }
    *out++ = '+';
    return out;
}

static size_t
decimal_digits(size_t v)
{
    size_t n = 1;

    while (v >= 10) {
        v /= 10;
        n++;
    }
    return n;
}

/* Head and tail get half of the room each; what the head cannot use goes to the tail. */
static size_t
shorten(char *out, size_t room, const uint8_t *src, size_t len, enum wire_escape_set set)
{
    size_t budget = room - (3 + decimal_digits(len));
    size_t head = 0;
    size_t tail = 0;
    size_t used = 0;
    char *p;

    while (used + columns(src[head], set) <= budget / 2) {
        used += columns(src[head++], set);
    }
    while (used + columns(src[len - 1 - tail], set) <= budget) {
        used += columns(src[len - 1 - tail++], set);
    }
    p = put(out, src, head, set);
    p = put_left_out(p, len - head - tail);
    p = put(p, src + len - tail, tail, set);
    *p = '\0';
    return (size_t)(p - out);
}

size_t
wire_escape(char *out, size_t size, const void *src, size_t len, enum wire_escape_set set)
{
    const uint8_t *s = src;
    size_t need = 0;
    char *end;

    /* Stops as soon as it is too much: a long value is not walked to its end. */
    for (size_t i = 0; i < len && need < size; i++) {
        need += columns(s[i], set);
    }
    if (need >= size) {
        return shorten(out, size - 1, s, len, set);
    }
    end = put(out, s, len, set);
    *end = '\0';
    return (size_t)(end - out);
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

/* The byte behind a % at `src`; -1 when it is none that put() writes. */
static int
escaped_byte(const char *src, size_t left)
{
    int high;
    int low;

    if (left < WIRE_ESCAPE_WORST) {
        return -1;
    }
    high = hex_value(src[1]);
    low = hex_value(src[2]);
    if (high < 0 || low < 0 || plain((uint8_t)(high * 16 + low), WIRE_ESCAPE_VALUE)) {
        return -1;
    }
    return high * 16 + low;
}

int
wire_unescape(void *out, size_t size, const char *src, size_t len)
{
    uint8_t *to = out;
    size_t n = 0;

    for (size_t i = 0; i < len;) {
        int byte = (uint8_t)src[i];

        if (byte == '%') {
            byte = escaped_byte(src + i, len - i);
            i += WIRE_ESCAPE_WORST;
        } else {
            byte = plain((uint8_t)byte, WIRE_ESCAPE_VALUE) ? byte : -1;
            i++;
        }
        if (byte < 0 || n >= size || n >= INT32_MAX) {
            return -1;
        }
        to[n++] = (uint8_t)byte;
    }
    return (int)n;
}
