#include "belfry/ledger/db.h"
#include "belfry/ledger/notices.h"
#include "belfry/ledger/pins.h"
#include "belfry/ledger/rules.h"

#include <stdio.h>
#include <string.h>

/* The alarm that a rule is about. */
struct standing {
    int64_t id;
    uint32_t severity;
    uint32_t session;
    uint32_t number;
    bool acked;
    char nonce[WIRE_NONCE_CHARS + 1];
    char code[RECORD_CODE];
    char detail[RECORD_DETAIL];
};

static void
note(struct ledger_changes *changes, int64_t alarm, int what)
{
    struct ledger_change *c;

    if (changes->count < LEDGER_CHANGES) {
        c = &changes->at[changes->count++];
        c->alarm = alarm;
        c->what = what == LEDGER_RAISED   ? LEDGER_RAISED
                  : what == LEDGER_CLOSED ? LEDGER_CLOSED
                                          : LEDGER_REPEATED;
    }
}

void
alarm_read(sqlite3_stmt *st, struct alarm *a)
{
    uint32_t severity = db_u32(st, 2);

    memset(a, 0, sizeof *a);
    a->id = sqlite3_column_int64(st, 0);
    db_text(st, 1, a->host, sizeof a->host);
    a->severity = severity < WIRE_SEVERITIES ? (enum wire_severity)severity : WIRE_EMRG;
    db_text(st, 3, a->code, sizeof a->code);
    db_text(st, 4, a->subject, sizeof a->subject);
    db_text(st, 5, a->detail, sizeof a->detail);
    db_text(st, 6, a->line, sizeof a->line);
    db_text(st, 7, a->verdict, sizeof a->verdict);
    a->session = db_u32(st, 8);
    db_text(st, 9, a->nonce, sizeof a->nonce);
    a->number = db_u32(st, 10);
    a->open = sqlite3_column_int64(st, 11) != 0;
    a->opened_ms = sqlite3_column_int64(st, 12);
    a->closed_ms = sqlite3_column_int64(st, 13);
    a->acked_ms = sqlite3_column_int64(st, 14);
    db_text(st, 15, a->acked_by, sizeof a->acked_by);
    a->count = db_u32(st, 16);
}

/* 1 with the open alarm of that host, area and subject, 0 when there is none. */
static int
find_standing(struct ledger *l, const char *host, const struct rule *rule, struct standing *out)
{
    sqlite3_stmt *st =
            db_use(l, "SELECT id, severity, session, number, nonce, code, detail, acked_ms > 0 FROM alarms "
                      "WHERE host = ? AND area = ? AND subject = ? AND open = 1");
    int r;

    db_bind_text(l, st, host);
    db_bind_text(l, st, rule->area);
    db_bind_text(l, st, rule->subject);
    r = db_step(l, st);
    if (r == 1) {
        out->id = sqlite3_column_int64(st, 0);
        out->severity = db_u32(st, 1);
        out->session = db_u32(st, 2);
        out->number = db_u32(st, 3);
        db_text(st, 4, out->nonce, sizeof out->nonce);
        db_text(st, 5, out->code, sizeof out->code);
        db_text(st, 6, out->detail, sizeof out->detail);
        out->acked = sqlite3_column_int64(st, 7) != 0;
    }
    db_done(st);
    return r;
}

static int
close_alarm(struct ledger *l, int64_t id, int64_t now_ms, struct ledger_changes *changes)
{
    sqlite3_stmt *st = db_use(l, "UPDATE alarms SET open = 0, closed_ms = ?2 WHERE id = ?1 AND open = 1");
    int r;

    db_bind_int(l, st, id);
    db_bind_int(l, st, now_ms);
    r = db_run(l, st);
    if (r == 0 && sqlite3_changes(l->db) == 1) {
        note(changes, id, LEDGER_CLOSED);
        r = notice_make(l, id, true, now_ms);
    }
    return r;
}

static int
close_standing(struct ledger *l, const char *host, const struct rule *rule, int64_t now_ms,
        struct ledger_changes *changes)
{
    struct standing s;
    int r = find_standing(l, host, rule, &s);

    return r == 1 ? close_alarm(l, s.id, now_ms, changes) : r;
}

