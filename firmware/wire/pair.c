#include "wire/pair.h"

#include <string.h>

#include "wire/base32.h"
#include "wire/crc32.h"
#include "wire/keys.h"

#define CHECK_CHARS 2
#define CODE_CHARS (WIRE_PAIR_CHARS + CHECK_CHARS)
#define GROUP 4

_Static_assert(WIRE_PAIR_TEXT == CODE_CHARS + CODE_CHARS / GROUP - 1, "seven groups of four");

static void
make_check(const char secret[WIRE_PAIR_CHARS], char check[CHECK_CHARS])
{
    uint32_t crc = wire_crc32(secret, WIRE_PAIR_CHARS);
    const uint8_t top[2] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16) };

    wire_base32(top, CHECK_CHARS, check);
}

void
wire_pair_make(const uint8_t random[WIRE_PAIR_RANDOM], char out[WIRE_PAIR_TEXT + 1])
{
    char code[CODE_CHARS];
    char *p = out;

    wire_base32(random, WIRE_PAIR_CHARS, code);
    make_check(code, code + WIRE_PAIR_CHARS);
    for (unsigned i = 0; i < CODE_CHARS; i++) {
        if (i > 0 && i % GROUP == 0) {
            *p++ = '-';
        }
        *p++ = code[i];
    }
    *p = '\0';
    wire_wipe(code, sizeof(code));
}

/* What a person means by a character; 0 when nothing of the alphabet. */
static char
meant(char c)
{
    if (c >= 'a' && c <= 'z') {
        c = (char)(c - 'a' + 'A');
    }
    if (c == 'I' || c == 'L') {
        return '1';
    }
    if (c == 'O') {
        return '0';
    }
    return wire_base32_value(c) < 0 ? '\0' : c;
}

int
wire_pair_parse(const char *src, size_t len, char secret[WIRE_PAIR_CHARS], size_t *at)
{
    char code[CODE_CHARS];
    char check[CHECK_CHARS];
    size_t chars = 0;
    int result = 0;

    for (size_t i = 0; i < len; i++) {
        char c = src[i];

        if (c == '-' || c == ' ' || c == '\t') {
            continue;
        }
        c = meant(c);
        if (c == '\0') {
            *at = i;
            wire_wipe(code, sizeof(code));
            return WIRE_PAIR_E_CHAR;
        }
#ifndef PLANT_PAIR
        if (chars < CODE_CHARS)
#endif
        {
            code[chars] = c;
        }
        chars++;
    }
    *at = chars;
    if (chars != CODE_CHARS) {
        result = WIRE_PAIR_E_SIZE;
    } else {
        make_check(code, check);
        if (memcmp(check, code + WIRE_PAIR_CHARS, CHECK_CHARS) != 0) {
            result = WIRE_PAIR_E_CHECK;
        } else {
            memcpy(secret, code, WIRE_PAIR_CHARS);
        }
    }
    wire_wipe(code, sizeof(code));
    return result;
}
