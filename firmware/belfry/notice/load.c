#include "belfry/notice/sets.h"
#include "wire/escape.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes and no more: a pattern must not ask for UTF-8 checks or switch the limits off ("(*LIMIT_MATCH=...)"
 * can only lower them). `$` is the end of the text, which has no line ends. */
#define COMPILE_OPTIONS (PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY)

#define HEAP_KIB 256

struct loading {
    struct conf_errors *errors;
    struct notice_set *set;
    pcre2_compile_context *context;
    const struct conf_rules *rules; /* NULL: it is about none of them */
    const char *path;
    unsigned number; /* of the line, from 1; 0 for the file as a whole */
};

__attribute__((format(printf, 2, 3))) static void
complain(struct loading *l, const char *format, ...)
{
    char from[140];
    char place[140];
    char text[CONF_ERROR_TEXT - 200];
    char *to;
    int n = 0;
    va_list args;

    l->errors->count++;
    if (l->errors->count > CONF_ERRORS_MAX) {
        return;
    }
    to = l->errors->text[l->errors->count - 1];
    wire_escape(place, sizeof place, l->path, strlen(l->path), WIRE_ESCAPE_TEXT);
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (l->rules != NULL && l->rules->from != NULL) {
        wire_escape(from, sizeof from, l->rules->from, strlen(l->rules->from), WIRE_ESCAPE_TEXT);
        n = snprintf(to, CONF_ERROR_TEXT, "%s:%u: rules ", from, l->rules->number);
    }
    if (l->number > 0) {
        (void)snprintf(to + n, CONF_ERROR_TEXT - (size_t)n, "%s:%u: %s", place, l->number, text);
    } else {
        (void)snprintf(to + n, CONF_ERROR_TEXT - (size_t)n, "%s: %s", place, text);
    }
}

/* Both of one name would be the same alarm: which one was meant? */
static bool
name_is_new(struct loading *l, const char *name)
{
    for (unsigned i = 0; i < l->set->rules; i++) {
        if (strcmp(l->set->rule[i].name, name) == 0) {
            complain(l, "\"%s\" a second time; expected a new name (one pattern may have several parts: A|B)",
                    name);
            return false;
        }
    }
    return true;
}

static void
add_rule(struct loading *l, const struct notice_rule *rule)
{
    struct notice_compiled *to = &l->set->rule[l->set->rules];
    PCRE2_UCHAR why[160];
    PCRE2_SIZE at = 0;
    int error = 0;

    if (l->set->rules == NOTICE_RULES) {
        complain(l, "more than %d rules; expected fewer", NOTICE_RULES);
        return;
    }
    if (!name_is_new(l, rule->name)) {
        return;
    }
    to->code = pcre2_compile(
            (PCRE2_SPTR)rule->pattern, PCRE2_ZERO_TERMINATED, COMPILE_OPTIONS, &error, &at, l->context);
    if (to->code == NULL) {
        (void)pcre2_get_error_message(error, why, sizeof why);
        complain(l, "the pattern of \"%s\", at its byte %zu: %s", rule->name, (size_t)at + 1,
                (const char *)why);
        return;
    }
    memcpy(to->name, rule->name, sizeof to->name);
    to->severity = rule->severity;
    l->set->rules++;
}

static void
take_text(struct loading *l, const char *at, const char *end)
{
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((stop != NULL ? stop : end) - at);
        const char *first = at + strspn(at, " \t\r");
        char error[CONF_ERROR_TEXT];
        struct notice_rule rule;

        l->number++;
        len -= len > 0 && at[len - 1] == '\r';
        if (first < at + len && *first != '#') {
            if (notice_parse(at, len, &rule, error)) {
                add_rule(l, &rule);
            } else {
                complain(l, "%.180s", error);
            }
        }
        at = stop != NULL ? stop + 1 : end;
    }
}

