/* Writing by libusb, with a libusb that this test plays. */
#include "hal/host/usb_host.h"
#include "support/check.h"
#include <errno.h>

#include <libusb.h>

static struct libusb_transfer transfer;
static struct libusb_endpoint_descriptor endpoint = { .bEndpointAddress = 1,
    .bmAttributes = LIBUSB_TRANSFER_TYPE_BULK };
static struct libusb_interface_descriptor setting = {
    .bInterfaceClass = LIBUSB_CLASS_VENDOR_SPEC, .bNumEndpoints = 1, .endpoint = &endpoint
};
static struct libusb_interface interface = { .altsetting = &setting, .num_altsetting = 1 };
static struct libusb_config_descriptor config = { .bNumInterfaces = 1, .interface = &interface };
static int refuses; /* what submitting says */
static unsigned submitted;
static bool ends; /* the transfer under way, with `status` */
static enum libusb_transfer_status status;

int
libusb_set_option(libusb_context *context, enum libusb_option option, ...)
{
    (void)context;
    (void)option;
    return LIBUSB_SUCCESS;
}

int
libusb_init(libusb_context **context)
{
    *context = (libusb_context *)&config;
    return LIBUSB_SUCCESS;
}

struct libusb_transfer *
libusb_alloc_transfer(int packets)
{
    (void)packets;
    return &transfer;
}

int
libusb_wrap_sys_device(libusb_context *context, intptr_t fd, libusb_device_handle **out)
{
    (void)context;
    (void)fd;
    *out = (libusb_device_handle *)&config;
    return LIBUSB_SUCCESS;
}

libusb_device *
libusb_get_device(libusb_device_handle *handle)
{
    return (libusb_device *)handle;
}

int
libusb_get_active_config_descriptor(libusb_device *device, struct libusb_config_descriptor **out)
{
    (void)device;
    *out = &config;
    return LIBUSB_SUCCESS;
}

void
libusb_free_config_descriptor(struct libusb_config_descriptor *c)
{
    (void)c;
}

int
libusb_claim_interface(libusb_device_handle *handle, int number)
{
    (void)handle;
    (void)number;
    return LIBUSB_SUCCESS;
}

int
libusb_release_interface(libusb_device_handle *handle, int number)
{
    (void)handle;
    (void)number;
    return LIBUSB_SUCCESS;
}

void
libusb_close(libusb_device_handle *handle)
{
    (void)handle;
}

int
libusb_submit_transfer(struct libusb_transfer *t)
{
    (void)t;
    submitted += refuses == LIBUSB_SUCCESS ? 1 : 0;
    return refuses;
}

int
libusb_cancel_transfer(struct libusb_transfer *t)
{
    (void)t;
    ends = true;
    status = LIBUSB_TRANSFER_CANCELLED;
    return LIBUSB_SUCCESS;
}

int
libusb_clear_halt(libusb_device_handle *handle, unsigned char number)
{
    (void)handle;
    (void)number;
    return LIBUSB_SUCCESS;
}

int
libusb_handle_events_timeout_completed(libusb_context *context, struct timeval *most, int *completed)
{
    (void)context;
    (void)most;
    (void)completed;
    if (ends) {
        ends = false;
        transfer.status = status;
        transfer.actual_length = status == LIBUSB_TRANSFER_COMPLETED ? transfer.length : 0;
        transfer.callback(&transfer);
    }
    return LIBUSB_SUCCESS;
}

static void
end_transfer(enum libusb_transfer_status how)
{
    ends = true;
    status = how;
}

static void
begin(void)
{
    refuses = LIBUSB_SUCCESS;
    submitted = 0;
    ends = false;
    CHECK_INT(hal_usb_adopt(0), 0);
}

static void
a_write_is_out_when_its_transfer_has_ended(void)
{
    begin();
    CHECK_INT(hal_usb_write("line", 4), 4);
    CHECK_INT(hal_usb_write("next", 4), 0);
    CHECK_INT(hal_usb_pending(), 4);
    end_transfer(LIBUSB_TRANSFER_COMPLETED);
    CHECK_INT(hal_usb_pending(), 0);
    CHECK_INT(hal_usb_write("next", 4), 4);
    CHECK_INT(submitted, 2);
    hal_usb_release();
}

/* usbfs has a limit that all its users share. */
static void
a_device_whose_transfer_finds_no_memory_is_written_to_when_there_is_some_again(void)
{
    begin();
    refuses = LIBUSB_ERROR_NO_MEM;
    CHECK_INT(hal_usb_write("line", 4), -ENOMEM);
    CHECK_INT(hal_usb_write("line", 4), -ENOMEM);
    CHECK_INT(hal_usb_pending(), 0);
    refuses = LIBUSB_SUCCESS;
    CHECK_INT(hal_usb_write("line", 4), 4);
    CHECK_INT(submitted, 1);
    hal_usb_release();
}

static void
a_device_that_takes_nothing_is_asked_anew_and_one_that_fails_is_not(void)
{
    begin();
    CHECK_INT(hal_usb_write("line", 4), 4);
    end_transfer(LIBUSB_TRANSFER_TIMED_OUT);
    CHECK_INT(hal_usb_pending(), 4);
    CHECK_INT(submitted, 2);
    end_transfer(LIBUSB_TRANSFER_ERROR);
    CHECK_INT(hal_usb_pending(), -EIO);
    CHECK_INT(submitted, 2);
    hal_usb_release();
}

int
main(void)
{
    CHECK_RUN(a_write_is_out_when_its_transfer_has_ended);
    CHECK_RUN(a_device_whose_transfer_finds_no_memory_is_written_to_when_there_is_some_again);
    CHECK_RUN(a_device_that_takes_nothing_is_asked_anew_and_one_that_fails_is_not);
    return check_result();
}
