#include "belfry/ledger/db.h"
#include "belfry/ledger/rules.h"

#include <stdio.h>
#include <string.h>

/* The verdict of that name; -1 for none. */
static int
verdict_of(const char *name)
{
    for (int v = 0; v < WIRE_VERDICTS; v++) {
        if (strcmp(name, wire_verdict_name((enum wire_verdict)v)) == 0) {
            return v;
        }
    }
    return -1;
}

static void
read_line(sqlite3_stmt *st, struct record *r)
{
    char verdict[24];
    uint32_t severity = db_u32(st, 7);

    db_text(st, 6, verdict, sizeof verdict);
    r->kind = RECORD_LINE;
    r->verdict = verdict_of(verdict) >= 0 ? (enum wire_verdict)verdict_of(verdict) : WIRE_OK;
    r->severity = severity < WIRE_SEVERITIES ? (enum wire_severity)severity : WIRE_INFO;
    db_text(st, 1, r->host, sizeof r->host);
    r->pairing = db_u32(st, 2);
    r->session = db_u32(st, 3);
    db_text(st, 4, r->nonce, sizeof r->nonce);
    r->first = r->last = db_u32(st, 5);
    db_text(st, 8, r->code, sizeof r->code);
    db_text(st, 9, r->detail, sizeof r->detail);
    r->utc_s = (uint64_t)sqlite3_column_int64(st, 10);
    r->mono_s = db_u32(st, 11);
    r->seen_us = sqlite3_column_int64(st, 12);
    db_text(st, 13, r->line, sizeof r->line);
    db_text(st, 14, r->bytes, sizeof r->bytes);
    db_text(st, 15, r->tag, sizeof r->tag);
}

/* What is not kept in the row follows from it, as when the record was made. */
static void
read_event(sqlite3_stmt *st, struct record *r)
{
    char verdict[RECORD_CODE];
    struct rule rule;
    int v;

    r->seen_us = sqlite3_column_int64(st, 1);
    db_text(st, 2, r->host, sizeof r->host);
    db_text(st, 3, r->line, sizeof r->line);
    db_text(st, 4, verdict, sizeof verdict);
    r->session = db_u32(st, 5);
    db_text(st, 6, r->nonce, sizeof r->nonce);
    r->first = db_u32(st, 7);
    r->last = db_u32(st, 8);
    r->value = sqlite3_column_int64(st, 9);
    r->bad = db_u32(st, 10) != 0;
    db_text(st, 11, r->detail, sizeof r->detail);
    r->severity = WIRE_INFO;
    v = verdict_of(verdict);
    if (v < 0) {
        r->kind = strncmp(verdict, RULE_NOTICE, strlen(RULE_NOTICE)) == 0 ? RECORD_NOTICE : RECORD_LOCAL;
        r->over = !r->bad;
        memcpy(r->code, verdict, sizeof r->code);
        return;
    }
    r->kind = RECORD_EVENT;
    r->verdict = (enum wire_verdict)v;
    rule_of(r, &rule);
    r->severity = rule.act == RULE_RAISE ? rule.severity : WIRE_INFO;
    (void)snprintf(r->code, sizeof r->code, "%s", rule.code);
}

static int
row_after(struct ledger *l, sqlite3_stmt *st, int64_t row, void (*read)(sqlite3_stmt *, struct record *),
        struct record *out, int64_t *found)
{
    int r;

    db_bind_int(l, st, row);
    r = db_step(l, st);
    if (r == 1) {
        memset(out, 0, sizeof *out);
        *found = sqlite3_column_int64(st, 0);
        read(st, out);
    }
    db_done(st);
    return r == 1 ? 0 : r == 0 ? LEDGER_E_NONE : r;
}

int
ledger_line_after(struct ledger *l, int64_t row, struct record *out, int64_t *found)
{
    return row_after(l,
            db_use(l, "SELECT id, host, pairing, session, nonce, number, verdict, severity, code, detail, "
                      "utc_s, mono_s, seen_us, line, bytes, tag FROM lines WHERE id > ? ORDER BY id LIMIT 1"),
            row, read_line, out, found);
}

int
ledger_event_after(struct ledger *l, int64_t row, struct record *out, int64_t *found)
{
    return row_after(l,
            db_use(l, "SELECT id, seen_us, host, line, verdict, session, nonce, first, last, value, bad, "
                      "detail FROM events WHERE id > ? ORDER BY id LIMIT 1"),
            row, read_event, out, found);
}
