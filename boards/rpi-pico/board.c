/*
 * The Raspberry Pi Pico: pins, levels and flash (Pico datasheet, chapter 2; README.md has the picture)
 */
#include "hal/rp2040/board.h"

#define PIN(n) (1u << (n))

const struct rp2040_board rp2040_board = {
    .uart = {
        [HAL_UART_SERVER] = { .number = 1, .tx = RP2040_NO_PIN, .rx = 5 },
        [HAL_UART_CONSOLE] = { .number = 0, .tx = 0, .rx = 1 },
    },
    .out = {
        [HAL_GPIO_LAMP] = { .pins = PIN(25) | PIN(16) }, /* the board's own LED, and one to see from afar */
        [HAL_GPIO_RELAY] = { .pins = PIN(15) },
    },
    .in = {
        [HAL_GPIO_BUTTON] = { .pin = 14, .low_is_on = true },
        [HAL_GPIO_DTR] = { .pin = 6, .low_is_on = true }, /* a line receiver turns it over */
    },
    .vbus = 24,
    .flash_maker = 0xef, /* Winbond W25Q16JV */
    .flash_capacity = 21,
    .flash_log = 0x10000,
};
