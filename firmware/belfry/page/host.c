#include "belfry/page/host.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 64

static bool
port_fits(const char *port)
{
    return *port == '\0' ||
           (*port == ':' && strlen(port) <= 6 && port[1 + strspn(port + 1, "0123456789")] == '\0');
}

bool
host_fits(const char *host)
{
    char name[HOST_MAX];
    unsigned char bytes[16];
    bool bracket = host != NULL && host[0] == '[';
    const char *end;
    size_t len;

    if (host == NULL) {
        return false;
    }
    host += bracket;
    end = host + strcspn(host, bracket ? "]" : ":");
    len = (size_t)(end - host);
    if (len == 0 || len >= sizeof name || (bracket && *end != ']') || !port_fits(end + bracket)) {
        return false;
    }
    memcpy(name, host, len);
    name[len] = '\0';
    if (bracket) {
        return inet_pton(AF_INET6, name, bytes) == 1;
    }
    return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, bytes) == 1;
}
