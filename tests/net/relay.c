#include "relay.h"
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WAITING 512
#define FRAME (1 << 16)

/* With the kernel's note on what of the checksum is still to be done, which goes out as it came in. */
struct frame {
    int64_t due_us;
    size_t len;
    int out;
    unsigned char bytes[sizeof(struct virtio_net_hdr) + FRAME];
};

static struct frame waiting[WAITING];
static unsigned first;
static unsigned count;

static int64_t
steady_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
open_end(const char *name)
{
    struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
    int one = 1;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));

    at.sll_ifindex = (int)if_nametoindex(name);
    if (fd < 0 || at.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
            setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0 ||
            setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0) {
        return -1;
    }
    return fd;
}

/* Addresses are resolved without loss: that is not what is tried here. */
static bool
is_lost(const struct frame *f, const struct relay *r)
{
    const unsigned char *type = f->bytes + sizeof(struct virtio_net_hdr) + 12;
    bool ip = type[0] == 0x08 && type[1] == 0x00;

    return ip && random() % 100 < r->loss_percent;
}

static void
take(const struct relay *r, int in, int out)
{
    while (count < WAITING) {
        struct frame *f = &waiting[(first + count) % WAITING];
        ssize_t len = recv(in, f->bytes, sizeof(f->bytes), 0);

        if (len <= (ssize_t)sizeof(struct virtio_net_hdr) + ETH_HLEN) {
            return;
        }
        f->due_us = steady_us() + (int64_t)r->delay_ms * 1000;
        f->out = out;
        f->len = (size_t)len;
        count += !is_lost(f, r);
    }
}

static void
pass_on(void)
{
    while (count > 0 && waiting[first].due_us <= steady_us()) {
        struct frame *f = &waiting[first];

        (void)!send(f->out, f->bytes, f->len, 0);
        first = (first + 1) % WAITING;
        count--;
    }
}

void
relay_run(const struct relay *r, const char *one, const char *other)
{
    int fd[2] = { open_end(one), open_end(other) };
    struct pollfd p[2] = { { .fd = fd[0], .events = POLLIN }, { .fd = fd[1], .events = POLLIN } };

    srandom(r->seed);
    while (fd[0] >= 0 && fd[1] >= 0) {
        int64_t left_us = count > 0 ? waiting[first].due_us - steady_us() : 1000000;

        poll(p, 2, left_us > 0 ? (int)(left_us / 1000) + 1 : 0);
        take(r, fd[0], fd[1]);
        take(r, fd[1], fd[0]);
        pass_on();
    }
    perror("net: relay");
    _exit(1);
}
