#include "belfry/ledger/db.h"

static int64_t
last_row(struct ledger *l)
{
    sqlite3_stmt *st = db_use(l, "SELECT max(id) FROM lines");
    int64_t id = db_step(l, st) == 1 ? sqlite3_column_int64(st, 0) : 0;

    db_done(st);
    return id;
}

int
ledger_beats(struct ledger *l, int64_t before, unsigned most, ledger_beat_fn *fn, void *to, int64_t *next)
{
    sqlite3_stmt *st;
    struct ledger_beat b;
    int64_t end = before > 0 ? before : last_row(l) + 1;
    int64_t from = end > (int64_t)most ? end - (int64_t)most : 1;
    int r;

    *next = from > 1 ? from : 0;
    st = db_use(l,
            "SELECT line, host, seen_us / 60000000 AS minute, count(*) FROM lines WHERE id >= ? AND id < ? "
            "GROUP BY 1, 2, 3");
    db_bind_int(l, st, from);
    db_bind_int(l, st, end);
    while ((r = db_step(l, st)) == 1) {
        db_text(st, 0, b.line, sizeof b.line);
        db_text(st, 1, b.host, sizeof b.host);
        b.minute = sqlite3_column_int64(st, 2);
        b.count = db_u32(st, 3);
        fn(to, &b);
    }
    db_done(st);
    return r;
}
