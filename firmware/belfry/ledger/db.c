#include "belfry/ledger/db.h"

#include "wire/escape.h"

#include <stdio.h>
#include <string.h>

int
db_fail(struct ledger *l, const char *what)
{
    int code = l->db != NULL ? sqlite3_errcode(l->db) : SQLITE_CANTOPEN;
    const char *why = l->db != NULL ? sqlite3_errmsg(l->db) : "out of memory";
    char path[160];
    char shown[160];

    if ((code & 0xFF) == SQLITE_NOTADB) {
        what = "not a ledger of belfry (not an SQLite file); nothing was changed";
    } else if ((code & 0xFF) == SQLITE_CORRUPT) {
        what = "damaged";
    }
    wire_escape(path, sizeof path, l->path, strlen(l->path), WIRE_ESCAPE_TEXT);
    wire_escape(shown, sizeof shown, why, strlen(why), WIRE_ESCAPE_TEXT);
    (void)snprintf(l->error, sizeof l->error, "%s: %s: %s", path, what, shown);
    return (code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_LOCKED ? LEDGER_E_BUSY : LEDGER_E_IO;
}

sqlite3_stmt *
db_use(struct ledger *l, const char *sql)
{
    int i = 0;

    l->bound = 0;
    l->failed = false;
    while (i < DB_STATEMENTS - 1 && l->text[i] != NULL && l->text[i] != sql) {
        i++;
    }
    if (l->text[i] == NULL) {
        if (sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &l->statement[i], NULL) !=
                SQLITE_OK) {
            l->failed = true;
            return NULL;
        }
        l->text[i] = sql;
    }
    if (l->text[i] != sql) {
        l->failed = true; /* more statements than DB_STATEMENTS: a fault of ours that every test would show */
        return NULL;
    }
    (void)sqlite3_reset(l->statement[i]);
    return l->statement[i];
}

void
db_bind_int(struct ledger *l, sqlite3_stmt *st, int64_t value)
{
    if (st == NULL || sqlite3_bind_int64(st, ++l->bound, value) != SQLITE_OK) {
        l->failed = true;
    }
}

void
db_bind_text(struct ledger *l, sqlite3_stmt *st, const char *value)
{
    if (st == NULL || sqlite3_bind_text(st, ++l->bound, value, -1, SQLITE_TRANSIENT) != SQLITE_OK) {
        l->failed = true;
    }
}

void
db_bind_blob(struct ledger *l, sqlite3_stmt *st, const void *value, size_t len)
{
    if (st == NULL || sqlite3_bind_blob(st, ++l->bound, value, (int)len, SQLITE_TRANSIENT) != SQLITE_OK) {
        l->failed = true;
    }
}

int
db_step(struct ledger *l, sqlite3_stmt *st)
{
    int r;

    if (st == NULL || l->failed) {
        return db_fail(l, "cannot prepare");
    }
    r = sqlite3_step(st);
    if (r == SQLITE_ROW) {
        return 1;
    }
    if (r == SQLITE_DONE) {
        (void)sqlite3_reset(st);
        return 0;
    }
    r = db_fail(l, "cannot read or write");
    (void)sqlite3_reset(st);
    return r;
}

int
db_run(struct ledger *l, sqlite3_stmt *st)
{
    int r = db_step(l, st);

    db_done(st);
    return r < 0 ? r : 0;
}

void
db_done(sqlite3_stmt *st)
{
    if (st != NULL) {
        (void)sqlite3_reset(st);
    }
}

void
db_text(sqlite3_stmt *st, int column, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(st, column);
    size_t n = 0;

    while (text != NULL && text[n] != '\0' && n + 1 < size) {
        out[n] = text[n] >= 0x20 && text[n] <= 0x7E ? (char)text[n] : '?';
        n++;
    }
    out[n] = '\0';
}

bool
db_blob(sqlite3_stmt *st, int column, void *out, size_t size)
{
    const void *blob = sqlite3_column_blob(st, column);

    if (blob == NULL || sqlite3_column_bytes(st, column) != (int)size) {
        return false;
    }
    memcpy(out, blob, size);
    return true;
}

uint32_t
db_u32(sqlite3_stmt *st, int column)
{
    int64_t v = sqlite3_column_int64(st, column);

    return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}
