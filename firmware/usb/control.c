#include "usb/control.h"

#include <stddef.h>
#include <string.h>

#include "usb/count.h"
#include "usb/descriptor.h"
#include "usb/pipe.h"
#include "usb/status.h"
#include "usb/usb.h"

#define TO_HOST 0x80
#define EP0_IN 0x80
#define EP0_OUT 0x00
#define DEVICE 0x00
#define INTERFACE 0x01
#define ENDPOINT 0x02

enum request {
    GET_STATUS = 0,
    CLEAR_FEATURE = 1,
    SET_FEATURE = 3,
    SET_ADDRESS = 5,
    GET_DESCRIPTOR = 6,
    GET_CONFIGURATION = 8,
    SET_CONFIGURATION = 9,
    GET_INTERFACE = 10,
    SET_INTERFACE = 11,
};

enum state { DEFAULT = 1, ADDRESSED = 2, CONFIGURED = 4 };

/* Sets of states. */
#define KNOWN (ADDRESSED | CONFIGURED)
#define UNSET (DEFAULT | ADDRESSED)
#define EVERY (DEFAULT | ADDRESSED | CONFIGURED)

enum stage {
    STAGE_NONE,
    STAGE_DATA,       /* to the host; it may begin the status stage at any time */
    STAGE_STATUS_OUT, /* the host has read all and says so */
    STAGE_STATUS_IN,  /* the host asks whether a request without data was done */
    STAGES
};

#define PAGE_SIZE (USB_STATUS_SIZE > USB_STRING_MOST ? USB_STATUS_SIZE : USB_STRING_MOST)

struct setup {
    uint8_t type;
    uint8_t request;
    uint16_t value;
    uint16_t index;
    uint16_t length;
};

static struct {
    enum state state;
    enum stage stage;
    const uint8_t *at; /* of the answer, not yet sent */
    size_t left;
    bool empty_last; /* an empty packet says that the answer is shorter than it might be */
    bool address_due;
    uint8_t address;
    uint32_t refused;
    uint8_t page[PAGE_SIZE]; /* an answer that is not a constant */
} control;

static void
answer_with(const uint8_t *bytes, size_t len)
{
    control.at = bytes;
    control.left = len;
}

static bool
get_zeros(const struct setup *s)
{
    (void)s;
    control.page[0] = 0;
    control.page[1] = 0;
    answer_with(control.page, 2);
    return true;
}

static bool
is_endpoint_0(uint16_t index)
{
    return (index & ~(unsigned)EP0_IN) == 0;
}

static bool
get_endpoint_status(const struct setup *s)
{
    (void)get_zeros(s);
    control.page[0] = !is_endpoint_0(s->index) && usb_pipe_halted(usb_pipe_of((uint8_t)s->index));
    return true;
}

static bool
clear_halt(const struct setup *s)
{
    return is_endpoint_0(s->index) || usb_pipe_open(usb_pipe_of((uint8_t)s->index));
}

static bool
set_halt(const struct setup *s)
{
    if (is_endpoint_0(s->index)) {
        return false;
    }
    usb_pipe_halt(usb_pipe_of((uint8_t)s->index));
    return true;
}

static bool
set_address(const struct setup *s)
{
    control.address = (uint8_t)s->value;
    control.address_due = true;
    return true;
}

static bool
get_descriptor(const struct setup *s)
{
    struct usb_descriptor d;

    if (!usb_descriptor_find((uint8_t)(s->value >> 8), (uint8_t)s->value, s->index, control.page, &d)) {
        return false;
    }
    answer_with(d.bytes, d.len);
    return true;
}

static bool
get_configuration(const struct setup *s)
{
    (void)s;
    control.page[0] = control.state == CONFIGURED ? USB_CONFIGURATION : 0;
    answer_with(control.page, 1);
    return true;
}

static bool
set_configuration(const struct setup *s)
{
    usb_pipe_close_all();
    control.state = ADDRESSED;
    if (s->value == 0) {
        return true;
    }
    for (unsigned pipe = 0; pipe < usb_pipe_count(); pipe++) {
        if (!usb_pipe_open(pipe)) {
            usb_pipe_close_all();
            return false;
        }
    }
    control.state = CONFIGURED;
    return true;
}

static bool
get_interface(const struct setup *s)
{
    (void)s;
    control.page[0] = 0;
    answer_with(control.page, 1);
    return true;
}

static bool
set_interface(const struct setup *s)
{
    return usb_pipe_open(s->index);
}

static bool
get_page(const struct setup *s)
{
    struct usb_status status = { 0 };

    (void)s;
    usb_status(&status);
    usb_status_encode(&status, control.page);
    answer_with(control.page, USB_STATUS_SIZE);
    return true;
}

/* What wIndex has to be. */
enum index { INDEX_ZERO, INDEX_INTERFACE, INDEX_ENDPOINT, INDEX_ANY };

struct row {
    uint8_t type;
    uint8_t request;
    uint8_t states;
    uint16_t value_most;
    enum index index;
    bool (*answer)(const struct setup *s); /* false: STALL */
};

