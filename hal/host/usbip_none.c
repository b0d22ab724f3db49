/* usbip_host.h, and connecting, in a program that was built without them. */
#include "hal/host/usbip.h"
#include "hal/host/usbip_host.h"

#include <errno.h>

bool
hal_usbip_built_in(void)
{
    return false;
}

int
hal_usbip_connect(const struct hal_usbip_name *name, int most_ms)
{
    (void)name;
    (void)most_ms;
    return -ENOSYS;
}

int
hal_usbip_adopt(int fd, const char *bus_id)
{
    (void)fd;
    (void)bus_id;
    return -ENOSYS;
}

int
hal_usbip_write(const void *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return -ENOSYS;
}

int
hal_usbip_pending(void)
{
    return -ENOSYS;
}

bool
hal_usbip_gone(void)
{
    return true;
}

void
hal_usbip_release(void)
{
}
