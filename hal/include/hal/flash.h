#ifndef HAL_FLASH_H
#define HAL_FLASH_H
/*
 * flash - the part of the NOR flash that is given to the log
 *
 * One per image. Main loop only. Addresses start at 0 and end before hal_flash_size(); the image itself lies
 * outside and cannot be reached. Bits are programmed from 1 to 0 and only an erase makes them 1 again. Erase
 * and program are started, and run while the loop turns; nothing else may be started or read until
 * hal_flash_poll() says that they are done. Sizes: W25Q16JV datasheet, sections 8.2.13 (page program)
 * and 8.2.17 (sector erase 4 KB).
 */
#include <stddef.h>
#include <stdint.h>

#define HAL_FLASH_SECTOR 4096 /* bytes erased at once; the only erase there is */
#define HAL_FLASH_PAGE 256    /* a program does not cross a page */

/*
 * Find the chip, and wait until an operation that an earlier life left running has ended (a sector erase: 45
 * ms typical, 400 ms at most). HAL_E_DEVICE: no chip of the kind, or one that stays busy longer.
 */
int hal_flash_start(void);

/* Bytes; a multiple of HAL_FLASH_SECTOR. 0 before hal_flash_start() and when it failed. */
uint32_t hal_flash_size(void);

/* HAL_E_RANGE: not inside; HAL_E_BUSY. dst is untouched on failure. Blocks for the transfer only. */
int hal_flash_read(uint32_t at, void *dst, size_t len);

/* Start to erase the sector at `at`, a multiple of HAL_FLASH_SECTOR. HAL_E_RANGE, HAL_E_BUSY. */
int hal_flash_erase(uint32_t at);

/* Start to program 1 to HAL_FLASH_PAGE bytes inside one page. src is copied. HAL_E_RANGE, HAL_E_BUSY. */
int hal_flash_program(uint32_t at, const void *src, size_t len);

/*
 * HAL_E_BUSY while an operation runs; then HAL_OK, or HAL_E_DEVICE once when the last one did not end within
 * the datasheet's maximum. What was written is only known by reading it.
 */
int hal_flash_poll(void);

#endif
