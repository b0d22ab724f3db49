#include "belfry/conf/parse.h"

#include <string.h>

static bool
take_pattern(struct conf_parser *p, const struct conf_word *w, struct conf_operator *o)
{
    if (w->len == 0 || w->len >= sizeof o->pattern[0]) {
        conf_complain(p, "\"%s\"; expected a line's name or a pattern of at most %d bytes",
                conf_shown(w->text), CONF_NAME - 1);
        return false;
    }
    memcpy(o->pattern[o->patterns++], w->text, w->len + 1);
    return true;
}

void
conf_take_operator(struct conf_parser *p, unsigned once)
{
    const struct conf_word *w = &p->word[1];
    bool group = w->text[0] == '@';
    struct conf_operator o = { .group = group };

    (void)once;
    if (w->len == group || w->len - group >= sizeof o.name) {
        conf_complain(p, "\"%s\"; expected a user, or a group behind @", conf_shown(w->text));
        return;
    }
    if (p->words - 2 > CONF_OPERATOR_PATTERNS) {
        conf_complain(p, "%u patterns; expected at most %d", p->words - 2, CONF_OPERATOR_PATTERNS);
        return;
    }
    if (p->conf->operators == CONF_OPERATORS) {
        conf_complain(p, "more than %d Operator lines; expected fewer", CONF_OPERATORS);
        return;
    }
    memcpy(o.name, w->text + group, w->len + 1 - group);
    for (unsigned i = 2; i < p->words; i++) {
        if (!take_pattern(p, &p->word[i], &o)) {
            return;
        }
    }
    p->conf->operator[p->conf->operators++] = o;
}
