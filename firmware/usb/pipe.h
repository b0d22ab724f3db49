#ifndef USB_PIPE_H
#define USB_PIPE_H
/*
 * pipe - the bulk endpoint of each interface: bytes in from the host, the dump out to it
 *
 * An interface has one endpoint, so both go by the interface's number. Main loop only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/usbd.h"

#define USB_LINES 0
#define USB_DUMP 1
#define USB_LINES_ENDPOINT 0x01
#define USB_DUMP_ENDPOINT 0x82
#define USB_CONFIGURATION 1 /* the only one */

/* All closed and empty; the dump's is there only if it is to be shown. */
void usb_pipe_start(bool dump);

/* How many there are: 1 or 2. */
unsigned usb_pipe_count(void);

/* The number of the one with this endpoint, or a number that is not below usb_pipe_count(). */
unsigned usb_pipe_of(uint8_t endpoint);

/* Open it, or open it again: not halted, DATA0. False when the controller has no such endpoint. */
bool usb_pipe_open(unsigned pipe);

/* Close all. What has been received stays to be read. */
void usb_pipe_close_all(void);

/* Answer STALL until it is opened again. */
void usb_pipe_halt(unsigned pipe);
bool usb_pipe_halted(unsigned pipe);

/* Arm what may be armed. */
void usb_pipe_poll(void);

/* HAL_USBD_RECEIVED and HAL_USBD_SENT of an endpoint other than 0. */
void usb_pipe_received(const struct hal_usbd_event *event);
void usb_pipe_sent(const struct hal_usbd_event *event);

/* Bytes received since the start; stops at its highest value. */
uint32_t usb_pipe_bytes(void);

#endif
