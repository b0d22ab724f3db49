/* Line, Template and Default. */
#include "belfry/conf/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ROOM_FIRST 16

_Static_assert(CONF_SLOTS >= 2 * CONF_LINES && (CONF_SLOTS & (CONF_SLOTS - 1)) == 0, "see struct conf");
_Static_assert(CONF_LINES < UINT16_MAX, "an index of lines is 16 bits");

static const struct conf_value kinds[CONF_KINDS] = {
    { "pty", CONF_PTY },
    { "serial", CONF_SERIAL },
    { "file", CONF_FILE },
    { "tcp", CONF_TCP },
    { "telnet", CONF_TELNET },
    { "tls", CONF_TLS },
    { "unix", CONF_UNIX },
    { "command", CONF_COMMAND },
};

static uint32_t
hash(const char *text, bool fold)
{
    uint32_t h = 2166136261U; /* FNV-1a: the file is the operator's own */

    for (; *text != '\0'; text++) {
        char c = fold && *text >= 'A' && *text <= 'Z' ? (char)(*text + ('a' - 'A')) : *text;

        h = (h ^ (unsigned char)c) * 16777619U;
    }
    return h;
}

/* Where a line of this name stands in the index, or the free slot it would get. */
static unsigned
name_slot(const struct conf *conf, const char *name)
{
    unsigned slot = hash(name, true) % CONF_SLOTS;

    while (conf->by_name[slot] != 0 && strcasecmp(conf->line[conf->by_name[slot] - 1].name, name) != 0) {
        slot = (slot + 1) % CONF_SLOTS;
    }
    return slot;
}

static unsigned
path_slot(const struct conf *conf, const char *path)
{
    unsigned slot = hash(path, false) % CONF_SLOTS;

    while (conf->by_path[slot] != 0 && strcmp(conf->line[conf->by_path[slot] - 1].path, path) != 0) {
        slot = (slot + 1) % CONF_SLOTS;
    }
    return slot;
}

const struct conf_line *
conf_line_find(const struct conf *conf, const char *name)
{
    unsigned i = conf->by_name[name_slot(conf, name)];

    return i != 0 ? &conf->line[i - 1] : NULL;
}

static bool
have_room(struct conf_parser *p)
{
    struct conf *c = p->conf;
    unsigned room = c->room == 0 ? ROOM_FIRST : c->room * 2;
    struct conf_line *more;

    if (c->lines == CONF_LINES) {
        conf_complain(p, "more than %d lines; expected fewer", CONF_LINES);
        return false;
    }
    if (c->lines < c->room) {
        return true;
    }
    more = reallocarray(c->line, room, sizeof *more);
    if (more == NULL) {
        conf_complain(p, "no memory for %u lines; expected more memory", room);
        return false;
    }
    c->line = more;
    c->room = room;
    return true;
}

bool
conf_add_line(struct conf_parser *p, const struct conf_line *line)
{
    struct conf *c = p->conf;
    unsigned name = name_slot(c, line->name);
    unsigned path = path_slot(c, line->path);

    if (c->by_name[name] != 0) {
        conf_complain(p, "line name \"%s\" a second time; expected a new name", line->name);
        return false;
    }
    /* A second reader of the same device would take its bytes. */
    if (c->by_path[path] != 0) {
        conf_complain(p, "\"%s\" a second time; expected a path that no other line has (%s has it)",
                conf_shown(line->path), c->line[c->by_path[path] - 1].name);
        return false;
    }
    if (!have_room(p)) {
        return false;
    }
    c->line[c->lines++] = *line;
    c->by_name[name] = (uint16_t)c->lines;
    c->by_path[path] = (uint16_t)c->lines;
    return true;
}

static const struct conf_template *
find_template(const struct conf_parser *p, const char *name)
{
    for (unsigned i = 0; i < p->templates; i++) {
        if (strcasecmp(p->template[i].name, name) == 0) {
            return &p->template[i];
        }
    }
    return NULL;
}

/* The options from word `from` to before `to`, and those of the template that like=NAME names. False when one
 * of them is wrong. */
static bool
take_options(struct conf_parser *p, const struct conf_word *word, unsigned from, unsigned to,
        struct conf_options *own, struct conf_options *under)
{
    const struct conf_template *like = NULL;

    memset(own, 0, sizeof *own);
    memset(under, 0, sizeof *under);
    for (unsigned i = from; i < to; i++) {
        const char *text = word[i].text;

        if (strncasecmp(text, "like=", 5) != 0) {
            if (!conf_option(p, text, own)) {
                return false;
            }
            continue;
        }
        if (like != NULL) {
            conf_complain(p, "like= a second time; expected one template");
            return false;
        }
        like = find_template(p, text + 5);
        if (like == NULL) {
            conf_complain(p, "like=\"%s\"; expected a Template of an earlier line", conf_shown(text + 5));
            return false;
        }
        *under = like->options;
    }
    return true;
}

static bool
name_allowed(struct conf_parser *p, const char *name, const char *what)
{
    if (!conf_is_name(name)) {
        conf_complain(p, "\"%s\"; expected a %s name of 1 to %d letters, digits, '.', '_' or '-'",
                conf_shown(name), what, CONF_NAME - 1);
        return false;
    }
    return true;
}

/* What holds without a word. */
static void
builtin(struct conf_options *o, enum conf_kind kind)
{
    if (kind == CONF_SERIAL) {
        o->baud = CONF_DEFAULT_BAUD;
        memcpy(o->frame, CONF_DEFAULT_FRAME, sizeof CONF_DEFAULT_FRAME);
    }
    if (kind == CONF_PTY) {
        o->mode = CONF_DEFAULT_MODE;
    }
}

