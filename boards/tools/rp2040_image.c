#include "boards/tools/rp2040_image.h"

#include <string.h>

#define BOOT2_SUMMED (RP2040_BOOT2_SIZE - 4)
#define POLYNOMIAL 0x04c11db7u

#define UF2_MAGIC_FIRST 0x0a324655u
#define UF2_MAGIC_SECOND 0x9e5d5157u
#define UF2_MAGIC_LAST 0x0ab16f30u
#define UF2_HAS_FAMILY 0x2000u
#define UF2_FAMILY_RP2040 0xe48bff56u

static void
put_u32(uint8_t *dst, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        dst[i] = (uint8_t)(value >> (8 * i));
    }
}

uint32_t
rp2040_sum(const uint8_t *src, size_t len)
{
    uint32_t sum = 0xffffffffu;

    for (size_t i = 0; i < len; i++) {
        sum ^= (uint32_t)src[i] << 24;
        for (unsigned bit = 0; bit < 8; bit++) {
            sum = sum << 1 ^ ((sum >> 31) != 0 ? POLYNOMIAL : 0);
        }
    }
    return sum;
}

void
rp2040_boot2_seal(uint8_t boot2[RP2040_BOOT2_SIZE])
{
    put_u32(boot2 + BOOT2_SUMMED, rp2040_sum(boot2, BOOT2_SUMMED));
}

bool
rp2040_boot2_sound(const uint8_t boot2[RP2040_BOOT2_SIZE])
{
    uint8_t sum[4];

    put_u32(sum, rp2040_sum(boot2, BOOT2_SUMMED));
    return memcmp(sum, boot2 + BOOT2_SUMMED, sizeof sum) == 0;
}

uint32_t
uf2_blocks(size_t len)
{
    return (uint32_t)((len + UF2_PAYLOAD - 1) / UF2_PAYLOAD);
}

void
uf2_block(const uint8_t *image, size_t len, uint32_t index, uint8_t dst[UF2_BLOCK])
{
    size_t at = (size_t)index * UF2_PAYLOAD;
    size_t left = at < len ? len - at : 0;
    const uint32_t head[8] = {
        UF2_MAGIC_FIRST,
        UF2_MAGIC_SECOND,
        UF2_HAS_FAMILY,
        RP2040_FLASH_START + index * UF2_PAYLOAD,
        UF2_PAYLOAD,
        index,
        uf2_blocks(len),
        UF2_FAMILY_RP2040,
    };

    memset(dst, 0, UF2_BLOCK);
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        put_u32(dst + 4 * i, head[i]);
    }
    memcpy(dst + sizeof head, image + (left != 0 ? at : 0), left < UF2_PAYLOAD ? left : UF2_PAYLOAD);
    put_u32(dst + UF2_BLOCK - 4, UF2_MAGIC_LAST);
}
