/*
 * Sealed files: what was sealed, changed or cut where the input says. Nothing but the whole and unchanged
 * file opens, and nothing beyond its end is touched.
 */
#include "conf/sealed.h"
#include <stdlib.h>
#include <string.h>

#define MOST 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[SEALED_KEY] = { 7 };
    static uint8_t whole[MOST + SEALED_MORE];

    if (size < 3 || size > MOST) {
        return 0;
    }
    size_t text = size - 3;
    size_t len = text + SEALED_MORE;
    check(sealed_make(key, data + 3, text, whole) == 0);
    size_t cut = (data[0] & 1) != 0 ? data[1] % (len + 1) : len;
    uint8_t *file = malloc(cut > 0 ? cut : 1);
    check(file != NULL);
    memcpy(file, whole, cut);
    if (data[2] != 0 && cut > 0) {
        file[data[1] % cut] ^= data[2];
    }
    bool sound = cut == len && data[2] == 0;
    ssize_t n = sealed_open(key, file, cut);
    check(n == (sound ? (ssize_t)text : n));
    check((n >= 0) == sound);
    check(!sound || memcmp(file, data + 3, text) == 0);
    free(file);
    return 0;
}
