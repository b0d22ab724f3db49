#include "conf/conf.h"
#include "wire/escape.h"
#include <arpa/inet.h>
#include <string.h>

#define ANY "any"
#define LOOPBACK "loopback"

struct kind {
    const char *name;
    const char *form;
    uint32_t max;
    bool addressed;
};

/* clang-format off */
static const struct kind kinds[CONF_PROTOS] = {
    [CONF_TCP]     = { "tcp",     "a number from 1 to 65535, ADDRESS:NUMBER, loopback:NUMBER or any", 65535, true },
    [CONF_UDP]     = { "udp",     "a number from 1 to 65535, ADDRESS:NUMBER, loopback:NUMBER or any", 65535, true },
    [CONF_UDPLITE] = { "udplite", "a number from 1 to 65535, ADDRESS:NUMBER, loopback:NUMBER or any", 65535, true },
    [CONF_RAW]     = { "raw",     "an IP protocol from 1 to 255, or any", 255, false },
    [CONF_PACKET]  = { "packet",  "all, arp, eapol, ip, ip6, lldp, 0xHHHH, a number from 1 to 65535, or any", 65535, false },
    [CONF_SCTP]    = { "sctp",    "a number from 1 to 65535, or any", 65535, false },
    [CONF_VSOCK]   = { "vsock",   "a number from 1 to 4294967294, or any", UINT32_MAX - 1, false },
};

static const struct ethertype {
    const char *name;
    uint32_t number;
} ethertypes[] = {
    { "all", 0x0003 }, { "arp", 0x0806 }, { "eapol", 0x888E }, { "ip", 0x0800 }, { "ip6", 0x86DD }, { "lldp", 0x88CC },
};
/* clang-format on */

#define ETHERTYPES (sizeof(ethertypes) / sizeof(ethertypes[0]))

const char *
conf_proto_name(unsigned proto)
{
    return proto < CONF_PROTOS ? kinds[proto].name : NULL;
}

const char *
conf_port_form(unsigned proto)
{
    return kinds[proto].form;
}

const char *
conf_port_number(unsigned proto, uint32_t number, char out[CONF_NUMBER])
{
    for (size_t i = 0; proto == CONF_PACKET && i < ETHERTYPES; i++) {
        if (ethertypes[i].number == number) {
            snprintf(out, CONF_NUMBER, "%s", ethertypes[i].name);
            return out;
        }
    }
    snprintf(out, CONF_NUMBER, number == 0 ? ANY : proto == CONF_PACKET ? "0x%04x" : "%u", number);
    return out;
}

const char *
conf_port_place(const struct conf_port *port, char out[CONF_PLACE])
{
    char number[CONF_NUMBER];
    char address[INET6_ADDRSTRLEN] = LOOPBACK;
    bool six = port->on == CONF_ADDRESS_6;

    conf_port_number(port->proto, port->port, number);
    if (six || port->on == CONF_ADDRESS_4) {
        inet_ntop(six ? AF_INET6 : AF_INET, port->address, address, sizeof(address));
    }
    if (port->on == CONF_ADDRESS_ANY) {
        snprintf(out, CONF_PLACE, "%s", number);
    } else {
        snprintf(out, CONF_PLACE, six ? "[%s]:%s" : "%s:%s", address, number);
    }
    return out;
}

static bool
is(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

static bool
take_hex(const char *text, size_t len, uint32_t *out)
{
    uint32_t n = 0;

    if (len < 3 || len > 6 || text[0] != '0' || text[1] != 'x') {
        return false;
    }
    for (size_t i = 2; i < len; i++) {
        char c = text[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;

        if (digit == 16) {
            return false;
        }
        n = n << 4 | digit;
    }
    *out = n;
    return true;
}

static bool
take_number(const char *text, size_t len, const struct conf_port *port, uint32_t *out)
{
    for (size_t i = 0; port->proto == CONF_PACKET && i < ETHERTYPES; i++) {
        if (is(text, len, ethertypes[i].name)) {
            *out = ethertypes[i].number;
            return true;
        }
    }
    bool hex = port->proto == CONF_PACKET && take_hex(text, len, out);

    return (hex || wire_decimal(text, len, out)) && *out >= 1 && *out <= kinds[port->proto].max;
}

static bool
take_address(const char *text, size_t len, struct conf_port *port)
{
    char address[INET6_ADDRSTRLEN] = "";
    bool six = len > 2 && text[0] == '[' && text[len - 1] == ']';

    text += six;
    len -= six ? 2 : 0;
#ifndef PLANT_PORTPLACE
    if (len >= sizeof(address)) {
        return false;
    }
#endif
    memcpy(address, text, len);
    port->on = six ? CONF_ADDRESS_6 : CONF_ADDRESS_4;
    return inet_pton(six ? AF_INET6 : AF_INET, address, port->address) == 1;
}

bool
conf_port_parse(const char *text, size_t len, struct conf_port *port)
{
    const char *colon = kinds[port->proto].addressed ? memrchr(text, ':', len) : NULL;

    port->on = CONF_ADDRESS_ANY;
    if (is(text, len, ANY)) {
        port->port = 0;
        return true;
    }
    if (colon == NULL) {
        return take_number(text, len, port, &port->port);
    }
    size_t before = (size_t)(colon - text);

    if (is(text, before, LOOPBACK)) {
        port->on = CONF_ADDRESS_LOOPBACK;
    } else if (!take_address(text, before, port)) {
        return false;
    }
    return take_number(colon + 1, len - before - 1, port, &port->port);
}
