/*
 * gpio - roles on the FPGA's LEDs and buttons, by the board's data
 */
#include "hal/gpio.h"
#include "hal/cmsdk/board.h"
#include "hal/cmsdk/chip.h"

void
hal_gpio_start(void)
{
    FPGAIO_LEDS = 0;
}

void
hal_gpio_set(enum hal_gpio_out role, bool on)
{
    uint32_t others = FPGAIO_LEDS & ~cmsdk_board.led[role];

    FPGAIO_LEDS = others | (on ? cmsdk_board.led[role] : 0);
}

bool
hal_gpio_get(enum hal_gpio_in role)
{
    return (FPGAIO_BUTTONS & cmsdk_board.button[role]) != 0;
}

bool
hal_gpio_fitted(enum hal_gpio_in role)
{
    return cmsdk_board.button[role] != 0;
}
