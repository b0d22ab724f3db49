#ifndef HAL_GPIO_H
#define HAL_GPIO_H
/*
 * gpio - lamp, relay, button and modem line, by what they are for
 *
 * One of each role per image. Main loop only. The board's data says which pin it is and which level is "on";
 * here true is always: lit, closed, pressed, ready. A role the board lacks reads false and takes what is set
 * to it.
 */
#include <stdbool.h>

enum hal_gpio_out {
    HAL_GPIO_LAMP,
    HAL_GPIO_RELAY,
    HAL_GPIO_OUTS,
};

enum hal_gpio_in {
    HAL_GPIO_BUTTON, /* as the contact is: it bounces */
    HAL_GPIO_DTR,    /* the server's "data terminal ready" on the line of HAL_UART_SERVER */
    HAL_GPIO_INS,
};

/* Every output off, every input readable. */
void hal_gpio_start(void);

void hal_gpio_set(enum hal_gpio_out role, bool on);
bool hal_gpio_get(enum hal_gpio_in role);

/* Whether the board has it. Without a DTR input its level says nothing. */
bool hal_gpio_fitted(enum hal_gpio_in role);

#endif
