/*
 * fault - what a Cortex-M does when it cannot go on: note where, and start again (ARMv6-M B1.5, ARMv7-M B1.5)
 */
#include "hal/common/fault.h"
#include "hal/reset.h"

#define FRAME_LR 5 /* of the eight words that an exception pushes */
#define FRAME_PC 6
#define FRAME_WORDS 8

extern uint32_t __stack_bottom[];
extern uint32_t __stack_top[];

_Noreturn void fault_record(const uint32_t *frame);

/* The stack may be what is broken: its frame is noted, and it begins anew. */
__attribute__((naked)) void
fault_entry(void)
{
    __asm volatile("mov r0, sp\n"
                   "ldr r1, =__stack_top\n"
                   "mov sp, r1\n"
                   "ldr r1, =fault_record\n"
                   "bx r1\n"
                   ".ltorg\n");
}

__attribute__((used)) _Noreturn void
fault_record(const uint32_t *frame)
{
    struct hal_reset_note note = { .what = HAL_NOTE_FAULT };

    if (frame >= __stack_bottom && frame + FRAME_WORDS <= __stack_top) {
        note.where = frame[FRAME_PC];
        note.from = frame[FRAME_LR];
    }
    hal_reset_now(&note);
}
