#include "support/check.h"

#include "belfry/ledger/export.h"
#include "belfry/ledger/ledger.h"
#include "belfry/ledger/rules.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/belfry-ledger-XXXXXX";
static char path[64];
static char error[LEDGER_ERROR];
static struct ledger *ledger;
static struct ledger_changes changes;
static int64_t now_ms;

static void
remove_ledger(void)
{
    char file[80];

    (void)unlink(path);
    (void)snprintf(file, sizeof file, "%s-wal", path);
    (void)unlink(file);
    (void)snprintf(file, sizeof file, "%s-shm", path);
    (void)unlink(file);
}

static void
begin(void)
{
    struct wire_key key = { { 7 } };

    remove_ledger();
    now_ms = 1000000;
    CHECK_INT(ledger_open(path, LEDGER_WRITE, true, &ledger, error), 0);
    CHECK_INT(ledger_pair(ledger, "web03", &key, &key, 5, false), 0);
}

static void
end(void)
{
    ledger_close(ledger);
}

/* ---- records */

static void
apply(const struct record *r)
{
    changes.count = 0;
    CHECK_INT(ledger_begin(ledger), 0);
    CHECK_INT(ledger_apply(ledger, r, &changes), 0);
    CHECK_INT(ledger_commit(ledger), 0);
}

static struct record
line_of(uint32_t session, uint32_t number, enum wire_severity severity, const char *code, const char *detail)
{
    struct record r;

    memset(&r, 0, sizeof r);
    r.kind = RECORD_LINE;
    r.verdict = WIRE_OK;
    r.pairing = 1;
    r.life = true;
    r.seen_us = ++now_ms * 1000;
    r.severity = severity;
    r.session = session;
    r.first = r.last = number;
    (void)snprintf(r.line, sizeof r.line, "%s", "a");
    (void)snprintf(r.host, sizeof r.host, "%s", "web03");
    (void)snprintf(r.nonce, sizeof r.nonce, "N%03u", session % 1000);
    (void)snprintf(r.code, sizeof r.code, "%s", code);
    (void)snprintf(r.detail, sizeof r.detail, "%s", detail);
    (void)snprintf(r.tag, sizeof r.tag, "TAG%017u", number);
    return r;
}

static void
say(uint32_t session, uint32_t number, enum wire_severity severity, const char *code, const char *detail)
{
    struct record r = line_of(session, number, severity, code, detail);

    apply(&r);
}

/* The next notice that was not looked at; false when there is none. */
static bool
next_notice(struct notice *n)
{
    static int64_t seq;

    if (n == NULL) {
        seq = 0;
        return false;
    }
    if (ledger_notice_after(ledger, seq, n) != 0) {
        return false;
    }
    seq = n->seq;
    return true;
}

static void
verdict(enum wire_verdict v, uint32_t first, uint32_t last, bool bad)
{
    struct record r = line_of(1, first, WIRE_INFO, "", "x=y");

    r.kind = RECORD_EVENT;
    r.verdict = v;
    r.last = last;
    r.bad = bad;
    apply(&r);
}

static struct alarm
alarm_of(int64_t id)
{
    struct alarm a;

    memset(&a, 0, sizeof a);
    CHECK_INT(ledger_alarm(ledger, id, &a), 0);
    return a;
}

static void
count_one(void *to, const struct alarm *a)
{
    unsigned *n = to;

    (void)a;
    (*n)++;
}

static unsigned
alarms(bool open_only)
{
    struct ledger_filter filter = { .severity = -1, .open_only = open_only };
    unsigned n = 0;

    CHECK_INT(ledger_alarms(ledger, &filter, count_one, &n), 0);
    return n;
}

/* ---- the file */

static size_t
slurp(char *to, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, to, size);

    (void)close(fd);
    return n < 0 ? 0 : (size_t)n;
}

static void
spill(const char *from, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK_INT(write(fd, from, len), len);
    (void)close(fd);
}

static void
a_new_ledger_is_for_its_owner_only_and_opens_again(void)
{
    struct stat st;

    begin();
    say(1, 0, WIRE_INFO, "agent.start", "beat=10");
    end();
    CHECK_INT(stat(path, &st), 0);
    CHECK_INT(st.st_mode & 0777, 0600);
    CHECK_INT(ledger_open(path, LEDGER_WRITE, true, &ledger, error), 0);
    char tag[WIRE_TAG_CHARS];
    CHECK(ledger_tag_of(ledger, "web03", 1, 1, "N001", 0, tag));
    CHECK(!ledger_tag_of(ledger, "web03", 1, 1, "N001", 1, tag));
    CHECK(!ledger_tag_of(ledger, "web03", 2, 1, "N001", 0, tag));
    end();
}

/* Opens what is there, in both modes; it must be refused, the error must name it, and no byte of it may
 * change. */
static void
is_refused(const char *why)
{
    static char before[1000000];
    static char after[1000000];
    size_t len = slurp(before, sizeof before);

    for (int mode = 0; mode < 2; mode++) {
        ledger = NULL;
        CHECK(ledger_open(path, mode == 0 ? LEDGER_WRITE : LEDGER_READ, true, &ledger, error) < 0);
        CHECK(strstr(error, path) != NULL);
        if (strstr(error, why) == NULL) {
            CHECK_STR(error, why);
        }
        CHECK_INT(slurp(after, sizeof after), len);
        CHECK_MEM(after, before, len);
    }
}

static void
a_foreign_or_newer_file_is_refused_and_left_alone(void)
{
    static const char text[] =
            "this is not a database, it is a letter to somebody and longer than a header of one\n";
    sqlite3 *db;

    remove_ledger();
    spill(text, sizeof text);
    is_refused("not an SQLite file");
    remove_ledger();
    CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    is_refused("not a ledger of belfry");
    begin();
    end();
    CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, "PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
            SQLITE_OK);
    (void)sqlite3_close(db);
    is_refused("later version");
    remove_ledger();
    CHECK_INT(mkdir(path, 0700), 0);
    CHECK(ledger_open(path, LEDGER_WRITE, true, &ledger, error) < 0);
    CHECK(strstr(error, "expected a regular file") != NULL);
    (void)rmdir(path);
    CHECK(ledger_open(path, LEDGER_READ, true, &ledger, error) < 0);
    CHECK(access(path, F_OK) != 0);
}

static void
every_damaged_page_is_noticed_and_nothing_is_overwritten(void)
{
    static char sound[1000000];
    static char bytes[1000000];
    size_t len;

    begin();
    for (uint32_t i = 0; i < 300; i++) {
        say(1, i, WIRE_CRIT, "integrity.changed", "path=/etc/passwd mode=0644>0666");
    }
    end();
    len = slurp(sound, sizeof sound);
    CHECK(len > 40000 && len % 4096 == 0);
    for (size_t page = 1; page < len / 4096; page += 3) {
        memcpy(bytes, sound, len);
        memset(bytes + page * 4096, 0xA5, 4096);
        spill(bytes, len);
        is_refused("damaged");
    }
    memcpy(bytes, sound, len);
    spill(bytes, len - 12388);
    is_refused(path);
    memcpy(bytes, sound, len);
    memset(bytes + 100, 0, 1000);
    spill(bytes, len);
    is_refused(path);
    spill(sound, len);
    CHECK_INT(ledger_open(path, LEDGER_WRITE, true, &ledger, error), 0);
    end();
}

static void
a_locked_ledger_is_said_to_be_locked(void)
{
    sqlite3 *db;

    begin();
    end();
    CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE hosts SET alive = 0",
                      NULL, NULL, NULL),
            SQLITE_OK);
    CHECK_INT(ledger_open(path, LEDGER_WRITE, true, &ledger, error), LEDGER_E_BUSY);
    CHECK(strstr(error, "locked by another process") != NULL);
    (void)sqlite3_close(db);
}

static void
a_pairing_is_not_overwritten_unless_asked(void)
{
    struct wire_key key = { { 9 } };

    begin();
    CHECK_INT(ledger_pair(ledger, "web03", &key, &key, 6, false), LEDGER_E_EXISTS);
    CHECK_INT(ledger_pair(ledger, "web03", &key, &key, 6, true), 0);
    CHECK_INT(ledger_pair(ledger, "web04", &key, &key, 6, true), 0);
    end();
}

