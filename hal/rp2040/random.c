/*
 * random - bits of the ring oscillator, sampled by the crystal's clock (RP2040 datasheet, 2.17.5)
 *
 * One sample may lean to a side or resemble the one before: a bit of the result is the parity of 64.
 */
#include "hal/random.h"

#include <stdbool.h>
#include <stdint.h>

#include "hal/result.h"
#include "hal/rp2040/chip.h"

#define SAMPLES_A_BIT 64

/* *ones: how many of the samples were set. */
static unsigned
sample_bit(unsigned *ones)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < SAMPLES_A_BIT; i++) {
        sum += REG(ROSC_RANDOMBIT) & 1;
    }
    *ones += sum;
    return sum & 1;
}

int
hal_random(void *dst, size_t len)
{
    uint8_t *at = dst;
    bool repeats = false;

    for (size_t i = 0; i < len; i++) {
        unsigned ones = 0;

        at[i] = 0;
        for (unsigned bit = 0; bit < 8; bit++) {
            at[i] = (uint8_t)(at[i] << 1 | sample_bit(&ones));
        }
        repeats = repeats || ones == 0 || ones == 8 * SAMPLES_A_BIT;
    }
    return repeats ? HAL_E_DEVICE : HAL_OK;
}