/* clang-format off */
static const struct row rows[] = {
    { TO_HOST | DEVICE,    GET_STATUS,         KNOWN,      0,      INDEX_ZERO,      get_zeros },
    { TO_HOST | INTERFACE, GET_STATUS,         CONFIGURED, 0,      INDEX_INTERFACE, get_zeros },
    { TO_HOST | ENDPOINT,  GET_STATUS,         KNOWN,      0,      INDEX_ENDPOINT,  get_endpoint_status },
    { ENDPOINT,            CLEAR_FEATURE,      KNOWN,      0,      INDEX_ENDPOINT,  clear_halt },
    { ENDPOINT,            SET_FEATURE,        CONFIGURED, 0,      INDEX_ENDPOINT,  set_halt },
    { DEVICE,              SET_ADDRESS,        UNSET,      127,    INDEX_ZERO,      set_address },
    { TO_HOST | DEVICE,    GET_DESCRIPTOR,     EVERY,      0xFFFF, INDEX_ANY,       get_descriptor },
    { TO_HOST | DEVICE,    GET_CONFIGURATION,  KNOWN,      0,      INDEX_ZERO,      get_configuration },
    { DEVICE,              SET_CONFIGURATION,  KNOWN,      1,      INDEX_ZERO,      set_configuration },
    { TO_HOST | INTERFACE, GET_INTERFACE,      CONFIGURED, 0,      INDEX_INTERFACE, get_interface },
    { INTERFACE,           SET_INTERFACE,      CONFIGURED, 0,      INDEX_INTERFACE, set_interface },
    { USB_STATUS_TYPE,     USB_STATUS_REQUEST, KNOWN,      0,      INDEX_ZERO,      get_page },
};
/* clang-format on */

static bool
endpoint_there(uint16_t index)
{
    return is_endpoint_0(index) || (control.state == CONFIGURED && index <= UINT8_MAX &&
                                           usb_pipe_of((uint8_t)index) < usb_pipe_count());
}

static bool
index_fits(enum index want, uint16_t index)
{
    switch (want) {
    case INDEX_ZERO:
        return index == 0;
    case INDEX_INTERFACE:
        return index < usb_pipe_count();
    case INDEX_ENDPOINT:
        return endpoint_there(index);
    case INDEX_ANY:
    default:
        return true;
    }
}

static const struct row *
row_of(const struct setup *s)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];

        if (r->type == s->type && r->request == s->request) {
            bool fits = (r->states & control.state) != 0 && s->value <= r->value_most &&
                        index_fits(r->index, s->index);

            return fits ? r : NULL;
        }
    }
    return NULL;
}

static void
refuse(void)
{
    control.stage = STAGE_NONE;
    count_add(&control.refused, 1);
    hal_usbd_stall(EP0_OUT);
}

static void
send_next(void)
{
    size_t len = control.left < HAL_USBD_PACKET ? control.left : HAL_USBD_PACKET;

    hal_usbd_send(EP0_IN, control.at, len);
    control.at += len;
    control.left -= len;
    control.empty_last = control.empty_last && len == HAL_USBD_PACKET;
}

static void
begin_answer(uint16_t length)
{
    if (length == 0) {
        control.stage = STAGE_STATUS_IN;
        hal_usbd_send(EP0_IN, control.page, 0);
        return;
    }
    control.stage = STAGE_DATA;
    control.empty_last = control.left < length && control.left % HAL_USBD_PACKET == 0;
    control.left = control.left < length ? control.left : length;
    /* The acknowledgement of the last packet may get lost; then the host is in the status stage while the
     * device believes itself in the data stage (USB 2.0, 8.5.3.3). */
    hal_usbd_receive(EP0_OUT);
    send_next();
}

void
usb_control_setup(const uint8_t packet[8])
{
    const struct setup s = { .type = packet[0],
        .request = packet[1],
        .value = (uint16_t)(packet[2] | packet[3] << 8),
        .index = (uint16_t)(packet[4] | packet[5] << 8),
        .length = (uint16_t)(packet[6] | packet[7] << 8) };
    const struct row *row = row_of(&s);

#ifndef PLANT_USBCORE
    control.address_due = false;
#endif
    if (row == NULL || ((s.type & TO_HOST) == 0 && s.length != 0) || !row->answer(&s)) {
        refuse();
        return;
    }
    begin_answer(s.length);
}

static void
nothing(void)
{
}

static void
go_on(void)
{
    if (control.left > 0 || control.empty_last) {
        send_next();
    } else {
        control.stage = STAGE_STATUS_OUT;
    }
}

/* What is still armed for the host to read must not be read in the next transfer's place. */
static void
end_early(void)
{
    control.stage = STAGE_NONE;
    hal_usbd_stall(EP0_OUT);
}

static void
end(void)
{
    control.stage = STAGE_NONE;
}

/* Only now: the status stage itself went to the old address (USB 2.0, 9.4.6). */
static void
end_done(void)
{
    control.stage = STAGE_NONE;
    if (control.address_due) {
        control.address_due = false;
        control.state = control.address != 0 ? ADDRESSED : DEFAULT;
        hal_usbd_address(control.address);
    }
}

enum step { STEP_SENT, STEP_RECEIVED, STEPS };

/* clang-format off */
static void (*const steps[STAGES][STEPS])(void) = {
    /*                      STEP_SENT  STEP_RECEIVED */
    [STAGE_NONE]       = {  nothing,   nothing   },
    [STAGE_DATA]       = {  go_on,     end_early },
    [STAGE_STATUS_OUT] = {  nothing,   end       },
    [STAGE_STATUS_IN]  = {  end_done,  nothing   },
};
/* clang-format on */

void
usb_control_received(const struct hal_usbd_event *event)
{
    if (event->len > 0 && control.stage != STAGE_NONE) {
        refuse();
        return;
    }
    steps[control.stage][STEP_RECEIVED]();
}

void
usb_control_sent(void)
{
    steps[control.stage][STEP_SENT]();
}

void
usb_control_start(void)
{
    memset(&control, 0, sizeof(control));
    control.state = DEFAULT;
}

void
usb_control_reset(void)
{
    usb_pipe_close_all();
    control.state = DEFAULT;
    control.stage = STAGE_NONE;
}

bool
usb_control_configured(void)
{
    return control.state == CONFIGURED;
}

uint32_t
usb_control_refused(void)
{
    return control.refused;
}
