#include "belfry/ledger/db.h"

#include "wire/escape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION 0x62656C66 /* "belf" */
#define BUSY_MS 2000

/* clang-format off */
static const char schema[] =
    "CREATE TABLE hosts(host TEXT PRIMARY KEY, pairing INTEGER NOT NULL, paired_ms INTEGER NOT NULL,"
    " psk BLOB NOT NULL, root BLOB NOT NULL, root_session INTEGER NOT NULL, next_s INTEGER NOT NULL,"
    " alive INTEGER NOT NULL, last_ms INTEGER NOT NULL, last_line TEXT NOT NULL, proved INTEGER NOT NULL,"
    " repaired INTEGER NOT NULL, copies INTEGER NOT NULL, forged INTEGER NOT NULL,"
    " unpaired_ms INTEGER NOT NULL DEFAULT 0, unpaired_by TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE TABLE windows(id INTEGER PRIMARY KEY, host TEXT NOT NULL, made_ms INTEGER NOT NULL,"
    " until_ms INTEGER NOT NULL, by TEXT NOT NULL, ended_ms INTEGER NOT NULL, ended_by TEXT NOT NULL) STRICT;"
    "CREATE TABLE sessions(id INTEGER PRIMARY KEY, host TEXT NOT NULL, pairing INTEGER NOT NULL,"
    " session INTEGER NOT NULL, nonce TEXT NOT NULL, key BLOB NOT NULL, seen INTEGER NOT NULL, top INTEGER NOT NULL,"
    " has_reserve INTEGER NOT NULL, reserve_first INTEGER NOT NULL, reserve_last INTEGER NOT NULL,"
    " ended INTEGER NOT NULL, UNIQUE(host, pairing, session, nonce)) STRICT;"
    "CREATE TABLE lines(id INTEGER PRIMARY KEY, host TEXT NOT NULL, pairing INTEGER NOT NULL,"
    " session INTEGER NOT NULL, nonce TEXT NOT NULL, number INTEGER NOT NULL, verdict TEXT NOT NULL,"
    " severity INTEGER NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL, utc_s INTEGER NOT NULL,"
    " mono_s INTEGER NOT NULL, seen_us INTEGER NOT NULL, line TEXT NOT NULL, bytes TEXT NOT NULL, tag TEXT NOT NULL,"
    " refers INTEGER, UNIQUE(host, pairing, session, nonce, number)) STRICT;"
    "CREATE INDEX lines_refers ON lines(host, pairing, session, nonce, refers) WHERE refers IS NOT NULL;"
    "CREATE TABLE holes(host TEXT NOT NULL, pairing INTEGER NOT NULL, session INTEGER NOT NULL, nonce TEXT NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, since_ms INTEGER NOT NULL, told INTEGER NOT NULL,"
    " PRIMARY KEY(host, pairing, session, nonce, first)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE events(id INTEGER PRIMARY KEY, seen_us INTEGER NOT NULL, host TEXT NOT NULL, line TEXT NOT NULL,"
    " verdict TEXT NOT NULL, session INTEGER NOT NULL, nonce TEXT NOT NULL, first INTEGER NOT NULL,"
    " last INTEGER NOT NULL, value INTEGER NOT NULL, bad INTEGER NOT NULL, detail TEXT NOT NULL) STRICT;"
    "CREATE TABLE alarms(id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, area TEXT NOT NULL,"
    " code TEXT NOT NULL, subject TEXT NOT NULL, severity INTEGER NOT NULL, detail TEXT NOT NULL, line TEXT NOT NULL,"
    " verdict TEXT NOT NULL, session INTEGER NOT NULL, nonce TEXT NOT NULL, number INTEGER NOT NULL,"
    " last_number INTEGER NOT NULL, open INTEGER NOT NULL, count INTEGER NOT NULL, opened_ms INTEGER NOT NULL,"
    " raised_ms INTEGER NOT NULL, closed_ms INTEGER NOT NULL, acked_ms INTEGER NOT NULL, acked_by TEXT NOT NULL,"
    " tell_open INTEGER NOT NULL, told_open INTEGER NOT NULL, tell_close INTEGER NOT NULL,"
    " told_close INTEGER NOT NULL, tries INTEGER NOT NULL, next_ms INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX alarms_open ON alarms(host, area, subject) WHERE open = 1;"
    "CREATE INDEX alarms_tell ON alarms(next_ms) WHERE told_open < tell_open OR told_close < tell_close;"
    "CREATE TABLE sources(line TEXT PRIMARY KEY, path TEXT NOT NULL, dev INTEGER NOT NULL, ino INTEGER NOT NULL,"
    " offset INTEGER NOT NULL, back INTEGER NOT NULL, print INTEGER NOT NULL, print_len INTEGER NOT NULL,"
    " raw INTEGER NOT NULL) STRICT;"
    "PRAGMA application_id = 1650814054;"
    "PRAGMA user_version = 2;";

