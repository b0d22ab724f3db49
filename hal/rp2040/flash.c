/*
 * flash - the W25Q chip behind the SSI, in direct mode for ever (RP2040 datasheet, 4.10; commands: W25Q16JV
 * datasheet, chapter 8)
 *
 * Nothing runs from flash and nothing reads it through the XIP window, so interrupts go on while the chip is
 * busy. Only 4 KiB are erased at once: a longer erase could outlast the boot ROM's patience after a reset
 * (watchdog.c). The chip select is forced by its pin's override, as the SSI would raise it whenever the
 * processor is late.
 */
#include "hal/flash.h"

#include <stdbool.h>
#include <string.h>

#include "hal/clock.h"
#include "hal/result.h"
#include "hal/rp2040/board.h"
#include "hal/rp2040/chip.h"

#define CMD_PROGRAM 0x02u
#define CMD_READ 0x03u
#define CMD_STATUS 0x05u
#define CMD_WRITE_ENABLE 0x06u
#define CMD_ERASE_4K 0x20u
#define CMD_UNIQUE_ID 0x4bu
#define CMD_JEDEC_ID 0x9fu
#define STATUS_BUSY 1u

#define SSI_QUEUE 14u  /* frames under way at once; the receiver's queue holds 16 (4.10.5) */
#define SSI_DIVIDER 2u /* 24 MHz; plain reads may have 50 (W25Q16JV, 9.6) */
#define FRAME_BYTES 4u

/* tSE, tPP: W25Q16JV, 9.6; ours wait half as long again. */
#define ERASE_MAX_US 600000u
#define PROGRAM_MAX_US 4500u

/* A planted bug that tests/target has to find. */
#ifdef PLANT_FLASH_ENABLE
#define ENABLES 0
#else
#define ENABLES 1
#endif

typedef uint32_t __attribute__((may_alias)) word_t;

enum state {
    STATE_ABSENT,
    STATE_IDLE,
    STATE_RUNNING,
    STATE_LATE, /* told as failed, and still busy */
};

static enum state state;
static uint32_t size;
static uint64_t late_at_us;
static uint8_t number[RP2040_FLASH_NUMBER];
static bool number_known;

/* The override has reached the pin when it can be read back. */
static void
chip_select(uint32_t level)
{
    REG(IO_QSPI_SS_CTRL) = level;
    (void)REG(IO_QSPI_SS_CTRL);
}

/* CTRLR0 takes nothing while the SSI is on (4.10.13). */
static void
frames_of(uint32_t width)
{
    REG(SSI_SSIENR) = 0;
    REG(SSI_BAUDR) = SSI_DIVIDER;
    REG(SSI_CTRLR0) = width;
    REG(SSI_CTRLR1) = 0;
    REG(SSI_SER) = 1;
    REG(SSI_SSIENR) = 1;
}

/* Clock head and then len bytes out, of src or zeros, and what comes back for those len into dst, if any. */
static void
exchange(const uint8_t *head, size_t head_len, const uint8_t *src, uint8_t *dst, size_t len)
{
    size_t total = head_len + len;
    size_t sent = 0;
    size_t got = 0;

    frames_of(SSI_CTRLR0_8_BITS);
    chip_select(IO_QSPI_SS_LOW);
    while (got < total) {
        if (sent < total && sent - got < SSI_QUEUE) {
            REG(SSI_DR0) = sent < head_len ? head[sent] : src != NULL ? src[sent - head_len] : 0;
            sent++;
        }
        if (REG(SSI_RXFLR) != 0) {
            uint8_t byte = (uint8_t)REG(SSI_DR0);

            if (got >= head_len && dst != NULL) {
                dst[got - head_len] = byte;
            }
            got++;
        }
    }
    chip_select(IO_QSPI_SS_HIGH);
}

static bool
chip_busy(void)
{
    uint8_t cmd = CMD_STATUS;
    uint8_t status = 0;

    exchange(&cmd, 1, NULL, &status, 1);
    return (status & STATUS_BUSY) != 0;
}

static void
command_at(uint8_t cmd, uint32_t at, const uint8_t *src, size_t len)
{
    uint32_t address = rp2040_board.flash_log + at;
    uint8_t head[4] = { cmd, (uint8_t)(address >> 16), (uint8_t)(address >> 8), (uint8_t)address };

    exchange(head, sizeof head, src, NULL, len);
}

static void
run(uint8_t cmd, uint32_t at, const uint8_t *src, size_t len, uint32_t max_us)
{
    uint8_t enable = CMD_WRITE_ENABLE;

    exchange(&enable, ENABLES, NULL, NULL, 0);
    command_at(cmd, at, src, len);
    late_at_us = hal_clock_us() + max_us;
    state = STATE_RUNNING;
}

