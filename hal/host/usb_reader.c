#include "hal/host/usb_reader.h"
#include "hal/host/usb_config.h"

#include <errno.h>
#include <stdbool.h>

#include <libusb.h>

#define DESCRIBE_MS 2000

static struct {
    libusb_context *context;
    libusb_device_handle *device; /* NULL: none is adopted */
    struct hal_usb_endpoint in;
    bool claimed;
} reader;

static int
error_of(int code)
{
    switch (code) {
    case LIBUSB_SUCCESS:
        return 0;
    case LIBUSB_ERROR_PIPE:
        return -EPIPE;
    case LIBUSB_ERROR_TIMEOUT:
        return -ETIMEDOUT;
    case LIBUSB_ERROR_NO_DEVICE:
        return -ENODEV;
    case LIBUSB_ERROR_NOT_FOUND:
        return -ENOENT;
    case LIBUSB_ERROR_BUSY:
        return -EBUSY;
    case LIBUSB_ERROR_ACCESS:
        return -EACCES;
    default:
        return -EIO;
    }
}

int
hal_usb_reader_adopt(int fd)
{
    int code = libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);

    if (code == LIBUSB_SUCCESS && reader.context == NULL) {
        code = libusb_init(&reader.context);
    }
    if (code == LIBUSB_SUCCESS) {
        code = libusb_wrap_sys_device(reader.context, (intptr_t)fd, &reader.device);
    }
    if (code != LIBUSB_SUCCESS) {
        hal_usb_reader_release();
    }
    return error_of(code);
}

int
hal_usb_reader_ask(uint8_t type, uint8_t request, void *dst, size_t size, unsigned most_ms)
{
    int n = libusb_control_transfer(
            reader.device, type | LIBUSB_ENDPOINT_IN, request, 0, 0, dst, (uint16_t)size, most_ms);

    return n < 0 ? error_of(n) : n;
}

int
hal_usb_reader_begin(void)
{
    uint8_t config[HAL_USB_CONFIG_MOST];
    int n = libusb_control_transfer(reader.device, LIBUSB_ENDPOINT_IN, LIBUSB_REQUEST_GET_DESCRIPTOR,
            LIBUSB_DT_CONFIG << 8, 0, config, sizeof(config), DESCRIBE_MS);

    if (n < 0) {
        return error_of(n);
    }
    int error = hal_usb_config_find(config, (size_t)n, true, &reader.in);

    if (error == 0) {
        error = error_of(libusb_claim_interface(reader.device, reader.in.interface));
        reader.claimed = error == 0;
    }
    return error == 0 ? error_of(libusb_clear_halt(reader.device, reader.in.endpoint | LIBUSB_ENDPOINT_IN))
                      : error;
}

int
hal_usb_reader_read(void *dst, size_t size, unsigned most_ms)
{
    int len = 0;
    int code = libusb_bulk_transfer(
            reader.device, reader.in.endpoint | LIBUSB_ENDPOINT_IN, dst, (int)size, &len, most_ms);

    return code != LIBUSB_SUCCESS && code != LIBUSB_ERROR_TIMEOUT ? error_of(code) : len;
}

void
hal_usb_reader_release(void)
{
    if (reader.device != NULL && reader.claimed) {
        (void)libusb_release_interface(reader.device, reader.in.interface);
    }
    if (reader.device != NULL) {
        libusb_close(reader.device);
    }
    if (reader.context != NULL) {
        libusb_exit(reader.context);
    }
    reader.device = NULL;
    reader.context = NULL;
    reader.claimed = false;
}
