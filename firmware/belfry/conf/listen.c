#include "belfry/conf/parse.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

bool
conf_address(const char *text, struct conf_listen *out)
{
    bool bracket = text[0] == '[';
    const char *at = text + bracket;
    const char *end = bracket ? strchr(at, ']') : strchr(at, ':');
    const char *port;
    char *stop = NULL;
    unsigned long n = out->port;
    uint8_t bytes[16];
    size_t len;

    if (!bracket && end != NULL && strchr(end + 1, ':') != NULL) {
        end = NULL; /* IPv6 by itself */
    }
    if (bracket && end == NULL) {
        return false;
    }
    len = end != NULL ? (size_t)(end - at) : strlen(at);
    port = end != NULL ? end + bracket : at + len;
    if (len >= sizeof out->address) {
        return false;
    }
    memcpy(out->address, at, len);
    out->address[len] = '\0';
    if (*port == ':') {
        n = port[1] >= '1' && port[1] <= '9' ? strtoul(port + 1, &stop, 10) : 0;
    }
    if ((*port != '\0' && *port != ':') || (stop != NULL && *stop != '\0') || n == 0 || n > UINT16_MAX) {
        return false;
    }
    out->port = (uint16_t)n;
    return (!bracket && inet_pton(AF_INET, out->address, bytes) == 1) ||
           ((bracket || end == NULL) && inet_pton(AF_INET6, out->address, bytes) == 1);
}

void
conf_take_listen(struct conf_parser *p, unsigned once)
{
    const char *text = p->word[1].text;
    struct conf_listen listen = { .number = p->number, .port = CONF_DEFAULT_PORT };

    (void)once;
    if (!conf_address(text, &listen)) {
        conf_complain(p,
                "\"%s\"; expected an address, and a port behind a colon: 192.0.2.1, 192.0.2.1:%u, "
                "2001:db8::1 or [2001:db8::1]:%u",
                conf_shown(text), CONF_DEFAULT_PORT, CONF_DEFAULT_PORT);
        return;
    }
    for (unsigned i = 0; i < p->conf->listens; i++) {
        if (strcmp(p->conf->listen[i].address, listen.address) == 0 &&
                p->conf->listen[i].port == listen.port) {
            conf_complain(p, "\"%s\" a second time; expected it once", conf_shown(text));
            return;
        }
    }
    if (p->conf->listens == CONF_LISTENS) {
        conf_complain(p, "more than %d Listen lines; expected fewer", CONF_LISTENS);
        return;
    }
    p->conf->listen[p->conf->listens++] = listen;
}
