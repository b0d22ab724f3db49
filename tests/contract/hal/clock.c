#include "contract.h"

#include "hal/clock.h"

static void
the_clock_never_goes_back(void)
{
    uint64_t last = hal_clock_us();

    for (int i = 0; i < 20000; i++) {
        uint64_t now = hal_clock_us();

        if (now < last) {
            HOLDS(now >= last);
            return;
        }
        last = now;
    }
}

static void
time_passes_without_sleep(void)
{
    uint64_t begun = hal_clock_us();
    uint32_t looks = 0;

    while (hal_clock_us() < begun + 1000 && looks < 100000000) {
        looks++;
    }
    HOLDS(hal_clock_us() >= begun + 1000);
}

static void
waiting_again_and_again_ends_at_the_time_asked_for(void)
{
    static const uint32_t waits_us[] = { 1, 100, 1000, 20000 };

    for (size_t i = 0; i < sizeof waits_us / sizeof waits_us[0]; i++) {
        uint64_t until = hal_clock_us() + waits_us[i];
        uint32_t turns = 0;

        while (hal_clock_us() < until && turns < 1000000) {
            hal_clock_wait(until);
            turns++;
        }
        HOLDS(hal_clock_us() >= until);
        HOLDS(hal_clock_us() < until + 1000000);
    }
}

static void
a_wait_for_what_has_passed_returns_at_once(void)
{
    hal_clock_wait(0);
    hal_clock_wait(hal_clock_us());
    HOLDS(hal_clock_us() < UINT64_MAX);
}

void
contract_clock(void)
{
    KEEPS(the_clock_never_goes_back);
    KEEPS(time_passes_without_sleep);
    KEEPS(waiting_again_and_again_ends_at_the_time_asked_for);
    KEEPS(a_wait_for_what_has_passed_returns_at_once);
}
