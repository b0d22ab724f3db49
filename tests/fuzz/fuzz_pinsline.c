/* Any bytes said to the bench of the lab process: what is understood is written as it was said. */
#include "hal/linux/bench/pins_line.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size);
    char again[32] = "";
    struct pins_line said;

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    enum pins_line_kind kind = pins_line_parse(exact, size, &said);
    if (kind == PINS_LINE_RESET) {
        (void)snprintf(again, sizeof again, "reset");
    } else if (kind != PINS_LINE_UNKNOWN) {
        (void)snprintf(again, sizeof again, "%s %d",
                kind == PINS_LINE_POWER ? "power" : pins_inputs[said.input], said.on ? 1 : 0);
    }
    if (kind != PINS_LINE_UNKNOWN && (strlen(again) != size || memcmp(again, exact, size) != 0)) {
        abort();
    }
    free(exact);
    return 0;
}
