#ifndef BOARDS_TOOLS_RP2040_IMAGE_H
#define BOARDS_TOOLS_RP2040_IMAGE_H
/*
 * rp2040_image - the two forms the RP2040's boot ROM wants: boot2 with its sum (RP2040 datasheet, 2.8.1.3),
 * and UF2 blocks for its USB drive (github.com/microsoft/uf2)
 *
 * Runs on the machine that builds.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RP2040_BOOT2_SIZE 256 /* bytes: 252 and the sum */
#define RP2040_FLASH_START 0x10000000u

#define UF2_BLOCK 512
#define UF2_PAYLOAD 256 /* of each block, for the RP2040 */

/* CRC-32/MPEG-2: 04C11DB7, from FFFFFFFF, highest bit first, not turned over at the end. */
uint32_t rp2040_sum(const uint8_t *src, size_t len);

/* Put the sum behind the first 252 bytes. */
void rp2040_boot2_seal(uint8_t boot2[RP2040_BOOT2_SIZE]);
bool rp2040_boot2_sound(const uint8_t boot2[RP2040_BOOT2_SIZE]);

/* How many blocks an image of len bytes fills. */
uint32_t uf2_blocks(size_t len);

/* Block `index` of the image; what is behind its end is zeros. */
void uf2_block(const uint8_t *image, size_t len, uint32_t index, uint8_t dst[UF2_BLOCK]);

#endif
