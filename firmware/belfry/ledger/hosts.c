#include "belfry/ledger/db.h"
#include "belfry/ledger/notices.h"
#include "belfry/text.h"

#include <stdio.h>
#include <string.h>

#define CLOCK_SLACK_MS 60000

/* Also a new pairing of one that is there, where what follows is true of it. */
#define INSERT_HOST                                                                                      \
    "INSERT INTO hosts(host, pairing, paired_ms, psk, root, root_session, next_s, alive, last_ms, "      \
    "last_line, proved, repaired, copies, forged) VALUES(?1, 1, ?2, ?3, ?4, 0, 0, 0, 0, '', 0, 0, 0, "   \
    "0) ON CONFLICT(host) DO UPDATE SET pairing = pairing + 1, paired_ms = ?2, psk = ?3, root = ?4, "    \
    "root_session = 0, last_ms = 0, last_line = '', next_s = 0, alive = 0, unpaired_ms = 0, "            \
    "unpaired_by = '', pending = NULL, pending_id = '', pending_nonce = '', next_root = NULL, passed = " \
    "NULL WHERE "

int
ledger_pair(struct ledger *l, const char *host, const struct wire_key *psk, const struct wire_key *root,
        int64_t now_ms, bool again)
{
    sqlite3_stmt *st = db_use(l, again ? INSERT_HOST "1" : INSERT_HOST "unpaired_ms <> 0");
    int r;

    db_bind_text(l, st, host);
    db_bind_int(l, st, now_ms);
    db_bind_blob(l, st, psk, sizeof *psk);
    db_bind_blob(l, st, root, sizeof *root);
    r = db_run(l, st);
    if (r == 0 && sqlite3_changes(l->db) == 0) {
        return LEDGER_E_EXISTS;
    }
    return r;
}

static int
forget_keys(struct ledger *l, const char *host)
{
    sqlite3_stmt *st = db_use(l, "UPDATE sessions SET key = zeroblob(length(key)) WHERE host = ?");

    db_bind_text(l, st, host);
    return db_run(l, st);
}

/* Nothing can end them any more. */
static int
close_alarms(struct ledger *l, const char *host, const char *by, int64_t now_ms)
{
    sqlite3_stmt *st;
    int64_t id = 0;
    int r;

    do {
        st = db_use(l, "UPDATE alarms SET open = 0, closed_ms = ?2, acked_ms = ?2, acked_by = ?3 WHERE id = "
                       "(SELECT min(id) FROM alarms WHERE host = ?1 AND open = 1) RETURNING id");
        db_bind_text(l, st, host);
        db_bind_int(l, st, now_ms);
        db_bind_text(l, st, by);
        r = db_step(l, st);
        id = r == 1 ? sqlite3_column_int64(st, 0) : 0;
        r = r == 1 ? db_step(l, st) : r;
        db_done(st);
        r = r == 0 && id != 0 ? notice_make(l, id, true, now_ms) : r;
    } while (r == 0 && id != 0);
    return r;
}

int
ledger_unpair(struct ledger *l, const char *host, const char *by, int64_t now_ms)
{
    sqlite3_stmt *st = db_use(l, "UPDATE hosts SET unpaired_ms = ?2, unpaired_by = ?3, alive = 0, "
                                 "psk = zeroblob(length(psk)), root = zeroblob(length(root)), "
                                 "pending = NULL, pending_id = '', pending_nonce = '', next_root = NULL, "
                                 "passed = NULL WHERE host = ?1 AND unpaired_ms = 0");
    int r;

    db_bind_text(l, st, host);
    db_bind_int(l, st, now_ms);
    db_bind_text(l, st, by);
    r = db_run(l, st);
    if (r == 0 && sqlite3_changes(l->db) == 0) {
        return LEDGER_E_NONE;
    }
    r = r == 0 ? forget_keys(l, host) : r;
    r = r == 0 ? close_alarms(l, host, by, now_ms) : r;
    return r == 0 ? ledger_act(l, "unpair", host, "", by, now_ms) : r;
}

int
ledger_expect(struct ledger *l, const char *host, int64_t until_ms, const char *by, int64_t now_ms)
{
    sqlite3_stmt *st =
            db_use(l, until_ms != 0 ? "INSERT INTO windows(host, made_ms, until_ms, by, ended_ms, ended_by) "
                                      "SELECT host, ?2, ?4, ?3, 0, '' FROM hosts WHERE host = ?1 AND "
                                      "unpaired_ms = 0"
                                    : "UPDATE windows SET ended_ms = ?2, ended_by = ?3, until_ms = ?2 "
                                      "WHERE host = ?1 AND until_ms > ?2");
    char until[TEXT_TIME];
    char detail[TEXT_TIME + 8];
    int r;

    db_bind_text(l, st, host);
    db_bind_int(l, st, now_ms);
    db_bind_text(l, st, by);
    if (until_ms != 0) {
        db_bind_int(l, st, until_ms);
    }
    r = db_run(l, st);
    if (r == 0 && sqlite3_changes(l->db) == 0) {
        return LEDGER_E_NONE;
    }
    (void)snprintf(detail, sizeof detail, until_ms != 0 ? "until=%s" : "off", text_time(until_ms, until));
    return r == 0 ? ledger_act(l, "expect", host, detail, by, now_ms) : r;
}

