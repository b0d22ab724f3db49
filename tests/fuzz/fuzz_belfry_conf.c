#include "belfry/conf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const kinds[CONF_KINDS] = { "pty", "serial", "file", "tcp", "telnet", "tls", "unix",
    "command" };

static void
must(int condition)
{
    if (!condition) {
        abort();
    }
}

static void
must_be_text(const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    must(len < size);
    for (size_t i = 0; i < len; i++) {
        must((unsigned char)text[i] >= 0x20 && (unsigned char)text[i] != 0x7F);
    }
}

static size_t
write_options(char *out, size_t size, const struct conf_line *l)
{
    static const char *const flows[] = { "none", "rtscts", "xonxoff" };
    const struct conf_options *o = &l->options;
    size_t n = (size_t)snprintf(out, size, " alarm-only=%s", o->alarm_only ? "yes" : "no");

    if (o->baud != 0) {
        n += (size_t)snprintf(out + n, size - n, " %u", o->baud);
    }
    if (o->frame[0] != '\0') {
        n += (size_t)snprintf(out + n, size - n, " %s", o->frame);
    }
    if (conf_option_given(o, "flow")) {
        n += (size_t)snprintf(out + n, size - n, " flow=%s", flows[o->flow]);
    }
    if (o->mode != 0) {
        n += (size_t)snprintf(out + n, size - n, " %04o", o->mode);
    }
    if (o->rotate_size != 0) {
        n += (size_t)snprintf(out + n, size - n, " rotate-size=%llu", (unsigned long long)o->rotate_size);
    }
    if (o->rotate_age_s != 0) {
        n += (size_t)snprintf(out + n, size - n, " rotate-age=%us", o->rotate_age_s);
    }
    if (o->keep != 0) {
        n += (size_t)snprintf(out + n, size - n, " keep=%u", o->keep);
    }
    if (o->keep_age_s != 0) {
        n += (size_t)snprintf(out + n, size - n, " keep-age=%us", o->keep_age_s);
    }
    if (o->ca != NULL) {
        n += (size_t)snprintf(out + n, size - n, " \"ca=%s\"", o->ca);
    }
    if (o->pin != NULL) {
        n += (size_t)snprintf(out + n, size - n, " pin=%s", o->pin);
    }
    if (o->peer != NULL) {
        n += (size_t)snprintf(out + n, size - n, " \"name=%s\"", o->peer);
    }
    if (o->rules != NULL) {
        n += (size_t)snprintf(out + n, size - n, " rules=%s", o->rules);
    }
    return n;
}

static size_t
write_line(char *out, size_t size, const struct conf_line *l)
{
    size_t n = (size_t)snprintf(out, size, "Line %s %s", l->name, kinds[l->kind]);

    if (l->kind != CONF_COMMAND) {
        n += (size_t)snprintf(out + n, size - n, " \"%s\"", l->path);
    }
    n += write_options(out + n, size - n, l);
    for (unsigned i = 0; l->argv != NULL && l->argv[i] != NULL; i++) {
        n += (size_t)snprintf(out + n, size - n, " \"%s\"", l->argv[i]);
    }
    return n + (size_t)snprintf(out + n, size - n, "\n");
}

/* What was read is written in its plainest form and has to give the same again. */
static void
must_round_trip(const struct conf *conf)
{
    static char text[CONF_LINES * 4096];
    static struct conf again;
    static struct conf_errors errors;
    size_t n = (size_t)snprintf(text, sizeof text, "StateDir \"%s\"\n", conf->state_dir);

    if (conf->on_alarm[0] != '\0') {
        n += (size_t)snprintf(text + n, sizeof text - n, "OnAlarm \"%s\"\n", conf->on_alarm);
    }
    for (unsigned i = 0; i < conf->lines; i++) {
        n += write_line(text + n, sizeof text - n, &conf->line[i]);
    }
    for (unsigned i = 0; i < conf->listens; i++) {
        const struct conf_listen *l = &conf->listen[i];
        bool v6 = strchr(l->address, ':') != NULL;

        n += (size_t)snprintf(text + n, sizeof text - n, "Listen %s%s%s:%u\n", v6 ? "[" : "", l->address,
                v6 ? "]" : "", l->port);
    }
    conf_defaults(&again);
    memset(&errors, 0, sizeof errors);
    again.syslog = conf->syslog;
    again.facility = conf->facility;
    must(conf_parse(&again, "f", text, n, &errors) == 0);
    must(again.lines == conf->lines && again.listens == conf->listens);
    for (unsigned i = 0; i < conf->lines; i++) {
        must(conf_line_same(&again.line[i], &conf->line[i]));
        must(conf_line_find(&again, conf->line[i].name) == &again.line[i]);
    }
    for (unsigned i = 0; i < conf->listens; i++) {
        must(strcmp(again.listen[i].address, conf->listen[i].address) == 0);
        must(again.listen[i].port == conf->listen[i].port);
    }
    must(strcmp(again.on_alarm, conf->on_alarm) == 0 && strcmp(again.state_dir, conf->state_dir) == 0);
    conf_free(&again);
}

/* Options of templates and defaults count as words in it. */
static bool
plain_form_fits(const struct conf *conf)
{
    for (unsigned i = 0; i < conf->lines; i++) {
        unsigned words = 0;

        while (conf->line[i].argv != NULL && conf->line[i].argv[words] != NULL) {
            words++;
        }
        if (words > 24) {
            return false;
        }
    }
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct conf conf;
    static struct conf_errors errors;
    unsigned count;

    conf_defaults(&conf);
    memset(&errors, 0, sizeof errors);
    count = conf_parse(&conf, "f", (const char *)data, size, &errors);
    must(count == errors.count);
    for (unsigned i = 0; i < count && i < CONF_ERRORS_MAX; i++) {
        must_be_text(errors.text[i], CONF_ERROR_TEXT);
        must(strncmp(errors.text[i], "f:", 2) == 0);
    }
    must(conf.lines <= CONF_LINES && conf.listens <= CONF_LISTENS);
    must_be_text(conf.state_dir, sizeof conf.state_dir);
    for (unsigned i = 0; i < conf.lines; i++) {
        const struct conf_line *l = &conf.line[i];

        must_be_text(l->path, CONF_LINES * 512);
        must((l->argv == NULL) == (l->kind != CONF_COMMAND) && (l->argv == NULL || l->argv[0][0] == '/'));
        must((l->host == NULL) == (l->port == 0) && l->name[0] != '.' && strchr(l->name, '/') == NULL);
        must(strlen(l->name) > 0 && (unsigned)l->kind < CONF_KINDS);
    }
    if (count == 0 && plain_form_fits(&conf)) {
        must_round_trip(&conf);
    }
    conf_free(&conf);
    return 0;
}
