#include "usb/pipe.h"

#include <string.h>

#include "usb/count.h"
#include "usb/usb.h"

#define PIPES 2
#define ROOM 512 /* a power of two: the indexes run freely */

enum state { CLOSED, OPEN, HALTED };

static const uint8_t endpoints[PIPES] = { [USB_LINES] = USB_LINES_ENDPOINT, [USB_DUMP] = USB_DUMP_ENDPOINT };

static struct {
    bool dump;
    bool has_reader;
    enum state state[PIPES];
    bool armed[PIPES];
    uint8_t ring[ROOM];
    uint32_t taken_in;
    uint32_t read_out;
    uint32_t bytes;
    uint8_t packet[HAL_USBD_PACKET]; /* of the dump, not yet given to the controller */
    size_t packet_len;
    uint32_t begun;
} pipes;

void
usb_pipe_start(bool dump)
{
    memset(&pipes, 0, sizeof(pipes));
    pipes.dump = dump;
}

unsigned
usb_pipe_count(void)
{
    return pipes.dump ? PIPES : 1;
}

unsigned
usb_pipe_of(uint8_t endpoint)
{
    unsigned pipe = 0;

    while (pipe < usb_pipe_count() && endpoints[pipe] != endpoint) {
        pipe++;
    }
    return pipe;
}

static size_t
room(void)
{
    return ROOM - (pipes.taken_in - pipes.read_out);
}

/* The host hears NAK until there is room for the largest packet, and somebody who will take it. */
static void
arm_lines(void)
{
    if (pipes.has_reader && pipes.state[USB_LINES] == OPEN && !pipes.armed[USB_LINES] &&
            room() >= HAL_USBD_PACKET) {
        pipes.armed[USB_LINES] = true;
        hal_usbd_receive(USB_LINES_ENDPOINT);
    }
}

static void
arm_dump(void)
{
    if (pipes.state[USB_DUMP] == OPEN && !pipes.armed[USB_DUMP] && pipes.packet_len > 0) {
        pipes.armed[USB_DUMP] = true;
        hal_usbd_send(USB_DUMP_ENDPOINT, pipes.packet, pipes.packet_len);
        pipes.packet_len = 0;
    }
}

bool
usb_pipe_open(unsigned pipe)
{
    pipes.armed[pipe] = false;
    if (hal_usbd_open(endpoints[pipe]) != 0) {
        pipes.state[pipe] = CLOSED;
        return false;
    }
    pipes.state[pipe] = OPEN;
    if (pipe == USB_DUMP) {
        pipes.packet_len = 0;
        count_add(&pipes.begun, 1);
    }
    return true;
}

void
usb_pipe_close_all(void)
{
    for (unsigned i = 0; i < usb_pipe_count(); i++) {
        if (pipes.state[i] != CLOSED) {
            hal_usbd_close(endpoints[i]);
        }
        pipes.state[i] = CLOSED;
    }
}

void
usb_pipe_halt(unsigned pipe)
{
    hal_usbd_stall(endpoints[pipe]);
    pipes.state[pipe] = HALTED;
}

bool
usb_pipe_halted(unsigned pipe)
{
    return pipes.state[pipe] == HALTED;
}

void
usb_pipe_poll(void)
{
    arm_lines();
    arm_dump();
}

/* May come behind a request that opened the endpoint again: the host was told that it was taken. The room it
 * was armed for is still there, as arming waits until all events are told. */
void
usb_pipe_received(const struct hal_usbd_event *event)
{
    if (event->endpoint != USB_LINES_ENDPOINT || event->len > room()) {
        return;
    }
    pipes.armed[USB_LINES] = false;
    for (size_t i = 0; i < event->len; i++) {
        pipes.ring[pipes.taken_in++ % ROOM] = event->data[i];
    }
    count_add(&pipes.bytes, event->len);
}

void
usb_pipe_sent(const struct hal_usbd_event *event)
{
    if (event->endpoint == USB_DUMP_ENDPOINT) {
        pipes.armed[USB_DUMP] = false;
    }
}

uint32_t
usb_pipe_bytes(void)
{
    return pipes.bytes;
}

size_t
usb_read(void *dst, size_t size)
{
    uint8_t *to = dst;
    size_t n = 0;

    while (n < size && pipes.read_out != pipes.taken_in) {
        to[n++] = pipes.ring[pipes.read_out++ % ROOM];
    }
    pipes.has_reader = true;
    arm_lines();
    return n;
}

uint32_t
usb_dump_begun(void)
{
    return pipes.begun;
}

static size_t
fill_packet(const uint8_t *src, size_t len)
{
    size_t free = HAL_USBD_PACKET - pipes.packet_len;
    size_t n = len < free ? len : free;

    memcpy(pipes.packet + pipes.packet_len, src, n);
    pipes.packet_len += n;
    arm_dump();
    return n;
}

size_t
usb_dump_write(const void *src, size_t len)
{
    const uint8_t *from = src;
    size_t n = 0;

    while (pipes.state[USB_DUMP] == OPEN && n < len && pipes.packet_len < HAL_USBD_PACKET) {
        n += fill_packet(from + n, len - n);
    }
    return n;
}

bool
usb_dump_taken(void)
{
    return pipes.state[USB_DUMP] == OPEN && !pipes.armed[USB_DUMP] && pipes.packet_len == 0;
}
