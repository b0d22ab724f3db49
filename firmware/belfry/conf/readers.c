#include "belfry/conf/parse.h"

#include <string.h>

void
conf_take_readers(struct conf_parser *p, unsigned once)
{
    const struct conf_word *w = &p->word[1];

    if (!conf_first_time(p, once)) {
        return;
    }
    if (w->len == 0 || w->len >= sizeof p->conf->readers) {
        conf_complain(p, "\"%s\"; expected a group, 1 to %d bytes", conf_shown(w->text), CONF_NAME - 1);
        return;
    }
    memcpy(p->conf->readers, w->text, w->len + 1);
}
