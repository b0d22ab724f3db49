#include "contract.h"

#include "hal/random.h"
#include "hal/result.h"
#include <string.h>

#define DRAWS 16

static void
no_two_draws_are_the_same(void)
{
    uint8_t drawn[DRAWS][16];

    memset(drawn, 0, sizeof drawn);
    for (int i = 0; i < DRAWS; i++) {
        int result = hal_random(drawn[i], sizeof drawn[i]);

        if (result != HAL_OK) {
            contract_skip("no source of noise");
            HOLDS(result == HAL_E_DEVICE);
            return;
        }
        for (int k = 0; k < i; k++) {
            HOLDS(memcmp(drawn[i], drawn[k], sizeof drawn[i]) != 0);
        }
    }
}

static void
only_what_was_asked_for_is_filled(void)
{
    uint8_t around[4] = { 0xA5, 0xA5, 0xA5, 0xA5 };

    (void)hal_random(around + 1, 2);
    HOLDS(around[0] == 0xA5 && around[3] == 0xA5);
    (void)hal_random(around, 0);
    HOLDS(around[0] == 0xA5);
}

void
contract_random(void)
{
    KEEPS(no_two_draws_are_the_same);
    KEEPS(only_what_was_asked_for_is_filled);
}
