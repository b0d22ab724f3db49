#include "belfry/conf.h"

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

#define WORDS_MAX 6

struct word {
    char text[CONF_PATH];
    size_t len;
    bool too_long;
};

struct parser {
    struct conf *conf;
    struct conf_errors *errors;
    const char *name;
    const char *at;
    const char *end;
    unsigned number; /* of the line, from 1 */
    unsigned words;
    struct word word[WORDS_MAX];
    unsigned seen[4]; /* line of a keyword that may stand once, 0 when it did not */
};

struct keyword {
    const char *name;
    unsigned least; /* arguments */
    unsigned most;
    const char *expected;
    void (*take)(struct parser *p, unsigned once);
};

struct name_value {
    const char *name;
    int value;
};

static const struct name_value facilities[] = {
    { "auth", LOG_AUTH },
    { "authpriv", LOG_AUTHPRIV },
    { "daemon", LOG_DAEMON },
    { "user", LOG_USER },
    { "local0", LOG_LOCAL0 },
    { "local1", LOG_LOCAL1 },
    { "local2", LOG_LOCAL2 },
    { "local3", LOG_LOCAL3 },
    { "local4", LOG_LOCAL4 },
    { "local5", LOG_LOCAL5 },
    { "local6", LOG_LOCAL6 },
    { "local7", LOG_LOCAL7 },
};

static const uint32_t bauds[] = { 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400,
    460800, 921600 };

static const char *const kinds[CONF_KINDS] = {
    [CONF_PTY] = "pty",
    [CONF_SERIAL] = "serial",
    [CONF_FILE] = "file",
};

__attribute__((format(printf, 2, 3))) static void
complain(struct parser *p, const char *format, ...)
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

/* What was found, made fit to print. One buffer a call site is enough: it is used at once. */
static const char *
shown(const struct word *w)
{
    static char text[64];

    wire_escape(text, sizeof text, w->text, w->len, WIRE_ESCAPE_TEXT);
    return text;
}

static void
word_add(struct word *w, char c)
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
take_word(const char *at, const char *end, struct word *w)
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
word_sound(struct parser *p, const struct word *w)
{
    if (w->too_long) {
        complain(p, "a word of more than %d bytes; expected a shorter one", CONF_PATH - 1);
        return false;
    }
    for (size_t i = 0; i < w->len; i++) {
        unsigned char c = (unsigned char)w->text[i];

        if (c < 0x20 || c == 0x7F) {
            complain(p, "byte 0x%02X in a word; expected printable text", c);
            return false;
        }
        if (c == '"') {
            complain(p, "a quote inside a word; expected quotes around the whole word");
            return false;
        }
    }
    return true;
}

