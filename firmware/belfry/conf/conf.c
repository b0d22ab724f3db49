#include "belfry/conf/parse.h"

#include "belfry/text.h"
#include "wire/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

struct conf_text {
    struct conf_text *next;
    _Alignas(max_align_t) char text[];
};

void
conf_complain(struct conf_parser *p, const char *format, ...)
{
    char place[140];
    char found[240];
    va_list args;

    p->errors->count++;
    if (p->errors->count > CONF_ERRORS_MAX) {
        return;
    }
    wire_escape(place, sizeof place, p->name, strlen(p->name), WIRE_ESCAPE_TEXT);
    va_start(args, format);
    (void)vsnprintf(found, sizeof found, format, args);
    va_end(args);
    (void)snprintf(
            p->errors->text[p->errors->count - 1], CONF_ERROR_TEXT, "%s:%u: %s", place, p->number, found);
}

const char *
conf_shown(const char *text)
{
    static char shown[64];

    wire_escape(shown, sizeof shown, text, strlen(text), WIRE_ESCAPE_TEXT);
    return shown;
}

void *
conf_keep_room(struct conf_parser *p, size_t size)
{
    struct conf_text *t = malloc(sizeof *t + size);

    if (t == NULL) {
        conf_complain(p, "no memory; expected more");
        return NULL;
    }
    t->next = p->conf->texts;
    p->conf->texts = t;
    return t->text;
}

const char *
conf_keep(struct conf_parser *p, const char *text)
{
    size_t size = strlen(text) + 1;
    char *kept = conf_keep_room(p, size);

    return kept != NULL ? memcpy(kept, text, size) : NULL;
}

static void
word_add(struct conf_word *w, char c)
{
    if (w->len >= sizeof w->text - 1) {
        w->too_long = true;
        return;
    }
    w->text[w->len++] = c;
}

/* A word from `at`: up to a blank, or between double quotes. Returns where it ends; NULL when a quote stays
 * open. */
static const char *
take_word(const char *at, const char *end, struct conf_word *w)
{
    bool quoted = *at == '"';

    w->len = 0;
    w->too_long = false;
    if (quoted) {
        at++;
    }
    while (at < end) {
        if (quoted ? *at == '"' : (*at == ' ' || *at == '\t')) {
            break;
        }
        word_add(w, *at++);
    }
    if (quoted) {
        if (at == end) {
            return NULL;
        }
        at++;
    }
    w->text[w->len] = '\0';
    return at;
}

static bool
word_sound(struct conf_parser *p, const struct conf_word *w)
{
    if (w->too_long) {
        conf_complain(p, "a word of more than %d bytes; expected a shorter one", CONF_PATH - 1);
        return false;
    }
    for (size_t i = 0; i < w->len; i++) {
        unsigned char c = (unsigned char)w->text[i];

        if (c < 0x20 || c == 0x7F) {
            conf_complain(p, "byte 0x%02X in a word; expected printable text", c);
            return false;
        }
        if (c == '"') {
            conf_complain(p, "a quote inside a word; expected quotes around the whole word");
            return false;
        }
    }
    return true;
}

/* Splits one line into words. False when it has an error, which is told. */
static bool
split(struct conf_parser *p, const char *at, const char *end)
{
    p->words = 0;
    for (;;) {
        while (at < end && (*at == ' ' || *at == '\t')) {
            at++;
        }
        if (at == end || *at == '#') {
            return true;
        }
#ifndef PLANT_BELFRY_CONF
        if (p->words == CONF_WORDS_MAX) {
            conf_complain(p, "more than %d words; expected KEYWORD and its arguments", CONF_WORDS_MAX);
            return false;
        }
#endif
        at = take_word(at, end, &p->word[p->words]);
        if (at == NULL) {
            conf_complain(p, "a quote that stays open; expected \" before the end of the line");
            return false;
        }
        if (!word_sound(p, &p->word[p->words])) {
            return false;
        }
        p->words++;
        if (at < end && *at != ' ' && *at != '\t') {
            conf_complain(p, "text right behind a closing quote; expected a blank");
            return false;
        }
    }
}

bool
conf_first_time(struct conf_parser *p, unsigned once)
{
    if (p->conf->seen[once] != 0) {
        conf_complain(p, "\"%s\" a second time; expected it once (it stands in line %u)",
                conf_shown(p->word[0].text), p->conf->seen[once]);
        return false;
    }
    p->conf->seen[once] = p->number;
    return true;
}

