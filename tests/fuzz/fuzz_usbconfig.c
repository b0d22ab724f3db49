/* Any bytes as a USB configuration, in a heap block of their own size: what is found stands in them. */
#include "hal/host/usb_config.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must_stand(const uint8_t *bytes, size_t len, uint8_t address)
{
    for (size_t i = 0; i + 2 < len; i++) {
        if (bytes[i] == 5 && (bytes[i + 1] & 0x8f) == address) {
            return;
        }
    }
    abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    struct hal_usb_endpoint e;

    memcpy(bytes, data, size);
    if (size >= 4) {
        bytes[2] = (uint8_t)size;
        bytes[3] = (uint8_t)(size >> 8);
    }
    if (hal_usb_config_find(bytes, size, false, &e) == 0) {
        must_stand(bytes, size, e.endpoint);
    }
    if (hal_usb_config_find(bytes, size, true, &e) == 0) {
        must_stand(bytes, size, e.endpoint | 0x80);
    }
    free(bytes);
    return 0;
}
