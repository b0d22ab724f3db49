/* A board without USB. hal_usbd_event() is never called. */
#include "hal/usbd.h"

#include "hal/result.h"

int
hal_usbd_start(void)
{
    return HAL_E_NONE;
}

void
hal_usbd_poll(void)
{
}

void
hal_usbd_address(uint8_t address)
{
    (void)address;
}

int
hal_usbd_open(uint8_t endpoint)
{
    (void)endpoint;
    return HAL_E_RANGE;
}

void
hal_usbd_close(uint8_t endpoint)
{
    (void)endpoint;
}

void
hal_usbd_receive(uint8_t endpoint)
{
    (void)endpoint;
}

void
hal_usbd_send(uint8_t endpoint, const uint8_t *src, size_t len)
{
    (void)endpoint;
    (void)src;
    (void)len;
}

void
hal_usbd_stall(uint8_t endpoint)
{
    (void)endpoint;
}
