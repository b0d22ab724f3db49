#include "hal/linux/usbip_server.h"

#include "hal/linux/urbs.h"
#include <string.h>

#define REPLY_MOST (USBIP_URB_SIZE + USBIP_TRANSFER_MOST)
#define OUT_SIZE (2 * REPLY_MOST)
#define PATH "/sys/devices/linux-lab/usb1/" USBIP_SERVER_BUS_ID
#define DEVICE_DESCRIPTOR_SIZE 18
#define CONFIGURATION_MOST 255 /* bytes of the configuration that are looked at */
#define DEVICE 1               /* descriptor types (USB 2.0, table 9-5) */
#define CONFIGURATION 2
#define INTERFACE 4

/* What the server asks the device for itself, one after the other (USB 2.0, 9.1.2). */
enum step {
    STEP_ADDRESS,
    STEP_DEVICE,
    STEP_CONFIGURATION,
    STEP_KNOWN,
    STEP_FAILED,         /* the device does not answer as one has to */
    STEP_IMPORT_ADDRESS, /* once more, behind the reset that an import is */
};

enum phase {
    PHASE_UNPLUGGED,
    PHASE_OP,
    PHASE_BUS_ID,
    PHASE_COMMAND,
    PHASE_PAYLOAD,
};

static struct {
    enum phase phase;
    enum step step;
    bool imported;
    size_t head_len;
    uint8_t head[USBIP_URB_SIZE];
    struct urb *filling; /* PAYLOAD: where it goes, NULL: nowhere */
    uint32_t payload;    /* PAYLOAD: bytes of it that have come */
    struct usbip_urb ask;
    struct usbip_device device;
    uint8_t interfaces[USBIP_INTERFACES_MOST][USBIP_INTERFACE_SIZE];
    size_t out_len;
    uint8_t out[OUT_SIZE];
} server;

static uint8_t *
reserve(size_t len)
{
    server.out_len += len;
    return server.out + server.out_len - len;
}

static bool
has_room(void)
{
    return sizeof server.out - server.out_len >= REPLY_MOST;
}

static void
reply_op(enum usbip_code code, uint32_t status)
{
    usbip_op_put(&(struct usbip_op){ .code = code, .status = status }, reserve(USBIP_OP_SIZE));
}

static void
reply_list(void)
{
    bool known = server.step == STEP_KNOWN;

    reply_op(USBIP_REP_DEVLIST, 0);
    memcpy(reserve(4), (const uint8_t[4]){ 0, 0, 0, known ? 1 : 0 }, 4);
    if (known) {
        usbip_device_put(&server.device, reserve(USBIP_DEVICE_SIZE));
        for (uint8_t i = 0; i < server.device.interfaces; i++) {
            memcpy(reserve(USBIP_INTERFACE_SIZE), server.interfaces[i], USBIP_INTERFACE_SIZE);
        }
    }
}

static void
reply_submit(const struct usbip_urb *ask, int32_t status, uint32_t length)
{
    struct usbip_urb answer = {
        .command = USBIP_RET_SUBMIT,
        .seq = ask->seq,
        .status = status,
        .length = length,
    };

    usbip_urb_put(&answer, reserve(USBIP_URB_SIZE));
}

/* A control transfer of the server's own. */
static void
ask_device(enum step step, const uint8_t setup[CABLE_SETUP_SIZE])
{
    struct usbip_urb ask = { .in = (setup[0] & 0x80) != 0, .length = setup[6] };

    memcpy(ask.setup, setup, sizeof ask.setup);
    struct urb *u = urbs_new(&ask);
    server.step = u == NULL ? STEP_FAILED : step;
    if (u != NULL) {
        u->own = true;
        urbs_begin(u);
    }
}

static void
set_address(enum step step)
{
    cable_reset();
    ask_device(step, (const uint8_t[]){ 0, 5, USBIP_SERVER_DEVICE & 0x7F, 0, 0, 0, 0, 0 });
}

static void
get_descriptor(enum step step, uint8_t type, uint8_t len)
{
    ask_device(step, (const uint8_t[]){ 0x80, 6, 0, type, 0, 0, len, 0 });
}

