#include "belfry/conf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const kinds[CONF_KINDS] = { "pty", "serial", "file" };

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
write_line(char *out, size_t size, const struct conf_line *l)
{
    char more[16] = "";

    if (l->kind == CONF_SERIAL) {
        (void)snprintf(more, sizeof more, "%u", l->baud);
    } else if (l->kind == CONF_PTY) {
        (void)snprintf(more, sizeof more, "%04o", l->mode);
    }
    return (size_t)snprintf(out, size, "Line %s %s \"%s\" %s\n", l->name, kinds[l->kind], l->path, more);
}

/* What was read is written in its plainest form and has to give the same again. */
static void
must_round_trip(const struct conf *conf)
{
    static char text[CONF_TEXT_MAX];
    static struct conf again;
    static struct conf_errors errors;
    size_t n = (size_t)snprintf(text, sizeof text, "StateDir \"%s\"\n", conf->state_dir);

    if (conf->on_alarm[0] != '\0') {
        n += (size_t)snprintf(text + n, sizeof text - n, "OnAlarm \"%s\"\n", conf->on_alarm);
    }
    for (unsigned i = 0; i < conf->lines; i++) {
        n += write_line(text + n, sizeof text - n, &conf->line[i]);
    }
    conf_defaults(&again);
    memset(&errors, 0, sizeof errors);
    again.syslog = conf->syslog;
    again.facility = conf->facility;
    must(conf_parse(&again, "f", text, n, &errors) == 0);
    must(memcmp(&again, conf, sizeof again) == 0);
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
    must(conf.lines <= CONF_LINES);
    must_be_text(conf.state_dir, sizeof conf.state_dir);
    for (unsigned i = 0; i < conf.lines; i++) {
        const struct conf_line *l = &conf.line[i];

        must_be_text(l->path, sizeof l->path);
        must(l->path[0] == '/' && l->name[0] != '.' && strchr(l->name, '/') == NULL);
        must(strlen(l->name) > 0 && (unsigned)l->kind < CONF_KINDS);
    }
    if (count == 0) {
        must_round_trip(&conf);
    }
    return 0;
}
