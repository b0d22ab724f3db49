#include "support/fake_usbd.h"

#include <string.h>

#include "hal/result.h"
#include "hal/usbd.h"

#define ENDPOINTS 32 /* 16 to the device, 16 from it */
#define QUEUE 64
#define ADDRESS_MOST 127

struct endpoint {
    bool open;
    bool armed;
    bool stalled;
    uint8_t toggle;
    uint8_t host_toggle;
    uint8_t packet[HAL_USBD_PACKET];
    size_t len;
};

struct told {
    struct hal_usbd_event event;
    uint8_t data[HAL_USBD_PACKET];
};

static struct {
    struct endpoint endpoints[ENDPOINTS];
    struct told queue[QUEUE];
    unsigned queued;
    unsigned resets_untold; /* until the device knows, what it does is of no effect, */
    bool setup_untold;      /* or what it does to endpoint 0 */
    bool telling;
    bool started;
    bool lose_ack;
    uint8_t lacks;
    uint8_t address;
    uint8_t to;
    unsigned violations;
    unsigned dropped;
} fake;

static struct endpoint *
endpoint_of(uint8_t number)
{
    return &fake.endpoints[(number & 0x0Fu) + (number & 0x80u ? 16u : 0u)];
}

static void
demand(bool holds)
{
    fake.violations += !holds;
}

static void
open_endpoint_0(void)
{
    endpoint_of(0x00)->open = true;
    endpoint_of(0x80)->open = true;
}

void
fake_usbd_power_up(uint8_t lacks)
{
    memset(&fake, 0, sizeof(fake));
    fake.lacks = lacks;
    open_endpoint_0();
}

unsigned
fake_usbd_violations(void)
{
    return fake.violations;
}

unsigned
fake_usbd_dropped(void)
{
    return fake.dropped;
}

uint8_t
fake_usbd_address(void)
{
    return fake.address;
}

bool
fake_usbd_started(void)
{
    return fake.started;
}

bool
fake_usbd_armed(uint8_t endpoint)
{
    return endpoint_of(endpoint)->armed;
}

static void
tell(enum hal_usbd_what what, uint8_t endpoint, const uint8_t *data, size_t len)
{
    if (fake.queued == QUEUE) {
        fake.violations++;
        return;
    }
    struct told *t = &fake.queue[fake.queued++];

    t->event = (struct hal_usbd_event){ .what = what, .endpoint = endpoint, .len = (uint8_t)len };
    if (data != NULL) {
        memcpy(t->data, data, len);
    }
}

/* Only the last one can be answered. */
static void
forget_setup(void)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < fake.queued; i++) {
        if (fake.queue[i].event.what != HAL_USBD_SETUP) {
            fake.queue[kept++] = fake.queue[i];
        }
    }
    fake.queued = kept;
    fake.setup_untold = false;
}

/* What the device does to this endpoint is for what it does not know to be over. */
static bool
is_late(uint8_t endpoint)
{
    return fake.resets_untold > 0 || (fake.setup_untold && (endpoint & 0x7F) == 0);
}

void
cable_reset(void)
{
    forget_setup();
    memset(fake.endpoints, 0, sizeof(fake.endpoints));
    open_endpoint_0();
    fake.address = 0;
    fake.to = 0;
    fake.resets_untold++;
    tell(HAL_USBD_RESET, 0, NULL, 0);
}

void
cable_suspend(bool suspended)
{
    tell(suspended ? HAL_USBD_SUSPEND : HAL_USBD_RESUME, 0, NULL, 0);
}

void
cable_power(bool on)
{
    tell(HAL_USBD_POWER, 0, NULL, on);
}

void
cable_to(uint8_t address)
{
    fake.to = address;
}

static bool
nobody_listens(void)
{
    return !fake.started || fake.to != fake.address;
}

int
cable_setup(const uint8_t packet[8])
{
    if (nobody_listens()) {
        return CABLE_NOTHING;
    }
    for (unsigned direction = 0; direction < 2; direction++) {
        struct endpoint *e = endpoint_of((uint8_t)(direction << 7));

        e->armed = false;
        e->stalled = false;
        e->toggle = 1;
        e->host_toggle = 1;
    }
    forget_setup();
    fake.setup_untold = true;
    tell(HAL_USBD_SETUP, 0, packet, 8);
    return 0;
}

