/* Any bytes as USB/IP: what is taken is within its bounds, and is written again as the same. */
#include "hal/linux/usbip.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void
look_at_urb(const uint8_t *src, size_t len)
{
    uint8_t again[USBIP_URB_SIZE];
    struct usbip_urb urb;
    struct usbip_urb twice;

    if (usbip_urb_parse(src, len, &urb) != 0) {
        return;
    }
    must(len == USBIP_URB_SIZE && urb.endpoint <= USBIP_ENDPOINT_MOST && urb.length <= USBIP_TRANSFER_MOST);
    must(usbip_urb_payload(&urb) <= USBIP_TRANSFER_MOST);
    usbip_urb_put(&urb, again);
    must(usbip_urb_parse(again, sizeof again, &twice) == 0);
    must(urb.command == twice.command && urb.seq == twice.seq && urb.device == twice.device);
    must(urb.in == twice.in && urb.endpoint == twice.endpoint && urb.flags == twice.flags);
    must(urb.length == twice.length && urb.victim == twice.victim && urb.status == twice.status);
}

static void
look_at_device(const uint8_t *src, size_t len)
{
    uint8_t again[USBIP_DEVICE_SIZE];
    struct usbip_device device;
    struct usbip_device twice;

    if (usbip_device_parse(src, len, &device) == 0) {
        must(strlen(device.path) < sizeof device.path && strlen(device.bus_id) < sizeof device.bus_id);
        must(device.interfaces <= USBIP_INTERFACES_MOST);
        usbip_device_put(&device, again);
        must(usbip_device_parse(again, sizeof again, &twice) == 0);
        must(strcmp(device.path, twice.path) == 0 && strcmp(device.bus_id, twice.bus_id) == 0);
        must(device.vendor == twice.vendor && device.interfaces == twice.interfaces);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size);
    char id[USBIP_BUS_ID_SIZE];
    struct usbip_op op;
    uint32_t count;

    must(exact != NULL);
    memcpy(exact, data, size);
    look_at_urb(exact, size);
    look_at_device(exact, size);
    must(usbip_op_parse(exact, size, &op) != 0 || size == USBIP_OP_SIZE);
    must(usbip_bus_id_parse(exact, size, id) != 0 || strlen(id) < sizeof id);
    must(usbip_count_parse(exact, size, &count) != 0 || count <= USBIP_DEVICES_MOST);
    free(exact);
    return 0;
}
