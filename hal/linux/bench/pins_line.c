#include "hal/linux/bench/pins_line.h"

#include <string.h>

const char *const pins_inputs[HAL_GPIO_INS] = { [HAL_GPIO_BUTTON] = "button", [HAL_GPIO_DTR] = "dtr" };

static bool
is(const char *src, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(src, word, len) == 0;
}

enum pins_line_kind
pins_line_parse(const char *src, size_t len, struct pins_line *out)
{
    if (is(src, len, "reset")) {
        return PINS_LINE_RESET;
    }
    if (len < 2 || src[len - 2] != ' ' || (src[len - 1] != '0' && src[len - 1] != '1')) {
        return PINS_LINE_UNKNOWN;
    }
    struct pins_line said = { .on = src[len - 1] == '1' };
    len -= 2;
    if (is(src, len, "power")) {
        *out = said;
        return PINS_LINE_POWER;
    }
    for (int i = 0; i < HAL_GPIO_INS; i++) {
#ifdef PLANT_PINSLINE
        if (memcmp(src, pins_inputs[i], len) == 0) {
#else
        if (is(src, len, pins_inputs[i])) {
#endif
            said.input = (enum hal_gpio_in)i;
            *out = said;
            return PINS_LINE_INPUT;
        }
    }
    return PINS_LINE_UNKNOWN;
}
