/*
 * The logger's status page: what is accepted is exactly what the encoder writes, and what is refused leaves
 * the caller's alone.
 */
#include <stdbool.h>
#include <string.h>

#include "usb/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct usb_status status;
    uint8_t before[USB_STATUS_SIZE];
    uint8_t after[USB_STATUS_SIZE];

    usb_status_encode(&status, before);
    int error = usb_status_decode(data, size, &status);

    usb_status_encode(&status, after);
    if (error == 0) {
        check(size == sizeof(after) && memcmp(after, data, size) == 0);
    } else {
        check(memcmp(before, after, sizeof(after)) == 0);
    }
    return 0;
}