/* Splits one line into words. False when it has an error, which is told. */
static bool
split(struct parser *p, const char *at, const char *end)
{
    p->words = 0;
    for (;;) {
        while (at < end && (*at == ' ' || *at == '\t')) {
            at++;
        }
        if (at == end || *at == '#') {
            return true;
        }
#ifdef PLANT_BELFRY_CONF
        if (p->words > WORDS_MAX) {
#else
        if (p->words == WORDS_MAX) {
#endif
            complain(p, "more than %d words; expected KEYWORD and its arguments", WORDS_MAX);
            return false;
        }
        at = take_word(at, end, &p->word[p->words]);
        if (at == NULL) {
            complain(p, "a quote that stays open; expected \" before the end of the line");
            return false;
        }
        if (!word_sound(p, &p->word[p->words])) {
            return false;
        }
        p->words++;
        if (at < end && *at != ' ' && *at != '\t') {
            complain(p, "text right behind a closing quote; expected a blank");
            return false;
        }
    }
}

static bool
first_time(struct parser *p, unsigned once)
{
    if (p->seen[once] != 0) {
        complain(p, "\"%s\" a second time; expected it once (it stands in line %u)", shown(&p->word[0]),
                p->seen[once]);
        return false;
    }
    p->seen[once] = p->number;
    return true;
}

static bool
absolute(struct parser *p, const struct word *w, const char *what)
{
    if (w->len < 2 || w->text[0] != '/') {
        complain(p, "\"%s\"; expected %s, an absolute path", shown(w), what);
        return false;
    }
    return true;
}

static void
take_state_dir(struct parser *p, unsigned once)
{
    const struct word *w = &p->word[1];

    if (first_time(p, once) && absolute(p, w, "a directory")) {
        memcpy(p->conf->state_dir, w->text, w->len + 1);
    }
}

static void
take_on_alarm(struct parser *p, unsigned once)
{
    const struct word *w = &p->word[1];

    if (first_time(p, once) && absolute(p, w, "a program")) {
        memcpy(p->conf->on_alarm, w->text, w->len + 1);
    }
}

static void
take_syslog(struct parser *p, unsigned once)
{
    const struct word *w = &p->word[1];

    if (!first_time(p, once)) {
        return;
    }
    if (strcasecmp(w->text, "no") == 0 || strcasecmp(w->text, "yes") == 0) {
        p->conf->syslog = strcasecmp(w->text, "yes") == 0;
        return;
    }
    for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++) {
        if (strcasecmp(w->text, facilities[i].name) == 0) {
            p->conf->syslog = true;
            p->conf->facility = facilities[i].value;
            return;
        }
    }
    complain(p, "\"%s\"; expected yes, no or a facility (daemon, auth, authpriv, user, local0 to local7)",
            shown(w));
}

static bool
name_valid(const struct word *w)
{
    static const char sure[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    static const char more[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    return w->len >= 1 && w->len < CONF_NAME && strspn(w->text, sure) >= 1 && strspn(w->text, more) == w->len;
}

static bool
take_baud(struct parser *p, struct conf_line *line)
{
    char *end = NULL;
    unsigned long n;

    line->baud = CONF_DEFAULT_BAUD;
    if (p->words < 5) {
        return true;
    }
    n = strtoul(p->word[4].text, &end, 10);
    for (size_t i = 0; i < sizeof bauds / sizeof bauds[0]; i++) {
        if (*end == '\0' && n == bauds[i]) {
            line->baud = bauds[i];
            return true;
        }
    }
    complain(p, "\"%s\"; expected a speed: 300, 600, 1200, ... 9600, ... 115200, 230400, 460800, 921600",
            shown(&p->word[4]));
    return false;
}

static bool
take_mode(struct parser *p, struct conf_line *line)
{
    static const struct name_value modes[] = { { "0600", 0600 }, { "0620", 0620 }, { "0660", 0660 } };

    line->mode = CONF_DEFAULT_MODE;
    if (p->words < 5) {
        return true;
    }
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(p->word[4].text, modes[i].name) == 0) {
            line->mode = (uint32_t)modes[i].value;
            return true;
        }
    }
    complain(p, "\"%s\"; expected a mode: 0600, 0620 or 0660", shown(&p->word[4]));
    return false;
}

/* A second reader of the same device would take its bytes; a second transcript of one name would mix. */
static bool
line_is_new(struct parser *p, const struct conf_line *line)
{
    for (unsigned i = 0; i < p->conf->lines; i++) {
        if (strcasecmp(p->conf->line[i].name, line->name) == 0) {
            complain(p, "line name \"%s\" a second time; expected a new name", line->name);
            return false;
        }
        if (strcmp(p->conf->line[i].path, line->path) == 0) {
            complain(p, "\"%s\" a second time; expected a path that no other line has (%s has it)",
                    shown(&p->word[3]), p->conf->line[i].name);
            return false;
        }
    }
    return true;
}

static int
kind_of(const struct word *w)
{
    for (int kind = 0; kind < CONF_KINDS; kind++) {
        if (strcasecmp(w->text, kinds[kind]) == 0) {
            return kind;
        }
    }
    return -1;
}