/* The open alarm that line `number` of the record's session raised last: 1 and its id, 0 for none. */
static int
find_raised_by(struct ledger *l, const struct record *r, uint32_t number, struct standing *out)
{
    sqlite3_stmt *st =
            db_use(l, "SELECT id, detail FROM alarms WHERE open = 1 AND host = ? AND session = ? AND "
                      "nonce = ? AND number = ? AND verdict IN ('OK', 'REPAIRED', 'LATE')");
    int found;

    db_bind_text(l, st, r->host);
    db_bind_int(l, st, r->session);
    db_bind_text(l, st, r->nonce);
    db_bind_int(l, st, number);
    found = db_step(l, st);
    if (found == 1) {
        out->id = sqlite3_column_int64(st, 0);
        db_text(st, 1, out->detail, sizeof out->detail);
    }
    db_done(st);
    return found;
}

static int
append_detail(struct ledger *l, const struct standing *s, const char *more)
{
    char detail[RECORD_DETAIL];
    sqlite3_stmt *st;
    size_t have = strlen(s->detail);
    int r;

    /* The reference is of use to us only. */
    if (strncmp(more, "of=", 3) == 0) {
        more += strcspn(more, " ");
        more += strspn(more, " ");
    }
    (void)snprintf(detail, sizeof detail, "%s", s->detail);
    (void)snprintf(detail + have, sizeof detail - have, "%s%s", have > 0 ? " " : "", more);
    st = db_use(l, "UPDATE alarms SET detail = ?2 WHERE id = ?1");
    db_bind_int(l, st, s->id);
    db_bind_text(l, st, detail);
    r = db_run(l, st);
    return r == 0 ? notice_detail(l, s->id, detail) : r;
}

/*
 * Lines come in any order: what ends this alarm, or adds to it, may be here already. Details of all the
 * `more` lines are gathered first, since a statement must not be read while another changes the row. SQLite
 * would rather go through all lines of the session, which have the order that is asked for.
 */
static int
apply_early(struct ledger *l, const struct record *r, int64_t id, struct ledger_changes *changes)
{
    char more[RECORD_DETAIL] = "";
    bool over = false;
    struct standing s = { .id = id };
    sqlite3_stmt *st =
            db_use(l, "SELECT code, detail FROM lines INDEXED BY lines_refers WHERE host = ? AND pairing = ? "
                      "AND session = ? AND nonce = ? AND refers = ? ORDER BY number LIMIT 64");
    int step;

    db_bind_text(l, st, r->host);
    db_bind_int(l, st, r->pairing);
    db_bind_int(l, st, r->session);
    db_bind_text(l, st, r->nonce);
    db_bind_int(l, st, r->first);
    while ((step = db_step(l, st)) == 1) {
        char code[RECORD_CODE];
        char detail[RECORD_DETAIL];
        size_t have = strlen(more);

        db_text(st, 0, code, sizeof code);
        db_text(st, 1, detail, sizeof detail);
        if (strcmp(code, "more") != 0) {
            over = true;
            continue;
        }
        (void)snprintf(more + have, sizeof more - have, "%s%s", have > 0 ? " " : "",
                detail + strcspn(detail, " ") + strspn(detail + strcspn(detail, " "), " "));
    }
    db_done(st);
    if (step == 0 && more[0] != '\0') {
        (void)snprintf(s.detail, sizeof s.detail, "%s", r->detail);
        step = append_detail(l, &s, more);
    }
    if (step == 0 && over) {
        step = close_alarm(l, id, r->seen_us / 1000, changes);
    }
    return step;
}

static int
insert_alarm(struct ledger *l, const struct record *r, const struct rule *rule,
        struct ledger_changes *changes, int64_t *id)
{
    sqlite3_stmt *st = db_use(l, "INSERT INTO alarms(host, area, code, subject, severity, detail, line, "
                                 "verdict, session, nonce, number, "
                                 "last_number, open, count, opened_ms, raised_ms, closed_ms, acked_ms, "
                                 "acked_by) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, "
                                 "?8, ?9, ?10, ?11, ?12, 1, 1, ?13, "
                                 "?13, 0, 0, '')");
    int done;