static uint16_t
u16_at(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static bool
take_device(const uint8_t *at, uint32_t len)
{
    if (len < DEVICE_DESCRIPTOR_SIZE || at[0] < DEVICE_DESCRIPTOR_SIZE || at[1] != DEVICE) {
        return false;
    }
    server.device = (struct usbip_device){
        .path = PATH,
        .bus_id = USBIP_SERVER_BUS_ID,
        .bus = USBIP_SERVER_DEVICE >> 16,
        .device = USBIP_SERVER_DEVICE & 0xFFFF,
        .speed = USBIP_SPEED_FULL,
        .class = at[4],
        .subclass = at[5],
        .protocol = at[6],
        .vendor = u16_at(at + 8),
        .product = u16_at(at + 10),
        .release = u16_at(at + 12),
        .configurations = at[17],
    };
    return true;
}

/* Descriptors one behind the other, the first byte of each its length (USB 2.0, 9.5). */
static bool
take_configuration(const uint8_t *at, uint32_t len)
{
    if (len < 2 || at[1] != CONFIGURATION) {
        return false;
    }
    while (len >= 2 && at[0] >= 2 && at[0] <= len) {
        bool is_interface = at[1] == INTERFACE && at[0] >= 9 && at[3] == 0;

        if (is_interface && server.device.interfaces < USBIP_INTERFACES_MOST) {
            memcpy(server.interfaces[server.device.interfaces++],
                    (const uint8_t[4]){ at[5], at[6], at[7], 0 }, 4);
        }
        len -= at[0];
        at += at[0];
    }
    return true;
}

static void
reply_import(void)
{
    reply_op(USBIP_REP_IMPORT, 0);
    usbip_device_put(&server.device, reserve(USBIP_DEVICE_SIZE));
    server.imported = true;
    server.phase = PHASE_COMMAND;
    server.step = STEP_KNOWN;
}

/* One of the server's own transfers is done. */
static void
next_step(const struct urb *u)
{
    bool went_well = u->status == USBIP_OK;

    if (went_well && server.step == STEP_ADDRESS) {
        get_descriptor(STEP_DEVICE, DEVICE, DEVICE_DESCRIPTOR_SIZE);
    } else if (went_well && server.step == STEP_DEVICE && take_device(u->data, u->done)) {
        get_descriptor(STEP_CONFIGURATION, CONFIGURATION, CONFIGURATION_MOST);
    } else if (went_well && server.step == STEP_CONFIGURATION && take_configuration(u->data, u->done)) {
        server.step = STEP_KNOWN;
    } else if (went_well && server.step == STEP_IMPORT_ADDRESS) {
        reply_import();
    } else {
        if (server.step == STEP_IMPORT_ADDRESS) {
            reply_op(USBIP_REP_IMPORT, USBIP_OP_REFUSED);
        }
        server.step = STEP_FAILED;
    }
}

void
usbip_server_plug(void)
{
    usbip_server_unplug();
    server.phase = PHASE_OP;
    cable_power(true);
    set_address(STEP_ADDRESS);
}

void
usbip_server_unplug(void)
{
    if (server.phase != PHASE_UNPLUGGED) {
        cable_power(false);
    }
    urbs_forget_all();
    server.phase = PHASE_UNPLUGGED;
    server.imported = false;
    server.head_len = 0;
    server.out_len = 0;
    server.filling = NULL;
}

bool
usbip_server_imported(void)
{
    return server.imported;
}

bool
usbip_server_hungry(void)
{
    bool settled = server.step == STEP_KNOWN || server.step == STEP_FAILED;

    return server.phase != PHASE_UNPLUGGED && settled && has_room();
}

static bool
take_op(void)
{
    struct usbip_op op;

    if (usbip_op_parse(server.head, server.head_len, &op) != 0) {
        return false;
    }
    if (op.code == USBIP_REQ_IMPORT) {
        server.phase = PHASE_BUS_ID;
        return true;
    }
    if (op.code == USBIP_REQ_DEVLIST) {
        reply_list();
        return true;
    }
    return false;
}

static bool
take_bus_id(void)
{
    char id[USBIP_BUS_ID_SIZE];

    server.phase = PHASE_OP;
    if (usbip_bus_id_parse(server.head, server.head_len, id) != 0) {
        return false;
    }
    if (server.step == STEP_KNOWN && strcmp(id, USBIP_SERVER_BUS_ID) == 0) {
        set_address(STEP_IMPORT_ADDRESS);
    } else {
        reply_op(USBIP_REP_IMPORT, USBIP_OP_REFUSED);
    }
    return true;
}

/* All of a submit's bytes are there. */
static void
end_payload(void)
{
    if (server.filling != NULL) {
        urbs_begin(server.filling);
    } else {
        reply_submit(&server.ask, USBIP_ENOMEM, 0);
    }
    server.filling = NULL;
    server.phase = PHASE_COMMAND;
}

static void
take_submit(void)
{
    server.filling = urbs_new(&server.ask);
    server.payload = 0;
    server.phase = PHASE_PAYLOAD;
    if (usbip_urb_payload(&server.ask) == 0) {
        end_payload();
    }
}

static void
take_unlink(void)
{
    struct usbip_urb answer = {
        .command = USBIP_RET_UNLINK,
        .seq = server.ask.seq,
        .status = urbs_unlink(server.ask.victim) ? USBIP_ECONNRESET : USBIP_OK,
    };

    usbip_urb_put(&answer, reserve(USBIP_URB_SIZE));
}

static bool
take_command(void)
{
    if (usbip_urb_parse(server.head, server.head_len, &server.ask) != 0 ||
            server.ask.device != USBIP_SERVER_DEVICE) {
        return false;
    }
    if (server.ask.command == USBIP_CMD_SUBMIT) {
        take_submit();
    } else if (server.ask.command == USBIP_CMD_UNLINK) {
        take_unlink();
    } else {
        return false;
    }
    return true;
}

static size_t
head_size(void)
{
    switch (server.phase) {
    case PHASE_OP:
        return USBIP_OP_SIZE;
    case PHASE_BUS_ID:
        return USBIP_BUS_ID_SIZE;
    default:
        return USBIP_URB_SIZE;
    }
}

/* What has come for the head, which is full now. */
static bool
take_head(void)
{
    bool sound;

    if (server.phase == PHASE_OP) {
        sound = take_op();
    } else if (server.phase == PHASE_BUS_ID) {
        sound = take_bus_id();
    } else {
        sound = take_command();
    }
    server.head_len = 0;
    return sound;
}

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t
take_payload(const uint8_t *src, size_t len)
{
    size_t n = least(len, server.ask.length - server.payload);

    if (server.filling != NULL) {
        memcpy(server.filling->data + server.payload, src, n);
    }
    server.payload += (uint32_t)n;
    if (server.payload == server.ask.length) {
        end_payload();
    }
    return n;
}

bool
usbip_server_take(const uint8_t *src, size_t len, size_t *taken)
{
    bool sound = true;
    size_t at = 0;

    while (sound && at < len && usbip_server_hungry()) {
        if (server.phase == PHASE_PAYLOAD) {
            at += take_payload(src + at, len - at);
        } else {
            size_t n = least(len - at, head_size() - server.head_len);

            memcpy(server.head + server.head_len, src + at, n);
            server.head_len += n;
            at += n;
            sound = server.head_len < head_size() || take_head();
        }
    }
    *taken = at;
    return sound;
}

const uint8_t *
usbip_server_out(size_t *len)
{
    *len = server.out_len;
    return server.out;
}

void
usbip_server_sent(size_t n)
{
    n = least(n, server.out_len);
    server.out_len -= n;
    memmove(server.out, server.out + n, server.out_len);
}

/* Answers the peer's transfer. */
static void
answer(const struct urb *u)
{
    reply_submit(&(struct usbip_urb){ .seq = u->seq }, u->status, u->done);
    if (u->in) {
        memcpy(reserve(u->done), u->data, u->done);
    }
}

bool
usbip_server_turn(void)
{
    if (server.phase == PHASE_UNPLUGGED || !has_room()) {
        return false;
    }
    bool moved = urbs_turn();
    struct urb *u;

    while (has_room() && (u = urbs_done()) != NULL) {
        moved = true;
        if (u->own) {
            next_step(u);
        } else {
            answer(u);
        }
        urbs_free(u);
    }
    return moved;
}
