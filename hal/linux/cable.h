#ifndef HAL_LINUX_CABLE_H
#define HAL_LINUX_CABLE_H
/*
 * cable - what a USB host sees of the device: one packet at a time
 *
 * One of it; called from hal_usbd_poll() only. The device's side is hal/usbd.h, all but hal_usbd_start() and
 * hal_usbd_poll(). What the host does here reaches the device by hal_usbd_event(). There is one device on the
 * bus, so its address is kept and not looked at; toggles cannot go wrong, as no packet is lost.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/usbd.h"

#define CABLE_NAK (-1)     /* not armed: try again */
#define CABLE_STALL (-2)   /* STALL */
#define CABLE_SILENCE (-3) /* no such endpoint, or it is closed */
#define CABLE_SETUP_SIZE 8

/* The device has started, and may be plugged in. */
void cable_pull_up(void);
bool cable_pulled_up(void);

void cable_power(bool on);
void cable_reset(void);

/* Always acknowledged (USB 2.0, 8.4.6.4). */
void cable_setup(const uint8_t setup[CABLE_SETUP_SIZE]);

/* Sends one packet of at most HAL_USBD_PACKET bytes. 0, or one of the above. */
int cable_out(uint8_t endpoint, const uint8_t *src, size_t len);

/* Asks for one packet. How many bytes came, or one of the above. */
int cable_in(uint8_t endpoint, uint8_t dst[HAL_USBD_PACKET]);

#endif
