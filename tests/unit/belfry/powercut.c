/*
 * Power cuts of the ledger. Every write of a run is noted; then the disk as it may have been at each moment
 * is made again: what was synced is there, of what was not all, nothing, or a part with the last write torn.
 * No alarm that was handed to a notifier by then may be missing, and no ack that was answered.
 */
#include "support/check.h"

#include "belfry/ledger/ledger.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPS 4000
#define FILES 3
#define IMAGE (2 << 20)
#define ALARMS 24

enum op_kind { OP_WRITE, OP_TRUNCATE, OP_SYNC };

struct op {
    enum op_kind kind;
    unsigned file;
    int64_t at; /* or the length */
    int len;
    uint8_t *bytes;
};

struct image {
    int64_t len;
    uint8_t *bytes;
};

struct noting {
    sqlite3_file base;
    int file; /* -1: not noted */
    /* SQLite's own file follows. */
};

static const char *const names[FILES] = { "ledger.db", "ledger.db-wal", "ledger.db-journal" };

static char dir[] = "/tmp/belfry-powercut-XXXXXX";
static struct op op[OPS];
static unsigned ops;
static sqlite3_vfs *real;
static sqlite3_vfs noting_vfs;
static sqlite3_io_methods methods;

/* ---- noting */

static sqlite3_file *
below(sqlite3_file *f)
{
    return (sqlite3_file *)((struct noting *)f + 1);
}

static void
note(sqlite3_file *f, enum op_kind kind, const void *src, int len, int64_t at)
{
    struct op *o = &op[ops];

    if (((struct noting *)f)->file < 0) {
        return;
    }
    if (ops == OPS) {
        abort();
    }
    *o = (struct op){ .kind = kind, .file = (unsigned)((struct noting *)f)->file, .at = at, .len = len };
    if (len > 0) {
        o->bytes = malloc((size_t)len);
        memcpy(o->bytes, src, (size_t)len);
    }
    ops++;
}

static int
on_close(sqlite3_file *f)
{
    return below(f)->pMethods->xClose(below(f));
}

static int
on_read(sqlite3_file *f, void *to, int len, sqlite3_int64 at)
{
    return below(f)->pMethods->xRead(below(f), to, len, at);
}

static int
on_write(sqlite3_file *f, const void *src, int len, sqlite3_int64 at)
{
    note(f, OP_WRITE, src, len, at);
    return below(f)->pMethods->xWrite(below(f), src, len, at);
}

static int
on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    note(f, OP_TRUNCATE, NULL, 0, size);
    return below(f)->pMethods->xTruncate(below(f), size);
}

static int
on_sync(sqlite3_file *f, int flags)
{
#ifndef PLANT_POWERCUT
    note(f, OP_SYNC, NULL, 0, 0);
#endif
    return below(f)->pMethods->xSync(below(f), flags);
}

static int
on_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return below(f)->pMethods->xFileSize(below(f), size);
}

static int
on_lock(sqlite3_file *f, int lock)
{
    return below(f)->pMethods->xLock(below(f), lock);
}

static int
on_unlock(sqlite3_file *f, int lock)
{
    return below(f)->pMethods->xUnlock(below(f), lock);
}

static int
on_check(sqlite3_file *f, int *out)
{
    return below(f)->pMethods->xCheckReservedLock(below(f), out);
}

static int
on_control(sqlite3_file *f, int what, void *arg)
{
    return below(f)->pMethods->xFileControl(below(f), what, arg);
}

static int
on_sector(sqlite3_file *f)
{
    return below(f)->pMethods->xSectorSize(below(f));
}

/* None: SQLite must not count on what the file below promises. */
static int
on_promises(sqlite3_file *f)
{
    (void)f;
    return 0;
}

static int
on_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return below(f)->pMethods->xShmMap(below(f), page, size, extend, out);
}

static int
on_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return below(f)->pMethods->xShmLock(below(f), at, n, flags);
}

static void
on_barrier(sqlite3_file *f)
{
    below(f)->pMethods->xShmBarrier(below(f));
}

static int
on_unmap(sqlite3_file *f, int delete)
{
    return below(f)->pMethods->xShmUnmap(below(f), delete);
}

