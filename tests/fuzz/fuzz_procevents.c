/* Any bytes as a message of the proc connector: a pid or nothing, and nothing is read beyond the message. */
#include "watch/procevents.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    if (procevents_parse(exact, size) < 0) {
        abort();
    }
    free(exact);
    return 0;
}
