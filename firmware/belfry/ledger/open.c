#include "belfry/ledger/db.h"

#include "wire/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USUAL_PAGES 1000 /* of the log, before it is brought into the file */
#define SPARING_PAGES 32

#define APPLICATION 0x62656C66 /* "belf" */

/* clang-format off */
#define TABLES_OF_3                                                                                          \
    "CREATE TABLE paths(host TEXT NOT NULL, pairing INTEGER NOT NULL, path TEXT NOT NULL,"                   \
    " first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, session INTEGER NOT NULL, nonce TEXT NOT NULL,"   \
    " number INTEGER NOT NULL, quiet INTEGER NOT NULL, token TEXT NOT NULL, token_ms INTEGER NOT NULL,"      \
    " PRIMARY KEY(host, pairing, path)) STRICT, WITHOUT ROWID;"                                              \
    "CREATE TABLE connections(host TEXT NOT NULL, pairing INTEGER NOT NULL, up INTEGER NOT NULL,"            \
    " peer TEXT NOT NULL, since_ms INTEGER NOT NULL, how TEXT NOT NULL, tokens TEXT NOT NULL,"               \
    " PRIMARY KEY(host, pairing)) STRICT, WITHOUT ROWID;"                                                    \
    "CREATE TABLE pins(host TEXT NOT NULL, pairing INTEGER NOT NULL, what TEXT NOT NULL,"                    \
    " digest TEXT NOT NULL, pinned_ms INTEGER NOT NULL, pinned_by TEXT NOT NULL, seen TEXT NOT NULL,"        \
    " seen_ms INTEGER NOT NULL, session INTEGER NOT NULL, nonce TEXT NOT NULL, number INTEGER NOT NULL,"     \
    " PRIMARY KEY(host, pairing, what)) STRICT, WITHOUT ROWID;"                                              \
    "CREATE TABLE accepts(id INTEGER PRIMARY KEY, host TEXT NOT NULL, pairing INTEGER NOT NULL,"             \
    " what TEXT NOT NULL, before TEXT NOT NULL, digest TEXT NOT NULL, made_ms INTEGER NOT NULL,"             \
    " by TEXT NOT NULL) STRICT;"

#define TABLES_OF_4                                                                                          \
    "CREATE TABLE notices(seq INTEGER PRIMARY KEY AUTOINCREMENT, alarm INTEGER NOT NULL,"                    \
    " closed INTEGER NOT NULL, made_ms INTEGER NOT NULL, worst INTEGER NOT NULL, first_line TEXT NOT NULL,"  \
    " host TEXT NOT NULL, severity INTEGER NOT NULL, code TEXT NOT NULL, subject TEXT NOT NULL,"             \
    " detail TEXT NOT NULL, line TEXT NOT NULL, verdict TEXT NOT NULL, session INTEGER NOT NULL,"            \
    " nonce TEXT NOT NULL, number INTEGER NOT NULL, open INTEGER NOT NULL, opened_ms INTEGER NOT NULL,"      \
    " closed_ms INTEGER NOT NULL, acked_ms INTEGER NOT NULL, acked_by TEXT NOT NULL,"                        \
    " count INTEGER NOT NULL) STRICT;"                                                                       \
    "CREATE INDEX notices_alarm ON notices(alarm, seq);"                                                     \
    "CREATE TABLE notifiers(name TEXT PRIMARY KEY, notices INTEGER NOT NULL, lines INTEGER NOT NULL,"        \
    " events INTEGER NOT NULL, told INTEGER NOT NULL, failed INTEGER NOT NULL,"                              \
    " last_ms INTEGER NOT NULL) STRICT;"                                                                     \
    "CREATE TABLE again(notifier TEXT NOT NULL, alarm INTEGER NOT NULL, seq INTEGER NOT NULL,"               \
    " tries INTEGER NOT NULL, next_ms INTEGER NOT NULL, PRIMARY KEY(notifier, alarm, seq))"                  \
    " STRICT, WITHOUT ROWID;"                                                                                \
    "CREATE INDEX again_next ON again(notifier, next_ms);"

#define TABLES_OF_5                                                                                          \
    "CREATE TABLE acts(id INTEGER PRIMARY KEY AUTOINCREMENT, made_ms INTEGER NOT NULL, what TEXT NOT NULL,"  \
    " host TEXT NOT NULL, detail TEXT NOT NULL, by TEXT NOT NULL) STRICT;"

