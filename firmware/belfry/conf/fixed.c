#include "belfry/conf.h"

#include "wire/escape.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct report {
    const char *file;
    struct conf_fixed *out;
    unsigned count;
};

/* `number` is 0 for what no line says any more. */
__attribute__((format(printf, 3, 4))) static void
report(struct report *r, unsigned number, const char *format, ...)
{
    char file[160];
    char what[CONF_PATH + 40];
    char shown[CONF_ERROR_TEXT / 2];
    char at[16] = "";
    va_list args;
    int len;

    if (r->count == CONF_FIXED_MAX) {
        return;
    }
    va_start(args, format);
    len = vsnprintf(what, sizeof what, format, args);
    va_end(args);
    (void)wire_escape(file, sizeof file, r->file, strlen(r->file), WIRE_ESCAPE_TEXT);
    (void)wire_escape(shown, sizeof shown, what, len > 0 ? strlen(what) : 0, WIRE_ESCAPE_TEXT);
    if (number > 0) {
        (void)snprintf(at, sizeof at, ":%u", number);
    }
    (void)snprintf(r->out->text[r->count++], CONF_ERROR_TEXT, "%s%s: %s%s; takes a restart", file, at, shown,
            number > 0 ? "" : " is gone");
}

static void
say_keyword(struct report *r, const struct conf *next, const char *keyword, bool same)
{
    if (!same) {
        report(r, conf_keyword_line(next, keyword), "%s", keyword);
    }
}

static bool
has_listen(const struct conf *conf, const struct conf_listen *l)
{
    for (unsigned i = 0; i < conf->listens; i++) {
        if (strcmp(conf->listen[i].address, l->address) == 0 && conf->listen[i].port == l->port) {
            return true;
        }
    }
    return false;
}

static void
say_listens(struct report *r, const struct conf *is, const struct conf *next)
{
    for (unsigned i = 0; i < next->listens; i++) {
        if (!has_listen(is, &next->listen[i])) {
            report(r, next->listen[i].number, "Listen %s port %u", next->listen[i].address,
                    next->listen[i].port);
        }
    }
    for (unsigned i = 0; i < is->listens; i++) {
        if (!has_listen(next, &is->listen[i])) {
            report(r, 0, "Listen %s port %u", is->listen[i].address, is->listen[i].port);
        }
    }
}

unsigned
conf_fixed(const struct conf *is, const struct conf *next, const char *name, struct conf_fixed *out)
{
    struct report r = { .file = name, .out = out };

    say_keyword(&r, next, "StateDir", is->state_fixed || strcmp(is->state_dir, next->state_dir) == 0);
    say_listens(&r, is, next);
    say_keyword(&r, next, "Page",
            strcmp(is->page.place, next->page.place) == 0 && is->page.port == next->page.port);
    say_keyword(&r, next, "Readers", strcmp(is->readers, next->readers) == 0);
    say_keyword(&r, next, "DiskFloor", is->disk_floor == next->disk_floor);
    say_keyword(&r, next, "LedgerKeep", is->ledger_keep_s == next->ledger_keep_s);
    return r.count;
}