struct listed {
    unsigned count;
    struct host_record last;
};

static void
list_one(void *to, const struct host_record *host)
{
    struct listed *all = to;

    all->count++;
    all->last = *host;
}

static struct listed
listed_at(int64_t utc_ms)
{
    struct listed all = { .count = 0 };

    CHECK_INT(ledger_hosts(ledger, utc_ms, list_one, &all), 0);
    return all;
}

static struct listed
listed(void)
{
    return listed_at(1000);
}

static void
an_unpaired_host_has_no_keys_and_no_open_alarms_and_may_be_paired_again(void)
{
    struct wire_key key = { { 9 } };
    struct wire_judge judge;
    struct host_record host = { .host = "web03", .pairing = 1 };

    begin();
    say(1, 5, WIRE_CRIT, "daemon.down", "name=sshd");
    CHECK_INT(listed().count, 1);
    CHECK_INT(ledger_unpair(ledger, "web03", "kim", 70), 0);
    CHECK_INT(listed().count, 0);
    CHECK_INT(alarms(true), 0);
    CHECK_INT(alarms(false), 1);
    CHECK_INT(ledger_unpair(ledger, "web03", "kim", 71), LEDGER_E_NONE);
    CHECK_INT(ledger_unpair(ledger, "web99", "kim", 71), LEDGER_E_NONE);
    /* What a receiver that runs saves late brings no key back. */
    memset(&judge, 0, sizeof judge);
    judge.root = key;
    CHECK_INT(ledger_host_save(ledger, &host, &judge, 0), 0);
    CHECK_INT(listed().count, 0);
    CHECK_INT(ledger_pair(ledger, "web03", &key, &key, 72, false), 0);
    CHECK_INT(listed().count, 1);
    CHECK_INT(listed().last.pairing, 2);
    end();
}

static void
alter(const char *sql)
{
    sqlite3 *db = NULL;

    CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_close(db), SQLITE_OK);
}

/* That of version 5 told all notices in their order. */
static void
make_version_5(void)
{
    alter("DROP TABLE behind; DROP INDEX notices_host; PRAGMA user_version = 5");
}

/* That of version 4 kept what people did with what they did it to. */
static void
make_version_4(void)
{
    make_version_5();
    alter("DROP TABLE acts; PRAGMA user_version = 4");
}

/* That of version 3 told alarms one and all to the same, and kept in the alarm's row what was told. */
static void
make_version_3(void)
{
    make_version_4();
    alter("ALTER TABLE alarms ADD COLUMN tell_open INTEGER NOT NULL DEFAULT 1;"
          "ALTER TABLE alarms ADD COLUMN told_open INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE alarms ADD COLUMN tell_close INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE alarms ADD COLUMN told_close INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE alarms ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE alarms ADD COLUMN next_ms INTEGER NOT NULL DEFAULT 0;"
          "CREATE INDEX alarms_tell ON alarms(next_ms) WHERE told_open < tell_open OR told_close < "
          "tell_close;"
          "DROP TABLE notices; DROP TABLE notifiers; DROP TABLE again; PRAGMA user_version = 3");
}

/* That of version 2 knew neither paths nor pins, and a root had no pending successor. */
static void
make_version_2(void)
{
    make_version_3();
    alter("ALTER TABLE hosts DROP COLUMN pending; ALTER TABLE hosts DROP COLUMN pending_id;"
          "ALTER TABLE hosts DROP COLUMN pending_nonce; ALTER TABLE hosts DROP COLUMN next_root; ALTER TABLE "
          "hosts DROP COLUMN passed; DROP TABLE paths; DROP TABLE connections;"
          "DROP TABLE pins; DROP TABLE accepts; PRAGMA user_version = 2");
}

/* That of version 1 had no windows, and hosts could not be unpaired. */
static void
make_version_1(void)
{
    make_version_2();
    alter("ALTER TABLE hosts DROP COLUMN unpaired_ms; ALTER TABLE hosts DROP COLUMN unpaired_by;"
          "DROP TABLE windows; PRAGMA user_version = 1");
}

static void
the_schema(char *out, size_t size)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    size_t n = 0;

    CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT(
            sqlite3_prepare_v2(db,
                    "SELECT m.name || ' ' || t.name || ' ' || t.type || ' ' || t.pk FROM sqlite_schema AS m, "
                    "pragma_table_info(m.name) AS t WHERE m.type = 'table' ORDER BY m.name, t.cid",
                    -1, &st, NULL),
            SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW && n < size) {
        n += (size_t)snprintf(out + n, size - n, "%s\n", (const char *)sqlite3_column_text(st, 0));
    }
    (void)sqlite3_finalize(st);
    CHECK_INT(sqlite3_close(db), SQLITE_OK);
    CHECK(n > 1000 && n < size);
}

static void
a_ledger_brought_up_from_any_earlier_version_is_like_a_new_one(void)
{
    static void (*const make[])(
            void) = { make_version_1, make_version_2, make_version_3, make_version_4, make_version_5 };
    static char fresh[16384];
    static char brought[16384];

    for (size_t i = 0; i < sizeof make / sizeof make[0]; i++) {
        begin();
        end();
        the_schema(fresh, sizeof fresh);
        make[i]();
        CHECK_INT(ledger_open(path, LEDGER_READ, false, &ledger, error), LEDGER_E_IO);
        CHECK(strstr(error, "belfry run brings it to this one") != NULL);
        CHECK_INT(ledger_open(path, LEDGER_WRITE, true, &ledger, error), 0);
        CHECK_INT(listed().count, 1);
        end();
        the_schema(brought, sizeof brought);
        CHECK_STR(brought, fresh);
    }
}

static void
a_ledger_of_the_version_before_is_taken_over_with_its_hosts(void)
{
    begin();
    end();
    make_version_1();
    CHECK_INT(ledger_open(path, LEDGER_READ, false, &ledger, error), LEDGER_E_IO);
    CHECK(strstr(error, "belfry run brings it to this one") != NULL);
    CHECK_INT(ledger_open(path, LEDGER_WRITE, true, &ledger, error), 0);
    CHECK_INT(listed().count, 1);
    CHECK_INT(ledger_expect(ledger, "web03", 1000, "kim", 10), 0);
    end();
    CHECK_INT(ledger_open(path, LEDGER_READ, false, &ledger, error), 0);
    CHECK_INT(listed().last.expect_until_ms, 1000);
    end();
}

/* The file that this is a dump of was written by belfry of version 3. */
static void
a_ledger_of_version_3_is_taken_over_with_what_was_not_told_yet(void)
{
    static char sql[65536];
    int fd = open(LEDGER_V3, O_RDONLY);
    struct ledger_place place;
    struct notice n;

    CHECK(read(fd, sql, sizeof sql - 1) > 0);
    (void)close(fd);
    remove_ledger();
    alter(sql);
    CHECK_INT(ledger_open(path, LEDGER_WRITE, true, &ledger, error), 0);
    (void)next_notice(NULL);
    CHECK(next_notice(&n)); /* alarm 1 was told, its end was not; 2 was told in all; of 3 nothing was */
    CHECK_INT(n.alarm.id, 3);
    CHECK(!n.closed);
    CHECK_STR(n.alarm.detail, "path=/c");
    CHECK(next_notice(&n));
    CHECK_INT(n.alarm.id, 1);
    CHECK(n.closed && !n.alarm.open);
    CHECK(!next_notice(&n));
    CHECK_INT(ledger_place(ledger, "hook", &place), 0);
    CHECK_INT(place.notices, 0);
    CHECK_INT(ledger_place(ledger, "syslog", &place), 0);
    CHECK_INT(place.notices, 0);
    CHECK_INT(ledger_place(ledger, "new", &place), 0);
    CHECK_INT(place.notices, 2);
    CHECK_INT(alarms(true), 2);
    end();
}

