#include "belfry/notice/notice.h"
#include "wire/escape.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORDS_TEXT "NAME SEVERITY PATTERN"

struct cursor {
    const char *at;
    const char *end;
};

static void
skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t')) {
        c->at++;
    }
}

/* A word and its length; length 0 at the end. */
static const char *
take_word(struct cursor *c, size_t *len)
{
    const char *begin;

    skip_blanks(c);
    begin = c->at;
    while (c->at < c->end && *c->at != ' ' && *c->at != '\t') {
        c->at++;
    }
    *len = (size_t)(c->at - begin);
    return begin;
}

__attribute__((format(printf, 2, 3))) static bool
refuse(char error[CONF_ERROR_TEXT], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(error, CONF_ERROR_TEXT, format, args);
    va_end(args);
    return false;
}

/* It becomes the second half of a code on record. */
static bool
name_sound(const char *name, size_t len)
{
    bool sound = len >= 1 && len < NOTICE_NAME;

    for (size_t i = 0; sound && i < len; i++) {
        sound = name[i] >= 'a' && name[i] <= 'z';
    }
    return sound;
}

bool
notice_parse(const char *src, size_t len, struct notice_rule *out, char error[CONF_ERROR_TEXT])
{
    struct cursor c = { .at = src, .end = src + len };
    char shown[64];
    size_t n;
    const char *word = take_word(&c, &n);
    int severity;

    if (!name_sound(word, n)) {
        wire_escape(shown, sizeof shown, word, n, WIRE_ESCAPE_TEXT);
        return refuse(error, "\"%s\"; expected " WORDS_TEXT ", the name of 1 to %d letters a-z", shown,
                NOTICE_NAME - 1);
    }
    memcpy(out->name, word, n);
    out->name[n] = '\0';
    word = take_word(&c, &n);
    severity = wire_severity_from(word, n);
    if (severity < 0) {
        wire_escape(shown, sizeof shown, word, n, WIRE_ESCAPE_TEXT);
        return refuse(
                error, "\"%s\"; expected a severity: emrg, alrt, crit, erro, warn, note or info", shown);
    }
    out->severity = (enum wire_severity)severity;
    skip_blanks(&c);
    while (c.end > c.at && (c.end[-1] == ' ' || c.end[-1] == '\t')) {
        c.end--;
    }
    n = (size_t)(c.end - c.at);
    if (n == 0 || n >= NOTICE_PATTERN) {
        return refuse(error, "a pattern of %zu bytes; expected 1 to %d", n, NOTICE_PATTERN - 1);
    }
    memcpy(out->pattern, c.at, n);
    out->pattern[n] = '\0';
    if (memchr(out->pattern, '\0', n) != NULL) {
        return refuse(error, "a NUL in a pattern; expected text (\\x00 stands for one)");
    }
    return true;
}