/* HAL_OK when an operation on len bytes at `at` may begin. */
static int
may(uint32_t at, size_t len)
{
    if (at > size || len > size - at) {
        return HAL_E_RANGE;
    }
    return state == STATE_IDLE ? HAL_OK : HAL_E_BUSY;
}

/* An earlier life may have left the chip at work: it answers nothing but its status then. */
static bool
chip_comes_to_rest(void)
{
    uint64_t give_up_us = hal_clock_us() + ERASE_MAX_US;

    chip_select(IO_QSPI_SS_HIGH);
    while (chip_busy()) {
        if (hal_clock_us() > give_up_us) {
            return false;
        }
    }
    return true;
}

/* Whether it is the chip that the board's data names. */
static bool
chip_known(void)
{
    uint8_t cmd = CMD_JEDEC_ID;
    uint8_t jedec[3];

    exchange(&cmd, 1, NULL, jedec, sizeof jedec);
    return jedec[0] == rp2040_board.flash_maker && jedec[2] == rp2040_board.flash_capacity;
}

int
hal_flash_start(void)
{
    size = 0;
    state = STATE_ABSENT;
    if (!chip_comes_to_rest() || !chip_known()) {
        return HAL_E_DEVICE;
    }
    size = (1u << rp2040_board.flash_capacity) - rp2040_board.flash_log;
    state = STATE_IDLE;
    return HAL_OK;
}

void
rp2040_flash_number(uint8_t dst[RP2040_FLASH_NUMBER])
{
    uint8_t ask[5] = { CMD_UNIQUE_ID }; /* and four bytes that mean nothing (8.2.32) */

    if (!number_known && state < STATE_RUNNING && chip_comes_to_rest() && chip_known()) {
        exchange(ask, sizeof ask, NULL, number, RP2040_FLASH_NUMBER);
        number_known = true;
    }
    memcpy(dst, number, RP2040_FLASH_NUMBER);
}

uint32_t
hal_flash_size(void)
{
    return size;
}

/* The last word may be more than is left; what is read behind the end goes nowhere. */
static void
put_word(uint8_t *to, uint32_t word, size_t left)
{
    if (left >= FRAME_BYTES && (uintptr_t)to % FRAME_BYTES == 0) {
        *(word_t *)(void *)to = word;
        return;
    }
    for (size_t i = 0; i < FRAME_BYTES && i < left; i++, word >>= 8) {
        to[i] = (uint8_t)word;
    }
}

/* Four bytes a frame, as the loop keeps up with 32 bits at 24 MHz: 64 cycles. */
int
hal_flash_read(uint32_t at, void *dst, size_t len)
{
    size_t frames = 1 + (len + FRAME_BYTES - 1) / FRAME_BYTES; /* the first takes the command */
    size_t sent = 1;
    size_t got = 0;
    uint8_t *to = dst;
    int r = may(at, len);

    if (r != HAL_OK || len == 0) {
        return r;
    }
    frames_of(SSI_CTRLR0_32_BITS);
    chip_select(IO_QSPI_SS_LOW);
    REG(SSI_DR0) = CMD_READ << 24 | (rp2040_board.flash_log + at);
    while (got < frames) {
        if (sent < frames && sent - got < SSI_QUEUE) {
            REG(SSI_DR0) = 0;
            sent++;
        }
        if (REG(SSI_RXFLR) == 0) {
            continue;
        }
        uint32_t word = __builtin_bswap32(REG(SSI_DR0));
        if (got++ != 0) {
            put_word(to, word, len);
            to += FRAME_BYTES;
            len -= len < FRAME_BYTES ? len : FRAME_BYTES;
        }
    }
    chip_select(IO_QSPI_SS_HIGH);
    return HAL_OK;
}

int
hal_flash_erase(uint32_t at)
{
    int r = at % HAL_FLASH_SECTOR == 0 ? may(at, HAL_FLASH_SECTOR) : HAL_E_RANGE;

    if (r == HAL_OK) {
        run(CMD_ERASE_4K, at, NULL, 0, ERASE_MAX_US);
    }
    return r;
}

int
hal_flash_program(uint32_t at, const void *src, size_t len)
{
    int r = HAL_E_RANGE;

    if (len != 0 && len <= HAL_FLASH_PAGE - at % HAL_FLASH_PAGE) {
        r = may(at, len);
    }
    if (r == HAL_OK) {
        run(CMD_PROGRAM, at, src, len, PROGRAM_MAX_US);
    }
    return r;
}

int
hal_flash_poll(void)
{
    if (state != STATE_RUNNING && state != STATE_LATE) {
        return HAL_OK;
    }
    if (!chip_busy()) {
        state = STATE_IDLE;
        return HAL_OK;
    }
    if (state == STATE_RUNNING && hal_clock_us() > late_at_us) {
        state = STATE_LATE;
        return HAL_E_DEVICE;
    }
    return HAL_E_BUSY;
}
