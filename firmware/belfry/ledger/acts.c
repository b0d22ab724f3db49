#include "belfry/ledger/db.h"

int
ledger_act(struct ledger *l, const char *what, const char *host, const char *detail, const char *by,
        int64_t now_ms)
{
    sqlite3_stmt *st =
            db_use(l, "INSERT INTO acts(made_ms, what, host, detail, by) VALUES(?1, ?2, ?3, ?4, ?5)");

    db_bind_int(l, st, now_ms);
    db_bind_text(l, st, what);
    db_bind_text(l, st, host);
    db_bind_text(l, st, detail);
    db_bind_text(l, st, by);
    return db_run(l, st);
}
