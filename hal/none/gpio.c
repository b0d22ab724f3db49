/* A board without lamp, relay, button and modem line. */
#include "hal/gpio.h"

void
hal_gpio_start(void)
{
}

void
hal_gpio_set(enum hal_gpio_out role, bool on)
{
    (void)role;
    (void)on;
}

bool
hal_gpio_get(enum hal_gpio_in role)
{
    (void)role;
    return false;
}

bool
hal_gpio_fitted(enum hal_gpio_in role)
{
    (void)role;
    return false;
}
