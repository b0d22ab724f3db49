#ifndef HAL_LINUX_BENCH_PINS_H
#define HAL_LINUX_BENCH_PINS_H
/*
 * pins - lamp, relay, button, modem line, power and reset, told and set over a unix socket, a line each
 *
 * One a bench, which stands in the working directory; main loop only. Whoever connects to the socket "pins"
 * is told how all stands, and every change behind that: "lamp 1", "relay 0", "button 0", "dtr 1", "power 1".
 * It may say "button 0|1", "dtr 0|1", "power 0|1" and "reset"; anything else is answered with "what?".
 */
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define PINS_POLLS 5 /* the socket and who is connected */

enum pins_wish {
    PINS_NOTHING,
    PINS_RESET,
    PINS_POWER_OFF,
    PINS_POWER_ON,
};

/* 0 or -errno. */
int pins_open(void);

/* What pins_serve() waits for. */
void pins_polls(struct pollfd polls[PINS_POLLS]);

/* Hears whoever has something to say, up to the first wish that is the bench's to fulfil, and returns that.
 */
enum pins_wish pins_serve(const struct pollfd polls[PINS_POLLS]);

/* Tells everybody, when it is a change. */
void pins_output(unsigned role, bool on);
void pins_power(bool on);

/* The chip lets go of its outputs. */
void pins_release(void);

/* For the child, which has no business with them. */
void pins_forget(void);

#endif
