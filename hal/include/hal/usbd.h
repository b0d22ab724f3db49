#ifndef HAL_USBD_H
#define HAL_USBD_H
/*
 * usbd - the USB device controller: packets of a full-speed device, without knowledge of what they mean
 *
 * One per image. Main loop only: interrupts only wake the loop, and hal_usbd_event(), which firmware/usb
 * defines, is called from hal_usbd_poll() and from nowhere else. Endpoint 0 is always open; an endpoint's
 * number has bit 7 set when the device sends (USB 2.0, 9.6.6). The port keeps the data toggles, acknowledges
 * SETUP, and answers NAK for an endpoint that is not armed. What the core asks for after a bus reset, or of
 * endpoint 0 after a SETUP, and before it was told of it, has no effect: it is meant for what is over.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HAL_USBD_PACKET 64 /* bytes: largest packet of every endpoint we use (USB 2.0, 5.5.3 and 5.8.3) */

enum hal_usbd_what {
    HAL_USBD_RESET,    /* bus reset: address 0, every endpoint but 0 closed, nothing armed; what a bulk
                          endpoint received before is told before */
    HAL_USBD_SETUP,    /* data[8]; whatever was armed on endpoint 0 is disarmed, its stall ended, both toggles
                          are DATA1; what ended on endpoint 0 before is told before, or not at all */
    HAL_USBD_RECEIVED, /* endpoint, data[len]: the armed packet came; the endpoint is no longer armed */
    HAL_USBD_SENT,     /* endpoint: the host has acknowledged what was sent */
    HAL_USBD_SUSPEND,  /* 3 ms without traffic */
    HAL_USBD_RESUME,
    HAL_USBD_POWER, /* len: 1 VBUS came, 0 VBUS went; told once at start where VBUS can be seen */
};

struct hal_usbd_event {
    enum hal_usbd_what what;
    uint8_t endpoint;
    uint8_t len;         /* 0 to HAL_USBD_PACKET */
    const uint8_t *data; /* until hal_usbd_event() returns */
};

/* Power the controller and show the pull-up: the host begins. HAL_E_NONE when there is no USB. */
int hal_usbd_start(void);

/* Give every event that has come to hal_usbd_event(). */
void hal_usbd_poll(void);

/* Answer to this address from now on. Called when the status stage of SET_ADDRESS was acknowledged
 * (USB 2.0, 9.4.6). */
void hal_usbd_address(uint8_t address);

/* Open a bulk endpoint, or open it again: not armed, not stalled, DATA0. HAL_E_RANGE: no such endpoint on
 * this chip. */
int hal_usbd_open(uint8_t endpoint);

/* Not armed any more; answers nothing. */
void hal_usbd_close(uint8_t endpoint);

/* Take the next OUT packet, once. */
void hal_usbd_receive(uint8_t endpoint);

/* Send one packet of len bytes, 0 to HAL_USBD_PACKET, at the host's next IN; src is copied. Only when nothing
 * is armed. */
void hal_usbd_send(uint8_t endpoint, const uint8_t *src, size_t len);

/* Answer STALL: for endpoint 0 both directions until the next SETUP, else until hal_usbd_open(). */
void hal_usbd_stall(uint8_t endpoint);

/* firmware/usb defines it. */
void hal_usbd_event(const struct hal_usbd_event *event);

#endif