    db_bind_text(l, st, r->host);
    db_bind_text(l, st, rule->area);
    db_bind_text(l, st, rule->code);
    db_bind_text(l, st, rule->subject);
    db_bind_int(l, st, rule->severity);
    db_bind_text(l, st, rule->detail);
    db_bind_text(l, st, r->line);
    db_bind_text(l, st, record_verdict(r));
    db_bind_int(l, st, r->session);
    db_bind_text(l, st, r->nonce);
    db_bind_int(l, st, r->first);
    db_bind_int(l, st, r->last);
    db_bind_int(l, st, r->seen_us / 1000);
    done = db_run(l, st);
    *id = sqlite3_last_insert_rowid(l->db);
    if (done == 0) {
        note(changes, *id, LEDGER_RAISED);
        done = notice_make(l, *id, false, r->seen_us / 1000);
    }
    return done;
}

/* An older line that comes late must not take the place of the newer one that raised the same alarm. */
static bool
newer(const struct record *r, const struct standing *s)
{
    if (r->kind != RECORD_LINE || strcmp(r->nonce, s->nonce) != 0) {
        return r->session >= s->session;
    }
    return r->first > s->number;
}

/*
 * Is the same trouble again news? When it became another or a worse one; when a person had seen it and it
 * comes once more (from a new session it is only the old trouble, told anew); and a test is one each time.
 */
static bool
is_news(const struct record *r, const struct rule *rule, const struct standing *s)
{
    bool same_session = r->session == s->session && strcmp(r->nonce, s->nonce) == 0;
    bool recurs = same_session && (r->kind == RECORD_LINE || r->verdict == WIRE_GAP);
    bool other = strcmp(rule->code, RULE_PIN) == 0 && strcmp(rule->detail, s->detail) != 0;

    return other || strcmp(rule->code, s->code) != 0 || rule->severity < s->severity ||
           (s->acked && recurs) || strcmp(rule->code, "test.alarm") == 0;
}

/* The same trouble again: one row counts it. */
static int
repeat_alarm(struct ledger *l, const struct record *r, const struct rule *rule, const struct standing *s,
        struct ledger_changes *changes)
{
    bool news = newer(r, s) && is_news(r, rule, s);
    sqlite3_stmt *st;
    int done;

    if (!newer(r, s)) {
        st = db_use(l, "UPDATE alarms SET count = count + 1 WHERE id = ?1");
        db_bind_int(l, st, s->id);
        return db_run(l, st);
    }
    /* A gap's range grows: it is closed when nothing in it is missing. */
    st = db_use(l,
            "UPDATE alarms SET count = count + 1, code = ?2, severity = ?3, detail = ?4, line = ?5, verdict "
            "= ?6, "
            "session = ?7, nonce = ?8, number = CASE WHEN area = 'belfry.gap' THEN min(number, ?9) ELSE ?9 "
            "END, "
            "last_number = max(last_number, ?10), raised_ms = ?11, "
            "acked_ms = CASE WHEN ?12 THEN 0 ELSE acked_ms END, acked_by = CASE WHEN ?12 THEN '' ELSE "
            "acked_by END "
            "WHERE id = ?1");
    db_bind_int(l, st, s->id);
    db_bind_text(l, st, rule->code);
    db_bind_int(l, st, rule->severity < s->severity || news ? rule->severity : s->severity);
    db_bind_text(l, st, rule->detail);
    db_bind_text(l, st, r->line);
    db_bind_text(l, st, record_verdict(r));
    db_bind_int(l, st, r->session);
    db_bind_text(l, st, r->nonce);
    db_bind_int(l, st, r->first);
    db_bind_int(l, st, r->last);
    db_bind_int(l, st, r->seen_us / 1000);
    db_bind_int(l, st, news);
    done = db_run(l, st);
    if (done == 0) {
        note(changes, s->id, news ? LEDGER_RAISED : LEDGER_REPEATED);
    }
    return done == 0 && news ? notice_make(l, s->id, false, r->seen_us / 1000) : done;
}

static int
raise_alarm(struct ledger *l, const struct record *r, const struct rule *rule, struct ledger_changes *changes)
{
    struct standing s;
    bool relevant = true;
    int64_t id;
    int found = find_standing(l, r->host, rule, &s);

    if (found < 0) {
        return found;
    }
    if (found == 1) {
        relevant = newer(r, &s);
        found = repeat_alarm(l, r, rule, &s, changes);
        id = s.id;
    } else {
        found = insert_alarm(l, r, rule, changes, &id);
    }
    if (found == 0 && r->kind == RECORD_LINE && relevant) {
        found = apply_early(l, r, id, changes);
    }
    return found;
}

