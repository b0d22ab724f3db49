#include "belfry/conf/parse.h"

#include <strings.h>

#define DAY_S 86400

void
conf_take_ledger_keep(struct conf_parser *p, unsigned once)
{
    const char *text = p->word[1].text;
    uint32_t age_s;

    if (!conf_first_time(p, once)) {
        return;
    }
    if (strcasecmp(text, "all") == 0) {
        p->conf->ledger_keep_s = 0;
    } else if (conf_duration(text, &age_s) && age_s >= DAY_S) {
        p->conf->ledger_keep_s = age_s;
    } else {
        conf_complain(p, "\"%s\"; expected all or a time of 1d at least: 400d", conf_shown(text));
    }
}
