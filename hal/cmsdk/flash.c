/*
 * flash - RAM that keeps NOR's rules and its time
 *
 * The board has no flash that a program can write. What stands here outlives a reset; where the mark behind
 * it is missing, power was lost and it begins blank. An operation takes effect when its time is over, so one
 * that a reset ends early was not begun.
 */
#include "hal/flash.h"
#include "hal/clock.h"
#include "hal/cmsdk/board.h"
#include "hal/result.h"
#include <stdbool.h>
#include <string.h>

#define ERASE_US 45000u /* typical of the W25Q16JV, 9.6 */
#define PROGRAM_US 400u
#define BLANK 0xff

static const uint8_t mark[4] = { 'N', 'O', 'R', '1' };

static uint32_t size; /* 0 until it was started */
static uint64_t done_us;
static bool busy;
static struct {
    uint32_t at;
    uint16_t len; /* 0: erase */
    uint8_t src[HAL_FLASH_PAGE];
} operation;

int
hal_flash_start(void)
{
    uint8_t *behind = cmsdk_board.flash + cmsdk_board.flash_size;

    if (memcmp(behind, mark, sizeof(mark)) != 0) {
        memset(cmsdk_board.flash, BLANK, cmsdk_board.flash_size);
        memcpy(behind, mark, sizeof(mark));
    }
    busy = false;
    size = cmsdk_board.flash_size;
    return HAL_OK;
}

uint32_t
hal_flash_size(void)
{
    return size;
}

static bool
inside(uint32_t at, size_t len)
{
    return at <= size && len <= size - at;
}

int
hal_flash_read(uint32_t at, void *dst, size_t len)
{
    if (!inside(at, len)) {
        return HAL_E_RANGE;
    }
    if (busy) {
        return HAL_E_BUSY;
    }
    memcpy(dst, cmsdk_board.flash + at, len);
    return HAL_OK;
}

static void
begin(uint32_t at, size_t len, uint32_t us)
{
    operation.at = at;
    operation.len = (uint16_t)len;
    done_us = hal_clock_us() + us;
    busy = true;
}

int
hal_flash_erase(uint32_t at)
{
    if (at % HAL_FLASH_SECTOR != 0 || !inside(at, HAL_FLASH_SECTOR)) {
        return HAL_E_RANGE;
    }
    if (busy) {
        return HAL_E_BUSY;
    }
    begin(at, 0, ERASE_US);
    return HAL_OK;
}

int
hal_flash_program(uint32_t at, const void *src, size_t len)
{
    if (len == 0 || len > HAL_FLASH_PAGE - at % HAL_FLASH_PAGE || !inside(at, len)) {
        return HAL_E_RANGE;
    }
    if (busy) {
        return HAL_E_BUSY;
    }
    memcpy(operation.src, src, len);
    begin(at, len, PROGRAM_US);
    return HAL_OK;
}

int
hal_flash_poll(void)
{
    if (!busy) {
        return HAL_OK;
    }
    if (hal_clock_us() < done_us) {
        return HAL_E_BUSY;
    }
    uint8_t *cells = cmsdk_board.flash + operation.at;

    if (operation.len == 0) {
        memset(cells, BLANK, HAL_FLASH_SECTOR);
    }
    for (size_t i = 0; i < operation.len; i++) {
        cells[i] &= operation.src[i];
    }
    busy = false;
    return HAL_OK;
}
