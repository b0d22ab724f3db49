/* What the RP2040's boot ROM is given: the sum of boot2, and UF2 blocks. */
#include "boards/tools/rp2040_image.h"
#include "support/check.h"

static uint32_t
u32_at(const uint8_t *src)
{
    return (uint32_t)src[0] | (uint32_t)src[1] << 8 | (uint32_t)src[2] << 16 | (uint32_t)src[3] << 24;
}

/* CRC-32/MPEG-2's check value, and nothing at all. */
static void
the_sum_is_the_one_of_the_catalogues(void)
{
    CHECK_INT(rp2040_sum((const uint8_t *)"123456789", 9), 0x0376e6e7u);
    CHECK_INT(rp2040_sum(NULL, 0), 0xffffffffu);
}

static void
any_bit_turned_over_makes_boot2_unsound(void)
{
    uint8_t boot2[RP2040_BOOT2_SIZE];

    for (unsigned i = 0; i < sizeof boot2; i++) {
        boot2[i] = (uint8_t)(i * 7);
    }
    rp2040_boot2_seal(boot2);
    CHECK(rp2040_boot2_sound(boot2));
    for (unsigned bit = 0; bit < 8 * sizeof boot2; bit++) {
        boot2[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(!rp2040_boot2_sound(boot2));
        boot2[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void
an_image_has_as_many_blocks_as_it_needs(void)
{
    CHECK_INT(uf2_blocks(1), 1);
    CHECK_INT(uf2_blocks(256), 1);
    CHECK_INT(uf2_blocks(257), 2);
    CHECK_INT(uf2_blocks(32768), 128);
}

/* Fields and their places: github.com/microsoft/uf2. */
static void
a_block_has_the_fields_of_uf2_and_its_part_of_the_image(void)
{
    uint8_t image[600];
    uint8_t block[UF2_BLOCK];

    for (unsigned i = 0; i < sizeof image; i++) {
        image[i] = (uint8_t)(i ^ i >> 8 ^ 0x5a);
    }
    for (uint32_t index = 0; index < 3; index++) {
        size_t part = index < 2 ? 256 : 600 - 512;

        uf2_block(image, sizeof image, index, block);
        CHECK_INT(u32_at(block), 0x0a324655u);
        CHECK_INT(u32_at(block + 4), 0x9e5d5157u);
        CHECK_INT(u32_at(block + 8), 0x2000);
        CHECK_INT(u32_at(block + 12), 0x10000000u + 256 * index);
        CHECK_INT(u32_at(block + 16), 256);
        CHECK_INT(u32_at(block + 20), index);
        CHECK_INT(u32_at(block + 24), 3);
        CHECK_INT(u32_at(block + 28), 0xe48bff56u);
        CHECK_MEM(block + 32, image + 256 * index, part);
        for (size_t i = 32 + part; i < 508; i++) {
            CHECK_INT(block[i], 0);
        }
        CHECK_INT(u32_at(block + 508), 0x0ab16f30u);
    }
}

int
main(void)
{
    CHECK_RUN(the_sum_is_the_one_of_the_catalogues);
    CHECK_RUN(any_bit_turned_over_makes_boot2_unsound);
    CHECK_RUN(an_image_has_as_many_blocks_as_it_needs);
    CHECK_RUN(a_block_has_the_fields_of_uf2_and_its_part_of_the_image);
    return check_result();
}
