#include "hal/gpio.h"

#include "hal/linux/sim/sim.h"
#include <string.h>

static bool outs[HAL_GPIO_OUTS];
static uint32_t changes[HAL_GPIO_OUTS];
static bool ins[HAL_GPIO_INS];
static bool absent[HAL_GPIO_INS];

void
sim_gpio_power_on(void)
{
    memset(outs, 0, sizeof outs);
    memset(changes, 0, sizeof changes);
    memset(ins, 0, sizeof ins);
    memset(absent, 0, sizeof absent);
}

/* The chip lets go of its pins. */
void
sim_gpio_reset(void)
{
    for (int i = 0; i < HAL_GPIO_OUTS; i++) {
        hal_gpio_set((enum hal_gpio_out)i, false);
    }
}

bool
sim_gpio_out(enum hal_gpio_out role)
{
    return outs[role];
}

uint32_t
sim_gpio_changes(enum hal_gpio_out role)
{
    return changes[role];
}

void
sim_gpio_in(enum hal_gpio_in role, bool on)
{
    ins[role] = on;
}

void
sim_gpio_fit(enum hal_gpio_in role, bool fitted)
{
    absent[role] = !fitted;
}

void
hal_gpio_start(void)
{
    sim_gpio_reset();
}

void
hal_gpio_set(enum hal_gpio_out role, bool on)
{
    changes[role] += outs[role] != on ? 1 : 0;
    outs[role] = on;
}

bool
hal_gpio_get(enum hal_gpio_in role)
{
    return ins[role] && !absent[role];
}

bool
hal_gpio_fitted(enum hal_gpio_in role)
{
    return !absent[role];
}
