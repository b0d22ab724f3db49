#include "belfry/ledger/notices.h"

#include <string.h>

#define PRUNE_AT_ONCE 1024

/* Those of alarm_read() with the alarm's id in their first place. */
#define NOTICE_COLUMNS                                                                            \
    "alarm, host, severity, code, subject, detail, line, verdict, session, nonce, number, open, " \
    "opened_ms, closed_ms, acked_ms, acked_by, count, seq, made_ms, closed, worst, first_line"
#define FIRST_OF_NOTICE 17

static void
notice_read(sqlite3_stmt *st, struct notice *n)
{
    uint32_t worst;

    memset(n, 0, sizeof *n);
    alarm_read(st, &n->alarm);
    n->seq = sqlite3_column_int64(st, FIRST_OF_NOTICE);
    n->made_ms = sqlite3_column_int64(st, FIRST_OF_NOTICE + 1);
    n->closed = sqlite3_column_int64(st, FIRST_OF_NOTICE + 2) != 0;
    worst = db_u32(st, FIRST_OF_NOTICE + 3);
    n->worst = worst < WIRE_SEVERITIES ? (enum wire_severity)worst : WIRE_EMRG;
    db_text(st, FIRST_OF_NOTICE + 4, n->first_line, sizeof n->first_line);
}

/* 0 with the only row of a statement that is bound, or LEDGER_E_*. */
static int
notice_only(struct ledger *l, sqlite3_stmt *st, struct notice *out)
{
    int r = db_step(l, st);

    if (r == 1) {
        notice_read(st, out);
    }
    db_done(st);
    return r == 1 ? 0 : r == 0 ? LEDGER_E_NONE : r;
}

int
notice_make(struct ledger *l, int64_t alarm, bool closed, int64_t now_ms)
{
    sqlite3_stmt *st = db_use(l,
            "INSERT INTO notices(alarm, closed, made_ms, worst, first_line, host, severity, code, subject, "
            "detail, line, verdict, session, nonce, number, open, opened_ms, closed_ms, acked_ms, acked_by, "
            "count) SELECT id, ?2, ?3, min(severity, coalesce((SELECT worst FROM notices WHERE alarm = ?1 "
            "ORDER BY seq DESC LIMIT 1), severity)), coalesce((SELECT first_line FROM notices WHERE alarm = "
            "?1 ORDER BY seq DESC LIMIT 1), line), host, severity, code, subject, detail, line, verdict, "
            "session, nonce, number, open, opened_ms, closed_ms, acked_ms, acked_by, count FROM alarms WHERE "
            "id = ?1");

    db_bind_int(l, st, alarm);
    db_bind_int(l, st, closed);
    db_bind_int(l, st, now_ms);
    return db_run(l, st);
}

int
notice_detail(struct ledger *l, int64_t alarm, const char *detail)
{
    sqlite3_stmt *st = db_use(l, "UPDATE notices SET detail = ?2 WHERE seq = (SELECT max(seq) FROM notices "
                                 "WHERE alarm = ?1)");

    db_bind_int(l, st, alarm);
    db_bind_text(l, st, detail);
    return db_run(l, st);
}

int
ledger_notice(struct ledger *l, int64_t seq, struct notice *out)
{
    sqlite3_stmt *st = db_use(l, "SELECT " NOTICE_COLUMNS " FROM notices WHERE seq = ?");

    db_bind_int(l, st, seq);
    return notice_only(l, st, out);
}

int
ledger_notice_after(struct ledger *l, int64_t seq, struct notice *out)
{
    sqlite3_stmt *st = db_use(l, "SELECT " NOTICE_COLUMNS " FROM notices WHERE seq > ? ORDER BY seq LIMIT 1");

    db_bind_int(l, st, seq);
    return notice_only(l, st, out);
}

int64_t
ledger_notices_after(struct ledger *l, int64_t seq)
{
    sqlite3_stmt *st = db_use(l, "SELECT count(*) FROM notices WHERE seq > ?");
    int64_t count = 0;

    db_bind_int(l, st, seq);
    if (db_step(l, st) == 1) {
        count = sqlite3_column_int64(st, 0);
    }
    db_done(st);
    return count;
}

int
ledger_notice_of(struct ledger *l, const char *host, int64_t from, int64_t last, struct notice *out)
{
    sqlite3_stmt *st = db_use(l, "SELECT " NOTICE_COLUMNS " FROM notices WHERE host = ? AND seq >= ? AND seq "
                                 "<= ? ORDER BY seq LIMIT 1");

    db_bind_text(l, st, host);
    db_bind_int(l, st, from);
    db_bind_int(l, st, last);
    return notice_only(l, st, out);
}

int64_t
ledger_notices_of(struct ledger *l, const char *host, int64_t from, int64_t last, int64_t *end)
{
    sqlite3_stmt *st = db_use(l, "SELECT count(*), coalesce(max(seq), 0) FROM notices WHERE host = ? AND seq "
                                 ">= ? AND seq <= ?");
    int64_t count = 0;

    db_bind_text(l, st, host);
    db_bind_int(l, st, from);
    db_bind_int(l, st, last);
    *end = 0;
    if (db_step(l, st) == 1) {
        count = sqlite3_column_int64(st, 0);
        *end = sqlite3_column_int64(st, 1);
    }
    db_done(st);
    return count;
}

