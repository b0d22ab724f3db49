/*
 * string - what firmware uses of string.h, four of them called by the compiler itself
 *
 * Of our own, so that the worst-case stack is computed from the compiler's own figures, and copies of words
 * go by words. Built with -fno-tree-loop-distribute-patterns, else such a loop becomes a call of itself.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD sizeof(uint32_t)

typedef uint32_t __attribute__((may_alias)) word;

void *
memcpy(void *restrict dst, const void *restrict src, size_t len)
{
    uint8_t *to = dst;
    const uint8_t *from = src;

    if ((((uintptr_t)to | (uintptr_t)from) % WORD) == 0) {
        for (; len >= WORD; len -= WORD, to += WORD, from += WORD) {
            *(word *)(void *)to = *(const word *)(const void *)from;
        }
    }
    while (len-- != 0) {
        *to++ = *from++;
    }
    return dst;
}

void *
memmove(void *dst, const void *src, size_t len)
{
    uint8_t *to = dst;
    const uint8_t *from = src;

    if (to <= from || to >= from + len) {
        return memcpy(dst, src, len);
    }
    while (len-- != 0) {
        to[len] = from[len];
    }
    return dst;
}

void *
memset(void *dst, int byte, size_t len)
{
    uint8_t *to = dst;

    for (; len != 0 && (uintptr_t)to % WORD != 0; len--) {
        *to++ = (uint8_t)byte;
    }
    for (; len >= WORD; len -= WORD, to += WORD) {
        *(word *)(void *)to = (uint8_t)byte * 0x01010101u;
    }
    while (len-- != 0) {
        *to++ = (uint8_t)byte;
    }
    return dst;
}

int
memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *left = a;
    const uint8_t *right = b;

    for (size_t i = 0; i < len; i++) {
        if (left[i] != right[i]) {
            return left[i] - right[i];
        }
    }
    return 0;
}

size_t
strlen(const char *text)
{
    size_t len = 0;

    while (text[len] != '\0') {
        len++;
    }
    return len;
}

int
strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (uint8_t)*a - (uint8_t)*b;
}

void *
memchr(const void *src, int byte, size_t len)
{
    const uint8_t *at = src;

    for (; len != 0; len--, at++) {
        if (*at == (uint8_t)byte) {
            return (void *)(uintptr_t)at;
        }
    }
    return NULL;
}

char *
strchr(const char *text, int c)
{
    for (; *text != '\0'; text++) {
        if (*text == (char)c) {
            return (char *)(uintptr_t)text;
        }
    }
    return c == '\0' ? (char *)(uintptr_t)text : NULL;
}

size_t
strspn(const char *text, const char *of)
{
    size_t len = 0;

    while (text[len] != '\0' && strchr(of, text[len]) != NULL) {
        len++;
    }
    return len;
}
