#ifndef PROC_NOTIFY_H
#define PROC_NOTIFY_H
/*
 * notify - sd_notify(3) without its library: a datagram to $NOTIFY_SOCKET
 */
#include <stdint.h>

/* "READY=1" and the like. Does nothing where there is no service manager. */
void notify_send(const char *state);

/* Half of what WatchdogSec= asks for, in ms; 0 when it asks for nothing. */
int64_t notify_watchdog_ms(void);

#endif