int64_t
ledger_notice_back(struct ledger *l, const char *host, int64_t seq, unsigned by)
{
    sqlite3_stmt *st = db_use(l, "SELECT coalesce(min(seq), ?2) FROM (SELECT seq FROM notices WHERE host = "
                                 "?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3)");

    db_bind_text(l, st, host);
    db_bind_int(l, st, seq);
    db_bind_int(l, st, by);
    if (db_step(l, st) == 1) {
        seq = sqlite3_column_int64(st, 0);
    }
    db_done(st);
    return seq;
}

int
ledger_standing_after(struct ledger *l, int64_t id, int64_t since_ms, struct notice *out)
{
    sqlite3_stmt *st = db_use(l,
            "SELECT " ALARM_COLUMNS ", 0, raised_ms, open = 0, coalesce((SELECT worst FROM notices AS n "
            "WHERE n.alarm = a.id ORDER BY seq DESC LIMIT 1), severity), coalesce((SELECT "
            "first_line FROM notices AS n WHERE n.alarm = a.id ORDER BY seq DESC LIMIT 1), "
            "line) FROM alarms AS a WHERE (open = 1 OR closed_ms > ?) AND id > ? ORDER BY id LIMIT 1");

    db_bind_int(l, st, since_ms);
    db_bind_int(l, st, id);
    return notice_only(l, st, out);
}

/* ---- places */

int
ledger_place(struct ledger *l, const char *notifier, struct ledger_place *out)
{
    sqlite3_stmt *st = db_use(l, "SELECT notices, lines, events, told, failed, last_ms FROM notifiers WHERE "
                                 "name = ?1 UNION ALL SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE "
                                 "name = 'notices'), 0), coalesce((SELECT max(id) FROM lines), 0), "
                                 "coalesce((SELECT max(id) FROM events), 0), 0, 0, 0 LIMIT 1");
    int r;

    memset(out, 0, sizeof *out);
    db_bind_text(l, st, notifier);
    r = db_step(l, st);
    if (r == 1) {
        out->notices = sqlite3_column_int64(st, 0);
        out->lines = sqlite3_column_int64(st, 1);
        out->events = sqlite3_column_int64(st, 2);
        out->told = (uint64_t)sqlite3_column_int64(st, 3);
        out->failed = (uint64_t)sqlite3_column_int64(st, 4);
        out->last_ms = sqlite3_column_int64(st, 5);
    }
    db_done(st);
    return r < 0 ? r : 0;
}

int
ledger_place_save(struct ledger *l, const char *notifier, const struct ledger_place *place)
{
    sqlite3_stmt *st = db_use(l, "INSERT OR REPLACE INTO notifiers(name, notices, lines, events, told, "
                                 "failed, last_ms) VALUES(?, ?, ?, ?, ?, ?, ?)");

    db_bind_text(l, st, notifier);
    db_bind_int(l, st, place->notices);
    db_bind_int(l, st, place->lines);
    db_bind_int(l, st, place->events);
    db_bind_int(l, st, (int64_t)place->told);
    db_bind_int(l, st, (int64_t)place->failed);
    db_bind_int(l, st, place->last_ms);
    return db_run(l, st);
}

static int
forget(struct ledger *l, const char *notifier)
{
    static const char *const from[] = { "DELETE FROM again WHERE notifier = ?",
        "DELETE FROM behind WHERE notifier = ?", "DELETE FROM notifiers WHERE name = ?" };
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof from / sizeof from[0]; i++) {
        sqlite3_stmt *st = db_use(l, from[i]);

        db_bind_text(l, st, notifier);
        r = db_run(l, st);
    }
    return r;
}

int
ledger_places_forget(struct ledger *l, ledger_keep_fn *keep, const void *to)
{
    char name[CONF_NAME] = "";
    int r = 0;

    for (;;) {
        sqlite3_stmt *st = db_use(l, "SELECT name FROM notifiers WHERE name > ? ORDER BY name LIMIT 1");

        db_bind_text(l, st, name);
        r = db_step(l, st);
        if (r == 1) {
            db_text(st, 0, name, sizeof name);
        }
        db_done(st);
        if (r != 1) {
            return r;
        }
        r = keep(to, name) ? 0 : forget(l, name);
        if (r != 0) {
            return r;
        }
    }
}

/* ---- hosts that a notifier is behind with */

int
ledger_behind_save(struct ledger *l, const char *notifier, const char *host, int64_t seq)
{
    sqlite3_stmt *st =
            db_use(l, seq != 0 ? "INSERT OR REPLACE INTO behind(notifier, host, seq) VALUES(?, ?, ?)"
                               : "DELETE FROM behind WHERE notifier = ? AND host = ?");

    db_bind_text(l, st, notifier);
    db_bind_text(l, st, host);
    if (seq != 0) {
        db_bind_int(l, st, seq);
    }
    return db_run(l, st);
}

