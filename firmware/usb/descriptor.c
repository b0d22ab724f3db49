#include "usb/descriptor.h"

#include <string.h>

#include "hal/usbd.h"
#include "usb/pipe.h"

#define LOW(v) ((v)&0xFF)
#define HIGH(v) ((v) >> 8)

#define USB_VERSION 0x0110
#define VENDOR 0x1209
#define PRODUCT 0x0001
#define DEVICE_VERSION 0x0100
#define CLASS_VENDOR 0xFF
#define PROTOCOL_LINES 0
#define PROTOCOL_DUMP 1
#define BUS_POWERED 0x80
#define HALF_MILLIAMPERES (100 / 2)
#define BULK 2
#define ENGLISH_US 0x0409

enum type { DEVICE = 1, CONFIGURATION = 2, STRING = 3, INTERFACE = 4, ENDPOINT = 5 };

enum string {
    STRING_LANGUAGES,
    STRING_MAKER,
    STRING_PRODUCT,
    STRING_SERIAL,
    STRING_LINES,
    STRING_DUMP,
    STRINGS
};

static char serial[USB_SERIAL_MAX + 1];
static bool dump_shown;

static const char *const strings[STRINGS] = {
    [STRING_MAKER] = "tocsin",
    [STRING_PRODUCT] = "tocsin logger",
    [STRING_SERIAL] = serial,
    [STRING_LINES] = "alarm lines",
    [STRING_DUMP] = "dump",
};

#define DEVICE_SIZE 18
#define CONFIGURATION_SIZE 9
#define INTERFACE_SIZE 9
#define ENDPOINT_SIZE 7
#define WITH_INTERFACES(n) (CONFIGURATION_SIZE + (n) * (INTERFACE_SIZE + ENDPOINT_SIZE))

/* clang-format off */
static const uint8_t device[DEVICE_SIZE] = {
    DEVICE_SIZE, DEVICE, LOW(USB_VERSION), HIGH(USB_VERSION), CLASS_VENDOR, 0, 0, HAL_USBD_PACKET,
    LOW(VENDOR), HIGH(VENDOR), LOW(PRODUCT), HIGH(PRODUCT), LOW(DEVICE_VERSION), HIGH(DEVICE_VERSION),
    STRING_MAKER, STRING_PRODUCT, STRING_SERIAL, 1,
};

#define HEAD(n)                                                                                  \
    CONFIGURATION_SIZE, CONFIGURATION, WITH_INTERFACES(n), 0, (n), USB_CONFIGURATION, 0,         \
    BUS_POWERED, HALF_MILLIAMPERES
#define PART(number, protocol, name, endpoint)                                                   \
    INTERFACE_SIZE, INTERFACE, (number), 0, 1, CLASS_VENDOR, 0, (protocol), (name),              \
    ENDPOINT_SIZE, ENDPOINT, (endpoint), BULK, HAL_USBD_PACKET, 0, 0

static const uint8_t to_log[WITH_INTERFACES(1)] = {
    HEAD(1),
    PART(USB_LINES, PROTOCOL_LINES, STRING_LINES, USB_LINES_ENDPOINT),
};

static const uint8_t to_dump[WITH_INTERFACES(2)] = {
    HEAD(2),
    PART(USB_LINES, PROTOCOL_LINES, STRING_LINES, USB_LINES_ENDPOINT),
    PART(USB_DUMP, PROTOCOL_DUMP, STRING_DUMP, USB_DUMP_ENDPOINT),
};
/* clang-format on */

static const uint8_t languages[] = { 4, STRING, LOW(ENGLISH_US), HIGH(ENGLISH_US) };

static bool
serial_valid(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool digit = s[i] >= '0' && s[i] <= '9';
        bool letter = (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z');

        if (!digit && !letter) {
            return false;
        }
    }
    return len > 0 && len <= USB_SERIAL_MAX;
}

bool
usb_descriptor_start(const struct usb_setup *setup)
{
    size_t len = strlen(setup->serial);

    if (!serial_valid(setup->serial, len)) {
        return false;
    }
    memcpy(serial, setup->serial, len + 1);
    dump_shown = setup->dump;
    return true;
}

/* ASCII is UTF-16 with every second byte 0. */
static size_t
build_string(const char *text, uint8_t room[USB_STRING_MOST])
{
    size_t len = 2;

    for (; *text != '\0' && len < USB_STRING_MOST; text++) {
        room[len++] = (uint8_t)*text;
        room[len++] = 0;
    }
    room[0] = (uint8_t)len;
    room[1] = STRING;
    return len;
}

static bool
find_string(uint8_t index, uint16_t language, uint8_t room[USB_STRING_MOST], struct usb_descriptor *out)
{
    if (index == STRING_LANGUAGES && language == 0) {
        *out = (struct usb_descriptor){ languages, sizeof(languages) };
        return true;
    }
    if (index == STRING_LANGUAGES || index >= STRINGS || language != ENGLISH_US) {
        return false;
    }
    *out = (struct usb_descriptor){ room, build_string(strings[index], room) };
    return true;
}

bool
usb_descriptor_find(uint8_t type, uint8_t index, uint16_t language, uint8_t room[USB_STRING_MOST],
        struct usb_descriptor *out)
{
    if (type == STRING) {
        return find_string(index, language, room, out);
    }
    if (index != 0 || language != 0) {
        return false;
    }
    switch (type) {
    case DEVICE:
        *out = (struct usb_descriptor){ device, sizeof(device) };
        return true;
    case CONFIGURATION:
        *out = dump_shown ? (struct usb_descriptor){ to_dump, sizeof(to_dump) }
                          : (struct usb_descriptor){ to_log, sizeof(to_log) };
        return true;
    default:
        return false;
    }
}
