#include "hal/host/usb_host.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>

#include <libusb.h>

/* A device that takes nothing: the transfer is ended, what was taken of it counts, and the rest is tried
 * again. */
#define TRANSFER_MS 3000
#define STALLS_MOST 3 /* in a row, without a byte taken between them */
#define CANCEL_TURNS 10
#define CANCEL_MS 20

static struct {
    libusb_context *context;
    libusb_device_handle *device; /* NULL: none is adopted */
    struct libusb_transfer *transfer;
    int interface;
    uint8_t endpoint;
    unsigned char bytes[HAL_USB_WRITE_MOST];
    size_t len;
    size_t at;
    bool under_way;
    enum libusb_transfer_status ended; /* how, while none is under way */
    unsigned stalls;
} usb;

static int
error_of(int code)
{
    switch (code) {
    case LIBUSB_SUCCESS:
        return 0;
    case LIBUSB_ERROR_INVALID_PARAM:
        return -EINVAL;
    case LIBUSB_ERROR_ACCESS:
        return -EACCES;
    case LIBUSB_ERROR_NO_DEVICE:
        return -ENODEV;
    case LIBUSB_ERROR_NOT_FOUND:
        return -ENOENT;
    case LIBUSB_ERROR_BUSY:
        return -EBUSY;
    case LIBUSB_ERROR_NO_MEM:
        return -ENOMEM;
    case LIBUSB_ERROR_NOT_SUPPORTED:
        return -ENOTSUP;
    default:
        return -EIO;
    }
}

bool
hal_usb_built_in(void)
{
    return true;
}

int
hal_usb_prepare(void)
{
    if (usb.context == NULL) {
        /* It would look for all devices, and start a thread that listens for more. */
        int code = libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);

        if (code == LIBUSB_SUCCESS) {
            code = libusb_init(&usb.context);
        }
        if (code != LIBUSB_SUCCESS) {
            usb.context = NULL;
            return error_of(code);
        }
    }
    if (usb.transfer == NULL) {
        usb.transfer = libusb_alloc_transfer(0);
    }
    return usb.transfer != NULL ? 0 : -ENOMEM;
}

static bool
is_bulk_out(const struct libusb_endpoint_descriptor *e)
{
    return (e->bmAttributes & LIBUSB_TRANSFER_TYPE_MASK) == LIBUSB_TRANSFER_TYPE_BULK &&
           (e->bEndpointAddress & LIBUSB_ENDPOINT_DIR_MASK) == LIBUSB_ENDPOINT_OUT;
}

static bool
find_in_setting(const struct libusb_interface_descriptor *setting)
{
    if (setting->bInterfaceClass != LIBUSB_CLASS_VENDOR_SPEC || setting->bAlternateSetting != 0) {
        return false;
    }
    for (unsigned i = 0; i < setting->bNumEndpoints; i++) {
        if (is_bulk_out(&setting->endpoint[i])) {
            usb.interface = setting->bInterfaceNumber;
            usb.endpoint = setting->endpoint[i].bEndpointAddress;
            return true;
        }
    }
    return false;
}

/* The first one in the configuration that the device is in. */
static int
find_endpoint(void)
{
    struct libusb_config_descriptor *config;
    int code = libusb_get_active_config_descriptor(libusb_get_device(usb.device), &config);
    bool found = false;

    if (code != LIBUSB_SUCCESS) {
        return error_of(code);
    }
    for (unsigned i = 0; i < config->bNumInterfaces && !found; i++) {
        const struct libusb_interface *interface = &config->interface[i];

        for (int k = 0; k < interface->num_altsetting && !found; k++) {
            found = find_in_setting(&interface->altsetting[k]);
        }
    }
    libusb_free_config_descriptor(config);
    return found ? 0 : -ENOENT;
}

int
hal_usb_adopt(int fd)
{
    int error = hal_usb_prepare();

    if (error < 0) {
        return error;
    }
    int code = libusb_wrap_sys_device(usb.context, (intptr_t)fd, &usb.device);

    if (code != LIBUSB_SUCCESS) {
        usb.device = NULL;
        return error_of(code);
    }
    error = find_endpoint();
    if (error == 0) {
        error = error_of(libusb_claim_interface(usb.device, usb.interface));
    }
    if (error < 0) {
        libusb_close(usb.device);
        usb.device = NULL;
        return error;
    }
    usb.len = 0;
    usb.at = 0;
    usb.stalls = 0;
    return 0;
}

static void LIBUSB_CALL
transfer_ended(struct libusb_transfer *transfer)
{
    usb.under_way = false;
    usb.ended = transfer->status;
    if (transfer->actual_length > 0) {
        usb.at += (size_t)transfer->actual_length;
        usb.stalls = 0;
    }
}

static int
submit(void)
{
    libusb_fill_bulk_transfer(usb.transfer, usb.device, usb.endpoint, usb.bytes + usb.at,
            (int)(usb.len - usb.at), transfer_ended, NULL, TRANSFER_MS);
    int error = error_of(libusb_submit_transfer(usb.transfer));

    usb.under_way = error == 0;
    return error;
}

int
hal_usb_write(const void *bytes, size_t len)
{
    if (usb.at < usb.len) {
        return 0;
    }
    len = len < HAL_USB_WRITE_MOST ? len : HAL_USB_WRITE_MOST;
    memcpy(usb.bytes, bytes, len);
    usb.len = len;
    usb.at = 0;
    int error = submit();
    if (error < 0) {
        usb.len = 0; /* nothing is under way that would end */
        return error;
    }
    return (int)len;
}

/* What becomes of the rest of a write whose transfer has ended. */
static int
go_on(void)
{
    switch (usb.ended) {
    case LIBUSB_TRANSFER_COMPLETED:
    case LIBUSB_TRANSFER_TIMED_OUT:
        return submit();
    case LIBUSB_TRANSFER_STALL:
        if (++usb.stalls > STALLS_MOST) {
            return -EPIPE;
        }
        int error = error_of(libusb_clear_halt(usb.device, usb.endpoint));

        return error < 0 ? error : submit();
    case LIBUSB_TRANSFER_NO_DEVICE:
        return -ENODEV;
    case LIBUSB_TRANSFER_ERROR:
    case LIBUSB_TRANSFER_CANCELLED:
    case LIBUSB_TRANSFER_OVERFLOW:
    default:
        return -EIO;
    }
}

static void
step(int wait_ms)
{
    struct timeval most = { .tv_usec = (suseconds_t)wait_ms * 1000 };

    (void)libusb_handle_events_timeout_completed(usb.context, &most, NULL);
}

int
hal_usb_pending(void)
{
    if (usb.under_way) {
        step(0);
    }
    if (!usb.under_way && usb.at < usb.len) {
        int error = go_on();

        if (error < 0) {
            return error;
        }
    }
    return (int)(usb.len - usb.at);
}

bool
hal_usb_gone(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

void
hal_usb_release(void)
{
    if (usb.device == NULL) {
        return;
    }
    if (usb.under_way) {
        (void)libusb_cancel_transfer(usb.transfer);
        for (unsigned turn = 0; turn < CANCEL_TURNS && usb.under_way; turn++) {
            step(CANCEL_MS);
        }
    }
    (void)libusb_release_interface(usb.device, usb.interface);
    libusb_close(usb.device);
    usb.device = NULL;
    usb.under_way = false;
    usb.len = 0;
    usb.at = 0;
}
