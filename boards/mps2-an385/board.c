/*
 * board - Arm MPS2 with the AN385 image: the two user LEDs, the two user buttons, PSRAM for flash
 */
#include "hal/cmsdk/board.h"

#define PSRAM ((uint8_t *)0x21000000) /* AN385, 3.1: 16 MB */

const struct cmsdk_board cmsdk_board = {
    .led = { [HAL_GPIO_LAMP] = 1u << 0, [HAL_GPIO_RELAY] = 1u << 1 },
    .button = { [HAL_GPIO_BUTTON] = 1u << 0, [HAL_GPIO_DTR] = 0 },
    .flash = PSRAM,
    .flash_size = 1024u * 1024u,
};
