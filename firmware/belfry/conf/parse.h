#ifndef BELFRY_CONF_PARSE_H
#define BELFRY_CONF_PARSE_H
/*
 * parse - what the files of the configuration's keywords share: words, errors, values
 *
 * A keyword is one row in the table of conf.c and one function of type conf_take_fn, in the file of its
 * group. Only files of this folder include this header.
 */
#include "belfry/conf.h"

#define CONF_WORDS_MAX 48
#define CONF_TEMPLATES_MAX 64
#define CONF_UNIX_PATH 108 /* sockaddr_un.sun_path, with the NUL */

struct conf_word {
    char text[CONF_PATH];
    size_t len;
    bool too_long;
};

struct conf_template {
    char name[CONF_NAME];
    struct conf_options options;
};

struct conf_parser {
    struct conf *conf;
    struct conf_errors *errors;
    const char *name;
    unsigned number; /* of the line, from 1 */
    unsigned words;
    struct conf_word word[CONF_WORDS_MAX];
    unsigned templates;
    struct conf_template template[CONF_TEMPLATES_MAX];
    struct conf_options for_all;
    struct conf_options for_kind[CONF_KINDS];
};

/* `once` is for conf_first_time(). Errors are told with conf_complain(). */
typedef void conf_take_fn(struct conf_parser *p, unsigned once);

struct conf_keyword {
    const char *name;
    unsigned least; /* arguments */
    unsigned most;
    const char *expected;
    conf_take_fn *take;
};

struct conf_value {
    const char *name;
    int value;
};

conf_take_fn conf_take_state_dir;
conf_take_fn conf_take_on_alarm;
conf_take_fn conf_take_syslog;
conf_take_fn conf_take_disk_floor;
conf_take_fn conf_take_ledger_keep;
conf_take_fn conf_take_readers;
conf_take_fn conf_take_operator;
conf_take_fn conf_take_listen;
conf_take_fn conf_take_notify;
conf_take_fn conf_take_page;
conf_take_fn conf_take_hub;
conf_take_fn conf_take_line;
conf_take_fn conf_take_template;
conf_take_fn conf_take_default;
conf_take_fn conf_take_rules;

/* "FILE:LINE: " and the text, which says what was found and then what was expected. */
__attribute__((format(printf, 2, 3))) void conf_complain(struct conf_parser *p, const char *format, ...);

/* Text of the file, fit to print. One buffer: used before the next call. */
const char *conf_shown(const char *text);

/* Copies text into the configuration, which frees it. NULL, told, when there is no memory. */
const char *conf_keep(struct conf_parser *p, const char *text);

/* Memory of that size, likewise. */
void *conf_keep_room(struct conf_parser *p, size_t size);

/* False, told, when this keyword stood in an earlier line. */
bool conf_first_time(struct conf_parser *p, unsigned once);

/* False, told, when it is not an absolute path. `what` is what it is the path of. */
bool conf_absolute(struct conf_parser *p, const char *text, const char *what);

/* "cs1:7001", "192.0.2.1:23" or "[2001:db8::1]:23". False when it is none of them. */
bool conf_host_port(const char *text, char host[CONF_HOST], uint16_t *port);

/* Where a line is: word number `place`, and for a command all behind it. False, told, when it is wrong. */
bool conf_place(struct conf_parser *p, const struct conf_word *word, unsigned place, struct conf_line *line);

/* 1 to CONF_NAME - 1 letters, digits, dots, underscores and dashes, the first a letter or digit. */
bool conf_is_name(const char *text);

/* "192.0.2.1", "192.0.2.1:8627", "2001:db8::1" or "[2001:db8::1]:8627"; the port of `out` stays when there is
 * none. False when it is none of them. */
bool conf_address(const char *text, struct conf_listen *out);

/* The row of a table with this name, without regard to case; NULL when there is none. */
const struct conf_value *conf_find_value(const struct conf_value *table, size_t rows, const char *text);

/* Decimal digits and nothing else, at most `most`. */
bool conf_number(const char *text, uint64_t most, uint64_t *out);

/* Bytes: digits and k, M or G (powers of 1024) or nothing, at least 1. */
bool conf_size(const char *text, uint64_t *out);

/* Seconds: digits and s, m, h, d or w, at least 1 and at most 10 years. */
bool conf_duration(const char *text, uint32_t *out_s);

/* One option of a line, as it stands in the file: a word, or KEY=VALUE. False, told, when it is none. */
bool conf_option(struct conf_parser *p, const char *text, struct conf_options *o);

/* What `from` says goes over `to`, as far as it is for lines of a kind. */
void conf_options_merge(struct conf_options *to, const struct conf_options *from, enum conf_kind kind);

/* The same for lines of every kind. */
void conf_options_overlay(struct conf_options *to, const struct conf_options *from);

/* Name of an option that was given and is not for lines of this kind; NULL when there is none. */
const char *conf_options_foreign(const struct conf_options *o, enum conf_kind kind);

/* False when a word has more than one range in brackets, or one that makes no sense; `count` is 0 when it has
 * none. */
bool conf_range(const char *text, unsigned *count);

/* The word with each range replaced by its value number `at`. False when a range has not `count` values or
 * the word gets too long. */
bool conf_range_at(const struct conf_word *w, unsigned count, unsigned at, struct conf_word *out);

/* Keeps a line that no other has the name or place of. False, told, when it cannot. */
bool conf_add_line(struct conf_parser *p, const struct conf_line *line);

#endif
