#ifndef HAL_RP2040_BOARD_H
#define HAL_RP2040_BOARD_H
/*
 * board - what a board's data tells the port: pins, levels, flash
 *
 * One per image, defined in the board's folder.
 */
#include <stdbool.h>
#include <stdint.h>

#include "hal/gpio.h"
#include "hal/uart.h"

#define RP2040_NO_PIN 0xff

struct rp2040_out {
    uint32_t pins; /* all that follow the role, a bit each */
    bool low_is_on;
};

struct rp2040_in {
    uint8_t pin;    /* or RP2040_NO_PIN */
    bool low_is_on; /* and then pulled up, else pulled down: a wire that is off reads "off" */
};

struct rp2040_uart {
    uint8_t number; /* 0 or 1 */
    uint8_t tx;     /* or RP2040_NO_PIN: the transmitter is never enabled */
    uint8_t rx;
};

struct rp2040_board {
    struct rp2040_uart uart[HAL_UARTS];
    struct rp2040_out out[HAL_GPIO_OUTS];
    struct rp2040_in in[HAL_GPIO_INS];
    uint8_t vbus;           /* high while the host gives power, or RP2040_NO_PIN */
    uint8_t flash_maker;    /* the first byte of its JEDEC identity */
    uint8_t flash_capacity; /* the third: 2 to this many bytes */
    uint32_t flash_log;     /* where the log begins; below lies the image */
};

extern const struct rp2040_board rp2040_board;

#endif