static void
take_line(struct parser *p, unsigned once)
{
    struct conf_line line = { .kind = CONF_PTY };
    int kind = kind_of(&p->word[2]);

    (void)once;
    if (!name_valid(&p->word[1])) {
        complain(p, "\"%s\"; expected a line name of 1 to %d letters, digits, '.', '_' or '-'",
                shown(&p->word[1]), CONF_NAME - 1);
        return;
    }
    if (kind < 0) {
        complain(p, "\"%s\"; expected pty, serial or file", shown(&p->word[2]));
        return;
    }
    if (!absolute(p, &p->word[3], kind == CONF_PTY ? "a symbolic link to make" : "a device or file")) {
        return;
    }
    line.kind = (enum conf_kind)kind;
    memcpy(line.name, p->word[1].text, p->word[1].len + 1);
    memcpy(line.path, p->word[3].text, p->word[3].len + 1);
    if (kind == CONF_FILE && p->words > 4) {
        complain(p, "\"%s\"; expected nothing behind the path of a file", shown(&p->word[4]));
        return;
    }
    if ((kind == CONF_SERIAL && !take_baud(p, &line)) || (kind == CONF_PTY && !take_mode(p, &line)) ||
            !line_is_new(p, &line)) {
        return;
    }
    if (p->conf->lines == CONF_LINES) {
        complain(p, "more than %d lines; expected fewer", CONF_LINES);
        return;
    }
    p->conf->line[p->conf->lines++] = line;
}

static const struct keyword keywords[] = {
    { "StateDir", 1, 1, "StateDir DIRECTORY", take_state_dir },
    { "OnAlarm", 1, 1, "OnAlarm PROGRAM", take_on_alarm },
    { "Syslog", 1, 1, "Syslog yes|no|FACILITY", take_syslog },
    { "Line", 3, 4, "Line NAME pty LINK [MODE] | serial DEVICE [BAUD] | file PATH", take_line },
};

static void
obey(struct parser *p)
{
    for (unsigned i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        const struct keyword *k = &keywords[i];

        if (strcasecmp(p->word[0].text, k->name) != 0) {
            continue;
        }
        if (p->words - 1 < k->least || p->words - 1 > k->most) {
            complain(p, "%u arguments; expected %s", p->words - 1, k->expected);
            return;
        }
        k->take(p, i);
        return;
    }
    complain(p, "\"%s\"; expected a keyword: StateDir, Line, OnAlarm or Syslog", shown(&p->word[0]));
}

void
conf_defaults(struct conf *conf)
{
    memset(conf, 0, sizeof *conf);
    (void)snprintf(conf->state_dir, sizeof conf->state_dir, "%s", CONF_DEFAULT_STATE);
    conf->syslog = true;
    conf->facility = LOG_DAEMON;
}

unsigned
conf_parse(struct conf *conf, const char *name, const char *src, size_t len, struct conf_errors *errors)
{
    struct parser p = { .conf = conf, .errors = errors, .name = name, .at = src, .end = src + len };

    while (p.at < p.end) {
        const char *nl = memchr(p.at, '\n', (size_t)(p.end - p.at));
        const char *stop = nl != NULL ? nl : p.end;

        p.number++;
        if (split(&p, p.at, stop) && p.words > 0) {
            obey(&p);
        }
        p.at = nl != NULL ? nl + 1 : p.end;
    }
    return errors->count;
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

unsigned
conf_load(struct conf *conf, const char *path, struct conf_errors *errors)
{
    static char text[CONF_TEXT_MAX + 1];
    struct stat st;
    ssize_t n;
    /* O_NONBLOCK: a FIFO in the file's place must not hold us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        return cannot_read(errors, path, strerror(errno));
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return cannot_read(errors, path, "expected a regular file");
    }
    n = read_whole(fd, text, sizeof text);
    (void)close(fd);
    if (n < 0) {
        return cannot_read(errors, path, strerror((int)-n));
    }
    if (n > CONF_TEXT_MAX) {
        return cannot_read(errors, path, "longer than 262144 bytes; expected less");
    }
    return conf_parse(conf, path, text, (size_t)n, errors);
}
