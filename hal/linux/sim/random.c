#include "hal/random.h"

#include "hal/linux/sim/sim.h"
#include "hal/result.h"

static uint64_t state = 1;

void
sim_random_seed(uint64_t seed)
{
    state = seed == 0 ? 1 : seed;
}

/* Xorshift64, Marsaglia 2003: the same bytes each time, which is what a test wants. */
int
hal_random(void *dst, size_t len)
{
    uint8_t *out = dst;

    for (size_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out[i] = (uint8_t)(state >> 32);
    }
    return HAL_OK;
}
