#ifndef BELFRY_LEDGER_DB_H
#define BELFRY_LEDGER_DB_H
/*
 * db - SQLite behind the ledger: statements prepared once, errors kept as text. For ledger/ only.
 *
 * Use: db_use() gives a statement ready to bind, db_bind_*() number its parameters from 1 in the order of the
 * calls, then db_step() or db_run().
 */
#include "belfry/ledger/ledger.h"

#include <sqlite3.h>

#define DB_STATEMENTS 104

struct ledger {
    sqlite3 *db;
    sqlite3_stmt *statement[DB_STATEMENTS];
    const char
            *text[DB_STATEMENTS]; /* what each was prepared from; texts are constants, compared by address */
    int bound;
    bool failed; /* a bind failed: the next step says so */
    char path[CONF_PATH + 64];
    char error[LEDGER_ERROR];
};

/* Keeps "PATH: what: why" as the error; returns the LEDGER_E_* that fits. */
int db_fail(struct ledger *l, const char *what);

/* NULL on failure, which every bind and step after it takes as a failure too. */
sqlite3_stmt *db_use(struct ledger *l, const char *sql);

void db_bind_int(struct ledger *l, sqlite3_stmt *st, int64_t value);
void db_bind_text(struct ledger *l, sqlite3_stmt *st, const char *value);
void db_bind_blob(struct ledger *l, sqlite3_stmt *st, const void *value, size_t len);

/* 1 for a row, 0 for the end, or LEDGER_E_*. */
int db_step(struct ledger *l, sqlite3_stmt *st);

/* A statement without rows: 0 or LEDGER_E_*. Resets it. */
int db_run(struct ledger *l, sqlite3_stmt *st);

/* After the last db_step() of a statement with rows. */
void db_done(sqlite3_stmt *st);

/* Columns, from 0. Text is cut at `size` and anything but printable ASCII in it is taken for damage: '?'. */
void db_text(sqlite3_stmt *st, int column, char *out, size_t size);
bool db_blob(sqlite3_stmt *st, int column, void *out, size_t size);
uint32_t db_u32(sqlite3_stmt *st, int column);

#endif