/* From version 1 to 2. */
static const char from_1[] =
    "ALTER TABLE hosts ADD COLUMN unpaired_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE hosts ADD COLUMN unpaired_by TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE windows(id INTEGER PRIMARY KEY, host TEXT NOT NULL, made_ms INTEGER NOT NULL,"
    " until_ms INTEGER NOT NULL, by TEXT NOT NULL, ended_ms INTEGER NOT NULL, ended_by TEXT NOT NULL) STRICT;"
    "PRAGMA user_version = 2;";
/* clang-format on */

_Static_assert(APPLICATION == 1650814054 && LEDGER_VERSION == 2, "schema names both as numbers");

/* "PATH: what", for findings that are not SQLite's. */
static int
refuse(struct ledger *l, const char *what)
{
    char path[200];

    wire_escape(path, sizeof path, l->path, strlen(l->path), WIRE_ESCAPE_TEXT);
    (void)snprintf(l->error, sizeof l->error, "%s: %s", path, what);
    return LEDGER_E_IO;
}

static int
pragma_int(struct ledger *l, const char *sql, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    int r = sqlite3_prepare_v2(l->db, sql, -1, &st, NULL);

    if (r == SQLITE_OK) {
        r = sqlite3_step(st);
    }
    if (r == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
    }
    r = r == SQLITE_ROW ? 0 : db_fail(l, "cannot open the ledger");
    (void)sqlite3_finalize(st);
    return r;
}

