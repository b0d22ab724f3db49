#ifndef HAL_LINUX_USBIP_SERVER_H
#define HAL_LINUX_USBIP_SERVER_H
/*
 * usbip_server - a USB/IP client's wishes carried out on the cable, as its host controller would
 *
 * One of it; called from hal_usbd_poll() only. Bytes come from and go to whoever holds the connection. The
 * connection is the cable: with it the device gets power, is reset, and is asked for its descriptors; without
 * it, power goes. The peer is hostile: whatever it sends, memory is bounded (URBS_MOST transfers; one more is
 * answered ENOMEM), one that breaks the protocol is left, and one that does not read gets nothing done.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USBIP_SERVER_BUS_ID "1-1"
#define USBIP_SERVER_DEVICE 0x10002u /* bus 1, device 2 */

void usbip_server_plug(void);
void usbip_server_unplug(void);

/* Takes what the peer sent, or a part of it: how much. False: the peer broke the protocol, leave it. */
bool usbip_server_take(const uint8_t *src, size_t len, size_t *taken);

/* Whether usbip_server_take() would take anything. */
bool usbip_server_hungry(void);

/* Whether the device is the peer's; before that another peer may take its place. */
bool usbip_server_imported(void);

/* What waits to be sent to the peer, and that n bytes of it have been. */
const uint8_t *usbip_server_out(size_t *len);
void usbip_server_sent(size_t n);

/* Moves at most one packet of each transfer that is first at its endpoint. Whether anything moved. */
bool usbip_server_turn(void);

#endif