static int
obey_rule(struct ledger *l, const struct record *r, struct ledger_changes *changes)
{
    struct rule rule;
    struct standing s;
    int found;

    rule_of(r, &rule);
    switch (rule.act) {
    case RULE_RAISE:
        return raise_alarm(l, r, &rule, changes);
    case RULE_CLOSE:
        if (r->kind == RECORD_LOCAL) {
            return close_standing(l, r->host, &rule, r->seen_us / 1000, changes);
        }
        found = find_raised_by(l, r, rule.of, &s);
        return found == 1 ? close_alarm(l, s.id, r->seen_us / 1000, changes) : found;
    case RULE_MORE:
        found = find_raised_by(l, r, rule.of, &s);
        return found == 1 ? append_detail(l, &s, rule.detail) : found;
    case RULE_NONE:
        break;
    }
    return 0;
}

/* 1 when it is new, 0 when it is there already. */
static int
insert_line(struct ledger *l, const struct record *r)
{
    sqlite3_stmt *st = db_use(l, "INSERT INTO lines(host, pairing, session, nonce, number, verdict, "
                                 "severity, code, detail, utc_s, mono_s, "
                                 "seen_us, line, bytes, tag, refers) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                 "?, ?, ?, ?, nullif(?, -1)) "
                                 "ON CONFLICT DO NOTHING");
    uint32_t of = 0;
    int done;

    db_bind_text(l, st, r->host);
    db_bind_int(l, st, r->pairing);
    db_bind_int(l, st, r->session);
    db_bind_text(l, st, r->nonce);
    db_bind_int(l, st, r->first);
    db_bind_text(l, st, wire_verdict_name(r->verdict));
    db_bind_int(l, st, r->severity);
    db_bind_text(l, st, r->code);
    db_bind_text(l, st, r->detail);
    db_bind_int(l, st, (int64_t)r->utc_s);
    db_bind_int(l, st, r->mono_s);
    db_bind_int(l, st, r->seen_us);
    db_bind_text(l, st, r->line);
    db_bind_text(l, st, r->bytes);
    db_bind_text(l, st, r->tag);
    db_bind_int(l, st, rule_refers(r, &of) ? (int64_t)of : -1);
    done = db_run(l, st);
    return done < 0 ? done : sqlite3_changes(l->db);
}

