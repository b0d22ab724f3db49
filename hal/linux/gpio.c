#include "hal/gpio.h"

#include "hal/linux/bench/bench.h"
#include <unistd.h>

static bool outs[HAL_GPIO_OUTS];

/* The bench saw to it that all are off. */
void
hal_gpio_start(void)
{
    for (int i = 0; i < HAL_GPIO_OUTS; i++) {
        hal_gpio_set((enum hal_gpio_out)i, false);
    }
}

void
hal_gpio_set(enum hal_gpio_out role, bool on)
{
    uint8_t change = (uint8_t)(role * 2 + (on ? 1 : 0));

    /* A pipe that is full is told again at the next call. */
    if (outs[role] != on && write(bench.outputs, &change, 1) == 1) {
        outs[role] = on;
    }
}

bool
hal_gpio_get(enum hal_gpio_in role)
{
    return (bench.shared->inputs >> role & 1) != 0;
}

bool
hal_gpio_fitted(enum hal_gpio_in role)
{
    (void)role;
    return true;
}
