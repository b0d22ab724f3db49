#include "hal/linux/flash_faults.h"

#include <stdlib.h>
#include <string.h>

#include "hal/flash.h"
#include "hal/result.h"

#define RARE 64u

static uint64_t chance;
static uint8_t *weak; /* a mask of bits for each byte */
static uint32_t size;
static uint8_t *weak_sector; /* a flag for each sector: look at its bytes */
static uint8_t *bad_sector;
static uint64_t weak_programmed;
static uint64_t cut_in; /* operations until the power goes; 0: it does not */
static uint64_t cut_seed;
static bool gone;
static void (*watcher)(const struct flash_op *op);

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled" */
static uint64_t
next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du;
}

static uint64_t
seeded(uint64_t seed)
{
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;

    (void)next(&state);
    return state == 0 ? 1 : state;
}

/* Eight bits, each 1 once in `rarity`. */
static uint8_t
rare_bits(uint64_t *state, unsigned rarity)
{
    uint8_t bits = 0;

    for (unsigned b = 0; b < 8; b++) {
        bits = (uint8_t)(bits | (next(state) % rarity == 0 ? 1u << b : 0));
    }
    return bits;
}

static void
after_erase(const struct flash_op *op, uint8_t *to)
{
    memset(weak + op->at, 0, op->len);
    weak_sector[op->at / HAL_FLASH_SECTOR] = 0;
    if (bad_sector[op->at / HAL_FLASH_SECTOR] == FLASH_BAD_ERASE) {
        for (uint32_t i = 0; i < op->len; i++) {
            to[i] = (uint8_t)~rare_bits(&chance, RARE);
        }
    }
}

static void
after_program(const struct flash_op *op, const uint8_t *before, uint8_t *to)
{
    bool left = false;

    if (weak_sector[op->at / HAL_FLASH_SECTOR]) {
        for (uint32_t i = 0; i < op->len; i++) {
            weak[op->at + i] &= op->src[i];
            left = left || weak[op->at + i] != 0;
        }
    }
    weak_programmed += left;
    if (bad_sector[op->at / HAL_FLASH_SECTOR] == FLASH_BAD_PROGRAM) {
        for (uint32_t i = 0; i < op->len; i++) {
            to[i] = (uint8_t)(to[i] | (before[i] & rare_bits(&chance, RARE)));
        }
    }
}

static bool
begin(const struct flash_op *op)
{
    uint8_t before[HAL_FLASH_PAGE];

    if (gone) {
        return false;
    }
    if (watcher != NULL) {
        watcher(op);
    }
    if (cut_in > 0 && --cut_in == 0) {
        uint64_t state = seeded(cut_seed);

        gone = true;
        flash_cut_now(op, (uint32_t)(next(&state) % (op->len + 1)), next(&state));
        return false;
    }
    if (!op->is_erase) {
        memcpy(before, flash_bytes() + op->at, op->len);
    }
    flash_apply(op, flash_bytes() + op->at);
    if (op->is_erase) {
        after_erase(op, flash_bytes() + op->at);
    } else {
        after_program(op, before, flash_bytes() + op->at);
    }
    return false;
}

static void
disturb(uint32_t at, uint8_t *dst, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!weak_sector[(at + i) / HAL_FLASH_SECTOR]) {
            i += HAL_FLASH_SECTOR - 1 - (at + i) % HAL_FLASH_SECTOR;
        } else if (weak[at + i] != 0) {
            dst[i] = (uint8_t)(dst[i] ^ (weak[at + i] & (uint8_t)(next(&chance) >> 32)));
        }
    }
}

static const struct flash_hooks faults = { .begin = begin, .read = disturb };

void
flash_faults_begin(uint64_t seed)
{
    free(weak);
    free(weak_sector);
    free(bad_sector);
    size = hal_flash_size();
    weak = calloc(size, 1);
    weak_sector = calloc(size / HAL_FLASH_SECTOR, 1);
    bad_sector = calloc(size / HAL_FLASH_SECTOR, 1);
    if (weak == NULL || weak_sector == NULL || bad_sector == NULL) {
        abort();
    }
    chance = seeded(seed);
    weak_programmed = 0;
    cut_in = 0;
    gone = false;
    watcher = NULL;
    flash_hook(&faults);
}

void
flash_bad(uint32_t sector, enum flash_bad how)
{
    bad_sector[sector] = (uint8_t)how;
}

void
flash_flip(uint32_t at, unsigned bit)
{
    flash_bytes()[at] ^= (uint8_t)(1u << bit);
}

/* How far the cell is: of its eight bits those that have been reached, and those that are on their way. */
static void
tear_byte(uint32_t at, uint8_t to, uint8_t reached, uint8_t under_way, uint64_t *state)
{
    uint8_t *byte = flash_bytes() + at;
    uint8_t changing = (uint8_t)(*byte ^ to);
    uint8_t moved = (uint8_t)(changing & (reached | (under_way & (uint8_t)(next(state) >> 32))));

    *byte ^= moved;
    weak[at] |= changing & under_way;
    if (weak[at] != 0) {
        weak_sector[at / HAL_FLASH_SECTOR] = 1;
    }
}

void
flash_cut_now(const struct flash_op *op, uint32_t torn, uint64_t seed)
{
    uint64_t state = seeded(seed);
    unsigned way = (unsigned)(next(&state) >> 32) % 3;

    for (uint32_t i = 0; i < op->len; i++) {
        uint8_t to = op->is_erase ? 0xFF : (uint8_t)(flash_bytes()[op->at + i] & op->src[i]);
        uint8_t under_way = 0xFF;
        uint8_t reached = 0;

        if (way == 0) {
            reached = i < torn ? 0xFF : 0;
            under_way = i == torn ? 0xFF : 0;
        } else if (way == 1) {
            reached = i < torn ? (uint8_t)(next(&state) >> 32) : 0;
            under_way = (uint8_t)~reached;
        } else {
            reached = (uint8_t)~rare_bits(&state, 8 + torn);
            under_way = (uint8_t)~reached;
        }
        tear_byte(op->at + i, to, reached, under_way, &state);
    }
}

void
flash_cut_at(uint64_t operations, uint64_t seed)
{
    cut_in = operations;
    cut_seed = seed;
}

bool
flash_is_cut(void)
{
    return gone;
}

void
flash_power_on(void)
{
    gone = false;
    cut_in = 0;
    flash_power_off();
}

void
flash_watch(void (*seen)(const struct flash_op *op))
{
    watcher = seen;
}

uint64_t
flash_weak_programmed(void)
{
    return weak_programmed;
}

void
flash_save(uint8_t *dst)
{
    memcpy(dst, flash_bytes(), size);
    memcpy(dst + size, weak, size);
}

void
flash_load(const uint8_t *src)
{
    memcpy(flash_bytes(), src, size);
    memcpy(weak, src + size, size);
    for (uint32_t s = 0; s < size / HAL_FLASH_SECTOR; s++) {
        weak_sector[s] = 0;
        for (uint32_t i = 0; i < HAL_FLASH_SECTOR && !weak_sector[s]; i++) {
            weak_sector[s] = weak[s * HAL_FLASH_SECTOR + i] != 0;
        }
    }
}
