#include "hal/host/serial_find.h"

#include <errno.h>

int
hal_serial_find(uint16_t vendor, uint16_t product, const char *serial, char *out, size_t size)
{
    (void)vendor;
    (void)product;
    (void)serial;
    (void)out;
    (void)size;
    return -ENOTSUP;
}

bool
hal_serial_finds(void)
{
    return false;
}