/* The hosts that a notifier is behind with, and their notices. */
#define TABLES_OF_6                                                                                          \
    "CREATE TABLE behind(notifier TEXT NOT NULL, host TEXT NOT NULL, seq INTEGER NOT NULL,"                  \
    " PRIMARY KEY(notifier, host)) STRICT, WITHOUT ROWID;"                                                   \
    "CREATE INDEX notices_host ON notices(host);"

#define ALARM_COPY                                                                                           \
    "host, severity, code, subject, detail, line, verdict, session, nonce, number, open, opened_ms, closed_ms," \
    " acked_ms, acked_by, count"

static const char schema[] =
    "CREATE TABLE hosts(host TEXT PRIMARY KEY, pairing INTEGER NOT NULL, paired_ms INTEGER NOT NULL,"
    " psk BLOB NOT NULL, root BLOB NOT NULL, root_session INTEGER NOT NULL, next_s INTEGER NOT NULL,"
    " alive INTEGER NOT NULL, last_ms INTEGER NOT NULL, last_line TEXT NOT NULL, proved INTEGER NOT NULL,"
    " repaired INTEGER NOT NULL, copies INTEGER NOT NULL, forged INTEGER NOT NULL,"
    " unpaired_ms INTEGER NOT NULL DEFAULT 0, unpaired_by TEXT NOT NULL DEFAULT '',"
    " pending BLOB, pending_id TEXT NOT NULL DEFAULT '', pending_nonce TEXT NOT NULL DEFAULT '',"
    " next_root BLOB, passed BLOB) STRICT;"
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
    " raised_ms INTEGER NOT NULL, closed_ms INTEGER NOT NULL, acked_ms INTEGER NOT NULL, acked_by TEXT NOT NULL)"
    " STRICT;"
    "CREATE UNIQUE INDEX alarms_open ON alarms(host, area, subject) WHERE open = 1;"
    "CREATE TABLE sources(line TEXT PRIMARY KEY, path TEXT NOT NULL, dev INTEGER NOT NULL, ino INTEGER NOT NULL,"
    " offset INTEGER NOT NULL, back INTEGER NOT NULL, print INTEGER NOT NULL, print_len INTEGER NOT NULL,"
    " raw INTEGER NOT NULL) STRICT;"
    TABLES_OF_3
    TABLES_OF_4
    TABLES_OF_5
    TABLES_OF_6
    "PRAGMA application_id = 1650814054;"
    "PRAGMA user_version = 6;";

/* From version 1 to 2. */
static const char from_1[] =
    "ALTER TABLE hosts ADD COLUMN unpaired_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE hosts ADD COLUMN unpaired_by TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE windows(id INTEGER PRIMARY KEY, host TEXT NOT NULL, made_ms INTEGER NOT NULL,"
    " until_ms INTEGER NOT NULL, by TEXT NOT NULL, ended_ms INTEGER NOT NULL, ended_by TEXT NOT NULL) STRICT;"
    "PRAGMA user_version = 2;";

/* From version 2 to 3. */
static const char from_2[] =
    "ALTER TABLE hosts ADD COLUMN pending BLOB;"
    "ALTER TABLE hosts ADD COLUMN pending_id TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE hosts ADD COLUMN pending_nonce TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE hosts ADD COLUMN next_root BLOB;"
    "ALTER TABLE hosts ADD COLUMN passed BLOB;"
    TABLES_OF_3
    "PRAGMA user_version = 3;";

/* From version 3 to 4. Only a hook and the local syslog were told before, of both at once. */
static const char from_3[] =
    TABLES_OF_4
    "INSERT INTO notices(alarm, closed, made_ms, worst, first_line, " ALARM_COPY ")"
    " SELECT id, 0, raised_ms, severity, line, " ALARM_COPY " FROM alarms WHERE told_open < tell_open ORDER BY raised_ms, id;"
    "INSERT INTO notices(alarm, closed, made_ms, worst, first_line, " ALARM_COPY ")"
    " SELECT id, 1, closed_ms, severity, line, " ALARM_COPY " FROM alarms WHERE told_close < tell_close ORDER BY closed_ms, id;"
    "INSERT INTO notifiers VALUES('hook', 0, 0, 0, 0, 0, 0), ('syslog', 0, 0, 0, 0, 0, 0);"
    "DROP INDEX alarms_tell;"
    "ALTER TABLE alarms DROP COLUMN tell_open;"
    "ALTER TABLE alarms DROP COLUMN told_open;"
    "ALTER TABLE alarms DROP COLUMN tell_close;"
    "ALTER TABLE alarms DROP COLUMN told_close;"
    "ALTER TABLE alarms DROP COLUMN tries;"
    "ALTER TABLE alarms DROP COLUMN next_ms;"
    "PRAGMA user_version = 4;";

