/*
 * gpio - roles on pins, by the board's data (RP2040 datasheet, 2.19)
 */
#include "hal/gpio.h"

#include "hal/rp2040/board.h"
#include "hal/rp2040/chip.h"

static void
in_start(const struct rp2040_in *in)
{
    if (in->pin == RP2040_NO_PIN) {
        return;
    }
    REG(PADS_BANK0(in->pin)) = PAD_OD | PAD_IE | PAD_SCHMITT | (in->low_is_on ? PAD_PUE : PAD_PDE);
    REG(IO_BANK0_CTRL(in->pin)) = IO_FUNCTION_SIO;
}

void
hal_gpio_start(void)
{
    rp2040_take_out_of_reset(RESETS_IO_BANK0 | RESETS_PADS_BANK0);
    for (unsigned role = 0; role < HAL_GPIO_OUTS; role++) {
        const struct rp2040_out *out = &rp2040_board.out[role];

        hal_gpio_set(role, false); /* before the pin drives */
        for (unsigned pin = 0; pin < 30; pin++) {
            if ((out->pins >> pin & 1) != 0) {
                REG(IO_BANK0_CTRL(pin)) = IO_FUNCTION_SIO;
            }
        }
        REG(SIO_GPIO_OE_SET) = out->pins;
    }
    for (unsigned role = 0; role < HAL_GPIO_INS; role++) {
        in_start(&rp2040_board.in[role]);
    }
}

void
hal_gpio_set(enum hal_gpio_out role, bool on)
{
    const struct rp2040_out *out = &rp2040_board.out[role];

    REG(on != out->low_is_on ? SIO_GPIO_OUT_SET : SIO_GPIO_OUT_CLR) = out->pins;
}

bool
hal_gpio_get(enum hal_gpio_in role)
{
    const struct rp2040_in *in = &rp2040_board.in[role];

    if (in->pin == RP2040_NO_PIN) {
        return false;
    }
    return ((REG(SIO_GPIO_IN) >> in->pin & 1) != 0) != in->low_is_on;
}

bool
hal_gpio_fitted(enum hal_gpio_in role)
{
    return rp2040_board.in[role].pin != RP2040_NO_PIN;
}