/* CABLE_NOTHING, CABLE_STALL, CABLE_NAK, or 0 when a packet may pass. */
static int
answer_of(const struct endpoint *e)
{
    if (nobody_listens() || !e->open) {
        return CABLE_NOTHING;
    }
    return e->stalled ? CABLE_STALL : e->armed ? 0 : CABLE_NAK;
}

int
cable_in(uint8_t endpoint, uint8_t *dst)
{
    struct endpoint *e = endpoint_of(endpoint);
    int answer = answer_of(e);

    if (answer < 0) {
        return answer;
    }
    bool fresh = e->toggle == e->host_toggle;

    if (fresh) {
        memcpy(dst, e->packet, e->len);
        e->host_toggle ^= 1;
    } else {
        fake.dropped++;
    }
    if (fake.lose_ack) {
        fake.lose_ack = false;
    } else {
        e->armed = false;
        e->toggle ^= 1;
        tell(HAL_USBD_SENT, endpoint, NULL, 0);
    }
    return fresh ? (int)e->len : CABLE_NAK;
}

int
cable_out(uint8_t endpoint, const uint8_t *src, size_t len)
{
    struct endpoint *e = endpoint_of(endpoint);
    int answer = answer_of(e);

    if (answer < 0) {
        return answer;
    }
    if (e->toggle == e->host_toggle) {
        e->armed = false;
        e->toggle ^= 1;
        tell(HAL_USBD_RECEIVED, endpoint, src, len);
    } else {
        fake.dropped++;
    }
    e->host_toggle ^= 1;
    return (int)len;
}

void
cable_toggle_reset(uint8_t endpoint)
{
    endpoint_of(endpoint)->host_toggle = 0;
}

void
cable_lose_ack(void)
{
    fake.lose_ack = true;
}

int
hal_usbd_start(void)
{
    demand(!fake.started);
    fake.started = true;
    return HAL_OK;
}

void
hal_usbd_poll(void)
{
    demand(!fake.telling);
    fake.telling = true;
    while (fake.queued > 0) {
        struct told t = fake.queue[0];

        fake.queued--;
        memmove(fake.queue, fake.queue + 1, fake.queued * sizeof(fake.queue[0]));
        fake.resets_untold -= t.event.what == HAL_USBD_RESET;
        fake.setup_untold = fake.setup_untold && t.event.what != HAL_USBD_SETUP;
        t.event.data = t.data;
        hal_usbd_event(&t.event);
    }
    fake.telling = false;
}

void
hal_usbd_address(uint8_t address)
{
    demand(address <= ADDRESS_MOST);
    if (fake.resets_untold == 0) {
        fake.address = address;
    }
}

int
hal_usbd_open(uint8_t endpoint)
{
    struct endpoint *e = endpoint_of(endpoint);

    demand((endpoint & 0x70) == 0 && (endpoint & 0x0F) != 0);
    if (endpoint == fake.lacks) {
        return HAL_E_RANGE;
    }
    if (fake.resets_untold == 0) {
        *e = (struct endpoint){ .open = true, .host_toggle = e->host_toggle };
    }
    return HAL_OK;
}

void
hal_usbd_close(uint8_t endpoint)
{
    demand((endpoint & 0x0F) != 0);
    endpoint_of(endpoint)->open = false;
    endpoint_of(endpoint)->armed = false;
}

void
hal_usbd_receive(uint8_t endpoint)
{
    struct endpoint *e = endpoint_of(endpoint);

    if (is_late(endpoint)) {
        return;
    }
    demand((endpoint & 0x80) == 0 && e->open && !e->armed && !e->stalled);
    e->armed = true;
}

void
hal_usbd_send(uint8_t endpoint, const uint8_t *src, size_t len)
{
    struct endpoint *e = endpoint_of(endpoint);

    if (is_late(endpoint)) {
        return;
    }
    demand((endpoint & 0x80) != 0 && e->open && !e->armed && !e->stalled && len <= HAL_USBD_PACKET);
    if (len <= HAL_USBD_PACKET) {
        memcpy(e->packet, src, len);
        e->len = len;
        e->armed = true;
    }
}

static void
stall(struct endpoint *e)
{
    demand(e->open);
    e->stalled = true;
    e->armed = false;
}

void
hal_usbd_stall(uint8_t endpoint)
{
    if (is_late(endpoint)) {
        return;
    }
    stall(endpoint_of(endpoint));
    if ((endpoint & 0x7F) == 0) {
        stall(endpoint_of(endpoint ^ 0x80));
    }
}
