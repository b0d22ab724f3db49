/* A board without flash for the log. */
#include "hal/flash.h"

#include "hal/result.h"

int
hal_flash_start(void)
{
    return HAL_E_NONE;
}

uint32_t
hal_flash_size(void)
{
    return 0;
}

int
hal_flash_read(uint32_t at, void *dst, size_t len)
{
    (void)at;
    (void)dst;
    (void)len;
    return HAL_E_RANGE;
}

int
hal_flash_erase(uint32_t at)
{
    (void)at;
    return HAL_E_RANGE;
}

int
hal_flash_program(uint32_t at, const void *src, size_t len)
{
    (void)at;
    (void)src;
    (void)len;
    return HAL_E_RANGE;
}

int
hal_flash_poll(void)
{
    return HAL_OK;
}