static int
file_of(const char *name)
{
    const char *slash = name != NULL ? strrchr(name, '/') : NULL;

    for (int i = 0; slash != NULL && i < FILES; i++) {
        if (strcmp(slash + 1, names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

/* SQLite syncs the directory then: gone for good. */
static int
on_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    struct noting n = { .file = file_of(name) };

    (void)vfs;
    note(&n.base, OP_TRUNCATE, NULL, 0, 0);
    note(&n.base, OP_SYNC, NULL, 0, 0);
    return real->xDelete(real, name, sync);
}

static int
on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct noting *n = (struct noting *)f;
    int r;

    (void)vfs;
    n->base.pMethods = NULL;
    n->file = file_of(name);
    r = real->xOpen(real, name, below(f), flags, out);
    if (r == SQLITE_OK) {
        n->base.pMethods = &methods;
    }
    return r;
}

static void
start_noting(void)
{
    real = sqlite3_vfs_find(NULL);
    noting_vfs = *real;
    noting_vfs.zName = "noting";
    noting_vfs.szOsFile = (int)sizeof(struct noting) + real->szOsFile;
    noting_vfs.xOpen = on_open;
    noting_vfs.xDelete = on_delete;
    methods = (sqlite3_io_methods){
        .iVersion = 2,
        .xClose = on_close,
        .xRead = on_read,
        .xWrite = on_write,
        .xTruncate = on_truncate,
        .xSync = on_sync,
        .xFileSize = on_size,
        .xLock = on_lock,
        .xUnlock = on_unlock,
        .xCheckReservedLock = on_check,
        .xFileControl = on_control,
        .xSectorSize = on_sector,
        .xDeviceCharacteristics = on_promises,
        .xShmMap = on_map,
        .xShmLock = on_shm_lock,
        .xShmBarrier = on_barrier,
        .xShmUnmap = on_unmap,
    };
    CHECK_INT(sqlite3_vfs_register(&noting_vfs, 1), SQLITE_OK);
}

/* ---- the run */

static unsigned handed[ALARMS]; /* so many operations were made when alarm i + 1 was handed to a notifier */
static unsigned acked[ALARMS];  /* and when the ack of it was answered; 0 for never */

static const char *
ledger_path(void)
{
    static char path[80];

    (void)snprintf(path, sizeof path, "%s/ledger.db", dir);
    return path;
}

static struct ledger *
open_ledger(void)
{
    char error[LEDGER_ERROR];
    struct ledger *l = NULL;

    if (ledger_open(ledger_path(), LEDGER_WRITE, true, &l, error) != 0) {
        printf("%s\n", error);
        return NULL;
    }
    return l;
}

static void
raise_alarm(struct ledger *l, unsigned i)
{
    struct ledger_changes changes = { .count = 0 };
    struct record r;

    memset(&r, 0, sizeof r);
    r.kind = RECORD_LOCAL;
    r.seen_us = 1000000 + i;
    r.severity = WIRE_ERRO;
    (void)snprintf(r.line, sizeof r.line, "line%u", i);
    (void)snprintf(r.code, sizeof r.code, "%s", "line.lost");
    (void)snprintf(r.detail, sizeof r.detail, "line=line%u kind=pty error=EIO", i);
    CHECK_INT(ledger_begin(l), 0);
    CHECK_INT(ledger_apply(l, &r, &changes), 0);
    CHECK_INT(ledger_commit(l), 0);
    CHECK_INT(changes.count, 1);
    handed[i] = ops;
}

static void
ack_alarm(struct ledger *l, unsigned i)
{
    struct ledger_changes changes = { .count = 0 };

    CHECK_INT(ledger_begin(l), 0);
    CHECK_INT(ledger_ack(l, i + 1, "somebody", 5000, &changes), 0);
    CHECK_INT(ledger_commit(l), 0);
    acked[i] = ops;
}

/* Of alarms none may go, since nobody was told yet; of events all but the last do. */
static void
forget(struct ledger *l)
{
    struct ledger_forget f = { .before_ms = 100000, .told_lines = INT64_MAX, .told_events = INT64_MAX };

    CHECK_INT(ledger_begin(l), 0);
    CHECK_INT(ledger_forget(l, &f), 0);
    CHECK_INT(ledger_commit(l), 0);
}

/* Alarms and acks, with the log brought into the file now and then. */
static void
run(void)
{
    struct ledger *l = open_ledger();

    ledger_spare(l, true);
    for (unsigned i = 0; i < ALARMS; i++) {
        raise_alarm(l, i);
        if (i % 3 == 2) {
            ack_alarm(l, i - 1);
            forget(l);
        }
    }
    ledger_close(l);
}

/* ---- power cuts */

enum cut { CUT_NONE_LOST, CUT_ALL_LOST, CUT_SOME_LOST, CUTS };

static void
apply(struct image *m, const struct op *o, int len)
{
    if (o->kind == OP_TRUNCATE) {
        if (o->at < m->len) {
            memset(m->bytes + o->at, 0, (size_t)(m->len - o->at));
        }
        m->len = o->at;
        return;
    }
    if (o->at + len > IMAGE) {
        abort();
    }
    memcpy(m->bytes + o->at, o->bytes, (size_t)len);
    m->len = m->len > o->at + len ? m->len : o->at + len;
}

static unsigned
last_sync(unsigned file, unsigned until)
{
    for (unsigned i = until; i > 0; i--) {
        if (op[i - 1].kind == OP_SYNC && op[i - 1].file == file) {
            return i;
        }
    }
    return 0;
}

/* The file after the first `until` operations and a power cut. */
static void
make_file(unsigned file, unsigned until, enum cut cut, unsigned *seed)
{
    static uint8_t bytes[IMAGE];
    struct image m = { .bytes = bytes };
    unsigned synced = last_sync(file, until);
    char path[100];
    int fd;

    memset(bytes, 0, sizeof bytes);
    for (unsigned i = 0; i < until; i++) {
        const struct op *o = &op[i];
        bool sure = i < synced || cut == CUT_NONE_LOST;
        int len = o->len;

        if (o->file != file || o->kind == OP_SYNC) {
            continue;
        }
        if (!sure && cut == CUT_SOME_LOST && rand_r(seed) % 4 == 0) {
            len = len * (rand_r(seed) % 8) / 8; /* torn */
        }
        if (sure || (cut == CUT_SOME_LOST && rand_r(seed) % 2 == 0)) {
            apply(&m, o, len);
        }
    }
    (void)snprintf(path, sizeof path, "%s/%s", dir, names[file]);
    (void)unlink(path);
    if (m.len == 0) {
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK_INT(write(fd, m.bytes, (size_t)m.len), m.len);
    (void)close(fd);
}

/* What is missing of what was promised by then. */
static unsigned
missing(unsigned until)
{
    struct ledger *l = open_ledger();
    unsigned lacks = 0;

    if (l == NULL) {
        return 1000;
    }
    for (unsigned i = 0; i < ALARMS; i++) {
        struct alarm a;
        int r = ledger_alarm(l, i + 1, &a);

        lacks += handed[i] <= until && (r != 0 || ledger_notices_after(l, 0) == 0);
        lacks += acked[i] != 0 && acked[i] <= until && (r != 0 || a.acked_ms == 0);
    }
    ledger_close(l);
    return lacks;
}

static void
no_alarm_that_was_handed_over_and_no_ack_is_missing_after_a_power_cut_at_any_write(void)
{
    const char *from = getenv("TOCSIN_LEDGER_SEED");
    unsigned seed = from != NULL ? (unsigned)strtoul(from, NULL, 10) : 1;
    const char *often = getenv("TOCSIN_LEDGER_STEP");
    unsigned step = often != NULL ? (unsigned)strtoul(often, NULL, 10) : 4;
    char shm[100];
    unsigned cuts = 0;

    step = step > 0 ? step : 1;
    (void)snprintf(shm, sizeof shm, "%s/ledger.db-shm", dir);
    for (unsigned until = handed[0]; until <= ops; until += step) {
        for (int cut = 0; cut < CUTS; cut++) {
            unsigned lacks;

            (void)unlink(shm);
            for (unsigned file = 0; file < FILES; file++) {
                make_file(file, until, (enum cut)cut, &seed);
            }
            lacks = missing(until);
            cuts++;
            if (lacks != 0) {
                printf("after %u of %u operations, cut %d: %u missing\n", until, ops, cut, lacks);
                check_failures++;
                return;
            }
        }
    }
    printf("     %u operations, %u cuts\n", ops, cuts);
}

int
main(void)
{
    static const char *const left[] = { "ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db-journal" };

    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    start_noting();
    run();
    (void)sqlite3_vfs_unregister(&noting_vfs);
    (void)sqlite3_vfs_register(real, 1);
    CHECK_RUN(no_alarm_that_was_handed_over_and_no_ack_is_missing_after_a_power_cut_at_any_write);
    for (unsigned i = 0; i < ops; i++) {
        free(op[i].bytes);
    }
    for (unsigned i = 0; i < sizeof left / sizeof left[0]; i++) {
        char path[100];

        (void)snprintf(path, sizeof path, "%s/%s", dir, left[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
    return check_result();
}
