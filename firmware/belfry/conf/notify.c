#include "belfry/conf/parse.h"
#include "belfry/notify/kinds.h"

#include "wire/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char hook[] = "hook";
static const char log_name[] = "syslog";

/* ---- options that every kind has */

static bool
take_severity(struct conf_parser *p, struct conf_notify *n, const char *value)
{
    for (unsigned i = 0; i < WIRE_SEVERITIES; i++) {
        if (strcasecmp(value, wire_severity_name((enum wire_severity)i)) == 0) {
            n->at_least = i;
            return true;
        }
    }
    conf_complain(
            p, "\"%s\"; expected a severity: emrg, alrt, crit, erro, warn, note or info", conf_shown(value));
    return false;
}

static bool
take_patterns(struct conf_parser *p, char out[CONF_PATTERN], const char *value)
{
    if (value[0] == '\0' || strlen(value) >= CONF_PATTERN) {
        conf_complain(p, "\"%s\"; expected patterns as rack1-*,lab, at most %d bytes", conf_shown(value),
                CONF_PATTERN - 1);
        return false;
    }
    memcpy(out, value, strlen(value) + 1);
    return true;
}

/* 1 when it is one of them, 0 when it is not, -1 when it is wrong, which is told. */
static int
take_common(struct conf_parser *p, struct conf_notify *n, const char *text)
{
    if (strncasecmp(text, "at-least=", 9) == 0) {
        return take_severity(p, n, text + 9) ? 1 : -1;
    }
    if (strncasecmp(text, "lines=", 6) == 0) {
        return take_patterns(p, n->lines, text + 6) ? 1 : -1;
    }
    if (strncasecmp(text, "hosts=", 6) == 0) {
        return take_patterns(p, n->hosts, text + 6) ? 1 : -1;
    }
    return 0;
}

/* ---- options of its kind */

static const struct notify_option *
option_of(const struct notify_kind_row *kind, const char *text, size_t len)
{
    for (const struct notify_option *o = kind->option; o->name != NULL; o++) {
        if (strlen(o->name) == len && strncasecmp(o->name, text, len) == 0) {
            return o;
        }
    }
    return NULL;
}

/* Kept with the name as the kind spells it. */
static bool
keep_option(struct conf_parser *p, struct conf_notify *n, const char *name, const char *value)
{
    size_t used = 0;
    size_t left;
    int len;

    for (unsigned i = 0; i < n->options; i++) {
        used += strlen(n->text + used) + 1;
    }
    left = sizeof n->text - used;
    len = snprintf(
            n->text + used, left, "%s%s%s", name, value != NULL ? "=" : "", value != NULL ? value : "");
    if (n->options == CONF_NOTIFY_OPTIONS || len < 0 || (size_t)len >= left) {
        conf_complain(p, "\"%s\"; expected at most %d options, and at most %d bytes in all", conf_shown(name),
                CONF_NOTIFY_OPTIONS, CONF_NOTIFY_TEXT - 1);
        return false;
    }
    n->options++;
    return true;
}

static bool
take_option(
        struct conf_parser *p, const struct notify_kind_row *kind, struct conf_notify *n, const char *text)
{
    size_t len = strcspn(text, "=");
    const struct notify_option *o = option_of(kind, text, len);
    const char *value = text[len] == '=' ? text + len + 1 : NULL;
    int common = take_common(p, n, text);

    if (common != 0) {
        return common > 0;
    }
    if (o == NULL) {
        conf_complain(p,
                "\"%s\"; expected an option of the kind %s, or at-least=, lines= or hosts=", conf_shown(text),
                kind->name);
        return false;
    }
    if (o->word != (value == NULL) || (value != NULL && !o->valid(value))) {
        conf_complain(p, "\"%s\"; expected %s%s%s", conf_shown(text), o->name, o->word ? "" : "=",
                o->word ? " by itself" : o->expected);
        return false;
    }
    if (o->encrypted && !kind->encrypted(n->place)) {
        conf_complain(p, "%s= and \"%s\"; expected a place that is talked to through TLS", o->name,
                conf_shown(n->place));
        return false;
    }
    return keep_option(p, n, o->name, value);
}

