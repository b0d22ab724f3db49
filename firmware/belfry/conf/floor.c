#include "belfry/conf/parse.h"

#include <strings.h>

void
conf_take_disk_floor(struct conf_parser *p, unsigned once)
{
    const char *text = p->word[1].text;
    uint64_t size;

    if (!conf_first_time(p, once)) {
        return;
    }
    if (strcasecmp(text, "auto") == 0) {
        p->conf->disk_floor = CONF_FLOOR_AUTO;
    } else if (strcasecmp(text, "no") == 0) {
        p->conf->disk_floor = 0;
    } else if (conf_size(text, &size)) {
        p->conf->disk_floor = size;
    } else {
        conf_complain(p, "\"%s\"; expected no, auto or a size: bytes, or with k, M or G", conf_shown(text));
    }
}
