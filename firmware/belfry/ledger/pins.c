#include "belfry/ledger/pins.h"

#include "belfry/ledger/db.h"
#include "belfry/ledger/rules.h"

#include <stdio.h>
#include <string.h>

/* A pin, and which line said the latest value. */
struct held {
    struct pin_record keep;
    uint32_t session;
    char nonce[WIRE_NONCE_CHARS + 1];
    uint32_t number;
};

#define COLUMNS "what, digest, pinned_ms, pinned_by, seen, seen_ms, session, nonce, number"

static void
read_pin(sqlite3_stmt *st, struct held *out)
{
    memset(out, 0, sizeof *out);
    db_text(st, 0, out->keep.what, sizeof out->keep.what);
    db_text(st, 1, out->keep.digest, sizeof out->keep.digest);
    out->keep.pinned_ms = sqlite3_column_int64(st, 2);
    db_text(st, 3, out->keep.pinned_by, sizeof out->keep.pinned_by);
    db_text(st, 4, out->keep.seen, sizeof out->keep.seen);
    out->keep.seen_ms = sqlite3_column_int64(st, 5);
    out->session = db_u32(st, 6);
    db_text(st, 7, out->nonce, sizeof out->nonce);
    out->number = db_u32(st, 8);
}

/* 1, 0 when there is none, or LEDGER_E_*. */
static int
find(struct ledger *l, const char *host, uint32_t pairing, const char *what, struct held *out)
{
    sqlite3_stmt *st = db_use(l, "SELECT " COLUMNS " FROM pins WHERE host = ? AND pairing = ? AND what = ?");
    int r;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_text(l, st, what);
    r = db_step(l, st);
    if (r == 1) {
        read_pin(st, out);
    }
    db_done(st);
    return r;
}

static int
save(struct ledger *l, const char *host, uint32_t pairing, const struct held *pin)
{
    sqlite3_stmt *st =
            db_use(l, "INSERT OR REPLACE INTO pins(host, pairing, " COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?, "
                      "?, ?, ?, ?)");

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_text(l, st, pin->keep.what);
    db_bind_text(l, st, pin->keep.digest);
    db_bind_int(l, st, pin->keep.pinned_ms);
    db_bind_text(l, st, pin->keep.pinned_by);
    db_bind_text(l, st, pin->keep.seen);
    db_bind_int(l, st, pin->keep.seen_ms);
    db_bind_int(l, st, pin->session);
    db_bind_text(l, st, pin->nonce);
    db_bind_int(l, st, pin->number);
    return db_run(l, st);
}

/* Raises the alarm about this pin, or ends it. */
static int
tell(struct ledger *l, const char *host, const struct pin_record *pin, const char *now, bool over,
        int64_t seen_us, const char *line, struct ledger_changes *changes)
{
    struct record r = { .kind = RECORD_LOCAL, .seen_us = seen_us, .severity = WIRE_CRIT, .over = over };

    (void)snprintf(r.host, sizeof r.host, "%s", host);
    (void)snprintf(r.line, sizeof r.line, "%s", line);
    (void)snprintf(r.code, sizeof r.code, "%s", RULE_PIN);
    (void)snprintf(r.detail, sizeof r.detail, "what=%s pinned=%s now=%s", pin->what, pin->digest, now);
    return ledger_apply(l, &r, changes);
}

static bool
stands(struct ledger *l, const char *host, const char *what)
{
    char subject[PIN_WHAT + 8];

    (void)snprintf(subject, sizeof subject, "what=%s", what);
    return ledger_standing(l, host, RULE_PIN, subject);
}

/* Lines come in any order: did this one follow the one that said the latest value? */
static bool
follows(const struct record *r, const struct held *pin)
{
    if (r->session != pin->session || strcmp(r->nonce, pin->nonce) != 0) {
        return r->session >= pin->session;
    }
    return r->first > pin->number;
}

static int
take_one(
        struct ledger *l, const struct record *r, const struct rule_pin *said, struct ledger_changes *changes)
{
    struct held pin;
    int found = find(l, r->host, r->pairing, said->what, &pin);
    bool known = found == 1;

