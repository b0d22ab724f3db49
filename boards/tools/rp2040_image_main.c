/*
 * rp2040_image seal BOOT2 OUT   boot2 as it was linked becomes one that the boot ROM runs
 * rp2040_image uf2 IMAGE OUT    the image for the boot ROM's USB drive; refuses one whose boot2 is not sound
 */
#include <stdio.h>
#include <string.h>

#include "boards/tools/rp2040_image.h"

#define IMAGE_MAX (1u << 20)

static uint8_t image[IMAGE_MAX];

static size_t
load(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t len = 0;

    if (file == NULL) {
        return 0;
    }
    len = fread(image, 1, sizeof image, file);
    fclose(file);
    return len;
}

static bool
write_uf2(FILE *out, size_t len)
{
    uint8_t block[UF2_BLOCK];

    for (uint32_t i = 0; i < uf2_blocks(len); i++) {
        uf2_block(image, len, i, block);
        if (fwrite(block, sizeof block, 1, out) != 1) {
            return false;
        }
    }
    return true;
}

static bool
make(const char *what, FILE *out, size_t len)
{
    if (strcmp(what, "seal") == 0 && len == RP2040_BOOT2_SIZE) {
        rp2040_boot2_seal(image);
        return fwrite(image, RP2040_BOOT2_SIZE, 1, out) == 1;
    }
    if (strcmp(what, "uf2") == 0 && len > RP2040_BOOT2_SIZE && rp2040_boot2_sound(image)) {
        return write_uf2(out, len);
    }
    return false;
}

int
main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: rp2040_image seal|uf2 IN OUT\n");
        return 2;
    }
    size_t len = load(argv[2]);
    FILE *out = fopen(argv[3], "wb");
    if (out == NULL) {
        fprintf(stderr, "rp2040_image: cannot write %s\n", argv[3]);
        return 1;
    }
    bool made = make(argv[1], out, len);
    if (fclose(out) != 0 || !made) {
        fprintf(stderr, "rp2040_image: %s: %s failed\n", argv[2], argv[1]);
        remove(argv[3]);
        return 1;
    }
    return 0;
}
