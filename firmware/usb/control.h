#ifndef USB_CONTROL_H
#define USB_CONTROL_H
/*
 * control - endpoint 0: the requests of SPEC.md, section 3, and the stages of a control transfer (USB 2.0,
 * 8.5.3 and 9.3)
 *
 * One transfer at a time; a SETUP ends the one before. Main loop only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "hal/usbd.h"

void usb_control_start(void);

/* The default state, no transfer under way, every bulk endpoint closed. */
void usb_control_reset(void);

void usb_control_setup(const uint8_t packet[8]);

/* HAL_USBD_RECEIVED and HAL_USBD_SENT of endpoint 0. */
void usb_control_received(const struct hal_usbd_event *event);
void usb_control_sent(void);

bool usb_control_configured(void);

/* Requests that were answered with STALL since the start; stops at its highest value. */
uint32_t usb_control_refused(void);

#endif
