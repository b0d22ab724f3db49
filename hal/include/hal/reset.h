#ifndef HAL_RESET_H
#define HAL_RESET_H
/*
 * reset - why the device started, what it left for itself, and starting again
 *
 * One per image. Any context for hal_reset_now(); else main loop only.
 */
#include <stdbool.h>
#include <stdint.h>

enum hal_reset_cause {
    HAL_RESET_POWER, /* power came, or the reset pin was pulled where the chip does not tell the two apart */
    HAL_RESET_PIN,
    HAL_RESET_WATCHDOG,
    HAL_RESET_FAULT, /* a fault handler, or hal_reset_now(); hal_reset_note() says more */
};

/* What is kept over every reset but HAL_RESET_POWER. */
struct hal_reset_note {
    uint32_t what;  /* who left it: 1 the processor's fault handler, 2 and on the caller's own numbers; 0
                       nobody */
    uint32_t where; /* program counter, or the caller's own */
    uint32_t from;  /* link register, or the caller's own */
};

#define HAL_NOTE_FAULT 1 /* the processor's fault handler */

/* The same answer however often it is asked. */
enum hal_reset_cause hal_reset_cause(void);

/* True when the life before left one; *out is untouched otherwise. Taken away by the first call. */
bool hal_reset_note(struct hal_reset_note *out);

/* Leave *note and start again. */
_Noreturn void hal_reset_now(const struct hal_reset_note *note);

/* The number the chip or its flash was born with; text of 0-9 A-F, 16 characters and the end. Told as the USB
 * serial number. */
#define HAL_SERIAL_SIZE 17
void hal_reset_serial(char dst[HAL_SERIAL_SIZE]);

#endif
