#ifndef HAL_LINUX_FLASH_H
#define HAL_LINUX_FLASH_H
/*
 * flash - hal/flash.h in memory or in a file, with the rules of NOR checked and the time each operation takes
 *
 * One a process. Fit it before hal_flash_start(). What hal_flash_*() is asked against the rules is done as a
 * chip would do it, and counted. Faults come from hal/linux/flash_faults.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Typical, W25Q16JV datasheet, section 9.6. */
#define FLASH_PROGRAM_US 400
#define FLASH_ERASE_US 45000

struct flash_setup {
    const char *path; /* a file that is made when it is missing; NULL: memory, blank */
    uint32_t size;    /* bytes, a multiple of HAL_FLASH_SECTOR */
    uint32_t program_us;
    uint32_t erase_us; /* 0 us: done at the next hal_flash_poll() */
};

/* Takes the place of what was fitted before. HAL_OK, HAL_E_RANGE for a size, HAL_E_DEVICE for the file. */
int flash_fit(const struct flash_setup *setup);

/* Power goes: an operation that runs is done at once, and hal_flash_start() is needed again. */
void flash_power_off(void);

struct flash_counts {
    uint64_t programs;
    uint64_t erases;
    uint64_t reads;
    uint64_t bytes_read;
    uint64_t busy;       /* asked while an operation ran; refused */
    uint64_t violations; /* outside, across a page, off a sector, or a 0 that was to become 1 */
};
void flash_counts(struct flash_counts *out);

/* The whole content, for tests; flash_setup's size. */
uint8_t *flash_bytes(void);

struct flash_op {
    bool is_erase;
    uint32_t at;
    uint32_t len;
    const uint8_t *src; /* of a program */
};

/* What faults hang on; NULL: none. */
struct flash_hooks {
    bool (*begin)(const struct flash_op *op); /* false: it is not to be done; the hook did what there was */
    void (*read)(uint32_t at, uint8_t *dst, size_t len); /* changes what was read */
};
void flash_hook(const struct flash_hooks *hooks);

/* What an operation does to bytes at `to`, which is where op->at stands. */
void flash_apply(const struct flash_op *op, uint8_t *to);

#endif
