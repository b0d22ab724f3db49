#ifndef HAL_LINUX_SIM_H
#define HAL_LINUX_SIM_H
/*
 * sim - the port for tests: a device inside the test's own process, whose time moves only when it sleeps or
 * the test moves it
 *
 * One a process. Link hal_sim in place of a chip's port; flash comes from hal/linux/flash.h, and a test of
 * USB defines hal_usbd_*() itself. Static data of the firmware is not cleared by a reset: its start functions
 * are expected to do that.
 */
#include "hal/gpio.h"
#include "hal/reset.h"
#include "hal/uart.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_WIRE 65536 /* bytes on their way to a receiver, or sent and not looked at */
#define SIM_RETURNED (-1)

/* As after power came: time 0, nothing on the wires, inputs off and fitted, no note. Begin each test with it.
 */
void sim_power_on(void);

/*
 * One life of the device: runs life() until it returns (SIM_RETURNED) or the device starts again, by the
 * watchdog or hal_reset_now(): the enum hal_reset_cause that the next life is told. Wires and pins stay.
 */
int sim_live(void (*life)(void));

/* Moves the time. The watchdog bites when its time comes. */
void sim_clock_advance(uint64_t us);

/* How far one hal_clock_wait() moves the time at most; 1000 us after sim_power_on(). */
void sim_clock_step(uint64_t most_us);

/* Bytes begin to arrive at the line's speed behind those before them. Returns how many the wire takes. */
size_t sim_uart_feed(enum hal_uart uart, const void *src, size_t len);

/* Bytes fed that have not arrived yet. */
size_t sim_uart_coming(enum hal_uart uart);

/* Takes what the device has sent; SIM_WIRE bytes of it are kept. Returns how many. */
size_t sim_uart_sent(enum hal_uart uart, void *dst, size_t size);

/* The baud rate the device set, 0 before. */
uint32_t sim_uart_baud(enum hal_uart uart);

bool sim_gpio_out(enum hal_gpio_out role);

/* How often the output changed since sim_power_on(). */
uint32_t sim_gpio_changes(enum hal_gpio_out role);
void sim_gpio_in(enum hal_gpio_in role, bool on);
void sim_gpio_fit(enum hal_gpio_in role, bool fitted);

/* The period the device asked for, 0: not started. */
uint32_t sim_watchdog_period_ms(void);

/* What hal_random() gives follows from it; 1 after sim_power_on(). */
void sim_random_seed(uint64_t seed);

/* What the parts of the port tell each other. */
uint64_t sim_now_us(void); /* since sim_power_on() */
void sim_uart_power_on(void);
void sim_uart_reset(void);
void sim_uart_run(void);
void sim_gpio_power_on(void);
void sim_gpio_reset(void);
void sim_watchdog_reset(void);
void sim_watchdog_look(void);
_Noreturn void sim_restart(enum hal_reset_cause cause, const struct hal_reset_note *note);

#endif