/* From column 14 on. */
static void
read_rekey(sqlite3_stmt *st, struct host_record *h)
{
    h->rekey.pending = db_blob(st, 14, &h->rekey.x, sizeof h->rekey.x);
    db_text(st, 15, h->rekey.id, sizeof h->rekey.id);
    db_text(st, 16, h->rekey.nonce, sizeof h->rekey.nonce);
    h->rekeyed = db_blob(st, 17, &h->next_root, sizeof h->next_root);
    (void)db_blob(st, 18, h->passed, sizeof h->passed);
}

int
ledger_hosts(struct ledger *l, int64_t now_ms, ledger_host_fn *fn, void *to)
{
    sqlite3_stmt *st =
            db_use(l, "SELECT host, pairing, paired_ms, root, root_session, next_s, alive, last_ms, "
                      "last_line, proved, repaired, copies, forged, "
                      "(SELECT coalesce(max(until_ms), 0) FROM windows AS w WHERE w.host = hosts.host AND "
                      "w.made_ms <= ?1), pending, pending_id, pending_nonce, next_root, passed "
                      "FROM hosts WHERE unpaired_ms = 0 ORDER BY host");
    int r;

    db_bind_int(l, st, now_ms + CLOCK_SLACK_MS);
    while ((r = db_step(l, st)) == 1) {
        struct host_record h;

        memset(&h, 0, sizeof h);
        db_text(st, 0, h.host, sizeof h.host);
        h.pairing = db_u32(st, 1);
        h.paired_ms = sqlite3_column_int64(st, 2);
        h.root_session = db_u32(st, 4);
        h.next_s = db_u32(st, 5);
        h.alive = sqlite3_column_int64(st, 6) != 0;
        h.last_ms = sqlite3_column_int64(st, 7);
        db_text(st, 8, h.last_line, sizeof h.last_line);
        h.proved = (uint64_t)sqlite3_column_int64(st, 9);
        h.repaired = (uint64_t)sqlite3_column_int64(st, 10);
        h.copies = (uint64_t)sqlite3_column_int64(st, 11);
        h.forged = (uint64_t)sqlite3_column_int64(st, 12);
        h.expect_until_ms = sqlite3_column_int64(st, 13);
        read_rekey(st, &h);
        if (db_blob(st, 3, &h.root, sizeof h.root) && wire_host_valid(h.host, strlen(h.host))) {
            fn(to, &h);
        }
        wire_wipe(&h, sizeof h);
    }
    db_done(st);
    return r;
}

static int
read_holes(struct ledger *l, const char *host, uint32_t pairing, struct wire_judge_session *s,
        struct wire_hole hole[WIRE_JUDGE_HOLES])
{
    sqlite3_stmt *st =
            db_use(l, "SELECT first, last, since_ms, told FROM holes WHERE host = ? AND pairing = ? AND "
                      "session = ? AND nonce = ? ORDER BY first");
    int r;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_int(l, st, s->number);
    db_bind_text(l, st, s->nonce);
    s->holes = 0;
    while ((r = db_step(l, st)) == 1 && s->holes < WIRE_JUDGE_HOLES) {
        struct wire_hole *h = &hole[s->holes++];

        h->first = db_u32(st, 0);
        h->last = db_u32(st, 1);
        h->since_ms = sqlite3_column_int64(st, 2);
        h->told = sqlite3_column_int64(st, 3) != 0;
    }
    db_done(st);
    return r < 0 ? r : 0;
}

