#include "belfry/ledger/db.h"

#include "wire/judge.h"

#define STEP 200 /* rows looked at: a few milliseconds */

/* What a table has behind a row, and what of the rows up to ?2 may go: ?3 is the last row that publishers
 * have told, ?4 the time before which. The last row of a table stays, so that its number is never given
 * again. */
struct table {
    const char *next;
    const char *drop;
};

/*
 * Of lines those stay that the judge may ask for (its sessions), and those that raised what is still open. An
 * alarm goes when nobody is to be told of it any more: its notices are kept until then.
 */
static const struct table lines_of = {
    "SELECT id, seen_us / 1000 FROM lines WHERE id > ? ORDER BY id LIMIT 1",
    "DELETE FROM lines WHERE id > ?1 AND id <= ?2 AND id <= ?3 AND seen_us < ?4 * 1000 AND id < (SELECT "
    "max(id) FROM lines) AND NOT EXISTS (SELECT 1 FROM alarms AS a WHERE a.open = 1 AND a.host = lines.host "
    "AND a.session = lines.session AND a.nonce = lines.nonce AND lines.number BETWEEN a.number AND "
    "a.last_number) AND NOT EXISTS (SELECT 1 FROM hosts AS h WHERE h.host = lines.host AND h.unpaired_ms = 0 "
    "AND h.pairing = lines.pairing AND (SELECT count(*) FROM sessions AS s WHERE s.host = h.host AND "
    "s.pairing = h.pairing AND s.session > lines.session) < ?5)"
};
static const struct table events_of = {
    "SELECT id, seen_us / 1000 FROM events WHERE id > ? ORDER BY id LIMIT 1",
    "DELETE FROM events WHERE id > ?1 AND id <= ?2 AND id <= ?3 AND seen_us < ?4 * 1000 AND id < (SELECT "
    "max(id) FROM events) AND ?5 = ?5",
};
static const struct table alarms_of = {
    "SELECT id, opened_ms FROM alarms WHERE id > ? ORDER BY id LIMIT 1",
    "DELETE FROM alarms WHERE id > ?1 AND id <= ?2 AND ?3 = ?3 AND open = 0 AND closed_ms < ?4 AND NOT "
    "EXISTS "
    "(SELECT 1 FROM notices AS n WHERE n.alarm = alarms.id) AND NOT EXISTS (SELECT 1 FROM again AS g WHERE "
    "g.alarm = alarms.id) AND ?5 = ?5",
};

/* `at` moves on; past what is young enough it stays. */
static int
step(struct ledger *l, const struct table *t, int64_t before_ms, int64_t told, int64_t *at, bool *more)
{
    sqlite3_stmt *st = db_use(l, t->next);
    int64_t from;
    int r;

    db_bind_int(l, st, *at);
    r = db_step(l, st);
    if (r != 1 || sqlite3_column_int64(st, 1) >= before_ms) {
        db_done(st);
        return r < 0 ? r : 0;
    }
    from = sqlite3_column_int64(st, 0) - 1;
    db_done(st);
    st = db_use(l, t->drop);
    db_bind_int(l, st, from);
    db_bind_int(l, st, from + STEP);
    db_bind_int(l, st, told);
    db_bind_int(l, st, before_ms);
    db_bind_int(l, st, WIRE_JUDGE_SESSIONS);
    r = db_run(l, st);
    *at = from + STEP;
    *more = true;
    return r;
}

int
ledger_forget(struct ledger *l, struct ledger_forget *f)
{
    int r;

    f->more = false;
    r = step(l, &lines_of, f->before_ms, f->told_lines, &f->lines, &f->more);
    if (r == 0) {
        r = step(l, &events_of, f->before_ms, f->told_events, &f->events, &f->more);
    }
    return r == 0 ? step(l, &alarms_of, f->before_ms, INT64_MAX, &f->alarms, &f->more) : r;
}
