#ifndef USB_STATUS_H
#define USB_STATUS_H
/*
 * status - the one page that a logger tells of itself, byte by byte in SPEC.md, section 4
 *
 * For both ends: the device encodes, tools decode. Counters stop at their highest value.
 */
#include <stddef.h>
#include <stdint.h>

#define USB_STATUS_VERSION 1
#define USB_STATUS_SIZE 80

/* The request that reads it: a control transfer with these fields, wValue and wIndex 0. */
#define USB_STATUS_TYPE 0xC0 /* device to host, vendor, device */
#define USB_STATUS_REQUEST 0x01

enum usb_status_flag {
    USB_STATUS_READY = 1u << 0,   /* the log is open and takes records */
    USB_STATUS_DUMP = 1u << 1,    /* started to dump, not to log */
    USB_STATUS_ALARM = 1u << 2,   /* an alarm nobody has acknowledged */
    USB_STATUS_SILENCE = 1u << 3, /* a promised beat is overdue */
    USB_STATUS_RESERVE_FULL = 1u << 4,
    USB_STATUS_FAULT = 1u << 5, /* of the device itself: flash, clock, a serial line */
};

#define USB_STATUS_FLAGS 0x003Fu /* every flag of this version */

struct usb_status {
    uint16_t flags; /* of enum usb_status_flag */
    uint8_t cause;  /* of the last start: 0 power, 1 pin, 2 watchdog, 3 fault (hal/reset.h) */
    uint32_t boots;
    uint32_t uptime_s;
    uint32_t committed;    /* number of the last record that a power cut can no longer take; 0: none */
    uint32_t harvested;    /* number of the last record that was marked as read; 0: none */
    uint32_t kept;         /* records in the reserve */
    uint32_t ring;         /* records in the ring */
    uint32_t reserve_free; /* bytes */
    uint32_t refused;      /* records there was no room for */
    uint32_t torn;         /* records that a power cut or a bad sector has spoilt; found, not believed */
    uint32_t bad_sectors;
    uint32_t wear_min; /* erases of the sector erased least */
    uint32_t wear_max; /* and most */
    uint32_t session;  /* of the last line that was kept (firmware/wire/SPEC.md, section 2) */
    uint32_t number;
    uint32_t lines;    /* well-formed lines since the start */
    uint32_t rubbish;  /* bytes since the start that were no part of one */
    uint32_t overruns; /* bytes a serial line lost since the start */
    uint32_t usb_refused;
};

void usb_status_encode(const struct usb_status *status, uint8_t out[USB_STATUS_SIZE]);

#define USB_STATUS_E_SIZE (-1)    /* shorter or longer than this version's */
#define USB_STATUS_E_VERSION (-2) /* another version's */
#define USB_STATUS_E_FORM (-3)    /* a reserved bit is set */

/* Returns 0 or USB_STATUS_E_*; then *out is untouched. */
int usb_status_decode(const uint8_t *src, size_t len, struct usb_status *out);

#endif
