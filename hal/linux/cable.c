#include "hal/linux/cable.h"

#include "hal/linux/wake.h"
#include "hal/result.h"
#include <string.h>

#define ENDPOINTS 16
#define IN 0x80u

struct endpoint {
    bool open;
    bool armed;
    bool stalled;
    uint8_t len; /* of what waits to be sent */
    uint8_t data[HAL_USBD_PACKET];
};

static struct endpoint ins[ENDPOINTS];
static struct endpoint outs[ENDPOINTS];
static bool pulled_up;

/* NULL for a number that no endpoint has. */
static struct endpoint *
endpoint_of(uint8_t number)
{
    struct endpoint *table = (number & IN) != 0 ? ins : outs;

    return (number & ~IN) < ENDPOINTS ? &table[number & ~IN] : NULL;
}

static void
tell(enum hal_usbd_what what, uint8_t endpoint, const uint8_t *data, size_t len)
{
    struct hal_usbd_event event = { .what = what, .endpoint = endpoint, .len = (uint8_t)len, .data = data };

    wake_now();
    hal_usbd_event(&event);
}

void
cable_pull_up(void)
{
    pulled_up = true;
}

bool
cable_pulled_up(void)
{
    return pulled_up;
}

static void
close_all(void)
{
    memset(ins, 0, sizeof ins);
    memset(outs, 0, sizeof outs);
    ins[0].open = true;
    outs[0].open = true;
}

void
cable_power(bool on)
{
    close_all();
    tell(HAL_USBD_POWER, 0, NULL, on ? 1 : 0);
}

void
cable_reset(void)
{
    close_all();
    tell(HAL_USBD_RESET, 0, NULL, 0);
}

void
cable_setup(const uint8_t setup[CABLE_SETUP_SIZE])
{
    ins[0] = (struct endpoint){ .open = true };
    outs[0] = (struct endpoint){ .open = true };
    tell(HAL_USBD_SETUP, 0, setup, CABLE_SETUP_SIZE);
}

/* What the endpoint answers before it comes to data. */
static int
handshake(const struct endpoint *e)
{
    if (e == NULL || !e->open) {
        return CABLE_SILENCE;
    }
    if (e->stalled) {
        return CABLE_STALL;
    }
    return e->armed ? 0 : CABLE_NAK;
}

int
cable_out(uint8_t endpoint, const uint8_t *src, size_t len)
{
    struct endpoint *e = endpoint_of(endpoint & ~IN);
    int result = handshake(e);

    if (result == 0) {
        uint8_t copy[HAL_USBD_PACKET];

        len = len < sizeof copy ? len : sizeof copy;
        memcpy(copy, src, len);
        e->armed = false;
        tell(HAL_USBD_RECEIVED, endpoint, copy, len);
    }
    return result;
}

int
cable_in(uint8_t endpoint, uint8_t dst[HAL_USBD_PACKET])
{
    struct endpoint *e = endpoint_of(endpoint | IN);
    int result = handshake(e);

    if (result == 0) {
        result = e->len;
        memcpy(dst, e->data, e->len);
        e->armed = false;
        tell(HAL_USBD_SENT, endpoint | IN, NULL, 0);
    }
    return result;
}

void
hal_usbd_address(uint8_t address)
{
    (void)address;
}

int
hal_usbd_open(uint8_t endpoint)
{
    struct endpoint *e = endpoint_of(endpoint);

    if (e == NULL || (endpoint & ~IN) == 0) {
        return HAL_E_RANGE;
    }
    *e = (struct endpoint){ .open = true };
    return HAL_OK;
}

void
hal_usbd_close(uint8_t endpoint)
{
    struct endpoint *e = endpoint_of(endpoint);

    if (e != NULL && (endpoint & ~IN) != 0) {
        *e = (struct endpoint){ 0 };
    }
}

void
hal_usbd_receive(uint8_t endpoint)
{
    struct endpoint *e = endpoint_of(endpoint & ~IN);

    if (e != NULL && e->open) {
        e->armed = true;
        wake_now();
    }
}

void
hal_usbd_send(uint8_t endpoint, const uint8_t *src, size_t len)
{
    struct endpoint *e = endpoint_of(endpoint | IN);

    if (e != NULL && e->open && len <= sizeof e->data) {
        if (len > 0) {
            memcpy(e->data, src, len);
        }
        e->len = (uint8_t)len;
        e->armed = true;
        wake_now();
    }
}

void
hal_usbd_stall(uint8_t endpoint)
{
    struct endpoint *e = endpoint_of(endpoint);

    if ((endpoint & ~IN) == 0) {
        ins[0].stalled = true;
        outs[0].stalled = true;
    } else if (e != NULL && e->open) {
        e->stalled = true;
    }
    wake_now();
}
