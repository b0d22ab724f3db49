#ifndef TESTS_SUPPORT_FAKE_USBD_H
#define TESTS_SUPPORT_FAKE_USBD_H
/*
 * fake_usbd - a device controller that keeps the promises of hal/usbd.h, seen from the other end of the cable
 *
 * One per program, for whatever defines hal_usbd_event(). The cable speaks packets; usb_os.h makes transfers
 * of them. Toggles are kept at both ends: a packet with the wrong one is acknowledged and dropped, as silicon
 * does.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a packet is answered with, where it is not a length. */
#define CABLE_NAK (-1)
#define CABLE_STALL (-2)
#define CABLE_NOTHING (-3) /* nobody listens at this address or endpoint */

/* A controller that was just switched on, without a host. `lacks`: an endpoint it does not have, or 0. */
void fake_usbd_power_up(uint8_t lacks);

/* Calls against the contract since power_up(). */
unsigned fake_usbd_violations(void);

/* Packets that were dropped for their toggle, at either end. */
unsigned fake_usbd_dropped(void);

/* What the device has asked for. */
uint8_t fake_usbd_address(void);
bool fake_usbd_started(void);
bool fake_usbd_armed(uint8_t endpoint);

void cable_reset(void);
void cable_suspend(bool suspended);
void cable_power(bool on);

/* All packets below go to this address; 0 after cable_reset(). */
void cable_to(uint8_t address);

/* 0 or CABLE_NOTHING. */
int cable_setup(const uint8_t packet[8]);

/* How many bytes came, at most 64; `dst` has room for them. */
int cable_in(uint8_t endpoint, uint8_t *dst);

/* `len` when it was taken. */
int cable_out(uint8_t endpoint, const uint8_t *src, size_t len);

/* The host's toggle of a bulk endpoint is DATA0 again. */
void cable_toggle_reset(uint8_t endpoint);

/* The acknowledgement of the next IN packet gets lost on its way to the device. */
void cable_lose_ack(void);

#endif
