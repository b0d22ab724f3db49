#include "hal/host/usbip.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the answer that is waited for ends. */
enum stage { IMPORT_HEAD, IMPORT_DEVICE, DESCRIBE, CONFIGURE, TRANSFER, READY };

#define DEAD_MS 10000 /* what was sent is not acknowledged for so long */

#define GET_DESCRIPTOR 6 /* USB 2.0, table 9-4 */
#define SET_CONFIGURATION 9
#define REQUEST_IN 0x80
#define CONFIGURATION 2

/* ---- connecting ---- */

static int
connect_to(int fd, const struct hal_usbip_name *name)
{
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(name->port) };
    struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(name->port) };
    bool is_six = name->family == AF_INET6;

    memcpy(&six.sin6_addr, name->address, sizeof(six.sin6_addr));
    memcpy(&four.sin_addr, name->address, sizeof(four.sin_addr));
    return is_six ? connect(fd, (const struct sockaddr *)&six, sizeof(six))
                  : connect(fd, (const struct sockaddr *)&four, sizeof(four));
}

/* Of a connection under way. */
static int
wait_for_connection(int fd, int most_ms)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    socklen_t len = sizeof(int);
    int error = 0;
    int ready = poll(&p, 1, most_ms);

    if (ready <= 0) {
        return ready == 0 ? -ETIMEDOUT : -errno;
    }
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 ? -errno : -error;
}

