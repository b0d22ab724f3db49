/* The USB plug: hal_usbd_start() and hal_usbd_poll(), over one TCP connection that speaks USB/IP. */
#include "hal/usbd.h"

#include "hal/linux/bench/bench.h"
#include "hal/linux/cable.h"
#include "hal/linux/usbip_server.h"
#include "hal/linux/wake.h"
#include "hal/result.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 64 /* of one poll, so that the main loop turns, too */
#define IN_SIZE 16384

enum { WAKE_PEER, WAKE_LISTENER };

static int peer = -1;
static uint8_t in[IN_SIZE];
static size_t in_at;
static size_t in_len;

int
hal_usbd_start(void)
{
    if (bench.usb < 0) {
        return HAL_E_NONE;
    }
    cable_pull_up();
    cable_power(false);
    return HAL_OK;
}

static void
leave_peer(void)
{
    (void)close(peer);
    peer = -1;
    in_at = 0;
    in_len = 0;
    usbip_server_unplug();
}

/* Also when not all it has sent has been read. */
static bool
peer_has_gone(void)
{
    struct pollfd p = { .fd = peer, .events = POLLRDHUP };

    return poll(&p, 1, 0) == 1;
}

/* One at a time. Who holds the device keeps it; who does not has to make room. */
static void
accept_peer(void)
{
    int fd = accept4(bench.usb, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int on = 1;

    if (fd < 0) {
        return;
    }
    if (peer >= 0 && usbip_server_imported() && !peer_has_gone()) {
        (void)close(fd);
        return;
    }
    if (peer >= 0) {
        leave_peer();
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    peer = fd;
    usbip_server_plug();
}

/* Whether there is something in in[]; leaves a peer that has gone. */
static bool
has_input(void)
{
    if (in_at < in_len) {
        return true;
    }
    ssize_t n = recv(peer, in, sizeof in, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        leave_peer();
    }
    in_at = 0;
    in_len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static bool
hear(void)
{
    size_t taken;

    if (!usbip_server_hungry() || !has_input()) {
        return false;
    }
    if (!usbip_server_take(in + in_at, in_len - in_at, &taken)) {
        leave_peer();
        return false;
    }
    in_at += taken;
    return taken > 0;
}

static bool
tell(void)
{
    size_t len;
    const uint8_t *out = usbip_server_out(&len);

    if (peer < 0 || len == 0) {
        return false;
    }
    ssize_t n = send(peer, out, len, MSG_NOSIGNAL);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            leave_peer();
        }
        return false;
    }
    usbip_server_sent((size_t)n);
    return n > 0;
}

static void
sleep_until_needed(void)
{
    size_t len;

    (void)usbip_server_out(&len);
    short hears = usbip_server_hungry() && in_at == in_len ? POLLIN : 0;
    wake_on(WAKE_PEER, peer, peer < 0 ? 0 : (short)(hears | (len > 0 ? POLLOUT : 0)));
    wake_on(WAKE_LISTENER, bench.usb, POLLIN);
}

void
hal_usbd_poll(void)
{
    bool moved = true;

    if (!cable_pulled_up()) {
        return;
    }
    accept_peer();
    for (int i = 0; i < TURNS && moved && peer >= 0; i++) {
        moved = hear();
        moved = usbip_server_turn() || moved;
        moved = tell() || moved;
    }
    sleep_until_needed();
    if (moved && peer >= 0) {
        wake_now(); /* there is more than one poll may do */
    }
}
