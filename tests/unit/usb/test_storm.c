/*
 * The fuzzer's hostile host without a fuzzer: random scripts until TOCSIN_USB_SETUPS setup packets
 * (1,000,000) were sent, from TOCSIN_USB_SEED (1). A broken promise ends the program by a trap.
 */
#include <stdlib.h>

#include "lab.h"

#define SCRIPT_MOST 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
unsigned long long fuzz_usbcore_setups(void);

static unsigned long
number_from(const char *name, unsigned long otherwise)
{
    const char *value = getenv(name);

    return value != NULL ? strtoul(value, NULL, 10) : otherwise;
}

/* Three orders of four are a whole transfer with a known request: else most scripts would end where the
 * device has no address. */
static void
write_script(uint32_t *seed, uint8_t *script, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t r = lab_random(seed);

        script[i] = (uint8_t)(r >> 8);
        if (i % 4 == 0 && r % 4 != 0) {
            script[i] = 3;
        }
    }
}

static void
a_million_hostile_setup_packets_leave_a_device_that_works(void)
{
    unsigned long wanted = number_from("TOCSIN_USB_SETUPS", 1000000);
    uint32_t seed = (uint32_t)number_from("TOCSIN_USB_SEED", 1);
    unsigned scripts = 0;

    printf("     seed %u\n", seed);
    fflush(stdout);
    seed = seed * 2 + 1;
    while (fuzz_usbcore_setups() < wanted) {
        uint8_t script[SCRIPT_MOST];
        size_t len = 1 + lab_random(&seed) % SCRIPT_MOST;

        write_script(&seed, script, len);
        CHECK_INT(LLVMFuzzerTestOneInput(script, len), 0);
        scripts++;
    }
    printf("     %llu setup packets in %u scripts, each followed by an enumeration\n", fuzz_usbcore_setups(),
            scripts);
}

int
main(void)
{
    CHECK_RUN(a_million_hostile_setup_packets_leave_a_device_that_works);
    return check_result();
}
