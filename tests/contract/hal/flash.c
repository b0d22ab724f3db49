#include "contract.h"

#include "hal/clock.h"
#include "hal/flash.h"
#include "hal/result.h"
#include <string.h>

#define FASTEST_US 20000u /* no chip erases faster: 45 ms are typical */
#define DONE_US 1000000u  /* more than twice what a sector erase may take */

static uint8_t sector[HAL_FLASH_SECTOR];

/* HAL_OK or HAL_E_DEVICE when the operation has ended, HAL_E_BUSY when it does not. */
static int
finish(void)
{
    uint64_t until = hal_clock_us() + DONE_US;
    int result = hal_flash_poll();

    while (result == HAL_E_BUSY && hal_clock_us() < until) {
        hal_clock_wait(hal_clock_us() + 1000);
        result = hal_flash_poll();
    }
    return result;
}

static int
erase(uint32_t at)
{
    int result = hal_flash_erase(at);

    return result == HAL_OK ? finish() : result;
}

static int
program(uint32_t at, const void *src, size_t len)
{
    int result = hal_flash_program(at, src, len);

    return result == HAL_OK ? finish() : result;
}

/* Whether the sector reads `byte` all over. */
static bool
sector_is(uint32_t at, uint8_t byte)
{
    if (hal_flash_read(at, sector, sizeof sector) != HAL_OK) {
        return false;
    }
    for (size_t i = 0; i < sizeof sector; i++) {
        if (sector[i] != byte) {
            return false;
        }
    }
    return true;
}

static void
the_log_s_part_is_whole_sectors(void)
{
    HOLDS(hal_flash_size() >= 4 * HAL_FLASH_SECTOR);
    HOLDS(hal_flash_size() % HAL_FLASH_SECTOR == 0);
}

static void
what_is_not_inside_is_refused(void)
{
    uint32_t size = hal_flash_size();
    uint8_t kept[2] = { 0x5A, 0xA5 };
    uint8_t page[HAL_FLASH_PAGE + 1] = { 0 };

    HOLDS(hal_flash_read(size, kept, 1) == HAL_E_RANGE);
    HOLDS(hal_flash_read(size - 1, kept, 2) == HAL_E_RANGE);
    HOLDS(hal_flash_read(UINT32_MAX, kept, 2) == HAL_E_RANGE);
    HOLDS(kept[0] == 0x5A && kept[1] == 0xA5);
    HOLDS(hal_flash_read(size - 1, kept, 1) == HAL_OK);
    HOLDS(hal_flash_erase(size) == HAL_E_RANGE);
    HOLDS(hal_flash_erase(1) == HAL_E_RANGE);
    HOLDS(hal_flash_erase(HAL_FLASH_PAGE) == HAL_E_RANGE);
    HOLDS(hal_flash_program(0, page, 0) == HAL_E_RANGE);
    HOLDS(hal_flash_program(0, page, sizeof page) == HAL_E_RANGE);
    HOLDS(hal_flash_program(HAL_FLASH_PAGE - 1, page, 2) == HAL_E_RANGE);
    HOLDS(hal_flash_program(size, page, 1) == HAL_E_RANGE);
    HOLDS(hal_flash_program(UINT32_MAX, page, 1) == HAL_E_RANGE);
    HOLDS(hal_flash_poll() == HAL_OK);
}

static void
an_erase_makes_one_sector_ones_and_no_other(void)
{
    static const uint8_t mark[2] = { 0x12, 0x34 };
    uint8_t got[2];

    for (uint32_t at = 0; at < 3 * HAL_FLASH_SECTOR; at += HAL_FLASH_SECTOR) {
        HOLDS(erase(at) == HAL_OK);
        HOLDS(sector_is(at, 0xFF));
    }
    HOLDS(program(HAL_FLASH_SECTOR - 2, mark, 2) == HAL_OK);
    HOLDS(program(HAL_FLASH_SECTOR + 8, mark, 2) == HAL_OK);
    HOLDS(program(2 * HAL_FLASH_SECTOR, mark, 2) == HAL_OK);
    HOLDS(erase(HAL_FLASH_SECTOR) == HAL_OK);
    HOLDS(sector_is(HAL_FLASH_SECTOR, 0xFF));
    HOLDS(hal_flash_read(HAL_FLASH_SECTOR - 2, got, 2) == HAL_OK && memcmp(got, mark, 2) == 0);
    HOLDS(hal_flash_read(2 * HAL_FLASH_SECTOR, got, 2) == HAL_OK && memcmp(got, mark, 2) == 0);
}

