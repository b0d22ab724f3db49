#include "hal/host/usb_name.h"

#include <arpa/inet.h>
#include <string.h>

#define ID_CHARS 9 /* of VID:PID */
#define PORT_DIGITS 5
#define ADDRESS_CHARS 46 /* INET6_ADDRSTRLEN */

static bool
hex4(const char *text, uint16_t *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned n = 0;

    for (unsigned i = 0; i < 4; i++) {
        const char *digit = text[i] != '\0'
                                    ? strchr(digits, text[i] | ('A' <= text[i] && text[i] <= 'F' ? 0x20 : 0))
                                    : NULL;
        if (digit == NULL) {
            return false;
        }
        n = n * 16 + (unsigned)(digit - digits);
    }
    *out = (uint16_t)n;
    return true;
}

static bool
is_printable(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

bool
hal_usb_name_parse(const char *text, struct hal_usb_name *out)
{
    size_t len = strlen(text);
    struct hal_usb_name name = { .vendor = 0 };

    if (len < ID_CHARS || !hex4(text, &name.vendor) || text[4] != ':' || !hex4(text + 5, &name.product)) {
        return false;
    }
    if (len > ID_CHARS) {
        const char *serial = text + ID_CHARS + 1;
        size_t serial_len = len - ID_CHARS - 1;

        if (text[ID_CHARS] != ':' || serial_len == 0 || serial_len >= sizeof(name.serial) ||
                !is_printable(serial, serial_len)) {
            return false;
        }
        memcpy(name.serial, serial, serial_len + 1);
    }
    *out = name;
    return true;
}

/* Up to the slash. */
static bool
take_port(const char *text, size_t len, uint16_t *out)
{
    uint32_t port = 0;

    if (len == 0 || len > PORT_DIGITS || text[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    *out = (uint16_t)port;
    return port <= UINT16_MAX;
}

static bool
take_address(const char *text, size_t len, struct hal_usbip_name *name)
{
    char address[ADDRESS_CHARS];
    bool six = len > 2 && text[0] == '[' && text[len - 1] == ']';

    text += six ? 1 : 0;
    len -= six ? 2 : 0;
    if (len >= sizeof(address)) {
        return false;
    }
    memcpy(address, text, len);
    address[len] = '\0';
    name->family = six ? AF_INET6 : AF_INET;
    return inet_pton(name->family, address, name->address) == 1;
}

bool
hal_usbip_name_parse(const char *text, struct hal_usbip_name *out)
{
    struct hal_usbip_name name = { .family = 0 };
    size_t scheme = strlen(HAL_USBIP_SCHEME);

    if (strncmp(text, HAL_USBIP_SCHEME, scheme) != 0) {
        return false;
    }
    text += scheme;
    const char *slash = strchr(text, '/');
    const char *colon = slash != NULL ? memrchr(text, ':', (size_t)(slash - text)) : NULL;

    if (colon == NULL || !take_address(text, (size_t)(colon - text), &name) ||
            !take_port(colon + 1, (size_t)(slash - colon) - 1, &name.port)) {
        return false;
    }
    size_t len = strlen(slash + 1);

    if (len == 0 || len >= sizeof(name.bus_id) || !is_printable(slash + 1, len)) {
        return false;
    }
    memcpy(name.bus_id, slash + 1, len);
    *out = name;
    return true;
}

bool
hal_usb_is_place(const char *text)
{
    static const char digits[] = "0123456789";
    static const char dotted[] = "0123456789.";
    size_t bus = strspn(text, digits);
    size_t ports = text[bus] == '-' ? strspn(text + bus + 1, dotted) : 0;

    if (bus == 0 || ports == 0) {
        return false;
    }
    const char *rest = text + bus + 1 + ports;
    return *rest == '\0' || (*rest == ':' && rest[1] != '\0' && rest[1 + strspn(rest + 1, dotted)] == '\0');
}
