#ifndef HAL_HOST_USBIP_H
#define HAL_HOST_USBIP_H
/*
 * usbip - a client of one USB device over USB/IP on TCP, without the kernel's: for tests and labs
 *
 * One object a connection, one transfer at a time. Nothing blocks but hal_usbip_connect(), and nothing here
 * knows the time: who waits says for how long. The other end is not trusted: an answer that is not one to
 * what was asked, or longer, ends the connection. What is said is neither secret nor proved.
 */
#include "hal/host/usb_config.h"
#include "hal/host/usb_name.h"
#include "hal/linux/usbip.h"

#define HAL_USBIP_OUT_MOST 256 /* bytes of a transfer out */
#define HAL_USBIP_IN_MOST 512  /* and in */

struct hal_usbip {
    int fd; /* the caller's to close */
    uint8_t stage;
    bool configure;
    char bus_id[USBIP_BUS_ID_SIZE];
    uint32_t device;
    uint32_t number; /* of the last request */
    bool in;         /* the transfer under way, and how much was asked for */
    size_t asked;
    int status;                          /* of the last transfer: 0 or -errno; -EPIPE: stalled */
    size_t actual;                       /* bytes of it */
    uint8_t config[HAL_USB_CONFIG_MOST]; /* the device's configuration, once it is ready */
    size_t config_len;
    uint8_t out[USBIP_URB_SIZE + HAL_USBIP_OUT_MOST];
    size_t out_len;
    size_t out_at;
    uint8_t back[USBIP_URB_SIZE + HAL_USBIP_IN_MOST];
    size_t back_len;
    size_t back_want;
};

struct hal_usbip_transfer {
    bool in;
    uint8_t endpoint;
    uint8_t setup[8];  /* of endpoint 0 */
    const void *bytes; /* out */
    size_t len;        /* at most HAL_USBIP_OUT_MOST or HAL_USBIP_IN_MOST */
};

/* Connects, within most_ms. A descriptor that does not block and is closed on exec, or -errno. */
int hal_usbip_connect(const struct hal_usbip_name *name, int most_ms);

/*
 * Begins on a new connection: asks for the device, reads its configuration and, with `configure`, puts it
 * into that. Done when hal_usbip_step() says so.
 */
void hal_usbip_begin(struct hal_usbip *u, int fd, const char *bus_id, bool configure);

/* Begins a transfer. Only when none is under way. */
void hal_usbip_submit(struct hal_usbip *u, const struct hal_usbip_transfer *t);

/*
 * Goes on as far as it can. 1 when nothing is under way any more, 0 when something is (poll for POLLIN), or
 * -errno when the connection is of no more use: -ENODEV when the other end has no such device or is gone,
 * -EPROTO when it does not keep to the form.
 */
int hal_usbip_step(struct hal_usbip *u);

/* True while something waits to be sent: poll for POLLOUT too. */
bool hal_usbip_sends(const struct hal_usbip *u);

/* What the last transfer in brought: u->actual bytes. */
const uint8_t *hal_usbip_bytes(const struct hal_usbip *u);

#endif