static void
count_act(void *to, const struct export_cell *cell, unsigned cells)
{
    unsigned *count = to;

    CHECK_INT(cells, 5);
    count[0]++;
    count[1] += strcmp(cell[1].text, "expect") == 0 && strcmp(cell[4].text, "kim") == 0;
}

static void
what_people_did_before_acts_were_kept_is_told_from_what_is_left_of_it(void)
{
    static const struct export_span all = { .until_ms = INT64_C(1) << 50, .host = "" };
    unsigned count[2] = { 0 };
    int64_t cursor = 0;

    begin();
    CHECK_INT(ledger_expect(ledger, "web03", 1000, "kim", 10), 0);
    CHECK_INT(ledger_expect(ledger, "web03", 0, "kim", 600), 0);
    end();
    make_version_4();
    CHECK_INT(ledger_open(path, LEDGER_WRITE, true, &ledger, error), 0);
    CHECK_INT(export_rows(ledger, "acts", &all, &cursor, 100, count_act, count), 3);
    CHECK_INT(count[0], 3);
    CHECK_INT(count[1], 2);
    end();
}

static void
a_window_is_of_paired_hosts_only_and_ends_when_it_is_taken_back(void)
{
    begin();
    CHECK_INT(ledger_expect(ledger, "web99", 1000, "kim", 10), LEDGER_E_NONE);
    CHECK_INT(ledger_expect(ledger, "web03", 0, "kim", 10), LEDGER_E_NONE);
    CHECK_INT(listed().last.expect_until_ms, 0);
    CHECK_INT(ledger_expect(ledger, "web03", 1000, "kim", 10), 0);
    CHECK_INT(ledger_expect(ledger, "web03", 500, "kim", 20), 0);
    CHECK_INT(listed().last.expect_until_ms, 1000);
    CHECK_INT(ledger_expect(ledger, "web03", 0, "kim", 600), 0);
    CHECK_INT(listed().last.expect_until_ms, 600);
    CHECK_INT(ledger_expect(ledger, "web03", 0, "kim", 700), LEDGER_E_NONE);
    end();
}

static void
a_window_from_before_the_clock_was_set_back_is_none(void)
{
    const int64_t year_ms = INT64_C(31536000000);

    begin();
    CHECK_INT(ledger_expect(ledger, "web03", 2 * year_ms + 300000, "kim", 2 * year_ms), 0);
    CHECK_INT(listed_at(2 * year_ms).last.expect_until_ms, 2 * year_ms + 300000);
    CHECK_INT(listed_at(year_ms).last.expect_until_ms, 0);
    CHECK_INT(ledger_expect(ledger, "web03", year_ms + 300000, "kim", year_ms), 0);
    CHECK_INT(listed_at(year_ms).last.expect_until_ms, year_ms + 300000);
    end();
}

/* ---- alarms */

static void
warn_and_worse_open_an_alarm_and_good_news_do_not(void)
{
    static const char *const good[] = { "integrity.ok", "daemon.up", "net.back", "agent.stop", "agent.beat",
        "more" };

    for (int severity = 0; severity < WIRE_SEVERITIES; severity++) {
        begin();
        say(1, 5, (enum wire_severity)severity, "daemon.down", "name=sshd");
        CHECK_INT(alarms(true), severity <= WIRE_WARN);
        end();
        begin();
        for (uint32_t i = 0; i < sizeof good / sizeof good[0]; i++) {
            say(1, i, (enum wire_severity)severity, good[i], "name=sshd");
        }
        CHECK_INT(alarms(false), 0);
        end();
    }
}

static void
of_closes_the_alarm_of_that_line_in_either_order(void)
{
    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a mode=0644>0666");
    CHECK_INT(changes.count, 1);
    say(1, 6, WIRE_CRIT, "integrity.changed", "path=/b");
    say(1, 7, WIRE_NOTE, "integrity.ok", "of=5 path=/a");
    CHECK_INT(alarms(true), 1);
    CHECK(!alarm_of(1).open);
    CHECK(alarm_of(2).open);
    /* The end first, then what it ends. */
    say(1, 9, WIRE_NOTE, "integrity.ok", "of=8 path=/c");
    CHECK_INT(alarms(true), 1);
    say(1, 8, WIRE_CRIT, "integrity.changed", "path=/c");
    CHECK_INT(changes.count, 2);
    CHECK_INT(alarms(true), 1);
    CHECK(!alarm_of(3).open);
    end();
}

static void
a_directory_and_the_files_under_it_are_two_alarms(void)
{
    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/usr/lib mode=0755>0777");
    say(1, 6, WIRE_CRIT, "integrity.many", "under=/usr/lib files=120 root=8T2K9M");
    CHECK_INT(alarms(true), 2);
    say(1, 7, WIRE_CRIT, "integrity.many", "under=/usr/lib files=130 root=0C9Z2P");
    CHECK_INT(alarms(true), 2);
    say(1, 8, WIRE_NOTE, "integrity.ok", "path=/usr/lib of=5");
    say(1, 9, WIRE_NOTE, "integrity.ok", "under=/usr/lib of=6"); /* told again since */
    CHECK_INT(alarms(true), 1);
    say(1, 10, WIRE_NOTE, "integrity.ok", "under=/usr/lib of=7");
    CHECK_INT(alarms(true), 0);
    end();
}

static void
of_another_session_closes_nothing(void)
{
    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    say(2, 7, WIRE_NOTE, "integrity.ok", "of=5 path=/a");
    say(1001, 8, WIRE_NOTE, "integrity.ok", "of=5 path=/a"); /* the same nonce by chance */
    CHECK(alarm_of(1).open);
    end();
}

