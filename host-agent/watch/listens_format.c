#include "watch/listens.h"
#include "watch/procfs.h"
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct wanted {
    const char *declaration; /* as it stands between "field:" and ";" */
    uint16_t size;
    size_t into; /* where in struct listens_format the offset goes */
};

static const struct wanted wanted[] = {
    { "__u16 sport", 2, offsetof(struct listens_format, port) },
    { "__u16 family", 2, offsetof(struct listens_format, family) },
    { "__u8 saddr[4]", 4, offsetof(struct listens_format, address4) },
    { "__u8 saddr_v6[16]", 16, offsetof(struct listens_format, address6) },
    { "__u16 protocol", 2, offsetof(struct listens_format, protocol) }, /* not in older kernels */
};

#define WANTED (sizeof(wanted) / sizeof(wanted[0]))
#define NEEDED (WANTED - 1)

static const char *
find(const char *at, const char *end, const char *what)
{
    return at < end ? memmem(at, (size_t)(end - at), what, strlen(what)) : NULL;
}

static bool
take_value(const char *at, const char *end, const char *key, uint64_t *out)
{
    at = find(at, end, key);
    if (at == NULL) {
        return false;
    }
    at += strlen(key);
    return procfs_decimal(&at, end, UINT16_MAX, out);
}

/* "field:__u16 sport;	offset:24;	size:2;	signed:0;" */
static unsigned
take_field(const char *at, const char *end, struct listens_format *out)
{
    uint64_t offset;
    uint64_t size;

    at = find(at, end, "field:");
    const char *name_end = at != NULL ? find(at, end, ";") : NULL;
    if (name_end == NULL || !take_value(name_end, end, "offset:", &offset) ||
            !take_value(name_end, end, "size:", &size)) {
        return 0;
    }
    at += strlen("field:");
    for (unsigned i = 0; i < WANTED; i++) {
        size_t len = strlen(wanted[i].declaration);

        if ((size_t)(name_end - at) != len || memcmp(at, wanted[i].declaration, len) != 0) {
            continue;
        }
        if (size != wanted[i].size || offset + size > 1024) {
            return 0;
        }
        uint16_t value = (uint16_t)offset;

        memcpy((char *)out + wanted[i].into, &value, sizeof(value));
        out->size = offset + size > out->size ? (uint16_t)(offset + size) : out->size;
        return 1u << i;
    }
    return 0;
}

bool
listens_format_parse(const char *src, size_t len, struct listens_format *out)
{
    struct listens_format format = { .size = 0 };
    const char *end = src + len;
    unsigned found = 0;

    while (src < end) {
        const char *newline = memchr(src, '\n', (size_t)(end - src));
        const char *line_end = newline != NULL ? newline : end;

        found |= take_field(src, line_end, &format);
        src = line_end + (newline != NULL);
    }
    if ((found & ((1u << NEEDED) - 1)) != (1u << NEEDED) - 1) {
        return false;
    }
    *out = format;
    return true;
}

bool
listens_sample_parse(
        const struct listens_format *format, const uint8_t *src, size_t len, struct listen_event *out)
{
    struct listen_event event = { .pid = out->pid, .thread = out->thread, .protocol = IPPROTO_TCP };

#ifndef PLANT_LISTENS
    if (len < format->size) {
        return false;
    }
#endif
    (void)len;
    memcpy(&event.port, src + format->port, sizeof(event.port));
    memcpy(&event.family, src + format->family, sizeof(event.family));
    if (format->protocol != 0) {
        memcpy(&event.protocol, src + format->protocol, sizeof(event.protocol));
    }
    if (event.family == AF_INET) {
        memcpy(event.address, src + format->address4, 4);
    } else if (event.family == AF_INET6) {
        memcpy(event.address, src + format->address6, 16);
    } else {
        return false;
    }
    *out = event;
    return true;
}