static void
load_set(struct loading *l)
{
    char *text = malloc(NOTICE_FILE_MAX + 2);
    FILE *f = text != NULL ? fopen(l->path, "re") : NULL;
    size_t n;

    if (f == NULL) {
        complain(l, "%s; expected a file of rules", strerror(text != NULL ? errno : ENOMEM));
        free(text);
        return;
    }
    n = fread(text, 1, NOTICE_FILE_MAX + 1, f);
    if (ferror(f) != 0) {
        complain(l, "%s", strerror(errno));
    } else if (n > NOTICE_FILE_MAX) {
        complain(l, "longer than %d bytes; expected less", NOTICE_FILE_MAX);
    } else {
        text[n] = '\0';
        take_text(l, text, text + n);
    }
    (void)fclose(f);
    free(text);
}

static bool
prepare(struct notice_sets *sets)
{
    sets->context = pcre2_match_context_create(NULL);
    sets->match = pcre2_match_data_create(1, NULL);
    if (sets->context == NULL || sets->match == NULL) {
        return false;
    }
    (void)pcre2_set_match_limit(sets->context, NOTICE_STEPS);
    (void)pcre2_set_depth_limit(sets->context, NOTICE_STEPS);
    (void)pcre2_set_heap_limit(sets->context, HEAP_KIB);
    return true;
}

static void
check_lines(const struct conf *conf, const struct notice_sets *sets, struct conf_errors *errors)
{
    struct loading l = { .errors = errors };

    for (unsigned i = 0; i < conf->lines; i++) {
        const char *name = conf->line[i].options.rules;

        if (name != NULL && strcmp(name, "no") != 0 && notice_set(sets, name) == NULL) {
            l.path = conf->line[i].name;
            complain(&l, "rules=%s; expected the name of a set: Rules %s FILE", name, name);
        }
    }
}

static void
load_all(const struct conf *conf, struct conf_errors *errors, struct notice_sets *sets)
{
    struct loading l = { .errors = errors, .context = pcre2_compile_context_create(NULL) };

    if (l.context == NULL || !prepare(sets)) {
        l.path = "rules";
        complain(&l, "%s", strerror(ENOMEM));
        return;
    }
    (void)pcre2_set_parens_nest_limit(l.context, 50);
    for (unsigned i = 0; i < conf->rules; i++) {
        l.set = &sets->set[sets->sets++];
        l.set->all = sets;
        memcpy(l.set->name, conf->rule[i].name, sizeof l.set->name);
        l.rules = &conf->rule[i];
        l.path = conf->rule[i].path;
        l.number = 0;
        load_set(&l);
    }
    pcre2_compile_context_free(l.context);
}

unsigned
notice_load(const struct conf *conf, struct conf_errors *errors, struct notice_sets **out)
{
    struct notice_sets *sets = NULL;
    unsigned before = errors->count;

    *out = NULL;
    if (conf->rules > 0) {
        sets = calloc(1, sizeof *sets);
        if (sets == NULL) {
            struct loading l = { .errors = errors, .path = "rules" };

            complain(&l, "%s", strerror(ENOMEM));
            return 1;
        }
        load_all(conf, errors, sets);
    }
    check_lines(conf, sets, errors);
    if (errors->count > before) {
        notice_free(sets);
        return errors->count - before;
    }
    *out = sets;
    return 0;
}

const struct notice_set *
notice_set(const struct notice_sets *sets, const char *name)
{
    for (unsigned i = 0; name != NULL && sets != NULL && i < sets->sets; i++) {
        if (strcmp(sets->set[i].name, name) == 0) {
            return &sets->set[i];
        }
    }
    return NULL;
}

void
notice_free(struct notice_sets *sets)
{
    if (sets == NULL) {
        return;
    }
    for (unsigned i = 0; i < sets->sets; i++) {
        for (unsigned k = 0; k < sets->set[i].rules; k++) {
            pcre2_code_free(sets->set[i].rule[k].code);
        }
    }
    pcre2_match_data_free(sets->match);
    pcre2_match_context_free(sets->context);
    free(sets);
}
