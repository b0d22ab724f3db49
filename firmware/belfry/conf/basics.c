#include "belfry/conf/parse.h"
#include "belfry/notify/facility.h"

#include <string.h>
#include <strings.h>

void
conf_take_state_dir(struct conf_parser *p, unsigned once)
{
    const struct conf_word *w = &p->word[1];

    if (conf_first_time(p, once) && conf_absolute(p, w->text, "a directory")) {
        memcpy(p->conf->state_dir, w->text, w->len + 1);
    }
}

void
conf_take_on_alarm(struct conf_parser *p, unsigned once)
{
    const struct conf_word *w = &p->word[1];

    if (conf_first_time(p, once) && conf_absolute(p, w->text, "a program")) {
        memcpy(p->conf->on_alarm, w->text, w->len + 1);
    }
}

void
conf_take_syslog(struct conf_parser *p, unsigned once)
{
    const char *text = p->word[1].text;
    int facility;

    if (!conf_first_time(p, once)) {
        return;
    }
    if (strcasecmp(text, "no") == 0 || strcasecmp(text, "yes") == 0) {
        p->conf->syslog = strcasecmp(text, "yes") == 0;
        return;
    }
    facility = facility_of(text);
    if (facility < 0) {
        conf_complain(p,
                "\"%s\"; expected yes, no or a facility (daemon, auth, authpriv, user, local0 to local7)",
                conf_shown(text));
        return;
    }
    p->conf->syslog = true;
    p->conf->facility = facility;
}