bool
conf_absolute(struct conf_parser *p, const char *text, const char *what)
{
    if (text[0] != '/' || text[1] == '\0') {
        conf_complain(p, "\"%s\"; expected %s, an absolute path", conf_shown(text), what);
        return false;
    }
    return true;
}

bool
conf_is_name(const char *text)
{
    static const char sure[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    static const char more[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(text);

    return len >= 1 && len < CONF_NAME && strspn(text, sure) >= 1 && strspn(text, more) == len;
}

static const struct conf_keyword keywords[] = {
    { "StateDir", 1, 1, "StateDir DIRECTORY", conf_take_state_dir },
    { "Line", 3, CONF_WORDS_MAX, "Line NAME KIND PLACE [OPTION...]", conf_take_line },
    { "Template", 2, CONF_WORDS_MAX, "Template NAME OPTION...", conf_take_template },
    { "Default", 2, CONF_WORDS_MAX, "Default KIND|all OPTION...", conf_take_default },
    { "Rules", 2, 2, "Rules NAME FILE", conf_take_rules },
    { "Listen", 1, 1, "Listen ADDRESS[:PORT]", conf_take_listen },
    { "Operator", 1, 1 + CONF_OPERATOR_PATTERNS, "Operator USER|@GROUP [LINE-PATTERN...]",
            conf_take_operator },
    { "Readers", 1, 1, "Readers GROUP", conf_take_readers },
    { "DiskFloor", 1, 1, "DiskFloor SIZE|no|auto", conf_take_disk_floor },
    { "LedgerKeep", 1, 1, "LedgerKeep TIME|all", conf_take_ledger_keep },
    { "Page", 1, 1, "Page ADDRESS[:PORT] or unix:PATH", conf_take_page },
    { "OnAlarm", 1, 1, "OnAlarm PROGRAM", conf_take_on_alarm },
    { "Hub", 1, CONF_WORDS_MAX, "Hub URL[,URL...] [OPTION...]", conf_take_hub },
    { "Syslog", 1, 1, "Syslog yes|no|FACILITY", conf_take_syslog },
    { "Notify", 3, CONF_WORDS_MAX, "Notify NAME KIND PLACE [OPTION...]", conf_take_notify },
};

#define KEYWORDS (sizeof keywords / sizeof keywords[0])

_Static_assert(KEYWORDS <= CONF_KEYWORDS_MAX, "one place in conf.seen a keyword");

unsigned
conf_keyword_line(const struct conf *conf, const char *keyword)
{
    for (size_t i = 0; i < KEYWORDS; i++) {
        if (strcmp(keywords[i].name, keyword) == 0) {
            return conf->seen[i];
        }
    }
    return 0;
}

static void
complain_of_keyword(struct conf_parser *p)
{
    char names[200];
    size_t n = 0;

    for (size_t i = 0; i < KEYWORDS && n < sizeof names; i++) {
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i == 0 ? "" : ", ", keywords[i].name);
    }
    conf_complain(p, "\"%s\"; expected a keyword: %s", conf_shown(p->word[0].text), names);
}

static void
obey(struct conf_parser *p)
{
    for (unsigned i = 0; i < KEYWORDS; i++) {
        const struct conf_keyword *k = &keywords[i];

        if (strcasecmp(p->word[0].text, k->name) != 0) {
            continue;
        }
        if (p->words - 1 < k->least || p->words - 1 > k->most) {
            conf_complain(p, "%u arguments; expected %s", p->words - 1, k->expected);
            return;
        }
        k->take(p, i);
        return;
    }
    complain_of_keyword(p);
}

void
conf_defaults(struct conf *conf)
{
    memset(conf, 0, sizeof *conf);
    (void)snprintf(conf->state_dir, sizeof conf->state_dir, "%s", CONF_DEFAULT_STATE);
    conf->disk_floor = CONF_FLOOR_AUTO;
    conf->syslog = true;
    conf->facility = LOG_DAEMON;
}

static void
swap_bytes(void *a, void *b, size_t len)
{
    unsigned char *x = a;
    unsigned char *y = b;

    for (size_t i = 0; i < len; i++) {
        unsigned char kept = x[i];

        x[i] = y[i];
        y[i] = kept;
    }
}

void
conf_swap_lines(struct conf *a, struct conf *b)
{
    swap_bytes(&a->lines, &b->lines, sizeof a->lines);
    swap_bytes(&a->room, &b->room, sizeof a->room);
    swap_bytes(&a->line, &b->line, sizeof(void *));
    swap_bytes(&a->texts, &b->texts, sizeof(void *));
    swap_bytes(a->by_name, b->by_name, sizeof a->by_name);
    swap_bytes(a->by_path, b->by_path, sizeof a->by_path);
}

void
conf_swap_notifiers(struct conf *a, struct conf *b)
{
    swap_bytes(a->on_alarm, b->on_alarm, sizeof a->on_alarm);
    swap_bytes(&a->syslog, &b->syslog, sizeof a->syslog);
    swap_bytes(&a->facility, &b->facility, sizeof a->facility);
    swap_bytes(&a->notifiers, &b->notifiers, sizeof a->notifiers);
    swap_bytes(&a->notify, &b->notify, sizeof(void *));
}

void
conf_free(struct conf *conf)
{
    while (conf->texts != NULL) {
        struct conf_text *next = conf->texts->next;

        free(conf->texts);
        conf->texts = next;
    }
    free(conf->line);
    free(conf->notify);
    conf->line = NULL;
    conf->notify = NULL;
    conf->notifiers = 0;
    conf->lines = 0;
    conf->room = 0;
}

static void
parse_lines(struct conf_parser *p, const char *at, const char *end)
{
    while (at < end) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));

        p->number++;
        if (split(p, at, nl != NULL ? nl : end) && p->words > 0) {
            obey(p);
        }
        at = nl != NULL ? nl + 1 : end;
    }
}