int
ledger_sessions(
        struct ledger *l, const char *host, uint32_t pairing, unsigned limit, ledger_session_fn *fn, void *to)
{
    struct wire_judge_session s;
    struct wire_hole hole[WIRE_JUDGE_HOLES];
    sqlite3_stmt *st = db_use(l, "SELECT session, nonce, key, seen, top, has_reserve, reserve_first, "
                                 "reserve_last, ended FROM (SELECT * "
                                 "FROM sessions WHERE host = ? AND pairing = ? ORDER BY session DESC, id "
                                 "DESC LIMIT ?) ORDER BY session, id");
    int r;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_int(l, st, limit);
    while ((r = db_step(l, st)) == 1) {
        memset(&s, 0, sizeof s);
        s.used = true;
        s.number = db_u32(st, 0);
        db_text(st, 1, s.nonce, sizeof s.nonce);
        s.any = sqlite3_column_int64(st, 3) != 0;
        s.top = db_u32(st, 4);
        s.has_reserve = sqlite3_column_int64(st, 5) != 0;
        s.reserve_first = db_u32(st, 6);
        s.reserve_last = db_u32(st, 7);
        s.ended = sqlite3_column_int64(st, 8) != 0;
        if (!db_blob(st, 2, &s.key, sizeof s.key)) {
            continue;
        }
        r = read_holes(l, host, pairing, &s, hole);
        if (r != 0) {
            break;
        }
        fn(to, &s, hole);
    }
    db_done(st);
    wire_wipe(&s.key, sizeof s.key);
    return r;
}