static void
the_last_page_is_as_good_as_the_first(void)
{
    uint32_t last = hal_flash_size() - HAL_FLASH_PAGE;
    uint8_t page[HAL_FLASH_PAGE];
    uint8_t got[HAL_FLASH_PAGE];

    for (size_t i = 0; i < sizeof page; i++) {
        page[i] = (uint8_t)(i * 7 + 1);
    }
    HOLDS(erase(hal_flash_size() - HAL_FLASH_SECTOR) == HAL_OK);
    HOLDS(program(last, page, sizeof page) == HAL_OK);
    HOLDS(hal_flash_read(last, got, sizeof got) == HAL_OK);
    HOLDS(memcmp(got, page, sizeof got) == 0);
    HOLDS(erase(0) == HAL_OK);
    HOLDS(program(0, page, sizeof page) == HAL_OK);
    HOLDS(hal_flash_read(0, got, sizeof got) == HAL_OK);
    HOLDS(memcmp(got, page, sizeof got) == 0);
}

static void
a_program_only_clears_bits(void)
{
    uint8_t first = 0xF5;
    uint8_t second = 0x3C;
    uint8_t got[3];

    HOLDS(erase(0) == HAL_OK);
    HOLDS(program(100, &first, 1) == HAL_OK);
    HOLDS(program(100, &second, 1) == HAL_OK);
    HOLDS(hal_flash_read(99, got, sizeof got) == HAL_OK);
    HOLDS(got[0] == 0xFF && got[1] == (0xF5 & 0x3C) && got[2] == 0xFF);
}

static void
the_source_of_a_program_is_copied(void)
{
    uint8_t src[4] = { 1, 2, 3, 4 };
    uint8_t got[4];

    HOLDS(erase(0) == HAL_OK);
    HOLDS(hal_flash_program(0, src, sizeof src) == HAL_OK);
    memset(src, 0, sizeof src);
    HOLDS(finish() == HAL_OK);
    HOLDS(hal_flash_read(0, got, sizeof got) == HAL_OK);
    HOLDS(got[0] == 1 && got[3] == 4);
}

/* False when this machine was too slow to be in the operation's way. */
static bool
stays_busy(void)
{
    uint8_t kept = 0x5A;
    uint64_t begun = hal_clock_us();

    HOLDS(hal_flash_erase(0) == HAL_OK);
    int read = hal_flash_read(0, &kept, 1);
    int erased = hal_flash_erase(HAL_FLASH_SECTOR);
    int programmed = hal_flash_program(0, &kept, 1);
    bool in_time = hal_clock_us() < begun + FASTEST_US;
    HOLDS(finish() == HAL_OK);
    if (in_time) {
        HOLDS(read == HAL_E_BUSY && erased == HAL_E_BUSY && programmed == HAL_E_BUSY);
        HOLDS(kept == 0x5A);
    }
    return in_time;
}

static void
nothing_else_begins_while_an_operation_runs(void)
{
    int tries = 0;

    while (!stays_busy() && tries < 20) {
        tries++;
    }
    HOLDS(tries < 20);
    HOLDS(hal_flash_poll() == HAL_OK);
    HOLDS(erase(0) == HAL_OK);
    HOLDS(sector_is(0, 0xFF));
}

void
contract_flash(void)
{
    int result = hal_flash_start();

    if (result == HAL_E_NONE) {
        contract_begin("flash");
        contract_skip("not fitted");
        return;
    }
    contract_begin("the_flash_starts");
    HOLDS(result == HAL_OK);
    contract_end();
    KEEPS(the_log_s_part_is_whole_sectors);
    KEEPS(what_is_not_inside_is_refused);
    KEEPS(an_erase_makes_one_sector_ones_and_no_other);
    KEEPS(the_last_page_is_as_good_as_the_first);
    KEEPS(a_program_only_clears_bits);
    KEEPS(the_source_of_a_program_is_copied);
    KEEPS(nothing_else_begins_while_an_operation_runs);
}