static bool
has_what_it_needs(struct conf_parser *p, const struct notify_kind_row *kind, const struct conf_notify *n)
{
    for (const struct notify_option *o = kind->option; o->name != NULL; o++) {
        const char *at = n->text;
        size_t len = strlen(o->name);
        unsigned i = 0;

        while (i < n->options && (strncmp(at, o->name, len) != 0 || at[len] != '=')) {
            at += strlen(at) + 1;
            i++;
        }
        if (o->needed && i == n->options) {
            conf_complain(p, "no %s=; expected %s=%s", o->name, o->name, o->expected);
            return false;
        }
    }
    return true;
}

/* ---- the line */

static bool
name_is_new(struct conf_parser *p, const char *name)
{
    if (!conf_is_name(name) || strcasecmp(name, hook) == 0 || strcasecmp(name, log_name) == 0) {
        conf_complain(p,
                "\"%s\"; expected a name of 1 to %d letters, digits, '.', '_' or '-' (%s and %s are those of "
                "OnAlarm and Syslog)",
                conf_shown(name), CONF_NAME - 1, hook, log_name);
        return false;
    }
    for (unsigned i = 0; i < p->conf->notifiers; i++) {
        if (strcasecmp(p->conf->notify[i].name, name) == 0) {
            conf_complain(p, "notifier \"%s\" a second time; expected a new name", name);
            return false;
        }
    }
    return true;
}

static void
add(struct conf_parser *p, const struct conf_notify *n)
{
    struct conf *conf = p->conf;
    struct conf_notify *more;

    if (conf->notifiers == CONF_NOTIFIERS) {
        conf_complain(p, "more than %d notifiers; expected fewer", CONF_NOTIFIERS);
        return;
    }
    more = realloc(conf->notify, (conf->notifiers + 1) * sizeof *more);
    if (more == NULL) {
        conf_complain(p, "no memory for a notifier");
        return;
    }
    conf->notify = more;
    conf->notify[conf->notifiers++] = *n;
}

void
conf_take_notify(struct conf_parser *p, unsigned once)
{
    const struct notify_kind_row *kind = notify_kind_find(p->word[2].text);
    const char *place = p->word[3].text;
    struct conf_notify n = { .at_least = WIRE_SEVERITIES };

    (void)once;
    if (!name_is_new(p, p->word[1].text)) {
        return;
    }
    if (kind == NULL) {
        conf_complain(p, "\"%s\"; expected a kind of notifier: %s", conf_shown(p->word[2].text),
                notify_kind_names());
        return;
    }
    if (!kind->valid(place)) {
        conf_complain(p, "\"%s\"; expected %s", conf_shown(place), kind->places);
        return;
    }
    (void)snprintf(n.name, sizeof n.name, "%s", p->word[1].text);
    (void)snprintf(n.kind, sizeof n.kind, "%s", kind->name);
    (void)snprintf(n.place, sizeof n.place, "%s", place);
    for (unsigned i = 4; i < p->words; i++) {
        if (!take_option(p, kind, &n, p->word[i].text)) {
            return;
        }
    }
    if (has_what_it_needs(p, kind, &n)) {
        add(p, &n);
    }
}

void
conf_take_hub(struct conf_parser *p, unsigned once)
{
    const char *place = p->word[1].text;
    struct conf_notify n = { .at_least = WIRE_SEVERITIES };

    if (!conf_first_time(p, once)) {
        return;
    }
    if (!notify_hub_row.valid(place)) {
        conf_complain(p, "\"%s\"; expected %s", conf_shown(place), notify_hub_row.places);
        return;
    }
    (void)snprintf(n.name, sizeof n.name, "hub");
    (void)snprintf(n.kind, sizeof n.kind, "%s", notify_hub_row.name);
    (void)snprintf(n.place, sizeof n.place, "%s", place);
    for (unsigned i = 2; i < p->words; i++) {
        if (!take_option(p, &notify_hub_row, &n, p->word[i].text)) {
            return;
        }
    }
    p->conf->hub = n;
}

bool
conf_notify_same(const struct conf_notify *a, const struct conf_notify *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->kind, b->kind) == 0 &&
           strcmp(a->place, b->place) == 0 && a->at_least == b->at_least && strcmp(a->lines, b->lines) == 0 &&
           strcmp(a->hosts, b->hosts) == 0 && a->options == b->options &&
           memcmp(a->text, b->text, sizeof a->text) == 0;
}