static int
save_holes(struct ledger *l, const char *host, uint32_t pairing, const struct wire_judge_session *s,
        const struct wire_hole *hole, int64_t utc_ahead_ms)
{
    sqlite3_stmt *st =
            db_use(l, "DELETE FROM holes WHERE host = ? AND pairing = ? AND session = ? AND nonce = ?");
    int r;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_int(l, st, s->number);
    db_bind_text(l, st, s->nonce);
    r = db_run(l, st);
    for (unsigned i = 0; r == 0 && i < s->holes; i++) {
        st = db_use(l, "INSERT OR REPLACE INTO holes VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
        db_bind_text(l, st, host);
        db_bind_int(l, st, pairing);
        db_bind_int(l, st, s->number);
        db_bind_text(l, st, s->nonce);
        db_bind_int(l, st, hole[i].first);
        db_bind_int(l, st, hole[i].last);
        db_bind_int(l, st, hole[i].since_ms + utc_ahead_ms);
        db_bind_int(l, st, hole[i].told);
        r = db_run(l, st);
    }
    return r;
}

static int
save_session(struct ledger *l, const char *host, uint32_t pairing, const struct wire_judge_session *s,
        const struct wire_hole *hole, int64_t utc_ahead_ms)
{
    sqlite3_stmt *st = db_use(l,
            "INSERT INTO sessions(host, pairing, session, nonce, key, seen, top, has_reserve, reserve_first, "
            "reserve_last, ended) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO UPDATE "
            "SET "
            "seen = ?6, top = ?7, has_reserve = ?8, reserve_first = ?9, reserve_last = ?10, ended = ?11");
    int r;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_int(l, st, s->number);
    db_bind_text(l, st, s->nonce);
    db_bind_blob(l, st, &s->key, sizeof s->key);
    db_bind_int(l, st, s->any);
    db_bind_int(l, st, s->top);
    db_bind_int(l, st, s->has_reserve);
    db_bind_int(l, st, s->reserve_first);
    db_bind_int(l, st, s->reserve_last);
    db_bind_int(l, st, s->ended);
    r = db_run(l, st);
    return r == 0 ? save_holes(l, host, pairing, s, hole, utc_ahead_ms) : r;
}

int
ledger_host_save(struct ledger *l, const struct host_record *host, const struct wire_judge *judge,
        int64_t utc_ahead_ms)
{
    sqlite3_stmt *st =
            db_use(l, "UPDATE hosts SET root = ?3, root_session = ?4, next_s = ?5, alive = ?6, last_ms = ?7, "
                      "last_line = ?8, proved = ?9, repaired = ?10, copies = ?11, forged = ?12, "
                      "pending = ?13, pending_id = ?14, pending_nonce = ?15, next_root = ?16, passed = ?17 "
                      "WHERE host = ?1 AND pairing = ?2 AND unpaired_ms = 0");
    int r;

    db_bind_text(l, st, host->host);
    db_bind_int(l, st, host->pairing);
    db_bind_blob(l, st, &judge->root, sizeof judge->root);
    db_bind_int(l, st, judge->root_session);
    db_bind_int(l, st, judge->next_s);
    db_bind_int(l, st, judge->alive);
    db_bind_int(l, st, host->last_ms);
    db_bind_text(l, st, host->last_line);
    db_bind_int(l, st, (int64_t)host->proved);
    db_bind_int(l, st, (int64_t)host->repaired);
    db_bind_int(l, st, (int64_t)host->copies);
    db_bind_int(l, st, (int64_t)host->forged);
    db_bind_blob(l, st, judge->rekey.pending ? &judge->rekey.x : NULL, sizeof judge->rekey.x);
    db_bind_text(l, st, judge->rekey.id);
    db_bind_text(l, st, judge->rekey.nonce);
    db_bind_blob(l, st, judge->rekeyed ? &judge->next_root : NULL, sizeof judge->next_root);
    db_bind_blob(l, st, judge->passed, sizeof judge->passed);
    r = db_run(l, st);
    if (r == 0 && sqlite3_changes(l->db) == 0) {
        return 0; /* unpaired or paired anew meanwhile: these keys are not kept */
    }
    for (unsigned i = 0; r == 0 && i < WIRE_JUDGE_SESSIONS; i++) {
        if (judge->session[i].used) {
            r = save_session(l, host->host, host->pairing, &judge->session[i], judge->hole[i], utc_ahead_ms);
        }
    }
    return r;
}

bool
ledger_tag_of(struct ledger *l, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
        uint32_t number, char tag[WIRE_TAG_CHARS])
{
    sqlite3_stmt *st = db_use(l, "SELECT tag FROM lines WHERE host = ? AND pairing = ? AND session = ? AND "
                                 "nonce = ? AND number = ?");
    char text[WIRE_TAG_CHARS + 1] = "";
    bool found;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_int(l, st, session);
    db_bind_text(l, st, nonce);
    db_bind_int(l, st, number);
    found = db_step(l, st) == 1;
    if (found) {
        db_text(st, 0, text, sizeof text);
        memcpy(tag, text, WIRE_TAG_CHARS);
    }
    db_done(st);
    return found && strlen(text) == WIRE_TAG_CHARS;
}

bool
ledger_key_of(struct ledger *l, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
        struct wire_key *key)
{
    sqlite3_stmt *st = db_use(
            l, "SELECT key FROM sessions WHERE host = ? AND pairing = ? AND session = ? AND nonce = ?");
    bool found;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_int(l, st, session);
    db_bind_text(l, st, nonce);
    found = db_step(l, st) == 1 && db_blob(st, 0, key, sizeof *key);
    db_done(st);
    return found;
}

uint64_t
ledger_missing(struct ledger *l, const char *host, uint32_t pairing)
{
    sqlite3_stmt *st = db_use(l, "SELECT coalesce(sum(last - first + 1), 0) FROM holes WHERE host = ? AND "
                                 "pairing = ? AND told = 1");
    uint64_t n = 0;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    if (db_step(l, st) == 1) {
        n = (uint64_t)sqlite3_column_int64(st, 0);
    }
    db_done(st);
    return n;
}

int
ledger_source(struct ledger *l, const char *line, struct ledger_source *out)
{
    sqlite3_stmt *st = db_use(
            l, "SELECT path, dev, ino, offset, back, print, print_len, raw FROM sources WHERE line = ?");
    int r;

    db_bind_text(l, st, line);
    r = db_step(l, st);
    if (r == 1) {
        memset(out, 0, sizeof *out);
        db_text(st, 0, out->path, sizeof out->path);
        out->dev = (uint64_t)sqlite3_column_int64(st, 1);
        out->ino = (uint64_t)sqlite3_column_int64(st, 2);
        out->offset = (uint64_t)sqlite3_column_int64(st, 3);
        out->back = (uint64_t)sqlite3_column_int64(st, 4);
        out->print = db_u32(st, 5);
        out->print_len = db_u32(st, 6);
        out->raw = (uint64_t)sqlite3_column_int64(st, 7);
    }
    db_done(st);
    return r == 1 ? 0 : r == 0 ? LEDGER_E_NONE : r;
}

int
ledger_source_save(struct ledger *l, const char *line, const struct ledger_source *source)
{
    sqlite3_stmt *st = db_use(l, "INSERT OR REPLACE INTO sources VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");

    db_bind_text(l, st, line);
    db_bind_text(l, st, source->path);
    db_bind_int(l, st, (int64_t)source->dev);
    db_bind_int(l, st, (int64_t)source->ino);
    db_bind_int(l, st, (int64_t)source->offset);
    db_bind_int(l, st, (int64_t)source->back);
    db_bind_int(l, st, source->print);
    db_bind_int(l, st, source->print_len);
    db_bind_int(l, st, (int64_t)source->raw);
    return db_run(l, st);
}

bool
ledger_psk(struct ledger *l, const char *host, struct wire_key *psk)
{
    sqlite3_stmt *st = db_use(l, "SELECT psk FROM hosts WHERE host = ? AND unpaired_ms = 0");
    bool found;

    db_bind_text(l, st, host);
    found = db_step(l, st) == 1 && db_blob(st, 0, psk, sizeof *psk);
    db_done(st);
    return found;
}

bool
ledger_flooded(struct ledger *l, const char *host, uint32_t session)
{
    sqlite3_stmt *st = db_use(
            l, "SELECT 1 FROM alarms WHERE host = ? AND session = ? AND code = 'belfry.flood' LIMIT 1");
    bool found;

    db_bind_text(l, st, host);
    db_bind_int(l, st, session);
    found = db_step(l, st) == 1;
    db_done(st);
    return found;
}
