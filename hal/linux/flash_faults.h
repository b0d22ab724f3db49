#ifndef HAL_LINUX_FLASH_FAULTS_H
#define HAL_LINUX_FLASH_FAULTS_H
/*
 * flash_faults - power cuts, bad sectors and flipped bits for the flash of hal/linux/flash.h
 *
 * One a process, for tests. A cell whose operation was cut short is weak: each read of it gives what chance
 * gives, until it is programmed or erased to the end. To program around a weak cell, as if it were blank, is
 * counted: what is written there may not last.
 */
#include "hal/linux/flash.h"

/* On the flash that was fitted last; no faults, no weak cells. All chance follows from the seed. */
void flash_faults_begin(uint64_t seed);

enum flash_bad {
    FLASH_GOOD,
    FLASH_BAD_PROGRAM, /* a bit in about 64 stays 1 */
    FLASH_BAD_ERASE,   /* a bit in about 64 stays 0 */
};
void flash_bad(uint32_t sector, enum flash_bad how);

/* Turns a bit over: bit 0 to 7 of the byte at `at`. */
void flash_flip(uint32_t at, unsigned bit);

/*
 * Cut op as it stands, `torn` of its bytes (0 to op->len) into it. Which of three ways follows from the seed:
 * the bytes before are done and those behind untouched; all cells are on their way; or nearly all are there.
 * Seen now: some of the old and some of the new.
 */
void flash_cut_now(const struct flash_op *op, uint32_t torn, uint64_t seed);

/* The power goes in the operations-th operation from now (1: the next), and nothing is done after it. */
void flash_cut_at(uint64_t operations, uint64_t seed);
bool flash_is_cut(void);

/* Power again; flash_power_off() is included. */
void flash_power_on(void);

/* Calls seen() with each operation before it is done; NULL: nobody. */
void flash_watch(void (*seen)(const struct flash_op *op));

uint64_t flash_weak_programmed(void); /* programs that left a weak cell among what they wrote */

/* A copy of the content and of its weak cells: 2 * flash_setup's size bytes. */
void flash_save(uint8_t *dst);
void flash_load(const uint8_t *src);

#endif
