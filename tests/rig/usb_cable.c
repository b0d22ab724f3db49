/*
 * usb_cable FIRST SECOND - two USB serial adapters with a null-modem cable between them, behind FunctionFS
 * gadgets mounted at FIRST and SECOND
 *
 * What the host writes to one comes out of the other, and its DTR is DSR and DCD there. They are CDC ACM
 * without CDC's own descriptors, which FunctionFS refuses: the driver wants none of 0870:0001.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/usb/cdc.h>
#include <linux/usb/functionfs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define PORTS 2
#define CDC_DATA 10
#define DTR 1
#define DCD_AND_DSR 3
#define SENT_MOST 64

struct setting {
    struct usb_interface_descriptor control;
    struct usb_endpoint_descriptor_no_audio notify;
    struct usb_interface_descriptor data;
    struct usb_endpoint_descriptor_no_audio out;
    struct usb_endpoint_descriptor_no_audio in;
} __attribute__((packed));

#define INTERFACE(number, class, endpoints)                                                      \
    {                                                                                            \
        .bLength = sizeof(struct usb_interface_descriptor), .bDescriptorType = USB_DT_INTERFACE, \
        .bInterfaceNumber = (number), .bNumEndpoints = (endpoints), .bInterfaceClass = (class),  \
        .iInterface = 1                                                                          \
    }
#define ENDPOINT(address, type, packet, interval)                                                           \
    {                                                                                                       \
        .bLength = USB_DT_ENDPOINT_SIZE, .bDescriptorType = USB_DT_ENDPOINT, .bEndpointAddress = (address), \
        .bmAttributes = (type), .wMaxPacketSize = (packet), .bInterval = (interval)                         \
    }
#define SETTING(packet, interval)                                                                 \
    {                                                                                             \
        .control = INTERFACE(0, USB_CLASS_COMM, 1),                                               \
        .notify = ENDPOINT(1 | USB_DIR_IN, USB_ENDPOINT_XFER_INT, 16, interval),                  \
        .data = INTERFACE(1, CDC_DATA, 2), .out = ENDPOINT(2, USB_ENDPOINT_XFER_BULK, packet, 0), \
        .in = ENDPOINT(3 | USB_DIR_IN, USB_ENDPOINT_XFER_BULK, packet, 0),                        \
    }

static const struct {
    struct usb_functionfs_descs_head_v2 head;
    uint32_t full_count;
    uint32_t high_count;
    struct setting full;
    struct setting high;
} __attribute__((packed)) descriptors = {
    .head = { .magic = FUNCTIONFS_DESCRIPTORS_MAGIC_V2,
            .length = sizeof(descriptors),
            .flags = FUNCTIONFS_HAS_FS_DESC | FUNCTIONFS_HAS_HS_DESC },
    .full_count = 5,
    .high_count = 5,
    .full = SETTING(64, 10),
    .high = SETTING(512, 7),
};

static const struct {
    struct usb_functionfs_strings_head head;
    uint16_t language;
    char name[sizeof("cable")];
} __attribute__((packed)) strings = {
    .head = { .magic = FUNCTIONFS_STRINGS_MAGIC, .length = sizeof(strings), .str_count = 1, .lang_count = 1 },
    .language = 0x0409,
    .name = "cable",
};

static struct port {
    struct port *far;
    int control;
    int notify;
    int out;
    int in;
    int levels[2]; /* a pipe: what the far port's DTR became, a byte each */
} ports[PORTS];

static int
open_in(const char *folder, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        perror(path);
    }
    return fd;
}

static bool
open_port(struct port *p, const char *folder)
{
    p->control = open_in(folder, "ep0");
    if (p->control < 0 || write(p->control, &descriptors, sizeof(descriptors)) < 0 ||
            write(p->control, &strings, sizeof(strings)) < 0 || pipe(p->levels) < 0) {
        perror("usb_cable: descriptors");
        return false;
    }
    p->notify = open_in(folder, "ep1");
    p->out = open_in(folder, "ep2");
    p->in = open_in(folder, "ep3");
    return p->notify >= 0 && p->out >= 0 && p->in >= 0;
}

/* Reading takes what the host sends with a request; from one that asks for something it is refused. */
static void
answer(struct port *p, const struct usb_ctrlrequest *setup)
{
    uint8_t taken[SENT_MOST];
    uint8_t level = (setup->wValue & DTR) != 0 ? DCD_AND_DSR : 0;

    (void)!read(p->control, taken, setup->wLength < sizeof(taken) ? setup->wLength : sizeof(taken));
    if (setup->bRequest == USB_CDC_REQ_SET_CONTROL_LINE_STATE) {
        (void)!write(p->far->levels[1], &level, 1);
    }
}

static void *
serve(void *of)
{
    struct port *p = of;
    struct usb_functionfs_event event;

    while (read(p->control, &event, sizeof(event)) == (ssize_t)sizeof(event)) {
        if (event.type == FUNCTIONFS_SETUP) {
            answer(p, &event.u.setup);
        }
    }
    perror("usb_cable: control");
    return NULL;
}

static void *
tell_levels(void *of)
{
    struct port *p = of;
    struct {
        struct usb_cdc_notification head;
        uint16_t state;
    } __attribute__((packed)) says = {
        .head = { .bmRequestType = USB_DIR_IN | USB_TYPE_CLASS | USB_RECIP_INTERFACE,
                .bNotificationType = USB_CDC_NOTIFY_SERIAL_STATE,
                .wLength = sizeof(says.state) },
    };
    uint8_t level;

    while (read(p->levels[0], &level, 1) == 1) {
        says.state = level;
        (void)!write(p->notify, &says, sizeof(says));
    }
    return NULL;
}

/* ESHUTDOWN: the host sets the device up. */
static void *
carry(void *of)
{
    struct port *p = of;
    uint8_t bytes[512];
    ssize_t n = 0;

    while (n >= 0 || errno == ESHUTDOWN) {
        n = read(p->out, bytes, sizeof(bytes));
        if (n > 0) {
            (void)!write(p->far->in, bytes, (size_t)n);
        }
    }
    perror("usb_cable: data");
    return NULL;
}

int
main(int argc, char **argv)
{
    static void *(*const work[])(void *) = { serve, tell_levels, carry };
    pthread_t thread;

    if (argc != 1 + PORTS) {
        fprintf(stderr, "usage: usb_cable FIRST SECOND\n");
        return 2;
    }
    for (int i = 0; i < PORTS; i++) {
        ports[i].far = &ports[PORTS - 1 - i];
        if (!open_port(&ports[i], argv[1 + i])) {
            return 1;
        }
    }
    for (int i = 0; i < PORTS; i++) {
        for (size_t w = 0; w < sizeof(work) / sizeof(work[0]); w++) {
            if (pthread_create(&thread, NULL, work[w], &ports[i]) != 0) {
                return 1;
            }
        }
    }
    (void)pthread_join(thread, NULL);
    return 1;
}
