#include "hal/linux/bench/pins.h"

#include "hal/linux/bench/bench.h"
#include "hal/linux/bench/pins_line.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "pins"
#define LINE_MOST 32
#define PEERS (PINS_POLLS - 1)

struct peer {
    int fd; /* -1: nobody */
    size_t len;
    char line[LINE_MOST];
};

static const char *const out_names[HAL_GPIO_OUTS] = { [HAL_GPIO_LAMP] = "lamp", [HAL_GPIO_RELAY] = "relay" };
static int listener = -1;
static struct peer peers[PEERS] = { { .fd = -1 }, { .fd = -1 }, { .fd = -1 }, { .fd = -1 } };
static bool outs[HAL_GPIO_OUTS];
static bool power;

int
pins_open(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = SOCKET_NAME };

    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) {
        return -errno;
    }
    (void)unlink(SOCKET_NAME);
    return bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, PEERS) == 0 ? 0
                                                                                                  : -errno;
}

void
pins_polls(struct pollfd polls[PINS_POLLS])
{
    polls[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
    for (int i = 0; i < PEERS; i++) {
        polls[1 + i] = (struct pollfd){ .fd = peers[i].fd, .events = POLLIN };
    }
}

static void
drop(struct peer *p)
{
    (void)close(p->fd);
    *p = (struct peer){ .fd = -1 };
}

/* Who does not take what it is told is left. */
static void
tell(struct peer *p, const char *name, bool on)
{
    char line[LINE_MOST];
    int len = snprintf(line, sizeof line, "%s %d\n", name, on ? 1 : 0);

    if (p->fd >= 0 && send(p->fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) != len) {
        drop(p);
    }
}

static void
tell_all(const char *name, bool on)
{
    for (int i = 0; i < PEERS; i++) {
        tell(&peers[i], name, on);
    }
}

static bool
input(int role)
{
    return (bench.shared->inputs >> role & 1) != 0;
}

static void
greet(struct peer *p)
{
    for (int i = 0; i < HAL_GPIO_OUTS; i++) {
        tell(p, out_names[i], outs[i]);
    }
    for (int i = 0; i < HAL_GPIO_INS; i++) {
        tell(p, pins_inputs[i], input(i));
    }
    tell(p, "power", power);
}

static void
take_in(void)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    for (int i = 0; fd >= 0 && i < PEERS; i++) {
        if (peers[i].fd < 0) {
            peers[i] = (struct peer){ .fd = fd };
            greet(&peers[i]);
            return;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void
set_input(enum hal_gpio_in role, bool on)
{
    if (input(role) != on) {
        bench.shared->inputs ^= 1u << role;
        tell_all(pins_inputs[role], on);
    }
}

static enum pins_wish
obey(struct peer *p)
{
    struct pins_line said;

    switch (pins_line_parse(p->line, p->len, &said)) {
    case PINS_LINE_RESET:
        return PINS_RESET;
    case PINS_LINE_POWER:
        return said.on ? PINS_POWER_ON : PINS_POWER_OFF;
    case PINS_LINE_INPUT:
        set_input(said.input, said.on);
        break;
    case PINS_LINE_UNKNOWN:
        (void)send(p->fd, "what?\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
    }
    return PINS_NOTHING;
}

/* One byte at a time, so that what stands behind a wish is heard when that is fulfilled. */
static enum pins_wish
hear(struct peer *p)
{
    char c;
    ssize_t n;

    while ((n = read(p->fd, &c, 1)) == 1) {
        if (c == '\n') {
            enum pins_wish wish = obey(p);
            p->len = 0;
            if (wish != PINS_NOTHING) {
                return wish;
            }
        } else if (p->len < sizeof p->line) {
            p->line[p->len++] = c;
        } else {
            drop(p);
            return PINS_NOTHING;
        }
    }
    if (n == 0 || errno != EAGAIN) {
        drop(p);
    }
    return PINS_NOTHING;
}

enum pins_wish
pins_serve(const struct pollfd polls[PINS_POLLS])
{
    for (int i = 0; i < PEERS; i++) {
        if (peers[i].fd >= 0 && polls[1 + i].fd == peers[i].fd && polls[1 + i].revents != 0) {
            enum pins_wish wish = hear(&peers[i]);

            if (wish != PINS_NOTHING) {
                return wish;
            }
        }
    }
    if (polls[0].revents != 0) {
        take_in();
    }
    return PINS_NOTHING;
}

void
pins_output(unsigned role, bool on)
{
    if (role < HAL_GPIO_OUTS && outs[role] != on) {
        outs[role] = on;
        tell_all(out_names[role], on);
    }
}

void
pins_power(bool on)
{
    if (power != on) {
        power = on;
        tell_all("power", on);
    }
}

void
pins_release(void)
{
    for (unsigned i = 0; i < HAL_GPIO_OUTS; i++) {
        pins_output(i, false);
    }
}

void
pins_forget(void)
{
    (void)close(listener);
    for (int i = 0; i < PEERS; i++) {
        if (peers[i].fd >= 0) {
            drop(&peers[i]);
        }
    }
}