static void
the_same_trouble_counts_up_and_a_new_session_takes_it_over(void)
{
    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a mode=0644>0666");
    say(2, 3, WIRE_CRIT, "integrity.changed", "path=/a mode=0644>0777");
    CHECK_INT(alarms(false), 1);
    CHECK_INT(alarm_of(1).count, 2);
    CHECK_INT(alarm_of(1).session, 2);
    CHECK_INT(alarm_of(1).number, 3);
    CHECK_STR(alarm_of(1).detail, "path=/a mode=0644>0777");
    say(1, 6, WIRE_NOTE, "integrity.ok", "of=5 path=/a"); /* late news of the session before */
    CHECK(alarm_of(1).open);
    say(2, 4, WIRE_NOTE, "integrity.ok", "of=3 path=/a");
    CHECK(!alarm_of(1).open);
    say(2, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    CHECK_INT(alarms(false), 2);
    end();
}

static void
an_older_line_that_comes_late_does_not_take_the_alarm_back(void)
{
    begin();
    say(1, 9, WIRE_CRIT, "integrity.changed", "path=/a new=1");
    say(1, 7, WIRE_NOTE, "integrity.ok", "of=5 path=/a");
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a old=1");
    CHECK(alarm_of(1).open);
    CHECK_INT(alarm_of(1).number, 9);
    CHECK_STR(alarm_of(1).detail, "path=/a new=1");
    end();
}

static void
a_changed_file_that_is_then_gone_is_told_again_in_the_same_row(void)
{
    struct notice n;

    begin();
    (void)next_notice(NULL);
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    CHECK(next_notice(&n));
    CHECK_INT(n.alarm.id, 1);
    say(1, 6, WIRE_CRIT, "integrity.changed", "path=/a again=1");
    CHECK(!next_notice(&n));
    say(1, 7, WIRE_CRIT, "integrity.gone", "path=/a");
    CHECK_INT(alarms(false), 1);
    CHECK(next_notice(&n));
    CHECK_STR(n.alarm.code, "integrity.gone");
    end();
}

static void
what_recurs_after_an_ack_is_told_again_and_a_test_each_time(void)
{
    struct notice n;

    begin();
    (void)next_notice(NULL);
    say(1, 5, WIRE_WARN, "time.step", "clock=utc");
    say(1, 6, WIRE_WARN, "test.alarm", "by=me");
    CHECK(next_notice(&n) && next_notice(&n));
    say(1, 7, WIRE_WARN, "time.step", "clock=utc");
    CHECK(!next_notice(&n));
    CHECK_INT(ledger_ack(ledger, 1, "me", 77, &changes), 0);
    say(2, 3, WIRE_WARN, "time.step", "clock=utc");
    CHECK(!next_notice(&n));
    CHECK_STR(alarm_of(1).acked_by, "me");
    say(2, 4, WIRE_WARN, "time.step", "clock=utc");
    CHECK(next_notice(&n));
    CHECK_INT(n.alarm.id, 1);
    CHECK_INT(alarm_of(1).acked_ms, 0);
    CHECK_INT(alarm_of(1).count, 4);
    say(1, 8, WIRE_WARN, "test.alarm", "by=me");
    CHECK(next_notice(&n));
    CHECK_INT(n.alarm.id, 2);
    end();
}

static void
two_ports_of_one_protocol_are_two_alarms(void)
{
    begin();
    say(1, 5, WIRE_CRIT, "port.unexpected", "port=tcp/4444 process=nc");
    say(1, 6, WIRE_CRIT, "port.unexpected", "port=tcp/4445 process=nc");
    CHECK_INT(alarms(true), 2);
    end();
}

static void
more_adds_to_the_alarm_in_either_order(void)
{
    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    say(1, 6, WIRE_CRIT, "more", "of=5 sha=1>2");
    say(1, 7, WIRE_CRIT, "more", "of=5 size=3>4");
    CHECK_STR(alarm_of(1).detail, "path=/a sha=1>2 size=3>4");
    say(1, 9, WIRE_CRIT, "more", "of=8 sha=5>6");
    say(1, 10, WIRE_CRIT, "more", "of=8 size=7>8");
    say(1, 8, WIRE_CRIT, "integrity.changed", "path=/b");
    CHECK_STR(alarm_of(2).detail, "path=/b sha=5>6 size=7>8");
    CHECK_INT(alarms(true), 2);
    for (uint32_t i = 20; i < 60; i++) {
        say(1, i, WIRE_CRIT, "more", "of=8 filling=0123456789012345678901234567890123456789");
    }
    CHECK(strlen(alarm_of(2).detail) < RECORD_DETAIL);
    end();
}

static void
each_verdict_has_its_alarm_and_only_silence_and_gaps_end_by_themselves(void)
{
    static const enum wire_verdict all[] = { WIRE_TORN, WIRE_FORGED, WIRE_CLONE, WIRE_GAP, WIRE_SILENT,
        WIRE_SKIPPED_SESSION, WIRE_ROLLBACK, WIRE_UNCLEAN_END, WIRE_TAMPERED_SPOOL, WIRE_CLOCK, WIRE_FLOOD };
    unsigned count = sizeof all / sizeof all[0];

    begin();
    for (unsigned i = 0; i < count; i++) {
        verdict(all[i], 5, 7, false);
        CHECK_INT(alarms(true), i + 1);
        CHECK(strncmp(alarm_of(i + 1).code, "belfry.", 7) == 0);
        verdict(all[i], 5, 7, false);
        CHECK_INT(alarms(true), i + 1);
        CHECK_INT(alarm_of(i + 1).count, 2);
    }
    verdict(WIRE_UNKNOWN, 5, 7, false);
    CHECK_INT(alarms(true), count);
    say(1, 0, WIRE_INFO, "agent.beat", "next=10");
    CHECK_INT(alarms(true), count - 1); /* the silence */
    for (unsigned i = 0; i < count; i++) {
        bool stays = all[i] == WIRE_GAP;

        changes.count = 0;
        CHECK_INT(ledger_ack(ledger, i + 1, "me", now_ms, &changes), 0);
        CHECK_INT(alarm_of(i + 1).open, stays);
        CHECK_STR(alarm_of(i + 1).acked_by, "me");
    }
    CHECK_INT(ledger_ack(ledger, 999, "me", now_ms, &changes), LEDGER_E_NONE);
    end();
}

static void
a_line_that_is_no_sign_of_life_does_not_end_a_silence(void)
{
    struct record r;

    begin();
    verdict(WIRE_SILENT, 0, 0, false);
    r = line_of(1, 3, WIRE_INFO, "agent.beat", "next=10");
    r.verdict = WIRE_LATE;
    r.life = false;
    apply(&r);
    CHECK_INT(alarms(true), 1);
    end();
}

static void
a_gap_closes_when_its_last_line_came_and_a_bad_one_is_an_alarm_of_its_own(void)
{
    struct record r;

    begin();
    verdict(WIRE_GAP, 5, 7, false);
    verdict(WIRE_GAP, 9, 9, false);
    CHECK_INT(alarms(true), 1);
    CHECK_INT(ledger_missing(ledger, "web03", 1), 4);
    verdict(WIRE_GAP, 12, 12, true);
    CHECK_INT(alarms(true), 2);
    CHECK_INT(alarm_of(2).severity, WIRE_CRIT);
    for (uint32_t n = 5; n <= 12; n++) {
        if (n == 8 || n == 10 || n == 11) {
            continue;
        }
        r = line_of(1, n, WIRE_INFO, "agent.beat", "");
        r.verdict = WIRE_LATE;
        apply(&r);
        changes.count = 0;
        CHECK_INT(ledger_gaps_filled(ledger, &r, &changes), 0);
        CHECK_INT(alarm_of(1).open, n < 9);
        CHECK_INT(alarm_of(2).open, n < 12);
    }
    CHECK_INT(ledger_missing(ledger, "web03", 1), 0);
    end();
}

static void
an_ack_closes_what_nothing_else_will_and_marks_the_rest(void)
{
    struct wire_judge judge;
    struct host_record host = { .host = "web03", .pairing = 1 };

    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    say(1, 6, WIRE_CRIT, "test.alarm", "id=1");
    CHECK_INT(ledger_ack(ledger, 1, "me", 77, &changes), 0);
    CHECK(alarm_of(1).open);
    CHECK_INT(alarm_of(1).acked_ms, 77);
    CHECK_INT(ledger_ack(ledger, 2, "me", 77, &changes), 0);
    CHECK(!alarm_of(2).open);
    memset(&judge, 0, sizeof judge);
    judge.session[0].used = true;
    judge.session[0].number = 2;
    (void)snprintf(judge.session[0].nonce, sizeof judge.session[0].nonce, "%s", "N002");
    CHECK_INT(ledger_host_save(ledger, &host, &judge, 0), 0);
    CHECK_INT(ledger_ack(ledger, 1, "you", 78, &changes), 0);
    CHECK(!alarm_of(1).open);
    CHECK_STR(alarm_of(1).acked_by, "me");
    end();
}

static void
a_notice_is_the_alarm_as_it_was_and_knows_the_worst_that_it_was(void)
{
    struct notice n;
    struct record r = line_of(1, 5, WIRE_CRIT, "net.listen", "port=1");

    begin();
    (void)next_notice(NULL);
    apply(&r);
    r = line_of(1, 6, WIRE_WARN, "net.listening", "port=1");
    (void)snprintf(r.line, sizeof r.line, "%s", "other");
    apply(&r);
    say(1, 7, WIRE_NOTE, "net.ok", "of=6");
    end();
    CHECK_INT(ledger_open(path, LEDGER_WRITE, true, &ledger, error), 0);
    CHECK(next_notice(&n));
    CHECK(!n.closed && n.alarm.open);
    CHECK_STR(n.alarm.code, "net.listen");
    CHECK_INT(n.worst, WIRE_CRIT);
    CHECK(next_notice(&n));
    CHECK_STR(n.alarm.code, "net.listening");
    CHECK_INT(n.alarm.severity, WIRE_WARN);
    CHECK_INT(n.worst, WIRE_CRIT);
    CHECK(strcmp(n.first_line, "other") != 0);
    CHECK(next_notice(&n));
    CHECK(n.closed && !n.alarm.open && n.alarm.closed_ms != 0);
    CHECK_INT(n.worst, WIRE_CRIT);
    CHECK(strcmp(n.first_line, "other") != 0);
    CHECK_INT(n.seq, 3);
    end();
}

static void
what_more_is_known_of_an_alarm_is_told_to_whoever_is_told_later(void)
{
    struct notice n;

    begin();
    (void)next_notice(NULL);
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    say(1, 6, WIRE_CRIT, "more", "of=5 new=abc");
    CHECK(next_notice(&n));
    CHECK_STR(n.alarm.detail, "path=/a new=abc");
    end();
}

/* What failed is tried when it is due, and what came later of the same alarm not before it. */
static void
of_one_alarm_the_earlier_notice_is_tried_first(void)
{
    struct notice first = { .seq = 1, .alarm = { .id = 7 } };
    struct notice second = { .seq = 2, .alarm = { .id = 7 } };
    struct notice other = { .seq = 3, .alarm = { .id = 8 } };
    struct ledger_try due[4];

    begin();
    CHECK_INT(ledger_again(ledger, "a", &first, 1, 5000), 0);
    CHECK(!ledger_again_before(ledger, "a", &first));
    CHECK(ledger_again_before(ledger, "a", &second));
    CHECK(!ledger_again_before(ledger, "b", &second));
    CHECK_INT(ledger_again(ledger, "a", &second, 0, 4000), 0);
    CHECK_INT(ledger_again(ledger, "a", &other, 2, 4500), 0);
    CHECK_INT(ledger_again_due(ledger, "a", 3000, due, 4), 0);
    CHECK_INT(ledger_again_due(ledger, "b", 9000, due, 4), 0);
    CHECK_INT(ledger_again_at(ledger, "a", 3000), 4000);
    CHECK_INT(ledger_again_due(ledger, "a", 4500, due, 4), 1);
    CHECK_INT(due[0].seq, 3);
    CHECK_INT(due[0].tries, 2);
    CHECK_INT(ledger_again_due(ledger, "a", 5000, due, 4), 2);
    CHECK_INT(due[1].seq, 1);
    CHECK_INT(ledger_again_done(ledger, "a", &first), 0);
    CHECK_INT(ledger_again_due(ledger, "a", 5000, due, 4), 2);
    CHECK_INT(due[0].seq, 2);
    CHECK_INT(ledger_again_now(ledger, "a", 8, 6000), 0);
    CHECK_INT(ledger_again_at(ledger, "a", 5000), 6000);
    CHECK_INT(ledger_again_due(ledger, "a", 6000, due, 4), 2);
    CHECK_INT(due[1].tries, 0);
    end();
}

static bool
is_a(const void *to, const char *notifier)
{
    (void)to;
    return strcmp(notifier, "a") == 0;
}

static void
each_notifier_has_its_place_and_a_new_one_begins_behind_what_was(void)
{
    struct ledger_place a;
    struct ledger_place b;
    struct notice n = { .seq = 1, .alarm = { .id = 1 } };
    struct ledger_try due[1];

    begin();
    CHECK_INT(ledger_place(ledger, "a", &a), 0);
    CHECK_INT(a.notices, 0);
    CHECK_INT(ledger_place_save(ledger, "a", &a), 0);
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    say(1, 6, WIRE_CRIT, "integrity.changed", "path=/b");
    CHECK_INT(ledger_place(ledger, "a", &a), 0);
    CHECK_INT(a.notices, 0);
    CHECK_INT(ledger_notices_after(ledger, a.notices), 2);
    CHECK_INT(ledger_place(ledger, "b", &b), 0);
    CHECK_INT(b.notices, 2);
    b.told = 5;
    CHECK_INT(ledger_place_save(ledger, "b", &b), 0);
    CHECK_INT(ledger_again(ledger, "b", &n, 0, 1), 0);
    CHECK_INT(ledger_places_forget(ledger, is_a, NULL), 0);
    CHECK_INT(ledger_again_due(ledger, "b", 10, due, 1), 0);
    CHECK_INT(ledger_place(ledger, "b", &b), 0);
    CHECK_INT(b.told, 0);
    CHECK_INT(ledger_place(ledger, "a", &a), 0);
    CHECK_INT(a.notices, 0);
    end();
}

static void
only_notices_that_all_were_told_and_of_alarms_that_are_over_are_dropped(void)
{
    struct ledger_place place = { .notices = 2 };
    struct notice n = { .seq = 1, .alarm = { .id = 1 } };

    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a"); /* 1 */
    say(1, 6, WIRE_CRIT, "integrity.changed", "path=/b"); /* 2 */
    say(1, 7, WIRE_NOTE, "integrity.ok", "of=5");         /* 3 */
    CHECK_INT(ledger_place_save(ledger, "a", &place), 0);
    CHECK_INT(ledger_again(ledger, "b", &n, 0, 1), 0);
    CHECK_INT(ledger_notices_prune(ledger, now_ms * 2), 0);
    CHECK_INT(ledger_notices_after(ledger, 0), 3);
    CHECK_INT(ledger_again_done(ledger, "b", &n), 0);
    CHECK_INT(ledger_notices_prune(ledger, 1), 0);
    CHECK_INT(ledger_notices_after(ledger, 0), 3);
    CHECK_INT(ledger_notices_prune(ledger, now_ms * 2), 0);
    CHECK_INT(ledger_notices_after(ledger, 0), 2);
    CHECK_INT(ledger_notice(ledger, 1, &n), LEDGER_E_NONE);
    place.notices = 3;
    CHECK_INT(ledger_place_save(ledger, "a", &place), 0);
    CHECK_INT(ledger_notices_prune(ledger, now_ms * 2), 0);
    CHECK_INT(ledger_notices_after(ledger, 0), 1);
    CHECK_INT(ledger_notice(ledger, 2, &n), 0);
    end();
}

/* A notice of no host. */
static void
lose_line(void)
{
    struct record r = line_of(0, 0, WIRE_ERRO, "line.lost", "line=tty");

    r.kind = RECORD_LOCAL;
    r.host[0] = '\0';
    apply(&r);
}

static void
count_host(void *to, const char *host, int64_t seq)
{
    int64_t *sum = to;

    CHECK_STR(host, "web03");
    *sum += seq;
}

static void
of_a_host_that_a_notifier_is_behind_with_nothing_is_dropped_until_it_is_not(void)
{
    struct ledger_place place = { .notices = 3 };
    struct notice n;
    int64_t sum = 0;
    int64_t end_seq;

    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a"); /* 1 */
    say(1, 7, WIRE_NOTE, "integrity.ok", "of=5");         /* 2 */
    lose_line();                                          /* 3, of no host */
    CHECK_INT(ledger_place_save(ledger, "a", &place), 0);
    CHECK_INT(ledger_behind_save(ledger, "a", "web03", 1), 0);
    CHECK_INT(ledger_behind_save(ledger, "a", "web03", 2), 0);
    CHECK_INT(ledger_behind_save(ledger, "b", "db01", 1), 0);
    CHECK_INT(ledger_behind(ledger, "a", count_host, &sum), 0);
    CHECK_INT(sum, 2);
    CHECK_INT(ledger_notices_prune(ledger, now_ms * 2), 0);
    CHECK_INT(ledger_notice(ledger, 1, &n), LEDGER_E_NONE);
    CHECK_INT(ledger_notice(ledger, 2, &n), 0);
    CHECK_INT(ledger_places_forget(ledger, is_a, NULL), 0);
    CHECK_INT(ledger_behind_save(ledger, "a", "web03", 0), 0);
    CHECK_INT(ledger_behind(ledger, "a", count_host, &sum), 0);
    CHECK_INT(sum, 2);
    CHECK_INT(ledger_notices_prune(ledger, now_ms * 2), 0);
    CHECK_INT(ledger_notice(ledger, 2, &n), LEDGER_E_NONE);
    CHECK_INT(ledger_notices_of(ledger, "", 1, 3, &end_seq), 1);
    CHECK_INT(end_seq, 3);
    end();
}

static void
notices_of_one_host_are_found_from_either_end(void)
{
    struct notice n;
    int64_t last;

    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a"); /* 1 */
    lose_line();                                          /* 2 */
    say(1, 6, WIRE_CRIT, "integrity.changed", "path=/b"); /* 3 */
    say(1, 7, WIRE_CRIT, "integrity.changed", "path=/c"); /* 4 */
    CHECK_INT(ledger_notice_of(ledger, "web03", 2, 4, &n), 0);
    CHECK_INT(n.seq, 3);
    CHECK_INT(ledger_notice_of(ledger, "web03", 2, 2, &n), LEDGER_E_NONE);
    CHECK_INT(ledger_notice_of(ledger, "", 1, 4, &n), 0);
    CHECK_INT(n.seq, 2);
    CHECK_INT(ledger_notices_of(ledger, "web03", 1, 3, &last), 2);
    CHECK_INT(last, 3);
    CHECK_INT(ledger_notices_of(ledger, "web99", 1, 4, &last), 0);
    CHECK_INT(last, 0);
    CHECK_INT(ledger_notice_back(ledger, "web03", 4, 1), 3);
    CHECK_INT(ledger_notice_back(ledger, "web03", 4, 9), 1);
    CHECK_INT(ledger_notice_back(ledger, "web03", 1, 9), 1);
    end();
}

static void
who_begins_is_told_what_is_open_once_each(void)
{
    struct notice n;

    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    say(1, 6, WIRE_CRIT, "integrity.changed", "path=/b");
    say(1, 7, WIRE_NOTE, "integrity.ok", "of=5");
    say(1, 8, WIRE_CRIT, "integrity.changed", "path=/c");
    CHECK_INT(ledger_standing_after(ledger, 0, INT64_MAX, &n), 0);
    CHECK_INT(n.alarm.id, 2);
    CHECK_INT(n.seq, 0);
    CHECK(!n.closed);
    CHECK_INT(ledger_standing_after(ledger, n.alarm.id, INT64_MAX, &n), 0);
    CHECK_STR(n.alarm.subject, "path=/c");
    CHECK_INT(ledger_standing_after(ledger, n.alarm.id, INT64_MAX, &n), LEDGER_E_NONE);
    CHECK_INT(ledger_standing_after(ledger, 0, 1, &n), 0);
    CHECK_INT(n.alarm.id, 1);
    CHECK(n.closed);
    end();
}

static void
an_alarm_whose_host_is_unpaired_is_told_to_be_over(void)
{
    struct notice n;

    begin();
    (void)next_notice(NULL);
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    say(1, 6, WIRE_CRIT, "integrity.changed", "path=/b");
    CHECK_INT(ledger_unpair(ledger, "web03", "kim", 99), 0);
    CHECK(next_notice(&n) && next_notice(&n) && next_notice(&n));
    CHECK(n.closed);
    CHECK_INT(n.alarm.id, 1);
    CHECK_STR(n.alarm.acked_by, "kim");
    CHECK(next_notice(&n));
    CHECK(n.closed);
    CHECK_INT(n.alarm.id, 2);
    CHECK(!next_notice(&n));
    CHECK_INT(alarms(true), 0);
    end();
}

static void
keep_session(void *to, const struct wire_judge_session *s, const struct wire_hole *hole)
{
    struct wire_judge *back = to;

    back->session[0] = *s;
    memcpy(back->hole[0], hole, s->holes * sizeof *hole);
}

static void
a_judge_is_found_again_with_its_sessions_and_holes(void)
{
    static struct wire_judge judge;
    static struct wire_judge found;
    const struct wire_judge_session *back = &found.session[0];
    struct host_record host = { .host = "web03", .pairing = 1, .last_ms = 9 };
    struct wire_judge_session *s = &judge.session[2];

    begin();
    s->used = true;
    s->number = 17;
    (void)snprintf(s->nonce, sizeof s->nonce, "%s", "K3QF");
    memset(&s->key, 0x5A, sizeof s->key);
    s->any = true;
    s->top = 99;
    s->has_reserve = true;
    s->reserve_first = 100;
    s->reserve_last = 103;
    s->holes = 2;
    judge.hole[2][0] = (struct wire_hole){ .first = 3, .last = 4, .since_ms = 10, .told = true };
    judge.hole[2][1] = (struct wire_hole){ .first = 7, .last = 7, .since_ms = 20 };
    CHECK_INT(ledger_host_save(ledger, &host, &judge, 1000), 0);
    CHECK_INT(ledger_sessions(ledger, "web03", 1, 4, keep_session, &found), 0);
    CHECK_INT(back->number, 17);
    CHECK_STR(back->nonce, "K3QF");
    CHECK_MEM(&back->key, &s->key, sizeof s->key);
    CHECK_INT(back->top, 99);
    CHECK(back->any && back->has_reserve && !back->ended);
    CHECK_INT(back->reserve_last, 103);
    CHECK_INT(back->holes, 2);
    CHECK_INT(found.hole[0][1].since_ms, 1020);
    CHECK(found.hole[0][0].told && !found.hole[0][1].told);
    CHECK_INT(ledger_missing(ledger, "web03", 1), 2);
    s->holes = 0;
    CHECK_INT(ledger_host_save(ledger, &host, &judge, 1000), 0);
    CHECK_INT(ledger_sessions(ledger, "web03", 1, 4, keep_session, &found), 0);
    CHECK_INT(back->holes, 0);
    end();
}

static void
what_is_pending_and_what_was_rekeyed_is_found_again(void)
{
    static struct wire_judge judge;
    struct host_record host = { .host = "web03", .pairing = 1 };
    struct host_record back;

    begin();
    judge.root_session = 17;
    CHECK_INT(ledger_host_save(ledger, &host, &judge, 0), 0);
    back = listed().last;
    CHECK(!back.rekeyed && !back.rekey.pending);
    CHECK_STR(back.rekey.id, "");
    judge.rekey = (struct wire_judge_rekey){ .pending = true, .nonce = "K3QF", .id = "WMMEJNWR" };
    memset(&judge.rekey.x, 0x5A, sizeof judge.rekey.x);
    CHECK_INT(ledger_host_save(ledger, &host, &judge, 0), 0);
    back = listed().last;
    CHECK(back.rekey.pending && !back.rekeyed);
    CHECK_STR(back.rekey.id, "WMMEJNWR");
    CHECK_STR(back.rekey.nonce, "K3QF");
    CHECK_MEM(&back.rekey.x, &judge.rekey.x, sizeof back.rekey.x);
    memset(&judge.rekey, 0, sizeof judge.rekey);
    judge.rekeyed = true;
    memset(&judge.next_root, 0x77, sizeof judge.next_root);
    CHECK_INT(ledger_host_save(ledger, &host, &judge, 0), 0);
    back = listed().last;
    CHECK(!back.rekey.pending && back.rekeyed);
    CHECK_STR(back.rekey.id, "");
    CHECK_MEM(&back.next_root, &judge.next_root, sizeof back.next_root);
    CHECK_INT(ledger_unpair(ledger, "web03", "kim", 10), 0);
    CHECK_INT(ledger_pair(ledger, "web03", &judge.root, &judge.root, 20, false), 0);
    CHECK(!listed().last.rekeyed);
    end();
}

static void
a_line_that_is_there_already_changes_nothing(void)
{
    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    CHECK_INT(changes.count, 0);
    CHECK_INT(alarm_of(1).count, 1);
    end();
}

/* ---- pins */

#define DIGEST_A "0123456789ABCDEFGHJK"
#define DIGEST_B "AAAAAAAAAAAAAAAAAAAA"
#define DIGEST_C "CCCCCCCCCCCCCCCCCCCC"

static void
keep_pin(void *to, const struct pin_record *pin)
{
    struct pin_record *kept = to;
    int i = pin->what[1] == 'a' ? 0 : pin->what[0] == 'b' ? 1 : 2; /* base, bin, conf */

    kept[i] = *pin;
}

static struct pin_record
pin_of_bin(void)
{
    struct pin_record kept[3];

    memset(kept, 0, sizeof kept);
    CHECK_INT(ledger_pins(ledger, "web03", 1, keep_pin, kept), 0);
    return kept[1];
}

static int
accept_what(const char *what)
{
    struct pin_record pin;
    int r;

    CHECK_INT(ledger_begin(ledger), 0);
    r = ledger_accept(ledger, "web03", what, "kim", ++now_ms, &pin);
    CHECK_INT(ledger_commit(ledger), 0);
    return r;
}

static void
what_is_seen_first_is_pinned_and_another_value_is_an_alarm_until_it_is_back(void)
{
    struct alarm a;

    begin();
    say(1, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_A);
    say(1, 2, WIRE_INFO, "agent.run", "conf=" DIGEST_B);
    say(1, 3, WIRE_INFO, "agent.run", "base=none");
    say(1, 4, WIRE_INFO, "agent.run", "kernel=6.1.0-9-amd64 rights=full");
    CHECK_INT(alarms(false), 0);
    CHECK_STR(pin_of_bin().digest, DIGEST_A);
    say(2, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_A);
    CHECK_INT(alarms(false), 0);
    say(3, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_B);
    CHECK_INT(changes.count, 1);
    a = alarm_of(1);
    CHECK_STR(a.code, "belfry.pin");
    CHECK_STR(a.subject, "what=bin");
    CHECK_STR(a.detail, "what=bin pinned=" DIGEST_A " now=" DIGEST_B);
    CHECK_INT(a.severity, WIRE_CRIT);
    CHECK_INT(ledger_ack(ledger, 1, "kim", ++now_ms, &changes), 0);
    CHECK_INT(alarms(true), 1); /* seen by a person, and still so */
    say(4, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_A);
    CHECK_INT(alarms(true), 0);
    CHECK_STR(pin_of_bin().pinned_by, "");
    /* The others of that host and another host are others. */
    say(4, 2, WIRE_INFO, "agent.run", "base=" DIGEST_C);
    CHECK_INT(alarms(true), 1);
    say(4, 3, WIRE_INFO, "agent.run", "conf=" DIGEST_C);
    CHECK_INT(alarms(true), 2);
    end();
}

static void
a_third_value_is_told_although_the_second_was_acknowledged(void)
{
    begin();
    say(1, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_A);
    say(2, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_B);
    CHECK_INT(ledger_ack(ledger, 1, "kim", ++now_ms, &changes), 0);
    say(3, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_B);
    CHECK_INT(changes.at[0].what, LEDGER_REPEATED);
    CHECK(alarm_of(1).acked_ms != 0);
    say(4, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_C);
    CHECK_INT(changes.at[0].what, LEDGER_RAISED);
    CHECK(alarm_of(1).acked_ms == 0);
    end();
}

static void
what_a_person_accepts_is_pinned_from_then_on(void)
{
    begin();
    CHECK_INT(accept_what("bin"), LEDGER_E_NONE);
    say(1, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_A);
    CHECK_INT(accept_what("bin"), LEDGER_E_NONE);
    say(2, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_B);
    CHECK_INT(accept_what("conf"), LEDGER_E_NONE);
    CHECK_INT(alarms(true), 1);
    CHECK_INT(accept_what("bin"), 0);
    CHECK_INT(alarms(true), 0);
    CHECK_STR(pin_of_bin().digest, DIGEST_B);
    CHECK_STR(pin_of_bin().pinned_by, "kim");
    say(3, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_B);
    CHECK_INT(alarms(true), 0);
    say(4, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_A); /* the old one is another one now */
    CHECK_INT(alarms(true), 1);
    end();
}

static void
an_older_line_that_comes_late_tells_its_value_and_pins_nothing(void)
{
    begin();
    say(1, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_A);
    say(3, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_A);
    say(2, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_B); /* between the two it was another one */
    CHECK_INT(alarms(false), 1);
    CHECK_INT(alarms(true), 0);
    CHECK_STR(pin_of_bin().seen, DIGEST_A);
    say(4, 9, WIRE_INFO, "agent.run", "bin=" DIGEST_B);
    say(4, 8, WIRE_INFO, "agent.run", "bin=" DIGEST_A); /* does not end it */
    CHECK_INT(alarms(true), 1);
    end();
}

static void
a_new_pairing_pins_anew_and_what_is_no_digest_is_not_pinned(void)
{
    struct wire_key key = { { 7 } };
    struct record r;

    begin();
    say(1, 1, WIRE_INFO, "agent.run", "bin=short");
    say(1, 2, WIRE_INFO, "agent.run", "bin=" DIGEST_A "X");
    say(1, 3, WIRE_INFO, "agent.start", "bin=" DIGEST_C);
    CHECK_STR(pin_of_bin().digest, "");
    say(1, 4, WIRE_INFO, "agent.run", "bin=" DIGEST_A);
    CHECK_INT(ledger_pair(ledger, "web03", &key, &key, 80, true), 0);
    r = line_of(1, 1, WIRE_INFO, "agent.run", "bin=" DIGEST_B);
    r.pairing = 2;
    apply(&r);
    CHECK_INT(alarms(false), 0);
    end();
}

static void
keep_path(void *to, const struct path_record *found)
{
    *(struct path_record *)to = *found;
}

static void
paths_and_the_connection_are_found_again(void)
{
    static const struct path_record serial = { .path = "ttyS1",
        .first_ms = 5,
        .last_ms = 9,
        .session = 17,
        .nonce = "K3QF",
        .number = 42,
        .quiet = true,
        .token = "ABCDEFGH",
        .token_ms = 7 };
    static const struct connection_record net = {
        .up = true, .peer = "192.0.2.7:1", .since_ms = 3, .how = "cut", .token = { "ABCDEFGH", "01234567" }
    };
    static struct path_record serial_again;
    static struct connection_record net_again;

    begin();
    CHECK_INT(ledger_connection(ledger, "web03", 1, &net_again), LEDGER_E_NONE);
    CHECK_INT(ledger_path_save(ledger, "web03", 1, &serial), 0);
    CHECK_INT(ledger_connection_save(ledger, "web03", 1, &net), 0);
    CHECK_INT(ledger_paths(ledger, "web03", 2, keep_path, &serial_again), 0);
    CHECK_STR(serial_again.path, "");
    CHECK_INT(ledger_paths(ledger, "web03", 1, keep_path, &serial_again), 0);
    CHECK_STR(serial_again.path, serial.path);
    CHECK_INT(serial_again.first_ms, serial.first_ms);
    CHECK_INT(serial_again.last_ms, serial.last_ms);
    CHECK_INT(serial_again.session, serial.session);
    CHECK_STR(serial_again.nonce, serial.nonce);
    CHECK_INT(serial_again.number, serial.number);
    CHECK_INT(serial_again.quiet, serial.quiet);
    CHECK_STR(serial_again.token, serial.token);
    CHECK_INT(serial_again.token_ms, serial.token_ms);
    CHECK_INT(ledger_connection(ledger, "web03", 1, &net_again), 0);
    CHECK_INT(net_again.up, net.up);
    CHECK_STR(net_again.peer, net.peer);
    CHECK_INT(net_again.since_ms, net.since_ms);
    CHECK_STR(net_again.how, net.how);
    for (unsigned i = 0; i < CONNECTION_TOKENS; i++) {
        CHECK_STR(net_again.token[i], net.token[i]);
    }
    end();
}

/* ---- what may go */

static int64_t
count_of(const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int64_t n = -1;

    CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    if (sqlite3_step(st) == SQLITE_ROW) {
        n = sqlite3_column_int64(st, 0);
    }
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(db);
    return n;
}

static void
forget_all(int64_t before_ms, int64_t told)
{
    struct ledger_forget f = {
        .before_ms = before_ms, .told_lines = told, .told_events = told, .more = true
    };

    for (int steps = 0; steps < 100 && f.more; steps++) {
        CHECK_INT(ledger_begin(ledger), 0);
        CHECK_INT(ledger_forget(ledger, &f), 0);
        CHECK_INT(ledger_commit(ledger), 0);
    }
    CHECK(!f.more);
}

/* Six sessions, of which four are followed; an alarm that is open and one that is over in the oldest. */
static void
make_past(void)
{
    begin();
    for (uint32_t session = 1; session <= 6; session++) {
        char sql[300];

        (void)snprintf(sql, sizeof sql,
                "INSERT INTO sessions(host, pairing, session, nonce, key, seen, top, has_reserve, "
                "reserve_first, reserve_last, ended) VALUES('web03', 1, %u, 'N%03u', x'00', 1, 9, 0, 0, 0, "
                "0)",
                session, session);
        (void)count_of(sql);
        for (uint32_t number = 0; number < 150; number++) {
            say(session, number, WIRE_INFO, "agent.beat", "next=60");
        }
    }
    say(1, 300, WIRE_CRIT, "daemon.down", "name=sshd");
    say(1, 301, WIRE_CRIT, "daemon.down", "name=cron");
    say(1, 302, WIRE_INFO, "daemon.up", "name=cron of=301");
    for (uint32_t i = 0; i < 300; i++) {
        verdict(WIRE_FORGED, 10 * i, 10 * i, false);
    }
}

static void
lines_of_sessions_that_are_followed_or_raised_what_is_open_stay_and_others_go_when_they_are_old(void)
{
    int64_t young_ms;

    make_past();
    young_ms = now_ms + 1;
    say(2, 400, WIRE_INFO, "agent.beat", "next=60");
    forget_all(0, INT64_MAX);
    CHECK_INT(count_of("SELECT count(*) FROM lines"), 904);
    forget_all(young_ms, 100);
    CHECK_INT(count_of("SELECT min(id) FROM lines"), 101);
    forget_all(young_ms, INT64_MAX);
    CHECK_INT(count_of("SELECT count(*) FROM lines WHERE session > 2"), 600);
    CHECK_INT(count_of("SELECT count(*) FROM lines WHERE session = 1"), 1);
    CHECK_INT(count_of("SELECT number FROM lines WHERE session = 1"), 300);
    CHECK_INT(count_of("SELECT count(*) FROM lines WHERE session = 2"), 1);
    end();
}

static void
the_last_event_stays_so_that_no_row_is_numbered_twice(void)
{
    int64_t last;

    make_past();
    last = count_of("SELECT max(id) FROM events");
    CHECK(last >= 300);
    forget_all(now_ms + 1000, INT64_MAX);
    CHECK_INT(count_of("SELECT count(*) FROM events"), 1);
    CHECK_INT(count_of("SELECT max(id) FROM events"), last);
    end();
}

static void
an_alarm_goes_when_it_is_over_and_everybody_was_told_and_never_before(void)
{
    int64_t over;

    make_past();
    over = count_of("SELECT count(*) FROM alarms WHERE open = 0");
    CHECK(over > 0);
    forget_all(now_ms + 1000, INT64_MAX);
    CHECK_INT(count_of("SELECT count(*) FROM alarms WHERE open = 0"), over);
    for (int i = 0; i < 50; i++) {
        CHECK_INT(ledger_begin(ledger), 0);
        CHECK_INT(ledger_notices_prune(ledger, now_ms + 1000), 0);
        CHECK_INT(ledger_commit(ledger), 0);
    }
    forget_all(1, INT64_MAX);
    CHECK_INT(count_of("SELECT count(*) FROM alarms WHERE open = 0"), over);
    forget_all(now_ms + 1000, INT64_MAX);
    CHECK_INT(count_of("SELECT count(*) FROM alarms WHERE open = 0"), 0);
    CHECK_INT(count_of("SELECT count(*) FROM alarms WHERE open = 1 AND subject = 'name=sshd'"), 1);
    end();
}

int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    (void)umask(077);
    (void)snprintf(path, sizeof path, "%s/ledger.db", dir);
    CHECK_RUN(a_new_ledger_is_for_its_owner_only_and_opens_again);
    CHECK_RUN(a_foreign_or_newer_file_is_refused_and_left_alone);
    CHECK_RUN(every_damaged_page_is_noticed_and_nothing_is_overwritten);
    CHECK_RUN(a_locked_ledger_is_said_to_be_locked);
    CHECK_RUN(a_pairing_is_not_overwritten_unless_asked);
    CHECK_RUN(an_unpaired_host_has_no_keys_and_no_open_alarms_and_may_be_paired_again);
    CHECK_RUN(a_ledger_brought_up_from_any_earlier_version_is_like_a_new_one);
    CHECK_RUN(a_ledger_of_the_version_before_is_taken_over_with_its_hosts);
    CHECK_RUN(what_people_did_before_acts_were_kept_is_told_from_what_is_left_of_it);
    CHECK_RUN(a_window_from_before_the_clock_was_set_back_is_none);
    CHECK_RUN(a_window_is_of_paired_hosts_only_and_ends_when_it_is_taken_back);
    CHECK_RUN(warn_and_worse_open_an_alarm_and_good_news_do_not);
    CHECK_RUN(of_closes_the_alarm_of_that_line_in_either_order);
    CHECK_RUN(a_directory_and_the_files_under_it_are_two_alarms);
    CHECK_RUN(of_another_session_closes_nothing);
    CHECK_RUN(the_same_trouble_counts_up_and_a_new_session_takes_it_over);
    CHECK_RUN(an_older_line_that_comes_late_does_not_take_the_alarm_back);
    CHECK_RUN(a_changed_file_that_is_then_gone_is_told_again_in_the_same_row);
    CHECK_RUN(what_recurs_after_an_ack_is_told_again_and_a_test_each_time);
    CHECK_RUN(two_ports_of_one_protocol_are_two_alarms);
    CHECK_RUN(more_adds_to_the_alarm_in_either_order);
    CHECK_RUN(each_verdict_has_its_alarm_and_only_silence_and_gaps_end_by_themselves);
    CHECK_RUN(a_line_that_is_no_sign_of_life_does_not_end_a_silence);
    CHECK_RUN(a_gap_closes_when_its_last_line_came_and_a_bad_one_is_an_alarm_of_its_own);
    CHECK_RUN(an_ack_closes_what_nothing_else_will_and_marks_the_rest);
    CHECK_RUN(a_notice_is_the_alarm_as_it_was_and_knows_the_worst_that_it_was);
    CHECK_RUN(what_more_is_known_of_an_alarm_is_told_to_whoever_is_told_later);
    CHECK_RUN(of_one_alarm_the_earlier_notice_is_tried_first);
    CHECK_RUN(each_notifier_has_its_place_and_a_new_one_begins_behind_what_was);
    CHECK_RUN(only_notices_that_all_were_told_and_of_alarms_that_are_over_are_dropped);
    CHECK_RUN(of_a_host_that_a_notifier_is_behind_with_nothing_is_dropped_until_it_is_not);
    CHECK_RUN(notices_of_one_host_are_found_from_either_end);
    CHECK_RUN(who_begins_is_told_what_is_open_once_each);
    CHECK_RUN(an_alarm_whose_host_is_unpaired_is_told_to_be_over);
    CHECK_RUN(a_ledger_of_version_3_is_taken_over_with_what_was_not_told_yet);
    CHECK_RUN(a_judge_is_found_again_with_its_sessions_and_holes);
    CHECK_RUN(what_is_pending_and_what_was_rekeyed_is_found_again);
    CHECK_RUN(a_line_that_is_there_already_changes_nothing);
    CHECK_RUN(what_is_seen_first_is_pinned_and_another_value_is_an_alarm_until_it_is_back);
    CHECK_RUN(a_third_value_is_told_although_the_second_was_acknowledged);
    CHECK_RUN(what_a_person_accepts_is_pinned_from_then_on);
    CHECK_RUN(an_older_line_that_comes_late_tells_its_value_and_pins_nothing);
    CHECK_RUN(a_new_pairing_pins_anew_and_what_is_no_digest_is_not_pinned);
    CHECK_RUN(paths_and_the_connection_are_found_again);
    CHECK_RUN(
            lines_of_sessions_that_are_followed_or_raised_what_is_open_stay_and_others_go_when_they_are_old);
    CHECK_RUN(the_last_event_stays_so_that_no_row_is_numbered_twice);
    CHECK_RUN(an_alarm_goes_when_it_is_over_and_everybody_was_told_and_never_before);
    remove_ledger();
    (void)rmdir(dir);
    return check_result();
}
