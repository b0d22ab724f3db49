/*
 * reset - why the chip started, and notes in the watchdog's scratch registers, which outlive its resets
 * (RP2040 datasheet, 4.7.4)
 *
 * Scratch 0 to 3: mark and sum, what, where, from. The boot ROM looks at 4 to 7 only.
 */
#include "hal/reset.h"

#include "hal/rp2040/chip.h"

#define NOTE_MARK 0x544f4353u /* "TOCS" */

static uint32_t
note_sum(const struct hal_reset_note *note)
{
    return NOTE_MARK ^ note->what ^ (note->where << 1 | note->where >> 31) ^
           (note->from << 2 | note->from >> 30);
}

enum hal_reset_cause
hal_reset_cause(void)
{
    uint32_t reason = REG(WATCHDOG_REASON);

    if ((reason & WATCHDOG_REASON_FORCE) != 0) {
        return HAL_RESET_FAULT;
    }
    if ((reason & WATCHDOG_REASON_TIMER) != 0) {
        return HAL_RESET_WATCHDOG;
    }
    return (REG(CHIP_RESET) & CHIP_RESET_HAD_RUN) != 0 ? HAL_RESET_PIN : HAL_RESET_POWER;
}

bool
hal_reset_note(struct hal_reset_note *out)
{
    struct hal_reset_note note = {
        .what = REG(WATCHDOG_SCRATCH(1)),
        .where = REG(WATCHDOG_SCRATCH(2)),
        .from = REG(WATCHDOG_SCRATCH(3)),
    };
    bool left = note.what != 0 && REG(WATCHDOG_SCRATCH(0)) == note_sum(&note);

    REG(WATCHDOG_SCRATCH(0)) = 0;
    if (left) {
        *out = note;
    }
    return left;
}

/* Forced resets go by the power-on state machine too: without WDSEL nothing would be reset (4.7.3). */
_Noreturn void
hal_reset_now(const struct hal_reset_note *note)
{
    rp2040_interrupts_off();
    REG(WATCHDOG_SCRATCH(1)) = note->what;
    REG(WATCHDOG_SCRATCH(2)) = note->where;
    REG(WATCHDOG_SCRATCH(3)) = note->from;
    REG(WATCHDOG_SCRATCH(0)) = note_sum(note);
    REG(PSM_WDSEL) = PSM_WDSEL_ALL_BUT_OSCILLATORS;
    REG_SET(WATCHDOG_CTRL) = WATCHDOG_CTRL_TRIGGER;
    for (;;) {
    }
}

void
hal_reset_serial(char dst[HAL_SERIAL_SIZE])
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t number[RP2040_FLASH_NUMBER];

    rp2040_flash_number(number);
    for (size_t i = 0; i < RP2040_FLASH_NUMBER; i++) {
        dst[2 * i] = digits[number[i] >> 4];
        dst[2 * i + 1] = digits[number[i] & 15];
    }
    dst[HAL_SERIAL_SIZE - 1] = '\0';
}
