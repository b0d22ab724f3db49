/* A USB/IP client that says anything, at a device that does anything: no answer that nobody asked for, and
 * none longer than what was. */
#include "hal/linux/cable.h"
#include "hal/linux/urbs.h"
#include "hal/linux/usbip.h"
#include "hal/linux/usbip_server.h"
#include "hal/linux/wake.h"
#include <stdlib.h>
#include <string.h>

#define SEQS 64
#define HEARD (4 * USBIP_TRANSFER_MOST)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    const uint8_t *end;
};

/* What the client asked, by sequence number. */
static struct {
    bool pending;
    bool in;
    uint32_t length;
} asked[SEQS];
static uint8_t heard[HEARD];
static size_t heard_len;
static bool blind; /* it said bytes of which it does not know what they ask */
static bool gone;
static struct input *device_input;

static void
must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static uint8_t
take(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

void
wake_now(void)
{
}

/* The device answers what makes it known, and from there on as the input says. */
void
hal_usbd_event(const struct hal_usbd_event *event)
{
    static const uint8_t configuration[] = { 9, 2, 18, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 2, 0xFF, 0, 0, 0 };
    static const uint8_t device[18] = { 18, 1, 0, 2, 0xFF, 0, 0, 64, 1, 2, 3, 4, 0, 1, 1, 2, 3, 1 };
    uint8_t noise[HAL_USBD_PACKET] = { 0 };

    if (device_input != NULL) {
        uint8_t deed = take(device_input);

        if (deed % 4 == 0) {
            hal_usbd_send(event->endpoint, noise, take(device_input) % (sizeof noise + 1));
        } else if (deed % 4 == 1) {
            hal_usbd_receive(event->endpoint);
        } else if (deed % 16 == 2) {
            hal_usbd_stall(event->endpoint);
        }
    } else if (event->what == HAL_USBD_SETUP) {
        bool is_device = event->data[3] == 1;

        if (event->data[1] == 6) {
            hal_usbd_send(
                    0, is_device ? device : configuration, is_device ? sizeof device : sizeof configuration);
        } else {
            hal_usbd_send(0, NULL, 0);
        }
        hal_usbd_receive(0);
    }
}

/* Takes one answer out of heard[]; false while it is not all there. */
static bool
take_answer(void)
{
    struct usbip_urb got;

    if (heard_len < USBIP_URB_SIZE) {
        return false;
    }
    must(usbip_urb_parse(heard, USBIP_URB_SIZE, &got) == 0);
    must(got.command == USBIP_RET_SUBMIT || got.command == USBIP_RET_UNLINK);
    size_t size = USBIP_URB_SIZE;
    if (got.command == USBIP_RET_SUBMIT) {
        must(got.seq < SEQS && asked[got.seq].pending && got.length <= asked[got.seq].length);
        asked[got.seq].pending = false;
        size += asked[got.seq].in ? got.length : 0;
    }
    must(heard_len >= size);
    heard_len -= size;
    memmove(heard, heard + size, heard_len);
    return true;
}

static void
listen_up(void)
{
    size_t len;
    const uint8_t *out = usbip_server_out(&len);

    must(len <= sizeof heard - heard_len);
    memcpy(heard + heard_len, out, len);
    heard_len += len;
    usbip_server_sent(len);
    if (blind) {
        heard_len = 0;
    }
    while (take_answer()) {
    }
}

static void
turn(void)
{
    for (int i = 0; i < 64 && usbip_server_turn(); i++) {
    }
    listen_up();
}

static void
say(const uint8_t *src, size_t len)
{
    for (int i = 0; i < 4 && len > 0 && !gone; i++) {
        size_t taken = 0;

        gone = !usbip_server_take(src, len, &taken);
        must(taken <= len);
        src += taken;
        len -= taken;
        turn();
    }
    if (len > 0) {
        gone = true; /* its device hangs: the rest would be told at the wrong place */
    }
}

static void
submit(struct input *in)
{
    static const uint8_t payload[1024];
    struct usbip_urb urb = { .command = USBIP_CMD_SUBMIT, .device = USBIP_SERVER_DEVICE };
    uint8_t bytes[USBIP_URB_SIZE];
    uint8_t how = take(in);

    urb.seq = take(in) % SEQS;
    if (asked[urb.seq].pending) {
        return;
    }
    urb.in = (how & 1) != 0;
    urb.endpoint = (how >> 1) % 4;
    urb.flags = (how & 0x40) != 0 ? USBIP_FLAG_ZERO_PACKET : 0;
    urb.length = (uint32_t)(take(in) | take(in) << 8) % (sizeof payload + 1);
    for (size_t i = 0; urb.endpoint == 0 && i < sizeof urb.setup; i++) {
        urb.setup[i] = take(in);
    }
    if ((how & 0x80) != 0) {
        urb.setup[0] = (uint8_t)((urb.setup[0] & 0x7F) | (urb.in ? 0x80 : 0));
        urb.setup[6] = (uint8_t)urb.length;
        urb.setup[7] = (uint8_t)(urb.length >> 8);
    }
    asked[urb.seq].pending = true;
    asked[urb.seq].in = urb.in;
    asked[urb.seq].length = urb.length;
    usbip_urb_put(&urb, bytes);
    say(bytes, sizeof bytes);
    say(payload, usbip_urb_payload(&urb));
}

static void
unlink_one(struct input *in)
{
    struct usbip_urb urb = { .command = USBIP_CMD_UNLINK, .seq = SEQS, .device = USBIP_SERVER_DEVICE };
    uint8_t bytes[USBIP_URB_SIZE];

    urb.victim = take(in) % SEQS;
    usbip_urb_put(&urb, bytes);
    say(bytes, sizeof bytes);
    asked[urb.victim].pending = false; /* was done, or never will be */
}

static void
say_raw(struct input *in)
{
    size_t len = take(in);
    size_t left = (size_t)(in->end - in->at);

    blind = true;
    len = len < left ? len : left;
    say(in->at, len);
    in->at += len;
}

static void
move_device(struct input *in)
{
    static const uint8_t noise[HAL_USBD_PACKET];
    uint8_t what = take(in);
    uint8_t endpoint = take(in);

    switch (what % 5) {
    case 0:
        hal_usbd_receive(endpoint);
        break;
    case 1:
        hal_usbd_send(endpoint, noise, take(in));
        break;
    case 2:
        hal_usbd_stall(endpoint);
        break;
    case 3:
        (void)hal_usbd_open(endpoint);
        break;
    default:
        hal_usbd_close(endpoint);
        break;
    }
}

static void
begin(bool imported)
{
    uint8_t bytes[USBIP_OP_SIZE + USBIP_BUS_ID_SIZE];
    size_t taken;

    memset(asked, 0, sizeof asked);
    heard_len = 0;
    blind = true;
    gone = false;
    device_input = NULL;
    cable_pull_up();
    usbip_server_plug();
    turn();
    if (imported) {
        usbip_op_put(&(struct usbip_op){ .code = USBIP_REQ_IMPORT }, bytes);
        usbip_bus_id_put(USBIP_SERVER_BUS_ID, bytes + USBIP_OP_SIZE);
        must(usbip_server_take(bytes, sizeof bytes, &taken) && taken == sizeof bytes);
        turn();
        must(usbip_server_imported());
        for (uint8_t i = 1; i < 4; i++) {
            (void)hal_usbd_open(i);
            (void)hal_usbd_open(0x80 | i);
        }
        blind = false;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { .at = data, .end = data + size };

    begin((take(&in) & 1) != 0);
    device_input = &in;
    while (in.at < in.end && !gone) {
        switch (take(&in) % 8) {
        case 0:
            say_raw(&in);
            break;
        case 1:
            unlink_one(&in);
            break;
        case 2:
        case 3:
        case 4:
            submit(&in);
            break;
        default:
            move_device(&in);
            break;
        }
        turn();
    }
    device_input = NULL;
    usbip_server_unplug();
    must(!usbip_server_turn());
    return 0;
}
