#include "belfry/conf/parse.h"

#include <stdio.h>
#include <string.h>

#define UNIX "unix:"
#define UNIX_MOST 107 /* bytes of a socket's path: unix(7) */

void
conf_take_page(struct conf_parser *p, unsigned once)
{
    struct conf_page *page = &p->conf->page;
    const char *text = p->word[1].text;
    const char *path = text + strlen(UNIX);
    struct conf_listen at = { .port = CONF_DEFAULT_PAGE_PORT };

    if (!conf_first_time(p, once)) {
        return;
    }
    if (strncmp(text, UNIX, strlen(UNIX)) == 0) {
        if (strlen(path) > UNIX_MOST) {
            conf_complain(p, "a socket of %zu bytes; expected at most %d", strlen(path), UNIX_MOST);
        } else if (conf_absolute(p, path, "a socket")) {
            (void)snprintf(page->place, sizeof page->place, "%s", path);
            page->port = 0;
        }
        return;
    }
    if (!conf_address(text, &at)) {
        conf_complain(p, "\"%s\"; expected an address as 127.0.0.1, 127.0.0.1:%u or [::1]:%u, or unix:PATH",
                conf_shown(text), CONF_DEFAULT_PAGE_PORT, CONF_DEFAULT_PAGE_PORT);
        return;
    }
    (void)snprintf(page->place, sizeof page->place, "%s", at.address);
    page->port = at.port;
}
