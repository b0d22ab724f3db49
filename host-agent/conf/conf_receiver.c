#include "conf/conf.h"
#include <arpa/inet.h>
#include <string.h>

#define LABEL_MAX 63

static bool
is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
label_valid(const char *label, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_alnum(label[i]) && label[i] != '-' && label[i] != '_') {
            return false;
        }
    }
    return len > 0 && len <= LABEL_MAX && label[0] != '-' && label[len - 1] != '-';
}

/* A name whose last part is a number is a mistyped address. One dot may stand at the end. */
static bool
name_valid(const char *name, size_t len)
{
    const char *label = name;
    const char *end = name + len;

    end -= len > 1 && name[len - 1] == '.';
    for (;;) {
        const char *dot = memchr(label, '.', (size_t)(end - label));
        size_t label_len = (size_t)((dot != NULL ? dot : end) - label);

        if (!label_valid(label, label_len)) {
            return false;
        }
        if (dot == NULL) {
            return strspn(label, "0123456789") < label_len;
        }
        label = dot + 1;
    }
}

static bool
take_address(uint16_t family, const char *text, struct conf_receiver *out)
{
    uint8_t address[16] = { 0 };

    if (inet_pton(family, text, address) != 1) {
        return false;
    }
    out->family = family;
    memcpy(out->address, address, sizeof(address));
    return inet_ntop(family, address, out->name, sizeof(out->name)) != NULL;
}

/* The address or name alone, without brackets. */
static bool
take_place(const char *text, size_t len, bool bracketed, struct conf_receiver *out)
{
    char place[CONF_RECEIVER_NAME] = "";

#ifndef PLANT_RECEIVER
    if (len == 0 || len >= sizeof(place)) {
        return false;
    }
#endif
    memcpy(place, text, len);
    if (take_address(AF_INET6, place, out)) {
        return true;
    }
    if (bracketed || take_address(AF_INET, place, out)) {
        return !bracketed;
    }
    memcpy(out->name, place, sizeof(place));
    return name_valid(place, len);
}

static bool
take_port(const char *text, size_t len, struct conf_receiver *out)
{
    uint32_t port;

    if (!wire_decimal(text, len, &port) || port == 0 || port > UINT16_MAX) {
        return false;
    }
    out->port = (uint16_t)port;
    return true;
}

bool
conf_receiver_parse(const char *text, size_t len, struct conf_receiver *out)
{
    struct conf_receiver r = { .port = CONF_RECEIVER_PORT };
    const char *first = memchr(text, ':', len);
    const char *colon = memrchr(text, ':', len);
    bool bracketed = len > 0 && text[0] == '[';
    bool ported = bracketed ? colon != NULL && colon[-1] == ']' : colon != NULL && colon == first;
    size_t place = ported ? (size_t)(colon - text) : len;

    if (memchr(text, '\0', len) != NULL) {
        return false;
    }
    if (ported && !take_port(colon + 1, len - place - 1, &r)) {
        return false;
    }
    if (bracketed && (place < 2 || text[place - 1] != ']')) {
        return false;
    }
    if (!take_place(text + bracketed, place - (bracketed ? 2 : 0), bracketed, &r)) {
        return false;
    }
    *out = r;
    return true;
}

const char *
conf_receiver_text(const struct conf_receiver *receiver, char out[CONF_RECEIVER_TEXT])
{
    bool six = receiver->family == AF_INET6;

    if (receiver->port == CONF_RECEIVER_PORT) {
        snprintf(out, CONF_RECEIVER_TEXT, "%s", receiver->name);
    } else {
        snprintf(out, CONF_RECEIVER_TEXT, six ? "[%s]:%u" : "%s:%u", receiver->name, receiver->port);
    }
    return out;
}
