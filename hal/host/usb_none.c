/* usb_host.h and usb_reader.h in a program that was built where there is no libusb. */
#include "hal/host/usb_host.h"
#include "hal/host/usb_reader.h"

#include <errno.h>

bool
hal_usb_built_in(void)
{
    return false;
}

int
hal_usb_prepare(void)
{
    return -ENOSYS;
}

int
hal_usb_adopt(int fd)
{
    (void)fd;
    return -ENOSYS;
}

int
hal_usb_write(const void *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return -ENOSYS;
}

int
hal_usb_pending(void)
{
    return -ENOSYS;
}

bool
hal_usb_gone(int fd)
{
    (void)fd;
    return true;
}

void
hal_usb_release(void)
{
}

int
hal_usb_reader_adopt(int fd)
{
    (void)fd;
    return -ENOSYS;
}

int
hal_usb_reader_ask(uint8_t type, uint8_t request, void *dst, size_t size, unsigned most_ms)
{
    (void)type;
    (void)request;
    (void)dst;
    (void)size;
    (void)most_ms;
    return -ENOSYS;
}

int
hal_usb_reader_begin(void)
{
    return -ENOSYS;
}

int
hal_usb_reader_read(void *dst, size_t size, unsigned most_ms)
{
    (void)dst;
    (void)size;
    (void)most_ms;
    return -ENOSYS;
}

void
hal_usb_reader_release(void)
{
}
