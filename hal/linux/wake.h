#ifndef HAL_LINUX_WAKE_H
#define HAL_LINUX_WAKE_H
/*
 * wake - what interrupts do on a chip: end the sleep of hal_clock_wait(), and move the serial lines' bytes
 *
 * One a chip process, main loop only.
 */
#include <poll.h>

#define WAKE_FDS 2

/* Something has happened that the main loop has to look at: the next sleep ends at once. */
void wake_now(void);

/* Slot 0 to WAKE_FDS - 1: sleep ends while fd has one of these events. fd -1 or no events: it does not. */
void wake_on(int slot, int fd, short events);

/* Moves what has come and what is due to go, on every line. Done by hal_clock_wait() and each hal_uart_*().
 */
void wake_uarts(void);

#endif
