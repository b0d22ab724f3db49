/*
 * reset - why the chip started, and notes in RAM that the start code leaves alone
 *
 * The kit's RSTINFO is not in every FPGA image (nor in the emulator), so the life before leaves word: who
 * finds a life that had armed the watchdog and left no note was bitten.
 */
#include "hal/reset.h"
#include "hal/cmsdk/chip.h"
#include <string.h>

#define ALIVE 0x544f4353u /* "TOCS" */
#define ARMED 0x57444f47u /* "WDOG" */
#define NOTED 0x4e4f5445u /* "NOTE" */
#define TOLD 0x544f4c44u  /* "TOLD" */

static struct {
    uint32_t alive;
    uint32_t state; /* ARMED, NOTED, TOLD */
    struct hal_reset_note note;
} left __attribute__((section(".retained")));

static bool asked;
static enum hal_reset_cause cause;

static enum hal_reset_cause
find_cause(void)
{
    if (left.alive != ALIVE) {
        return HAL_RESET_POWER;
    }
    if (left.state == NOTED) {
        return HAL_RESET_FAULT;
    }
    return left.state == ARMED ? HAL_RESET_WATCHDOG : HAL_RESET_PIN;
}

enum hal_reset_cause
hal_reset_cause(void)
{
    if (!asked) {
        asked = true;
        cause = find_cause();
        left.alive = ALIVE;
        left.state = TOLD;
    }
    return cause;
}

bool
hal_reset_note(struct hal_reset_note *out)
{
    if (hal_reset_cause() != HAL_RESET_FAULT || left.note.what == 0) {
        return false;
    }
    *out = left.note;
    left.note = (struct hal_reset_note){ 0 };
    return true;
}

void
cmsdk_reset_armed(void)
{
    hal_reset_cause();
    left.state = ARMED;
}

_Noreturn void
hal_reset_now(const struct hal_reset_note *note)
{
    cmsdk_interrupts_off();
    left.alive = ALIVE;
    left.note = *note;
    left.state = NOTED;
    __asm volatile("dsb" ::: "memory");
    SCB_AIRCR = AIRCR_RESET;
    for (;;) {
    }
}

/* The board has no number of its own. */
void
hal_reset_serial(char dst[HAL_SERIAL_SIZE])
{
    memcpy(dst, "0000000000000385", HAL_SERIAL_SIZE);
}