static unsigned
cannot_read(struct conf_errors *errors, const char *path, const char *why)
{
    char name[160];

    wire_escape(name, sizeof name, path, strlen(path), WIRE_ESCAPE_TEXT);
    (void)snprintf(errors->text[0], CONF_ERROR_TEXT, "%s: %s", name, why);
    errors->count = 1;
    return 1;
}

unsigned
conf_parse(struct conf *conf, const char *name, const char *src, size_t len, struct conf_errors *errors)
{
    struct conf_parser *p = calloc(1, sizeof *p);

    if (p == NULL) {
        return cannot_read(errors, name, strerror(ENOMEM));
    }
    p->conf = conf;
    p->errors = errors;
    p->name = name;
    parse_lines(p, src, src + len);
    free(p);
    return errors->count;
}

/* Bytes read, or -errno; at most `size`. */
static ssize_t
read_whole(int fd, char *to, size_t size)
{
    size_t have = 0;

    while (have < size) {
        ssize_t n = read(fd, to + have, size - have);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            break;
        }
        have += (size_t)n;
    }
    return (ssize_t)have;
}

static unsigned
load_from(struct conf *conf, const char *path, int fd, struct conf_errors *errors)
{
    struct stat st;
    char *text;
    ssize_t n;
    unsigned count;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return cannot_read(errors, path, "expected a regular file");
    }
    text = malloc(CONF_TEXT_MAX + 1);
    if (text == NULL) {
        return cannot_read(errors, path, strerror(ENOMEM));
    }
    n = read_whole(fd, text, CONF_TEXT_MAX + 1);
    if (n < 0) {
        count = cannot_read(errors, path, strerror((int)-n));
    } else if (n > CONF_TEXT_MAX) {
        count = cannot_read(errors, path, "longer than 1048576 bytes; expected less");
    } else {
        count = conf_parse(conf, path, text, (size_t)n, errors);
    }
    free(text);
    return count;
}

unsigned
conf_load(struct conf *conf, const char *path, struct conf_errors *errors)
{
    /* O_NONBLOCK: a FIFO in the file's place must not hold us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    unsigned count;

    if (fd < 0) {
        return cannot_read(errors, path, strerror(errno));
    }
    count = load_from(conf, path, fd, errors);
    (void)close(fd);
    return count;
}

void
conf_print_errors(const struct conf_errors *errors)
{
    for (unsigned i = 0; i < errors->count && i < CONF_ERRORS_MAX; i++) {
        (void)fprintf(stderr, "belfry: %s\n", errors->text[i]);
    }
    if (errors->count > CONF_ERRORS_MAX) {
        (void)fprintf(stderr, "belfry: ... and %u error%s more\n", errors->count - CONF_ERRORS_MAX,
                text_s(errors->count - CONF_ERRORS_MAX));
    }
}
