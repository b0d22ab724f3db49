#include "belfry/gate/hello.h"

#include <string.h>

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool short_read;
};

static const uint8_t *
take(struct cursor *c, size_t len)
{
    const uint8_t *at = c->at;

    if (c->short_read || len > (size_t)(c->end - c->at)) {
        c->short_read = true;
        return NULL;
    }
    c->at += len;
    return at;
}

static size_t
take_u16(struct cursor *c)
{
    const uint8_t *at = take(c, 2);

    return at != NULL ? (size_t)at[0] << 8 | at[1] : 0;
}

bool
gate_hello_host(const uint8_t *extension, size_t len, char host[WIRE_HOST_MAX + 1])
{
    struct cursor c = { .at = extension, .end = extension + len };
    size_t identities_len = take_u16(&c);
    struct cursor identities = { .at = take(&c, identities_len) };
    const uint8_t *identity;
    size_t identity_len;

    if (c.short_read) {
        return false;
    }
    identities.end = identities.at + identities_len;
    identity_len = take_u16(&identities);
    identity = take(&identities, identity_len);
    (void)take(&identities, 4); /* obfuscated_ticket_age, which is 0 for a key that is no ticket */
#ifdef PLANT_GATEHELLO
    if (identities.short_read) {
#else
    if (identities.short_read || !wire_host_valid((const char *)identity, identity_len)) {
#endif
        return false;
    }
    memcpy(host, identity, identity_len);
    host[identity_len] = '\0';
    return true;
}