    if (found < 0) {
        return found;
    }
    if (!known) {
        memset(&pin, 0, sizeof pin);
        (void)snprintf(pin.keep.what, sizeof pin.keep.what, "%s", said->what);
        memcpy(pin.keep.digest, said->digest, sizeof pin.keep.digest);
        pin.keep.pinned_ms = r->seen_us / 1000;
    }
    if (!known || follows(r, &pin)) {
        memcpy(pin.keep.seen, said->digest, sizeof pin.keep.seen);
        pin.keep.seen_ms = r->seen_us / 1000;
        pin.session = r->session;
        memcpy(pin.nonce, r->nonce, sizeof pin.nonce);
        pin.number = r->first;
        found = save(l, r->host, r->pairing, &pin);
    }
    if (found >= 0 && strcmp(said->digest, pin.keep.digest) != 0) {
        found = tell(l, r->host, &pin.keep, said->digest, false, r->seen_us, r->line, changes);
    }
    /* Also what came late, of something that is as it was by now: raised above, so that it is told. */
    if (found >= 0 && strcmp(pin.keep.seen, pin.keep.digest) == 0 && stands(l, r->host, said->what)) {
        found = tell(l, r->host, &pin.keep, pin.keep.seen, true, r->seen_us, r->line, changes);
    }
    return found < 0 ? found : 0;
}

int
pins_take(struct ledger *l, const struct record *r, struct ledger_changes *changes)
{
    struct rule_pin said[RULE_PINS];
    unsigned n = rule_pins(r, said);
    int done = 0;

    for (unsigned i = 0; done == 0 && i < n; i++) {
        done = take_one(l, r, &said[i], changes);
    }
    return done;
}

int
ledger_pins(struct ledger *l, const char *host, uint32_t pairing, ledger_pin_fn *fn, void *to)
{
    sqlite3_stmt *st = db_use(l, "SELECT " COLUMNS " FROM pins WHERE host = ? AND pairing = ? ORDER BY what");
    struct held pin;
    int r;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    while ((r = db_step(l, st)) == 1) {
        read_pin(st, &pin);
        fn(to, &pin.keep);
    }
    db_done(st);
    return r;
}

/* Which pairing of this host counts: 1, 0 when it is not paired, or LEDGER_E_*. */
static int
pairing_of(struct ledger *l, const char *host, uint32_t *out)
{
    sqlite3_stmt *st = db_use(l, "SELECT pairing FROM hosts WHERE host = ? AND unpaired_ms = 0");
    int r;

    db_bind_text(l, st, host);
    r = db_step(l, st);
    if (r == 1) {
        *out = db_u32(st, 0);
    }
    db_done(st);
    return r;
}

static int
note_accepted(struct ledger *l, const char *host, uint32_t pairing, const struct pin_record *pin,
        const char *by, int64_t now_ms)
{
    sqlite3_stmt *st = db_use(l, "INSERT INTO accepts(host, pairing, what, before, digest, made_ms, by) "
                                 "VALUES(?, ?, ?, ?, ?, ?, ?)");

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_text(l, st, pin->what);
    db_bind_text(l, st, pin->digest);
    db_bind_text(l, st, pin->seen);
    db_bind_int(l, st, now_ms);
    db_bind_text(l, st, by);
    return db_run(l, st);
}

int
ledger_accept(struct ledger *l, const char *host, const char *what, const char *by, int64_t now_ms,
        struct pin_record *out)
{
    struct ledger_changes changes = { .count = 0 };
    char detail[160];
    struct held pin;
    uint32_t pairing = 0;
    int r = pairing_of(l, host, &pairing);

    if (r == 1) {
        r = find(l, host, pairing, what, &pin);
    }
    if (r != 1 || strcmp(pin.keep.seen, pin.keep.digest) == 0) {
        return r < 0 ? r : LEDGER_E_NONE;
    }
    *out = pin.keep;
    r = note_accepted(l, host, pairing, &pin.keep, by, now_ms);
    memcpy(pin.keep.digest, pin.keep.seen, sizeof pin.keep.digest);
    (void)snprintf(pin.keep.pinned_by, sizeof pin.keep.pinned_by, "%s", by);
    pin.keep.pinned_ms = now_ms;
    if (r == 0) {
        r = save(l, host, pairing, &pin);
    }
    if (r == 0) {
        r = tell(l, host, &pin.keep, pin.keep.seen, true, now_ms * 1000, "", &changes);
    }
    (void)snprintf(detail, sizeof detail, "what=%s digest=%s", what, pin.keep.seen);
    return r == 0 ? ledger_act(l, "accept", host, detail, by, now_ms) : r;
}
