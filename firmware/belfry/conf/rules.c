#include "belfry/conf/parse.h"

#include <string.h>

void
conf_take_rules(struct conf_parser *p, unsigned once)
{
    const char *name = p->word[1].text;
    struct conf *conf = p->conf;

    (void)once;
    if (!conf_is_name(name) || strcmp(name, "no") == 0) {
        conf_complain(p,
                "\"%s\"; expected the name of a set of rules, 1 to %d letters, digits, '.', '_' or '-', but "
                "not no",
                conf_shown(name), CONF_NAME - 1);
        return;
    }
    if (!conf_absolute(p, p->word[2].text, "a file of rules")) {
        return;
    }
    for (unsigned i = 0; i < conf->rules; i++) {
        if (strcmp(conf->rule[i].name, name) == 0) {
            conf_complain(p, "Rules \"%s\" a second time; expected a new name", conf_shown(name));
            return;
        }
    }
    if (conf->rules == CONF_RULES) {
        conf_complain(p, "more than %d sets of rules; expected fewer", CONF_RULES);
        return;
    }
    memcpy(conf->rule[conf->rules].name, name, p->word[1].len + 1);
    memcpy(conf->rule[conf->rules].path, p->word[2].text, p->word[2].len + 1);
    conf->rule[conf->rules].from = conf_keep(p, p->name);
    conf->rule[conf->rules].number = p->number;
    conf->rules++;
}