static bool
settle_options(struct conf_parser *p, const struct conf_word *word, unsigned from, unsigned to,
        struct conf_line *line)
{
    struct conf_options under;
    struct conf_options own;
    const char *foreign;

    if (!take_options(p, word, from, to, &own, &under)) {
        return false;
    }
    foreign = conf_options_foreign(&own, line->kind);
    if (foreign != NULL) {
        conf_complain(p, "%s for a line of kind %s; expected options that are for this kind", foreign,
                kinds[line->kind].name);
        return false;
    }
    builtin(&line->options, line->kind);
    conf_options_merge(&line->options, &p->for_all, line->kind);
    conf_options_merge(&line->options, &p->for_kind[line->kind], line->kind);
    conf_options_merge(&line->options, &under, line->kind);
    conf_options_merge(&line->options, &own, line->kind);
    return true;
}

static const struct conf_value *
take_kind(struct conf_parser *p, const char *text, const char *more)
{
    const struct conf_value *kind = conf_find_value(kinds, CONF_KINDS, text);

    if (kind == NULL) {
        conf_complain(p, "\"%s\"; expected pty, serial, file, tcp, telnet, tls, unix or command%s",
                conf_shown(text), more);
    }
    return kind;
}

/* Options of a command stand before it: all behind it is its arguments. */
static unsigned
place_of(const struct conf_parser *p, const struct conf_word *word, enum conf_kind kind)
{
    unsigned place = 3;

    while (kind == CONF_COMMAND && place + 1 < p->words && word[place].text[0] != '/') {
        place++;
    }
    return place;
}

static bool
take_one(struct conf_parser *p, const struct conf_word *word)
{
    struct conf_line line = { .kind = CONF_PTY };
    const struct conf_value *kind;
    unsigned place;

    if (!name_allowed(p, word[1].text, "line")) {
        return false;
    }
    if (strcasecmp(word[1].text, CONF_NET) == 0) {
        conf_complain(
                p, "\"%s\"; expected another name, this one is the network's", conf_shown(word[1].text));
        return false;
    }
    kind = take_kind(p, word[2].text, "");
    if (kind == NULL) {
        return false;
    }
    line.kind = (enum conf_kind)kind->value;
    (void)snprintf(line.name, sizeof line.name, "%s", word[1].text);
    place = place_of(p, word, line.kind);
    if (!conf_place(p, word, place, &line)) {
        return false;
    }
    if (line.kind == CONF_COMMAND ? !settle_options(p, word, 3, place, &line)
                                  : !settle_options(p, word, 4, p->words, &line)) {
        return false;
    }
    if (line.kind == CONF_TLS && line.options.ca == NULL && line.options.pin == NULL) {
        conf_complain(p, "a tls line that would trust anybody; expected ca=FILE or pin=SHA256");
        return false;
    }
    return conf_add_line(p, &line);
}

void
conf_take_line(struct conf_parser *p, unsigned once)
{
    struct conf_word word[CONF_WORDS_MAX];
    unsigned count;

    (void)once;
    if (!conf_range(p->word[1].text, &count)) {
        conf_complain(p, "\"%s\"; expected one range as [01-48] in a name, of at most %d numbers",
                conf_shown(p->word[1].text), CONF_LINES);
        return;
    }
    if (count == 0) {
        (void)take_one(p, p->word);
        return;
    }
    for (unsigned at = 0; at < count; at++) {
        for (unsigned i = 0; i < p->words; i++) {
            if (!conf_range_at(&p->word[i], count, at, &word[i])) {
                conf_complain(p, "\"%s\"; expected a range of %u numbers, as the name has",
                        conf_shown(p->word[i].text), count);
                return;
            }
        }
        if (!take_one(p, word)) {
            return;
        }
    }
}

void
conf_take_template(struct conf_parser *p, unsigned once)
{
    struct conf_template *t = &p->template[p->templates];
    struct conf_options under;
    struct conf_options own;

    (void)once;
    if (!name_allowed(p, p->word[1].text, "template") ||
            !take_options(p, p->word, 2, p->words, &own, &under)) {
        return;
    }
    if (find_template(p, p->word[1].text) != NULL) {
        conf_complain(p, "template \"%s\" a second time; expected a new name", p->word[1].text);
        return;
    }
    if (p->templates == CONF_TEMPLATES_MAX) {
        conf_complain(p, "more than %d templates; expected fewer", CONF_TEMPLATES_MAX);
        return;
    }
    memcpy(t->name, p->word[1].text, p->word[1].len + 1);
    t->options = under;
    conf_options_overlay(&t->options, &own);
    p->templates++;
}

void
conf_take_default(struct conf_parser *p, unsigned once)
{
    struct conf_options own;
    struct conf_options under;
    const struct conf_value *kind;
    const char *foreign;

    (void)once;
    if (strcasecmp(p->word[1].text, "all") == 0) {
        if (take_options(p, p->word, 2, p->words, &own, &under)) {
            conf_options_overlay(&p->for_all, &under);
            conf_options_overlay(&p->for_all, &own);
        }
        return;
    }
    kind = take_kind(p, p->word[1].text, ", or all");
    if (kind == NULL || !take_options(p, p->word, 2, p->words, &own, &under)) {
        return;
    }
    foreign = conf_options_foreign(&own, (enum conf_kind)kind->value);
    if (foreign != NULL) {
        conf_complain(
                p, "%s for lines of kind %s; expected options that are for this kind", foreign, kind->name);
        return;
    }
    conf_options_overlay(&p->for_kind[kind->value], &under);
    conf_options_overlay(&p->for_kind[kind->value], &own);
}
