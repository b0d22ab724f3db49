#ifndef HAL_LINUX_BENCH_H
#define HAL_LINUX_BENCH_H
/*
 * bench - what lies outside the chip: power, reset pin, watchdog, wires, lamp and button
 *
 * The lab process is two. The bench holds the ends of all wires and the RAM that outlives a reset; its child
 * is the chip and runs the image. A reset is a new child, so nothing but that RAM, the flash and the wires is
 * kept, and a watchdog bites even a child that is stopped. Main loop only, on either side; boards/linux-lab
 * says how it is run.
 */
#include "hal/gpio.h"
#include "hal/reset.h"
#include "hal/uart.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BENCH_EXIT_RESET 82 /* the chip's exit code: hal_reset_now() */

/* Seen by both sides. */
struct bench_shared {
    _Atomic uint64_t watchdog_due_us; /* bench_now_us() at which it bites, 0: never */
    _Atomic uint32_t inputs;          /* a bit an enum hal_gpio_in */
    uint32_t cause;                   /* enum hal_reset_cause of this life */
    struct hal_reset_note note;       /* what: 0 there is none */
};

struct bench {
    struct bench_shared *shared;
    int uart[HAL_UARTS]; /* the chip's ends */
    int outputs;         /* a byte a change: role * 2 + level */
    int usb;             /* listens for USB/IP, -1: not fitted */
    char serial[HAL_SERIAL_SIZE];
};

extern struct bench bench;

/* Microseconds of a clock that both sides share and nobody sets. */
uint64_t bench_now_us(void);

/* The image, as its board's main.c has it: main() under this name (boards/linux-lab/CMakeLists.txt). */
int image_main(void);

#endif