static int
execute(struct ledger *l, const char *sql, const char *what)
{
    return sqlite3_exec(l->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(l, what);
}

/* All of it or nothing. */
static int
change_schema(struct ledger *l, const char *sql, const char *what)
{
    int r = execute(l, "BEGIN IMMEDIATE", what);

    if (r == 0) {
        r = execute(l, sql, what);
    }
    if (r == 0) {
        r = execute(l, "COMMIT", what);
    }
    if (r != 0) {
        (void)sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return r;
}

/* Is it ours, and of this version? An empty database becomes a ledger in LEDGER_WRITE. */
static int
identify(struct ledger *l, enum ledger_mode mode)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;
    int r = pragma_int(l, "PRAGMA application_id", &application);

    if (r == 0) {
        r = pragma_int(l, "PRAGMA user_version", &version);
    }
    if (r == 0) {
        r = pragma_int(l, "SELECT count(*) FROM sqlite_schema", &tables);
    }
    if (r != 0) {
        return r;
    }
    if (application == 0 && version == 0 && tables == 0) {
        if (mode == LEDGER_READ) {
            return refuse(l, "empty; nothing has been paired yet");
        }
        r = execute(l, "PRAGMA journal_mode = WAL", "cannot make the ledger");
        return r == 0 ? change_schema(l, schema, "cannot make the ledger") : r;
    }
    if (application != APPLICATION) {
        return refuse(l, "an SQLite file, but not a ledger of belfry; nothing was changed");
    }
    if (version == 1 && mode == LEDGER_WRITE) {
        return change_schema(l, from_1, "cannot bring the ledger to this version");
    }
    if (version == 1) {
        return refuse(l, "written by an earlier version of belfry; belfry run brings it to this one");
    }
    if (version != LEDGER_VERSION) {
        return refuse(l, version > LEDGER_VERSION
                                 ? "written by a later version of belfry; this one cannot read it"
                                 : "its version is not one that belfry ever wrote");
    }
    return 0;
}

static int
check_all(struct ledger *l)
{
    sqlite3_stmt *st = NULL;
    const char *text;
    char what[300];
    char found[200];
    int r;

    if (sqlite3_prepare_v2(l->db, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK) {
        return db_fail(l, "damaged");
    }
    r = sqlite3_step(st);
    text = r == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
    if (text != NULL && strcmp(text, "ok") == 0) {
        (void)sqlite3_finalize(st);
        return 0;
    }
    if (text == NULL) {
        text = sqlite3_errmsg(l->db);
    }
    wire_escape(found, sizeof found, text, strlen(text), WIRE_ESCAPE_TEXT);
    (void)snprintf(what, sizeof what, "damaged: %s; nothing was changed", found);
    (void)sqlite3_finalize(st);
    return refuse(l, what);
}

static int
settings(struct ledger *l, enum ledger_mode mode)
{
    int r;

    (void)sqlite3_busy_timeout(l->db, BUSY_MS);
    (void)sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(l->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_limit(l->db, SQLITE_LIMIT_LENGTH, 1000000);
    r = execute(l, "PRAGMA cell_size_check = ON; PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY",
            "cannot open the ledger");
    if (r == 0 && mode == LEDGER_WRITE) {
        r = execute(
                l, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000", "cannot open the ledger");
    }
    return r;
}

static int
open_all(struct ledger *l, enum ledger_mode mode, bool check)
{
    int flags = mode == LEDGER_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    struct stat st;
    int r;

    if (lstat(l->path, &st) == 0 && !S_ISREG(st.st_mode)) {
        return refuse(l, "expected a regular file");
    }
    if (mode == LEDGER_READ && access(l->path, F_OK) != 0) {
        return refuse(l, errno == ENOENT ? "not there; nothing has been paired yet" : strerror(errno));
    }
    if (sqlite3_open_v2(l->path, &l->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) !=
            SQLITE_OK) {
        return db_fail(l, "cannot open the ledger");
    }
    r = settings(l, mode);
    if (r == 0) {
        r = identify(l, mode);
    }
    if (r == 0 && check) {
        r = check_all(l);
    }
    return r;
}

int
ledger_open(
        const char *path, enum ledger_mode mode, bool check, struct ledger **out, char error[LEDGER_ERROR])
{
    struct ledger *l = calloc(1, sizeof *l);
    int r;

    if (l == NULL || strlen(path) >= sizeof l->path) {
        free(l);
        (void)snprintf(error, LEDGER_ERROR, "the ledger's path is too long");
        return LEDGER_E_IO;
    }
    (void)snprintf(l->path, sizeof l->path, "%s", path);
    r = open_all(l, mode, check);
    if (r != 0) {
        if (r == LEDGER_E_BUSY) {
            (void)refuse(l, "locked by another process");
        }
        memcpy(error, l->error, LEDGER_ERROR);
        ledger_close(l);
        return r;
    }
    *out = l;
    return 0;
}

void
ledger_close(struct ledger *l)
{
    for (int i = 0; i < DB_STATEMENTS; i++) {
        (void)sqlite3_finalize(l->statement[i]);
    }
    (void)sqlite3_close(l->db);
    free(l);
}

const char *
ledger_error(const struct ledger *l)
{
    return l->error;
}

int
ledger_begin(struct ledger *l)
{
    return db_run(l, db_use(l, "BEGIN IMMEDIATE"));
}

int
ledger_commit(struct ledger *l)
{
    return db_run(l, db_use(l, "COMMIT"));
}

void
ledger_rollback(struct ledger *l)
{
    if (!sqlite3_get_autocommit(l->db)) {
        (void)db_run(l, db_use(l, "ROLLBACK"));
    }
}

int64_t
ledger_data_version(struct ledger *l)
{
    sqlite3_stmt *st = db_use(l, "PRAGMA data_version");
    int64_t version = 0;

    if (db_step(l, st) == 1) {
        version = sqlite3_column_int64(st, 0);
    }
    db_done(st);
    return version;
}
