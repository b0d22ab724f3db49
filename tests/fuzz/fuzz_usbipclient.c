/*
 * Any other end of a USB/IP connection. Each step of the input begins with a byte that says what comes: raw
 * bytes, an answer that is one to the last request but for its length, status and data, a grant, or a
 * configuration. Whenever the client is idle it is given a transfer.
 */
#include "hal/host/usbip.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t config[] = { 9, 2, 32, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 1, 0xff, 0, 0, 0, 7, 5, 0x01, 2,
    64, 0, 0, 7, 5, 0x82, 2, 64, 0, 0 };

struct input {
    const uint8_t *at;
    const uint8_t *end;
};

static uint8_t
next(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static size_t
next_bytes(struct input *in, uint8_t *to, size_t most)
{
    size_t len = (size_t)(in->end - in->at) < most ? (size_t)(in->end - in->at) : most;

    if (len > 0) {
        memcpy(to, in->at, len);
    }
    in->at += len;
    return len;
}

static size_t
grant(uint8_t *to)
{
    const struct usbip_op op = { .code = USBIP_REP_IMPORT };
    const struct usbip_device device = { .bus_id = "1-1", .bus = 1, .device = 2 };

    usbip_op_put(&op, to);
    usbip_device_put(&device, to + USBIP_OP_SIZE);
    return USBIP_OP_SIZE + USBIP_DEVICE_SIZE;
}

static size_t
answer(const struct hal_usbip *u, uint8_t *to, uint32_t length, int32_t status)
{
    const struct usbip_urb urb = {
        .command = USBIP_RET_SUBMIT, .seq = u->number, .length = length, .status = status
    };

    usbip_urb_put(&urb, to);
    return USBIP_URB_SIZE;
}

static size_t
compose(const struct hal_usbip *u, struct input *in, uint8_t *to)
{
    uint8_t what = next(in);
    size_t len;

    switch (what & 3) {
    case 0:
        return grant(to);
    case 1:
        len = answer(u, to, sizeof(config), 0);
        memcpy(to + len, config, sizeof(config));
        return len + sizeof(config);
    case 2:
        len = answer(u, to, (uint32_t)next(in) << 4 | what >> 4, (what & 4) != 0 ? -(int32_t)next(in) : 0);
        return len + next_bytes(in, to + len, (what & 8) != 0 ? next(in) * 16U : 0);
    default:
        return next_bytes(in, to, what >> 2);
    }
}

static void
submit(struct hal_usbip *u, uint8_t what)
{
    struct hal_usbip_transfer t = { .in = (what & 1) != 0, .endpoint = 2, .bytes = config };

    t.len = t.in ? (size_t)(what % 8) * 64 : sizeof(config);
    hal_usbip_submit(u, &t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { .at = data, .end = data + size };
    struct hal_usbip *u = malloc(sizeof(*u));
    uint8_t bytes[8192];
    int pair[2];
    int stepped = 0;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        abort();
    }
    hal_usbip_begin(u, pair[0], "1-1", true);
    while (stepped >= 0 && in.at < in.end) {
        size_t len = compose(u, &in, bytes);

        (void)send(pair[1], bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        stepped = hal_usbip_step(u);
        if (stepped > 0) {
            if (u->actual > u->asked || u->config_len > sizeof(u->config)) {
                abort();
            }
            submit(u, next(&in));
        }
        (void)recv(pair[1], bytes, sizeof(bytes), MSG_DONTWAIT);
    }
    close(pair[0]);
    close(pair[1]);
    free(u);
    return 0;
}
