#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/ledger/export.h"
#include "belfry/state.h"
#include "belfry/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 500 /* at a time: while somebody reads slowly, the ledger is not held */
#define UNWRITTEN (-1000)
#define FOR_EVER_MS (INT64_C(1) << 52)

struct sheet {
    FILE *out; /* memory */
    bool csv;
    bool headed;
};

static void
put_json(FILE *out, const struct export_cell *cell)
{
    char text[6 * 2048];
    char when[TEXT_TIME];

    (void)fprintf(out,
            "\"%.*s\":", (int)(cell->kind == EXPORT_TIME ? strlen(cell->name) - 3 : strlen(cell->name)),
            cell->name);
    if (cell->kind == EXPORT_TEXT) {
        (void)text_json(text, sizeof text, cell->text);
        (void)fputs(text, out);
    } else if (cell->kind == EXPORT_NUMBER) {
        (void)fprintf(out, "%lld", (long long)cell->number);
    } else if (cell->number == 0) {
        (void)fputs("null", out);
    } else {
        (void)fprintf(out, "\"%s\"", text_time(cell->number, when));
    }
}

/* RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe before it. */
static void
put_csv(FILE *out, const struct export_cell *cell)
{
    char when[TEXT_TIME];

    if (cell->kind == EXPORT_NUMBER) {
        (void)fprintf(out, "%lld", (long long)cell->number);
        return;
    }
    if (cell->kind == EXPORT_TIME) {
        (void)fputs(cell->number != 0 ? text_time(cell->number, when) : "", out);
        return;
    }
    (void)fputc('"', out);
    if (cell->text[0] != '\0' && strchr("=+-@\t\r", cell->text[0]) != NULL) {
        (void)fputc('\'', out);
    }
    for (const char *at = cell->text; *at != '\0'; at++) {
        if (*at == '"') {
            (void)fputc('"', out);
        }
        (void)fputc(*at >= ' ' && *at <= '~' ? *at : '?', out);
    }
    (void)fputc('"', out);
}

static void
put_head(struct sheet *s, const struct export_cell *cell, unsigned cells)
{
    for (unsigned i = 0; i < cells; i++) {
        size_t len = strlen(cell[i].name) - (cell[i].kind == EXPORT_TIME ? 3 : 0);

        (void)fprintf(s->out, "%s%.*s", i > 0 ? "," : "", (int)len, cell[i].name);
    }
    (void)fputs("\r\n", s->out);
    s->headed = true;
}

static void
put_row(void *to, const struct export_cell *cell, unsigned cells)
{
    struct sheet *s = to;

    if (s->csv && !s->headed) {
        put_head(s, cell, cells);
    }
    (void)fputs(s->csv ? "" : "{", s->out);
    for (unsigned i = 0; i < cells; i++) {
        (void)fputs(i > 0 ? "," : "", s->out);
        if (s->csv) {
            put_csv(s->out, &cell[i]);
        } else {
            put_json(s->out, &cell[i]);
        }
    }
    (void)fputs(s->csv ? "\r\n" : "}\n", s->out);
}

/* How many rows there were, LEDGER_E_*, or UNWRITTEN - errno. */
static int
put_some(struct ledger *l, const char *what, const struct export_span *span, int64_t *cursor, struct sheet *s)
{
    char *text = NULL;
    size_t len = 0;
    int rows;

    s->out = open_memstream(&text, &len);
    if (s->out == NULL) {
        return LEDGER_E_IO;
    }
    rows = export_rows(l, what, span, cursor, ROWS, put_row, s);
    if (fclose(s->out) != 0) {
        rows = LEDGER_E_IO;
    }
    if (rows > 0 && (fwrite(text, 1, len, stdout) != len || fflush(stdout) != 0)) {
        rows = UNWRITTEN - errno;
    }
    free(text);
    return rows;
}

static bool
read_span(const struct command *c, struct export_span *span)
{
    int64_t now_ms = clock_utc_us() / 1000;
    const char *wrong = NULL;

    span->host = c->host != NULL ? c->host : "";
    span->until_ms = FOR_EVER_MS;
    if (c->since != NULL && !text_time_parse(c->since, now_ms, &span->since_ms)) {
        wrong = c->since;
    } else if (c->until != NULL && !text_time_parse(c->until, now_ms, &span->until_ms)) {
        wrong = c->until;
    }
    if (wrong != NULL) {
        (void)command_error("\"%s\" is no time; expected 2026-11-21, 2026-11-21T19:34:05 or 30m, 12h, 7d",
                command_shown(wrong));
    }
    return wrong == NULL;
}

static int
put_all(const struct command *c, const char *what, bool csv)
{
    struct export_span span = { .since_ms = 0 };
    struct sheet sheet = { .csv = csv };
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    struct ledger *l;
    int64_t cursor = 0;
    int rows = 0;
    int r = COMMAND_WELL;

    if (!read_span(c, &span)) {
        return COMMAND_ERROR;
    }
    if (ledger_open(state_path(c->conf, "ledger.db", path), LEDGER_READ, false, &l, error) != 0) {
        return command_error("%s", error);
    }
    do {
        rows = put_some(l, what, &span, &cursor, &sheet);
    } while (rows == ROWS);
    if (rows <= UNWRITTEN) {
        r = command_error("standard output: %s", strerror(UNWRITTEN - rows));
    } else if (rows < 0) {
        r = command_error("%s", ledger_error(l));
    }
    ledger_close(l);
    return r;
}

int
command_export(const struct command *c)
{
    if (c->bundle != NULL) {
        return command_bundle(c);
    }
    if (!export_knows(c->argument[0])) {
        return command_error("\"%s\" is nothing to export; expected hosts, lines, events, alarms or acts",
                command_shown(c->argument[0]));
    }
    return put_all(c, c->argument[0], c->csv);
}
