#ifndef HAL_CMSDK_BOARD_H
#define HAL_CMSDK_BOARD_H
/*
 * board - what a board's data tells the port: lamps, buttons, and the memory that stands for flash
 *
 * One per image, defined in the board's folder. The console is UART 0, the server's line UART 1.
 */
#include "hal/gpio.h"
#include <stdint.h>

struct cmsdk_board {
    uint32_t led[HAL_GPIO_OUTS];   /* bits of the FPGA's LED register; 0: not fitted */
    uint32_t button[HAL_GPIO_INS]; /* bits of its button register; 0: not fitted */
    uint8_t *flash;                /* RAM that outlives a reset, not a loss of power */
    uint32_t flash_size;           /* bytes; flash[flash_size] on are 4 more for a mark */
};

extern const struct cmsdk_board cmsdk_board;

#endif
