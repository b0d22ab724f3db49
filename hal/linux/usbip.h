#ifndef HAL_LINUX_USBIP_H
#define HAL_LINUX_USBIP_H
/*
 * usbip - USB/IP version 1.1.1 as it stands on the wire, for a server of one device and for its client
 *
 * Pure functions, no state. All numbers are big-endian. What was parsed is within the bounds given here; what
 * is not is refused, and a peer that sent it is best left. Source: Linux,
 * Documentation/usb/usbip_protocol.rst, and tools/usb/usbip for what it leaves open.
 *
 * The client asks OP_REQ_DEVLIST or OP_REQ_IMPORT; behind an import that was granted, the connection carries
 * CMD_SUBMIT and CMD_UNLINK one way, RET_SUBMIT and RET_UNLINK the other. A transfer's bytes stand behind
 * CMD_SUBMIT when it goes out, behind RET_SUBMIT when it goes in.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USBIP_PORT 3240
#define USBIP_OP_SIZE 8
#define USBIP_BUS_ID_SIZE 32
#define USBIP_DEVICE_SIZE 312
#define USBIP_INTERFACE_SIZE 4 /* behind each device of a list: class, subclass, protocol, 0 */
#define USBIP_URB_SIZE 48
#define USBIP_PATH_SIZE 256
#define USBIP_TRANSFER_MOST 65536u /* bytes of one transfer */
#define USBIP_ENDPOINT_MOST 15u
#define USBIP_DEVICES_MOST 16u    /* of one list */
#define USBIP_INTERFACES_MOST 32u /* of one device */

#define USBIP_E_SIZE (-1) /* not as many bytes as it takes */
#define USBIP_E_FORM (-2) /* another version, or a field outside its bounds */

/* Linux' numbers, on every system: the status of a transfer. */
#define USBIP_OK 0
#define USBIP_EIO (-5)
#define USBIP_ENOMEM (-12)
#define USBIP_EINVAL (-22)
#define USBIP_EPIPE (-32)       /* the endpoint stalled */
#define USBIP_EPROTO (-71)      /* the device has no such endpoint, and answers nothing */
#define USBIP_EOVERFLOW (-75)   /* the device sent more than was asked for */
#define USBIP_ECONNRESET (-104) /* unlinked */
#define USBIP_ESHUTDOWN (-108)  /* the device went away */

enum usbip_code {
    USBIP_REQ_IMPORT = 0x8003,
    USBIP_REP_IMPORT = 0x0003,
    USBIP_REQ_DEVLIST = 0x8005,
    USBIP_REP_DEVLIST = 0x0005,
};

#define USBIP_OP_REFUSED 1 /* the status of an answer: not there, or nobody says why, */
#define USBIP_OP_IN_USE 2  /* or somebody else has the device */

struct usbip_op {
    enum usbip_code code;
    uint32_t status; /* of an answer: 0 when it is granted */
};

/* Returns 0, USBIP_E_SIZE unless len is USBIP_OP_SIZE, or USBIP_E_FORM. */
int usbip_op_parse(const uint8_t *src, size_t len, struct usbip_op *out);
void usbip_op_put(const struct usbip_op *op, uint8_t dst[USBIP_OP_SIZE]);

/* What stands behind OP_REQ_IMPORT. */
int usbip_bus_id_parse(const uint8_t *src, size_t len, char out[USBIP_BUS_ID_SIZE]);
void usbip_bus_id_put(const char *bus_id, uint8_t dst[USBIP_BUS_ID_SIZE]);

enum usbip_speed { USBIP_SPEED_LOW = 1, USBIP_SPEED_FULL = 2, USBIP_SPEED_HIGH = 3 };

/* What stands behind OP_REP_IMPORT that says 0, and, after a count, in OP_REP_DEVLIST. */
struct usbip_device {
    char path[USBIP_PATH_SIZE];
    char bus_id[USBIP_BUS_ID_SIZE];
    uint32_t bus;
    uint32_t device;
    uint32_t speed; /* enum usbip_speed, or faster */
    uint16_t vendor;
    uint16_t product;
    uint16_t release;
    uint8_t class;
    uint8_t subclass;
    uint8_t protocol;
    uint8_t configuration; /* the one it is in, 0: none */
    uint8_t configurations;
    uint8_t interfaces;
};

int usbip_device_parse(const uint8_t *src, size_t len, struct usbip_device *out);
void usbip_device_put(const struct usbip_device *device, uint8_t dst[USBIP_DEVICE_SIZE]);

/* The count in front of a list's devices: at most USBIP_DEVICES_MOST. */
int usbip_count_parse(const uint8_t *src, size_t len, uint32_t *out);

enum usbip_command {
    USBIP_CMD_SUBMIT = 1,
    USBIP_CMD_UNLINK = 2,
    USBIP_RET_SUBMIT = 3,
    USBIP_RET_UNLINK = 4,
};

#define USBIP_FLAG_SHORT_NOT_OK 0x0001u
#define USBIP_FLAG_ZERO_PACKET 0x0040u /* a transfer out of whole packets ends with an empty one */

/* One command or answer without a transfer's bytes. Fields that its kind does not have are 0. */
struct usbip_urb {
    enum usbip_command command;
    uint32_t seq;
    uint32_t device;  /* CMD_*: bus << 16 | device */
    bool in;          /* CMD_*: from the device */
    uint8_t endpoint; /* CMD_*: 0 to USBIP_ENDPOINT_MOST */
    uint32_t flags;   /* CMD_SUBMIT */
    uint32_t length;  /* CMD_SUBMIT: asked for; RET_SUBMIT: done; at most USBIP_TRANSFER_MOST */
    uint32_t victim;  /* CMD_UNLINK: seq of what shall end */
    int32_t status;   /* RET_*: 0, or -errno in Linux' numbers */
    uint8_t setup[8]; /* CMD_SUBMIT to endpoint 0 */
};

/*
 * 0, USBIP_E_SIZE unless len is USBIP_URB_SIZE, or USBIP_E_FORM: an unknown command, a number outside its
 * bounds, or an isochronous transfer, which nothing here offers.
 */
int usbip_urb_parse(const uint8_t *src, size_t len, struct usbip_urb *out);
void usbip_urb_put(const struct usbip_urb *urb, uint8_t dst[USBIP_URB_SIZE]);

/* Bytes that stand behind this command on the wire. Of answers the client knows whether it asked for bytes.
 */
size_t usbip_urb_payload(const struct usbip_urb *urb);

#endif
