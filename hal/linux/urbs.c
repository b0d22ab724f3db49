#include "hal/linux/urbs.h"

#include <string.h>

static struct urb table[URBS_MOST];
static uint32_t next_order;

struct urb *
urbs_new(const struct usbip_urb *ask)
{
    for (uint32_t i = 0; i < URBS_MOST; i++) {
        struct urb *u = &table[i];

        if (u->stage == URB_FREE && ask->length <= sizeof u->data) {
            u->stage = URB_FILLING;
            u->own = false;
            u->in = ask->in;
            u->ends_empty = false;
            u->endpoint = ask->endpoint;
            u->seq = ask->seq;
            u->order = next_order++;
            u->length = ask->length;
            u->done = 0;
            u->status = USBIP_OK;
            memcpy(u->setup, ask->setup, sizeof u->setup);
            u->ends_empty = (ask->flags & USBIP_FLAG_ZERO_PACKET) != 0 && !ask->in && ask->length > 0 &&
                            ask->length % HAL_USBD_PACKET == 0;
            return u;
        }
    }
    return NULL;
}

static void
finish(struct urb *u, int32_t status)
{
    u->stage = URB_DONE;
    u->status = status;
    u->order = next_order++;
}

/* What the eight bytes of SETUP say must be what the transfer says. */
static bool
is_sound_control(const struct urb *u)
{
    uint32_t length = (uint32_t)(u->setup[6] | u->setup[7] << 8);

    return length == u->length && (length == 0 || u->in == ((u->setup[0] & 0x80) != 0));
}

void
urbs_begin(struct urb *u)
{
    if (u->endpoint != 0) {
        u->stage = URB_DATA;
    } else if (is_sound_control(u)) {
        u->stage = URB_SETUP;
    } else {
        finish(u, USBIP_EINVAL);
    }
}

bool
urbs_unlink(uint32_t seq)
{
    for (uint32_t i = 0; i < URBS_MOST; i++) {
        struct urb *u = &table[i];

        if (u->stage != URB_FREE && u->stage != URB_DONE && !u->own && u->seq == seq) {
            u->stage = URB_FREE;
            return true;
        }
    }
    return false;
}

void
urbs_forget_all(void)
{
    for (uint32_t i = 0; i < URBS_MOST; i++) {
        table[i].stage = URB_FREE;
    }
}

/* NAK keeps the transfer where it is; whatever else is no success ends it. */
static bool
went_wrong(struct urb *u, int result)
{
    if (result == CABLE_STALL) {
        finish(u, USBIP_EPIPE);
    } else if (result == CABLE_SILENCE) {
        finish(u, USBIP_EPROTO);
    }
    return result != CABLE_NAK;
}

/* Behind the last packet of data. */
static void
end_data(struct urb *u)
{
    if (u->endpoint == 0) {
        u->stage = URB_STATUS;
    } else {
        finish(u, USBIP_OK);
    }
}

static bool
move_out(struct urb *u)
{
    uint32_t left = u->length - u->done;
    uint32_t n = left < HAL_USBD_PACKET ? left : HAL_USBD_PACKET;
    int result = cable_out(u->endpoint, u->data + u->done, n);

    if (result < 0) {
        return went_wrong(u, result);
    }
    u->done += n;
    if (u->done < u->length) {
        return true;
    }
    if (n > 0 && u->ends_empty) {
        u->ends_empty = false; /* the next packet has no bytes */
        return true;
    }
    end_data(u);
    return true;
}

static bool
move_in(struct urb *u)
{
    uint8_t packet[HAL_USBD_PACKET];
    int result = cable_in(u->endpoint, packet);

    if (result < 0) {
        return went_wrong(u, result);
    }
    uint32_t room = u->length - u->done;
    uint32_t n = (uint32_t)result;
#ifdef PLANT_USBIPSERVER
    room = n;
#endif
    memcpy(u->data + u->done, packet, n < room ? n : room);
    u->done += n < room ? n : room;
    if (n > room) {
        finish(u, USBIP_EOVERFLOW);
    } else if (n < HAL_USBD_PACKET || u->done == u->length) {
        end_data(u);
    }
    return true;
}

static bool
move_setup(struct urb *u)
{
    cable_setup(u->setup);
    u->stage = u->length > 0 ? URB_DATA : URB_STATUS;
    return true;
}

/* The other way round than the data; from the device when there was none (USB 2.0, 8.5.3). */
static bool
move_status(struct urb *u)
{
    uint8_t packet[HAL_USBD_PACKET];
    bool out = u->in && u->length > 0;
    int result = out ? cable_out(0, packet, 0) : cable_in(0, packet);

    if (result < 0) {
        return went_wrong(u, result);
    }
    finish(u, result == 0 ? USBIP_OK : USBIP_EOVERFLOW);
    return true;
}

static bool
move(struct urb *u)
{
    switch (u->stage) {
    case URB_SETUP:
        return move_setup(u);
    case URB_DATA:
        return u->in ? move_in(u) : move_out(u);
    case URB_STATUS:
        return move_status(u);
    case URB_FREE:
    case URB_FILLING:
    case URB_DONE:
        break;
    }
    return false;
}

static bool
is_waiting(const struct urb *u)
{
    return u->stage == URB_SETUP || u->stage == URB_DATA || u->stage == URB_STATUS;
}

/* Control transfers share one endpoint whatever their direction. */
static bool
is_first(const struct urb *u)
{
    for (uint32_t i = 0; i < URBS_MOST; i++) {
        const struct urb *other = &table[i];

        if (is_waiting(other) && other->endpoint == u->endpoint && (u->endpoint == 0 || other->in == u->in) &&
                (int32_t)(other->order - u->order) < 0) {
            return false;
        }
    }
    return true;
}

bool
urbs_turn(void)
{
    bool moved = false;

    for (uint32_t i = 0; i < URBS_MOST; i++) {
        struct urb *u = &table[i];

        if (is_waiting(u) && is_first(u)) {
            moved = move(u) || moved;
        }
    }
    return moved;
}

struct urb *
urbs_done(void)
{
    struct urb *first = NULL;

    for (uint32_t i = 0; i < URBS_MOST; i++) {
        struct urb *u = &table[i];

        if (u->stage == URB_DONE && (first == NULL || (int32_t)(u->order - first->order) < 0)) {
            first = u;
        }
    }
    return first;
}

void
urbs_free(struct urb *u)
{
    u->stage = URB_FREE;
}