static int
insert_event(struct ledger *l, const struct record *r)
{
    sqlite3_stmt *st = db_use(l,
            "INSERT INTO events(seen_us, host, line, verdict, session, nonce, first, last, value, bad, "
            "detail) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

    db_bind_int(l, st, r->seen_us);
    db_bind_text(l, st, r->host);
    db_bind_text(l, st, r->line);
    db_bind_text(l, st, r->kind == RECORD_EVENT ? wire_verdict_name(r->verdict) : r->code);
    db_bind_int(l, st, r->session);
    db_bind_text(l, st, r->nonce);
    db_bind_int(l, st, r->first);
    db_bind_int(l, st, r->last);
    db_bind_int(l, st, r->value);
    db_bind_int(l, st, r->kind == RECORD_EVENT ? r->bad : !r->over);
    db_bind_text(l, st, r->detail);
    return db_run(l, st);
}

static int
insert_hole(struct ledger *l, const struct record *r, int64_t first, int64_t last, int64_t since_ms)
{
    sqlite3_stmt *st;

    if (first > last) {
        return 0;
    }
    st = db_use(l, "INSERT OR REPLACE INTO holes VALUES(?, ?, ?, ?, ?, ?, ?, 1)");
    db_bind_text(l, st, r->host);
    db_bind_int(l, st, r->pairing);
    db_bind_int(l, st, r->session);
    db_bind_text(l, st, r->nonce);
    db_bind_int(l, st, first);
    db_bind_int(l, st, last);
    db_bind_int(l, st, since_ms);
    return db_run(l, st);
}

/* For a session that the judge no longer follows, nobody else takes the number out of its hole. */
static int
fill_hole(struct ledger *l, const struct record *r)
{
    sqlite3_stmt *st =
            db_use(l, "DELETE FROM holes WHERE host = ? AND pairing = ? AND session = ? AND nonce = ? AND "
                      "? BETWEEN first AND last RETURNING first, last, since_ms");
    int64_t first = 0;
    int64_t last = 0;
    int64_t since_ms = 0;
    int found;

    db_bind_text(l, st, r->host);
    db_bind_int(l, st, r->pairing);
    db_bind_int(l, st, r->session);
    db_bind_text(l, st, r->nonce);
    db_bind_int(l, st, r->first);
    found = db_step(l, st);
    if (found == 1) {
        first = sqlite3_column_int64(st, 0);
        last = sqlite3_column_int64(st, 1);
        since_ms = sqlite3_column_int64(st, 2);
        (void)db_step(l, st);
    }
    db_done(st);
    if (found != 1) {
        return found;
    }
    found = insert_hole(l, r, first, (int64_t)r->first - 1, since_ms);
    return found == 0 ? insert_hole(l, r, (int64_t)r->first + 1, last, since_ms) : found;
}

static int
apply_line(struct ledger *l, const struct record *r, struct ledger_changes *changes)
{
    static const struct rule silent = { .area = RULE_SILENT };
    int done = insert_line(l, r);

    if (done != 1) {
        return done;
    }
    done = r->verdict == WIRE_LATE ? fill_hole(l, r) : 0;
    if (done == 0) {
        done = pins_take(l, r, changes);
    }
    if (done == 0 && r->life) {
        done = close_standing(l, r->host, &silent, r->seen_us / 1000, changes);
    }
    return done == 0 ? obey_rule(l, r, changes) : done;
}

int
ledger_apply(struct ledger *l, const struct record *r, struct ledger_changes *changes)
{
    int done;

    if (r->kind == RECORD_LINE) {
        return apply_line(l, r, changes);
    }
    done = insert_event(l, r);
    if (done == 0 && r->kind == RECORD_EVENT && r->verdict == WIRE_GAP) {
        /* The judge may drop the session at this very moment, and then nobody else would keep the hole. */
        done = insert_hole(l, r, r->first, r->last, r->seen_us / 1000);
    }
    return done == 0 ? obey_rule(l, r, changes) : done;
}

int
ledger_gaps_filled(struct ledger *l, const struct record *r, struct ledger_changes *changes)
{
    int64_t ids[LEDGER_CHANGES];
    unsigned count = 0;
    int done;
    sqlite3_stmt *st = db_use(l,
            "SELECT id FROM alarms AS a WHERE open = 1 AND host = ?1 AND area = 'belfry.gap' AND session = "
            "?2 AND "
            "nonce = ?3 AND NOT EXISTS (SELECT 1 FROM holes AS h WHERE h.host = ?1 AND h.pairing = ?4 AND "
            "h.session = ?2 AND h.nonce = ?3 AND h.told = 1 AND h.first <= a.last_number AND h.last >= "
            "a.number)");

    db_bind_text(l, st, r->host);
    db_bind_int(l, st, r->session);
    db_bind_text(l, st, r->nonce);
    db_bind_int(l, st, r->pairing);
    while ((done = db_step(l, st)) == 1 && count < LEDGER_CHANGES) {
        ids[count++] = sqlite3_column_int64(st, 0);
    }
    db_done(st);
    for (unsigned i = 0; i < count && done >= 0; i++) {
        done = close_alarm(l, ids[i], r->seen_us / 1000, changes);
    }
    return done < 0 ? done : 0;
}

/* All rows of a statement that selects ALARM_COLUMNS. */
static int
each_alarm(struct ledger *l, sqlite3_stmt *st, ledger_alarm_fn *fn, void *to)
{
    struct alarm a;
    int r;

    while ((r = db_step(l, st)) == 1) {
        alarm_read(st, &a);
        fn(to, &a);
    }
    db_done(st);
    return r;
}

int
ledger_alarms(struct ledger *l, const struct ledger_filter *filter, ledger_alarm_fn *fn, void *to)
{
    sqlite3_stmt *st =
            db_use(l, "SELECT " ALARM_COLUMNS
                      " FROM alarms WHERE (open = 1 OR ?4 = 0) AND (raised_ms >= ?1 OR closed_ms >= ?1) "
                      "AND (?2 = '' OR host = ?2) AND severity <= ?3 ORDER BY open DESC, "
                      "CASE WHEN open THEN severity ELSE 0 END, id DESC");

    db_bind_int(l, st, filter->since_ms);
    db_bind_text(l, st, filter->host != NULL ? filter->host : "");
    db_bind_int(l, st, filter->severity < 0 ? WIRE_SEVERITIES : filter->severity);
    db_bind_int(l, st, filter->open_only);
    return each_alarm(l, st, fn, to);
}

int
ledger_alarms_open(struct ledger *l, unsigned skip, unsigned most, ledger_alarm_fn *fn, void *to)
{
    sqlite3_stmt *st = db_use(l, "SELECT " ALARM_COLUMNS
                                 " FROM alarms WHERE open = 1 ORDER BY severity, id DESC LIMIT ? OFFSET ?");

    db_bind_int(l, st, most);
    db_bind_int(l, st, skip);
    return each_alarm(l, st, fn, to);
}

int
ledger_alarms_recent(struct ledger *l, unsigned most, ledger_alarm_fn *fn, void *to)
{
    sqlite3_stmt *st = db_use(l, "SELECT " ALARM_COLUMNS " FROM alarms ORDER BY id DESC LIMIT ?");

    db_bind_int(l, st, most);
    return each_alarm(l, st, fn, to);
}

int
ledger_alarm(struct ledger *l, int64_t id, struct alarm *out)
{
    sqlite3_stmt *st = db_use(l, "SELECT " ALARM_COLUMNS " FROM alarms WHERE id = ?");
    int r;

    db_bind_int(l, st, id);
    r = db_step(l, st);
    if (r == 1) {
        alarm_read(st, out);
    }
    db_done(st);
    return r == 1 ? 0 : r == 0 ? LEDGER_E_NONE : r;
}

/*
 * True when its agent cannot close it any more: raised by a line of a session that is not the newest one, or
 * of a kind that nothing closes.
 */
static int
left_over(struct ledger *l, const struct alarm *a, bool *out)
{
    sqlite3_stmt *st;
    int r;

    *out = rule_only_ack_closes(a->code, a->detail);
    if (*out || a->nonce[0] == '\0' || strncmp(a->code, "belfry.", 7) == 0) {
        return 0;
    }
    st = db_use(l, "SELECT 1 FROM sessions AS s JOIN hosts AS h USING(host, pairing) WHERE host = ? AND "
                   "session > ?");
    db_bind_text(l, st, a->host);
    db_bind_int(l, st, a->session);
    r = db_step(l, st);
    db_done(st);
    *out = r == 1;
    return r < 0 ? r : 0;
}

bool
ledger_standing(struct ledger *l, const char *host, const char *area, const char *subject)
{
    struct rule rule = { .act = RULE_NONE };
    struct standing s;

    (void)snprintf(rule.area, sizeof rule.area, "%s", area);
    (void)snprintf(rule.subject, sizeof rule.subject, "%s", subject);
    return find_standing(l, host, &rule, &s) == 1;
}

int
ledger_ack(struct ledger *l, int64_t id, const char *by, int64_t now_ms, struct ledger_changes *changes)
{
    struct alarm a;
    bool closes = false;
    sqlite3_stmt *st;
    int r = ledger_alarm(l, id, &a);

    if (r == 0) {
        r = left_over(l, &a, &closes);
    }
    if (r != 0) {
        return r;
    }
    st = db_use(l, "UPDATE alarms SET acked_ms = ?2, acked_by = ?3 WHERE id = ?1 AND acked_ms = 0");
    db_bind_int(l, st, id);
    db_bind_int(l, st, now_ms);
    db_bind_text(l, st, by);
    r = db_run(l, st);
    if (r == 0 && sqlite3_changes(l->db) > 0) {
        char detail[40];

        (void)snprintf(detail, sizeof detail, "alarm=%lld", (long long)id);
        r = ledger_act(l, "ack", a.host, detail, by, now_ms);
    }
    return r == 0 && closes ? close_alarm(l, id, now_ms, changes) : r;
}

int
ledger_open_alarms(struct ledger *l, const char *host, struct ledger_count *out)
{
    sqlite3_stmt *st = db_use(l, "SELECT count(*), count(*) FILTER (WHERE acked_ms > 0), "
                                 "coalesce(min(severity) FILTER (WHERE acked_ms = 0), -1) FROM alarms "
                                 "WHERE open = 1 AND host = ?");
    int r;

    memset(out, 0, sizeof *out);
    out->worst = -1;
    db_bind_text(l, st, host);
    r = db_step(l, st);
    if (r == 1) {
        out->open = db_u32(st, 0);
        out->acked = db_u32(st, 1);
        out->worst = (int)sqlite3_column_int64(st, 2);
    }
    db_done(st);
    return r < 0 ? r : 0;
}
