#include "belfry/ledger/db.h"

#define PENDING "(told_open < tell_open OR told_close < tell_close)"

static bool
among(const int64_t *ids, unsigned count, int64_t id)
{
    for (unsigned i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

int
ledger_tell_next(
        struct ledger *l, int64_t now_ms, const int64_t *busy, unsigned busy_count, struct ledger_tell *out)
{
    sqlite3_stmt *st =
            db_use(l, "SELECT id, told_open < tell_open, tell_open, tries FROM alarms WHERE " PENDING
                      " AND next_ms <= ? ORDER BY next_ms, id LIMIT ?");
    int64_t id = 0;
    int r;

    db_bind_int(l, st, now_ms);
    db_bind_int(l, st, (int64_t)busy_count + 1); /* one of so many is not busy */
    while ((r = db_step(l, st)) == 1) {
        id = sqlite3_column_int64(st, 0);
        if (!among(busy, busy_count, id)) {
            out->closed = sqlite3_column_int64(st, 1) == 0;
            out->sequence = sqlite3_column_int64(st, 2);
            out->tries = db_u32(st, 3);
            break;
        }
    }
    db_done(st);
    if (r != 1) {
        return r == 0 ? LEDGER_E_NONE : r;
    }
    return ledger_alarm(l, id, &out->alarm);
}

int64_t
ledger_tell_due(struct ledger *l, int64_t now_ms)
{
    sqlite3_stmt *st =
            db_use(l, "SELECT coalesce(min(next_ms), 0x7fffffffffffffff) FROM alarms WHERE " PENDING
                      " AND next_ms > ?");
    int64_t due = INT64_MAX;

    db_bind_int(l, st, now_ms);
    if (db_step(l, st) == 1) {
        due = sqlite3_column_int64(st, 0);
    }
    db_done(st);
    return due;
}

int
ledger_told(struct ledger *l, int64_t id, bool closed, int64_t sequence, int64_t retry_ms)
{
    sqlite3_stmt *st;

    if (retry_ms != 0) {
        st = db_use(l, "UPDATE alarms SET tries = tries + 1, next_ms = ?2 WHERE id = ?1");
        db_bind_int(l, st, id);
        db_bind_int(l, st, retry_ms);
        return db_run(l, st);
    }
    /* Raised again while the telling was under way: what was told is the earlier news. */
    st = db_use(l, closed ? "UPDATE alarms SET told_close = tell_close, tries = 0, next_ms = 0 WHERE id = ?1"
                          : "UPDATE alarms SET told_open = max(told_open, ?2), tries = 0, next_ms = 0 WHERE "
                            "id = ?1");
    db_bind_int(l, st, id);
    if (!closed) {
        db_bind_int(l, st, sequence);
    }
    return db_run(l, st);
}