int
ledger_behind(struct ledger *l, const char *notifier, ledger_behind_fn *fn, void *to)
{
    sqlite3_stmt *st = db_use(l, "SELECT host, seq FROM behind WHERE notifier = ? ORDER BY host");
    char host[WIRE_HOST_MAX + 1];
    int r;

    db_bind_text(l, st, notifier);
    while ((r = db_step(l, st)) == 1) {
        db_text(st, 0, host, sizeof host);
        fn(to, host, sqlite3_column_int64(st, 1));
    }
    db_done(st);
    return r;
}

/* ---- what is tried again */

int
ledger_again(struct ledger *l, const char *notifier, const struct notice *n, unsigned tries, int64_t next_ms)
{
    sqlite3_stmt *st = db_use(l, "INSERT OR REPLACE INTO again(notifier, alarm, seq, tries, next_ms) "
                                 "VALUES(?, ?, ?, ?, ?)");

    db_bind_text(l, st, notifier);
    db_bind_int(l, st, n->alarm.id);
    db_bind_int(l, st, n->seq);
    db_bind_int(l, st, tries);
    db_bind_int(l, st, next_ms);
    return db_run(l, st);
}

int
ledger_again_done(struct ledger *l, const char *notifier, const struct notice *n)
{
    sqlite3_stmt *st = db_use(l, "DELETE FROM again WHERE notifier = ? AND alarm = ? AND seq = ?");

    db_bind_text(l, st, notifier);
    db_bind_int(l, st, n->alarm.id);
    db_bind_int(l, st, n->seq);
    return db_run(l, st);
}

int
ledger_again_now(struct ledger *l, const char *notifier, int64_t alarm, int64_t now_ms)
{
    sqlite3_stmt *st =
            db_use(l, "UPDATE again SET tries = 0, next_ms = ?3 WHERE notifier = ?1 AND alarm = ?2");

    db_bind_text(l, st, notifier);
    db_bind_int(l, st, alarm);
    db_bind_int(l, st, now_ms);
    return db_run(l, st);
}

int
ledger_again_due(
        struct ledger *l, const char *notifier, int64_t now_ms, struct ledger_try *out, unsigned limit)
{
    sqlite3_stmt *st =
            db_use(l, "SELECT seq, alarm, tries FROM again AS a WHERE notifier = ?1 AND next_ms <= "
                      "?2 AND NOT EXISTS (SELECT 1 FROM again AS b WHERE b.notifier = ?1 AND "
                      "b.alarm = a.alarm AND b.seq < a.seq) ORDER BY next_ms, seq LIMIT ?3");
    unsigned count = 0;
    int r;

    db_bind_text(l, st, notifier);
    db_bind_int(l, st, now_ms);
    db_bind_int(l, st, limit);
    while ((r = db_step(l, st)) == 1 && count < limit) {
        out[count++] = (struct ledger_try){
            .seq = sqlite3_column_int64(st, 0), .alarm = sqlite3_column_int64(st, 1), .tries = db_u32(st, 2)
        };
    }
    db_done(st);
    return r < 0 ? r : (int)count;
}

bool
ledger_again_before(struct ledger *l, const char *notifier, const struct notice *n)
{
    sqlite3_stmt *st = db_use(l, "SELECT 1 FROM again WHERE notifier = ? AND alarm = ? AND seq < ? LIMIT 1");
    int r;

    db_bind_text(l, st, notifier);
    db_bind_int(l, st, n->alarm.id);
    db_bind_int(l, st, n->seq);
    r = db_step(l, st);
    db_done(st);
    return r == 1;
}

int64_t
ledger_again_at(struct ledger *l, const char *notifier, int64_t now_ms)
{
    sqlite3_stmt *st = db_use(l, "SELECT coalesce(min(next_ms), 0x7fffffffffffffff) FROM again WHERE "
                                 "notifier = ? AND next_ms > ?");
    int64_t at = INT64_MAX;

    db_bind_text(l, st, notifier);
    db_bind_int(l, st, now_ms);
    if (db_step(l, st) == 1) {
        at = sqlite3_column_int64(st, 0);
    }
    db_done(st);
    return at;
}

int
ledger_notices_prune(struct ledger *l, int64_t before_ms)
{
    sqlite3_stmt *st = db_use(l,
            "DELETE FROM notices WHERE seq IN (SELECT seq FROM notices AS n WHERE made_ms < ?1 AND seq <= "
            "coalesce((SELECT min(notices) FROM notifiers), 0x7fffffffffffffff) AND NOT EXISTS (SELECT 1 "
            "FROM alarms AS a WHERE a.id = n.alarm AND open = 1) AND NOT EXISTS (SELECT 1 FROM again AS g "
            "WHERE g.seq = n.seq) AND NOT EXISTS (SELECT 1 FROM behind AS b WHERE b.host = n.host AND b.seq "
            "<= n.seq) ORDER BY seq LIMIT ?2)");

    db_bind_int(l, st, before_ms);
    db_bind_int(l, st, PRUNE_AT_ONCE);
    return db_run(l, st);
}