/* From version 4 to 5. What people did before is told by what is left of it. */
static const char from_4[] =
    TABLES_OF_5
    "INSERT INTO acts(made_ms, what, host, detail, by) SELECT made_ms, what, host, detail, by FROM ("
    " SELECT paired_ms AS made_ms, 'pair' AS what, host, 'pairing=' || pairing AS detail, '' AS by FROM hosts"
    " UNION ALL SELECT unpaired_ms, 'unpair', host, '', unpaired_by FROM hosts WHERE unpaired_ms != 0"
    " UNION ALL SELECT made_ms, 'expect', host, '', by FROM windows"
    " UNION ALL SELECT ended_ms, 'expect', host, 'off', ended_by FROM windows WHERE ended_ms != 0"
    " UNION ALL SELECT made_ms, 'accept', host, 'what=' || what || ' digest=' || digest, by FROM accepts"
    " UNION ALL SELECT acked_ms, 'ack', host, 'alarm=' || id, acked_by FROM alarms WHERE acked_ms != 0)"
    " ORDER BY made_ms;"
    "PRAGMA user_version = 5;";

/* From version 5 to 6. Whatever a notifier had not told lay behind its place. */
static const char from_5[] =
    TABLES_OF_6
    "PRAGMA user_version = 6;";
/* clang-format on */

/* Step n brings version n + 1 to the next one. */
static const char *const steps[LEDGER_VERSION - 1] = { from_1, from_2, from_3, from_4, from_5 };

_Static_assert(APPLICATION == 1650814054 && LEDGER_VERSION == 6, "schema names both as numbers");

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

/* From an earlier version; what a crash leaves between two steps is an earlier version as well. */
static int
bring_up(struct ledger *l, int64_t version)
{
    int r = 0;

    while (r == 0 && version < LEDGER_VERSION) {
        r = change_schema(l, steps[version - 1], "cannot bring the ledger to this version");
        version++;
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
            return refuse(l, "empty; nothing has been paired yet (belfry pair HOST)");
        }
        r = execute(l, "PRAGMA journal_mode = WAL", "cannot make the ledger");
        return r == 0 ? change_schema(l, schema, "cannot make the ledger") : r;
    }
    if (application != APPLICATION) {
        return refuse(l, "an SQLite file, but not a ledger of belfry; nothing was changed");
    }
    if (version >= 1 && version < LEDGER_VERSION) {
        return mode == LEDGER_WRITE
                       ? bring_up(l, version)
                       : refuse(l,
                                 "written by an earlier version of belfry; belfry run brings it to this one");
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

    ledger_patience(l, LEDGER_PATIENCE_MS);
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

/* Of root's doing it is whose the directory is: belfry may run as another user. SQLite does so with its own
 * files. */
static void
make_file(const char *path)
{
    char folder[sizeof((struct ledger *)0)->path];
    char *slash;
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        return;
    }
    (void)snprintf(folder, sizeof folder, "%s", path);
    slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    if (geteuid() == 0 && slash != NULL && stat(folder, &st) == 0) {
        (void)!fchown(fd, st.st_uid, st.st_gid);
    }
    (void)close(fd);
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
        return refuse(l, errno == ENOENT ? "not there; nothing has been paired yet (belfry pair HOST)"
                                         : strerror(errno));
    }
    if (mode == LEDGER_WRITE) {
        make_file(l->path);
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

void
ledger_patience(struct ledger *l, int ms)
{
    (void)sqlite3_busy_timeout(l->db, ms);
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

void
ledger_spare(struct ledger *l, bool sparing)
{
    (void)sqlite3_wal_autocheckpoint(l->db, sparing ? SPARING_PAGES : USUAL_PAGES);
    if (sparing) {
        (void)sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    }
}
