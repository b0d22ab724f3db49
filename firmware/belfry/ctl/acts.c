#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/ledger/export.h"
#include "belfry/state.h"
#include "belfry/text.h"

#include <stdio.h>
#include <string.h>

#define AT_ONCE 500
#define FOR_EVER_MS (INT64_C(1) << 52)

/* As the export of acts has them: time, what, host, detail, by. */
enum { CELL_TIME, CELL_WHAT, CELL_HOST, CELL_DETAIL, CELL_BY, CELLS };

static void
put_act(void *to, const struct export_cell *cell, unsigned cells)
{
    bool *headed = to;
    char when[TEXT_TIME];
    char detail[RECORD_DETAIL];
    char who[RECORD_DETAIL] = "-";

    if (cells != CELLS) {
        return;
    }
    if (!*headed) {
        (void)printf("%-24s %-16s %-7s %-15s %s\n", "WHEN", "WHO", "WHAT", "HOST", "DETAIL");
        *headed = true;
    }
    if (cell[CELL_BY].text[0] != '\0') {
        (void)text_detail(who, sizeof who, cell[CELL_BY].text, strlen(cell[CELL_BY].text));
    }
    (void)text_detail(detail, sizeof detail, cell[CELL_DETAIL].text, strlen(cell[CELL_DETAIL].text));
    (void)printf("%-24s %-16s %-7s %-15s %s\n", text_time(cell[CELL_TIME].number, when), who,
            cell[CELL_WHAT].text, cell[CELL_HOST].text[0] != '\0' ? cell[CELL_HOST].text : "-", detail);
}

static bool
read_time(const char *text, int64_t *out)
{
    if (text == NULL || text_time_parse(text, clock_utc_us() / 1000, out)) {
        return true;
    }
    (void)command_error("\"%s\" is no time; expected 2026-11-21, 2026-11-21T19:34:05 or 30m, 12h, 7d",
            command_shown(text));
    return false;
}

int
command_acts(const struct command *c)
{
    struct export_span span = { .until_ms = FOR_EVER_MS, .host = c->host != NULL ? c->host : "" };
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    struct ledger *l;
    bool headed = false;
    int64_t cursor = 0;
    int rows;

    if (!read_time(c->since, &span.since_ms) || !read_time(c->until, &span.until_ms)) {
        return COMMAND_ERROR;
    }
    if (ledger_open(state_path(c->conf, "ledger.db", path), LEDGER_READ, false, &l, error) != 0) {
        return command_error("%s", error);
    }
    do {
        rows = export_rows(l, "acts", &span, &cursor, AT_ONCE, put_act, &headed);
    } while (rows == AT_ONCE);
    if (rows < 0) {
        rows = command_error("%s", ledger_error(l));
    } else if (!headed) {
        (void)printf("nobody did anything\n");
    }
    ledger_close(l);
    return rows > 0 ? COMMAND_WELL : rows;
}
