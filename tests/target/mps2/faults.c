/* Faults on request, and what the next life says of the one before: `u` undefined instruction, `m` unmapped
 * address, `s` a stack pointer that points nowhere, `n` hal_reset_now(). */
#include "hal/clock.h"
#include "hal/reset.h"
#include "hal/uart.h"
#include "hal/usbd.h"
#include <string.h>

#define BAUD 115200
#define LOOK_US 1000

_Noreturn void undefined(void);
_Noreturn void unmapped(void);
_Noreturn void lost_stack(void);

/* No host is attached. */
void
hal_usbd_event(const struct hal_usbd_event *event)
{
    (void)event;
}

static void
say(const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        size_t n = hal_uart_write(HAL_UART_CONSOLE, (const uint8_t *)text, len);

        text += n;
        len -= n;
        hal_clock_wait(hal_clock_us() + LOOK_US);
    }
}

static void
say_hex(uint32_t n)
{
    char text[] = " 00000000";

    for (unsigned i = 8; i > 0; i--, n >>= 4) {
        text[i] = "0123456789abcdef"[n & 15];
    }
    say(text);
}

__attribute__((noinline)) void
undefined(void)
{
    __builtin_trap();
}

__attribute__((noinline)) void
unmapped(void)
{
    for (;;) {
        *(volatile uint32_t *)0x60000000 = 1;
    }
}

__attribute__((naked)) void
lost_stack(void)
{
    __asm volatile("ldr r0, =0x60000000\n"
                   "mov sp, r0\n"
                   "push {r0}\n"
                   ".ltorg\n");
}

static void
obey(char order)
{
    switch (order) {
    case 'u':
        undefined();
    case 'm':
        unmapped();
    case 's':
        lost_stack();
    case 'n':
        hal_reset_now(&(struct hal_reset_note){ .what = 7, .where = 8, .from = 9 });
    default:
        return;
    }
}

int
main(void)
{
    static const char *const names[] = { "power", "pin", "watchdog", "fault" };
    struct hal_reset_note note = { 0 };
    enum hal_reset_cause cause = hal_reset_cause();
    bool left = hal_reset_note(&note);
    char order;

    (void)hal_clock_start();
    (void)hal_uart_start(HAL_UART_CONSOLE, BAUD);
    say(names[cause]);
    if (left) {
        say_hex(note.what);
        say_hex(note.where);
        say_hex(note.from);
    }
    say("\n");
    for (;;) {
        if (hal_uart_read(HAL_UART_CONSOLE, (uint8_t *)&order, 1) == 1) {
            obey(order);
        }
        hal_clock_wait(hal_clock_us() + LOOK_US);
    }
}
