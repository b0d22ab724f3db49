/*
 * usb_logger FOLDER - the logger behind a FunctionFS gadget mounted at FOLDER: a vendor-specific interface
 * whose bulk OUT endpoint it reads; standard output is its memory
 *
 * While it is stopped (SIGSTOP) the endpoint answers NAK. SIGUSR2: the endpoint is halted, once.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/usb/functionfs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define ENDPOINTS 1

struct setting {
    struct usb_interface_descriptor interface;
    struct usb_endpoint_descriptor_no_audio out;
} __attribute__((packed));

#define SETTING(packet)                                                    \
    {                                                                      \
        .interface = { .bLength = sizeof(struct usb_interface_descriptor), \
            .bDescriptorType = USB_DT_INTERFACE,                           \
            .bNumEndpoints = ENDPOINTS,                                    \
            .bInterfaceClass = USB_CLASS_VENDOR_SPEC,                      \
            .iInterface = 1 },                                             \
        .out = {                                                           \
            .bLength = USB_DT_ENDPOINT_SIZE,                               \
            .bDescriptorType = USB_DT_ENDPOINT,                            \
            .bEndpointAddress = 1 | USB_DIR_OUT,                           \
            .bmAttributes = USB_ENDPOINT_XFER_BULK,                        \
            .wMaxPacketSize = (packet)                                     \
        }                                                                  \
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
    .full_count = 1 + ENDPOINTS,
    .high_count = 1 + ENDPOINTS,
    .full = SETTING(64),
    .high = SETTING(512),
};

static const struct {
    struct usb_functionfs_strings_head head;
    uint16_t language;
    char name[sizeof("logger")];
} __attribute__((packed)) strings = {
    .head = { .magic = FUNCTIONFS_STRINGS_MAGIC, .length = sizeof(strings), .str_count = 1, .lang_count = 1 },
    .language = 0x0409,
    .name = "logger",
};

static volatile sig_atomic_t halt;

static void
on_signal(int number)
{
    (void)number;
    halt = 1;
}

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

/* Writing to an OUT endpoint halts it. */
static void
halt_endpoint(int fd)
{
    halt = 0;
    if (write(fd, "", 0) != -1 || errno != EBADMSG) {
        perror("usb_logger: halt");
    }
}

int
main(int argc, char **argv)
{
    const struct sigaction action = { .sa_handler = on_signal };
    uint8_t bytes[4096];
    ssize_t n = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: usb_logger FOLDER\n");
        return 2;
    }
    int control = open_in(argv[1], "ep0");

    if (control < 0 || write(control, &descriptors, sizeof(descriptors)) < 0 ||
            write(control, &strings, sizeof(strings)) < 0) {
        perror("usb_logger: descriptors");
        return 1;
    }
    int fd = open_in(argv[1], "ep1");

    sigaction(SIGUSR2, &action, NULL);
    while (fd >= 0 && (n >= 0 || errno == EINTR || errno == ESHUTDOWN)) {
        if (halt) {
            halt_endpoint(fd);
        }
        n = read(fd, bytes, sizeof(bytes));
        if (n > 0 && write(STDOUT_FILENO, bytes, (size_t)n) != n) {
            break;
        }
    }
    perror("usb_logger");
    return 1;
}
