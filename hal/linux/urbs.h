#ifndef HAL_LINUX_URBS_H
#define HAL_LINUX_URBS_H
/*
 * urbs - USB transfers on their way: packets, stages, and when one is done (USB 2.0, 5.5 and 5.8)
 *
 * One table of URBS_MOST; called from hal_usbd_poll() only. Transfers of one endpoint and direction go one
 * behind the other, those of different endpoints side by side.
 */
#include <stdbool.h>
#include <stdint.h>

#include "hal/linux/cable.h"
#include "hal/linux/usbip.h"

#define URBS_MOST 32u

enum urb_stage {
    URB_FREE,
    URB_FILLING, /* its bytes are still to come from the peer */
    URB_SETUP,
    URB_DATA,
    URB_STATUS,
    URB_DONE,
};

struct urb {
    enum urb_stage stage;
    bool own; /* the server's, not the peer's */
    bool in;
    bool ends_empty; /* an empty packet has to follow */
    uint8_t endpoint;
    uint32_t seq;
    uint32_t order;
    uint32_t length; /* asked for */
    uint32_t done;   /* bytes so far */
    int32_t status;  /* USBIP_OK or another, when DONE */
    uint8_t setup[CABLE_SETUP_SIZE];
    uint8_t data[USBIP_TRANSFER_MOST];
};

/* NULL when all are taken. It is FILLING; its length is within data[]. */
struct urb *urbs_new(const struct usbip_urb *ask);

/* Its bytes are there. A control transfer that contradicts itself is done at once: USBIP_EINVAL. */
void urbs_begin(struct urb *u);

/* Forgets the peer's transfer `seq` that is not done. Whether there was one. */
bool urbs_unlink(uint32_t seq);
void urbs_forget_all(void);

/* Moves one packet of each transfer that is first at its endpoint. Whether anything moved. */
bool urbs_turn(void);

/* The one that was done first, or NULL. The caller frees it by urbs_free(). */
struct urb *urbs_done(void);
void urbs_free(struct urb *u);

#endif
