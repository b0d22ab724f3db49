/* Any text as PID/status: it is read within its length, and what is found stands in it. */
#include "watch/views_own.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct own_status status;
    char want[32];
    char *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    if (own_status_parse(exact, size, &status)) {
        snprintf(want, sizeof(want), "%u", status.tracer);
        if ((status.tracer != 0 && memmem(exact, size, want, strlen(want)) == NULL) ||
                (status.stopped && memmem(exact, size, "State:\t", 7) == NULL)) {
            abort();
        }
    }
    free(exact);
    return 0;
}
