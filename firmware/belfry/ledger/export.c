#include "belfry/ledger/export.h"

#include "belfry/ledger/db.h"

#include <string.h>

/* Behind the cursor the columns have names; one that ends in _ms or _us is a time. */
#define SPAN(time, factor)                                                                                  \
    " WHERE id > ?1 AND (?3 = '' OR host = ?3) AND " time " >= ?4 * " factor " AND " time " < ?5 * " factor \
    " ORDER BY id LIMIT ?2"

static const struct {
    const char *what;
    const char *sql;
} kinds[] = {
    { "hosts", "SELECT rowid, host, pairing, paired_ms, root_session AS session, alive, last_ms AS proof_ms, "
               "last_line, "
               "proved, repaired, copies, forged, unpaired_ms, unpaired_by FROM hosts WHERE rowid > ?1 AND "
               "(?3 = '' OR host = ?3) AND ?4 < ?5 ORDER BY rowid LIMIT ?2" },
    { "lines", "SELECT id, host, pairing, session, nonce, number, verdict, severity, code, detail, utc_s * "
               "1000 AS "
               "claimed_ms, mono_s, seen_us, line, bytes FROM lines" SPAN("seen_us", "1000") },
    { "events",
            "SELECT id, seen_us, host, line, verdict, session, nonce, first, last, value, bad, detail FROM "
            "events" SPAN("seen_us", "1000") },
    { "alarms",
            "SELECT id, id AS alarm, host, code, subject, severity, detail, line, verdict, session, nonce, "
            "number, open, "
            "count, opened_ms, raised_ms, closed_ms, acked_ms, acked_by FROM alarms" SPAN("raised_ms", "1") },
    { "acts", "SELECT id, made_ms, what, host, detail, by FROM acts" SPAN("made_ms", "1") },
};

#define KINDS (sizeof kinds / sizeof kinds[0])

static const char *
statement(const char *what)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].what, what) == 0) {
            return kinds[i].sql;
        }
    }
    return NULL;
}

bool
export_knows(const char *what)
{
    return statement(what) != NULL;
}

static bool
ends_in(const char *name, const char *end)
{
    size_t len = strlen(name);

    return len > strlen(end) && strcmp(name + len - strlen(end), end) == 0;
}

static void
read_cell(sqlite3_stmt *st, int column, struct export_cell *cell)
{
    const unsigned char *text = sqlite3_column_text(st, column);

    cell->name = sqlite3_column_name(st, column);
    if (sqlite3_column_type(st, column) != SQLITE_INTEGER) {
        cell->kind = EXPORT_TEXT;
        cell->text = text != NULL ? (const char *)text : "";
        return;
    }
    cell->number = sqlite3_column_int64(st, column);
    cell->kind = ends_in(cell->name, "_ms") || ends_in(cell->name, "_us") ? EXPORT_TIME : EXPORT_NUMBER;
    if (ends_in(cell->name, "_us")) {
        cell->number /= 1000;
    }
}

int
export_rows(struct ledger *l, const char *what, const struct export_span *span, int64_t *cursor,
        unsigned most, export_row_fn *fn, void *to)
{
    sqlite3_stmt *st = db_use(l, statement(what));
    int rows = 0;
    int r;

    db_bind_int(l, st, *cursor);
    db_bind_int(l, st, most);
    db_bind_text(l, st, span->host);
    db_bind_int(l, st, span->since_ms);
    db_bind_int(l, st, span->until_ms);
    while ((r = db_step(l, st)) == 1) {
        struct export_cell cell[EXPORT_CELLS] = { { .name = NULL } };
        int columns = sqlite3_column_count(st);

        for (int i = 1; i < columns && i <= EXPORT_CELLS; i++) {
            read_cell(st, i, &cell[i - 1]);
        }
        fn(to, cell, (unsigned)columns - 1);
        *cursor = sqlite3_column_int64(st, 0);
        rows++;
    }
    return r < 0 ? r : rows;
}

int
export_line_after(struct ledger *l, const char *host, uint32_t pairing, const struct export_place *after,
        struct export_line *out)
{
    sqlite3_stmt *st =
            db_use(l, "SELECT session, nonce, number, seen_us / 1000, bytes FROM lines WHERE host = ?1 AND "
                      "pairing = ?2 AND (session, nonce, number) > (?3, ?4, ?5) "
                      "ORDER BY session, nonce, number LIMIT 1");
    int r;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_int(l, st, after->session);
    db_bind_text(l, st, after->nonce);
    db_bind_int(l, st, after->number);
    r = db_step(l, st);
    if (r == 1) {
        out->at.session = db_u32(st, 0);
        db_text(st, 1, out->at.nonce, sizeof out->at.nonce);
        out->at.number = db_u32(st, 2);
        out->seen_ms = sqlite3_column_int64(st, 3);
        db_text(st, 4, out->bytes, sizeof out->bytes);
    }
    db_done(st);
    return r == 1 ? 0 : r == 0 ? LEDGER_E_NONE : r;
}

uint32_t
export_top(struct ledger *l, const char *host, uint32_t pairing, const struct export_place *at)
{
    sqlite3_stmt *st = db_use(l,
            "SELECT max(t) FROM (SELECT max(number) AS t FROM lines WHERE host = ?1 AND pairing = ?2 "
            "AND session = ?3 AND nonce = ?4 UNION ALL SELECT max(last) FROM holes WHERE "
            "host = ?1 AND pairing = ?2 AND session = ?3 AND nonce = ?4)");
    uint32_t top;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_int(l, st, at->session);
    db_bind_text(l, st, at->nonce);
    top = db_step(l, st) == 1 ? db_u32(st, 0) : 0;
    db_done(st);
    return top;
}