int
hal_usbip_connect(const struct hal_usbip_name *name, int most_ms)
{
    int fd = socket(name->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    unsigned dead_ms = DEAD_MS;

    if (fd < 0) {
        return -errno;
    }
    int error = connect_to(fd, name) == 0 ? 0 : -errno;

    if (error == -EINPROGRESS) {
        error = wait_for_connection(fd, most_ms);
    }
    if (error != 0) {
        close(fd);
        return error;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    return fd;
}

/* ---- what is asked ---- */

static void
expect(struct hal_usbip *u, enum stage stage, size_t len)
{
    u->stage = (uint8_t)stage;
    u->back_len = 0;
    u->back_want = len;
}

void
hal_usbip_begin(struct hal_usbip *u, int fd, const char *bus_id, bool configure)
{
    const struct usbip_op op = { .code = USBIP_REQ_IMPORT };

    memset(u, 0, sizeof(*u));
    u->fd = fd;
    u->configure = configure;
    memcpy(u->bus_id, bus_id, strnlen(bus_id, sizeof(u->bus_id) - 1));
    usbip_op_put(&op, u->out);
    usbip_bus_id_put(u->bus_id, u->out + USBIP_OP_SIZE);
    u->out_len = USBIP_OP_SIZE + USBIP_BUS_ID_SIZE;
    expect(u, IMPORT_HEAD, USBIP_OP_SIZE);
}

static void
ask(struct hal_usbip *u, enum stage stage, const struct hal_usbip_transfer *t)
{
    struct usbip_urb urb = { .command = USBIP_CMD_SUBMIT,
        .seq = ++u->number,
        .device = u->device,
        .in = t->in,
        .endpoint = t->endpoint,
        .length = (uint32_t)t->len };

    memcpy(urb.setup, t->setup, sizeof(urb.setup));
    usbip_urb_put(&urb, u->out);
    u->out_at = 0;
    u->out_len = USBIP_URB_SIZE;
    if (!t->in && t->len > 0) {
        memcpy(u->out + USBIP_URB_SIZE, t->bytes, t->len);
        u->out_len += t->len;
    }
    u->in = t->in;
    u->asked = t->len;
    expect(u, stage, USBIP_URB_SIZE);
}

void
hal_usbip_submit(struct hal_usbip *u, const struct hal_usbip_transfer *t)
{
    ask(u, TRANSFER, t);
}

/* ---- what is answered ---- */

static int
take_grant(struct hal_usbip *u)
{
    struct usbip_op op;

    if (usbip_op_parse(u->back, u->back_len, &op) != 0 || op.code != USBIP_REP_IMPORT) {
        return -EPROTO;
    }
    if (op.status != 0) {
        return op.status == USBIP_OP_IN_USE ? -EBUSY : -ENODEV;
    }
    expect(u, IMPORT_DEVICE, USBIP_DEVICE_SIZE);
    return 0;
}

static int
take_device(struct hal_usbip *u)
{
    const struct hal_usbip_transfer describe = { .in = true,
        .setup = { REQUEST_IN, GET_DESCRIPTOR, 0, CONFIGURATION, 0, 0, HAL_USB_CONFIG_MOST, 0 },
        .len = HAL_USB_CONFIG_MOST };
    struct usbip_device device;

    if (usbip_device_parse(u->back, u->back_len, &device) != 0 || strcmp(device.bus_id, u->bus_id) != 0) {
        return -EPROTO;
    }
    u->device = device.bus << 16 | device.device;
    ask(u, DESCRIBE, &describe);
    return 0;
}

static int
take_config(struct hal_usbip *u)
{
    struct hal_usb_endpoint out;

    memcpy(u->config, hal_usbip_bytes(u), u->actual);
    u->config_len = u->actual;
    int error = hal_usb_config_find(u->config, u->config_len, false, &out);

    if (error != 0 || !u->configure) {
        u->stage = READY;
        return error;
    }
    const struct hal_usbip_transfer configure = { .setup = { 0, SET_CONFIGURATION, out.configuration } };

    ask(u, CONFIGURE, &configure);
    return 0;
}

/* The answer to a request: its header, and then with the bytes behind. */
static int
take_answer(struct hal_usbip *u)
{
    struct usbip_urb urb;

    if (usbip_urb_parse(u->back, USBIP_URB_SIZE, &urb) != 0 || urb.command != USBIP_RET_SUBMIT ||
            urb.seq != u->number || urb.status > 0) {
        return -EPROTO;
    }
#ifndef PLANT_USBIPCLIENT
    if (urb.length > u->asked) {
        return -EPROTO;
    }
#endif
    if (u->in && u->back_len == USBIP_URB_SIZE && urb.length > 0) {
        u->back_want += urb.length;
        return 0;
    }
    u->status = urb.status;
    u->actual = urb.length;
    if (u->stage == TRANSFER) {
        u->stage = READY;
        return 0;
    }
    if (u->status != 0) {
        return u->status;
    }
    if (u->stage == DESCRIBE) {
        return take_config(u);
    }
    u->stage = READY;
    return 0;
}

static int
take_back(struct hal_usbip *u)
{
    switch ((enum stage)u->stage) {
    case IMPORT_HEAD:
        return take_grant(u);
    case IMPORT_DEVICE:
        return take_device(u);
    case DESCRIBE:
    case CONFIGURE:
    case TRANSFER:
        return take_answer(u);
    case READY:
        break;
    }
    return 0;
}

/* ---- moving bytes ---- */

/* 0 when all is sent or no more can be now. */
static int
send_some(struct hal_usbip *u)
{
    while (u->out_at < u->out_len) {
        ssize_t n = send(u->fd, u->out + u->out_at, u->out_len - u->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return 0;
        }
        if (n < 0) {
            return errno == EPIPE || errno == ECONNRESET ? -ENODEV : -errno;
        }
        u->out_at += (size_t)n;
    }
    return 0;
}

/* 1 when all that is waited for has come, 0 when it has not. */
static int
receive_some(struct hal_usbip *u)
{
    while (u->back_len < u->back_want) {
        ssize_t n = recv(u->fd, u->back + u->back_len, u->back_want - u->back_len, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return 0;
        }
        if (n <= 0) {
            return n == 0 || errno == ECONNRESET ? -ENODEV : -errno;
        }
        u->back_len += (size_t)n;
    }
    return 1;
}

int
hal_usbip_step(struct hal_usbip *u)
{
    while (u->stage != READY) {
        int error = send_some(u);

        if (error < 0) {
            return error;
        }
        int came = receive_some(u);

        if (came <= 0) {
            return came;
        }
        error = take_back(u);
        if (error < 0) {
            return error;
        }
    }
    return 1;
}

bool
hal_usbip_sends(const struct hal_usbip *u)
{
    return u->out_at < u->out_len;
}

const uint8_t *
hal_usbip_bytes(const struct hal_usbip *u)
{
    return u->back + USBIP_URB_SIZE;
}
