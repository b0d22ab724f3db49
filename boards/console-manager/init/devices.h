#ifndef APPLIANCE_DEVICES_H
#define APPLIANCE_DEVICES_H
/*
 * devices - what comes and goes: serial ports become belfry's, power buttons are listened to
 *
 * There is no udev. The kernel's events only say that it is time to look.
 */
#include <poll.h>
#include <stdbool.h>

#define DEVICES_BUTTONS 8
#define DEVICES_POLLS (1 + DEVICES_BUTTONS)

/* Begins to hear of devices. */
void devices_open(void);

/* What to wait for; returns how many. */
unsigned devices_polls(struct pollfd poll[DEVICES_POLLS]);

/* Takes what came. `changed` when a device may have come or gone; true when somebody pressed a power button.
 */
bool devices_take(const struct pollfd *poll, unsigned polls, bool *changed);

/* Gives every serial port but the consoles to this user, opens the buttons that are new. Returns the serial
 * ports. */
unsigned devices_settle(unsigned user);

#endif
