#ifndef HAL_LINUX_BENCH_PINS_LINE_H
#define HAL_LINUX_BENCH_PINS_LINE_H
/*
 * pins_line - one line that somebody says to the bench: "button 1", "dtr 0", "power 1", "reset"
 *
 * Functions without state.
 */
#include "hal/gpio.h"

#include <stdbool.h>
#include <stddef.h>

enum pins_line_kind {
    PINS_LINE_UNKNOWN,
    PINS_LINE_INPUT,
    PINS_LINE_POWER,
    PINS_LINE_RESET,
};

struct pins_line {
    enum hal_gpio_in input; /* of INPUT */
    bool on;                /* of INPUT and POWER */
};

extern const char *const pins_inputs[HAL_GPIO_INS];

/* Without the line's end. *out is set for what it has; untouched when the line is unknown. */
enum pins_line_kind pins_line_parse(const char *src, size_t len, struct pins_line *out);

#endif
