#include "belfry/transcript/zseek.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A table of as many frames as there are four bytes, to begin with what is almost right. */
static size_t
compose(const uint8_t *data, size_t size, uint8_t *out, uint64_t *packed)
{
    static uint32_t frame[64][2];
    uint32_t frames = 0;

    *packed = 0;
    while (size >= 4 && frames < 64) {
        frame[frames][0] = (uint32_t)data[0] << 8 | data[1];
        frame[frames][1] = ((uint32_t)data[2] << 8 | data[3]) + 1;
        *packed += frame[frames][0];
        frames++;
        data += 4;
        size -= 4;
    }
    return zseek_write(out, (const uint32_t(*)[2])frame, frames);
}

static void
check(const struct zseek *z, uint64_t file_size)
{
    for (uint32_t i = 0; i < z->frames; i++) {
        if (z->packed[i] > z->packed[i + 1] || z->plain[i] >= z->plain[i + 1] ||
                z->packed[i + 1] > file_size || zseek_find(z, z->plain[i]) != i ||
                zseek_find(z, z->plain[i + 1] - 1) != i) {
            abort();
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *table = malloc(ZSEEK_HEADER + 64 * 8 + ZSEEK_FOOTER + size);
    uint64_t packed = 0;
    struct zseek z;
    size_t len = 0;

    if (size > 0 && data[0] % 2 == 0) {
        len = compose(data + 1, size - 1, table, &packed);
        if (zseek_parse(table, len, packed + len, &z) != 0) {
            abort();
        }
        check(&z, packed);
        zseek_free(&z);
        table[data[size - 1] % len] ^= data[size / 2];
    } else if (size > 1) {
        packed = data[1];
        len = size - 2;
        memcpy(table, data + 2, len);
    }
    if (len >= ZSEEK_FOOTER && zseek_table_size(table + len - ZSEEK_FOOTER) == len &&
            zseek_parse(table, len, packed + len, &z) == 0) {
        check(&z, packed);
        zseek_free(&z);
    }
    free(table);
    return 0;
}
