#include "support/check.h"

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

/* The ledger of version 1 had no windows, and hosts could not be unpaired. */
static void
make_version_1(void)
{
    sqlite3 *db = NULL;

    CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db,
                      "ALTER TABLE hosts DROP COLUMN unpaired_ms; ALTER TABLE hosts DROP COLUMN unpaired_by;"
                      "DROP TABLE windows; PRAGMA user_version = 1",
                      NULL, NULL, NULL),
            SQLITE_OK);
    CHECK_INT(sqlite3_close(db), SQLITE_OK);
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
    struct ledger_tell tell;

    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), 0);
    CHECK_INT(ledger_told(ledger, 1, false, tell.sequence, 0), 0);
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), LEDGER_E_NONE);
    say(1, 6, WIRE_CRIT, "integrity.changed", "path=/a again=1");
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), LEDGER_E_NONE);
    say(1, 7, WIRE_CRIT, "integrity.gone", "path=/a");
    CHECK_INT(alarms(false), 1);
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), 0);
    CHECK_STR(tell.alarm.code, "integrity.gone");
    end();
}

static void
what_recurs_after_an_ack_is_told_again_and_a_test_each_time(void)
{
    struct ledger_tell tell;

    begin();
    say(1, 5, WIRE_WARN, "time.step", "clock=utc");
    say(1, 6, WIRE_WARN, "test.alarm", "by=me");
    for (int i = 0; i < 2; i++) {
        CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), 0);
        CHECK_INT(ledger_told(ledger, tell.alarm.id, false, tell.sequence, 0), 0);
    }
    say(1, 7, WIRE_WARN, "time.step", "clock=utc");
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), LEDGER_E_NONE);
    CHECK_INT(ledger_ack(ledger, 1, "me", 77, &changes), 0);
    say(2, 3, WIRE_WARN, "time.step", "clock=utc");
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), LEDGER_E_NONE);
    CHECK_STR(alarm_of(1).acked_by, "me");
    say(2, 4, WIRE_WARN, "time.step", "clock=utc");
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), 0);
    CHECK_INT(tell.alarm.id, 1);
    CHECK_INT(alarm_of(1).acked_ms, 0);
    CHECK_INT(alarm_of(1).count, 4);
    CHECK_INT(ledger_told(ledger, 1, false, tell.sequence, 0), 0);
    say(1, 8, WIRE_WARN, "test.alarm", "by=me");
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), 0);
    CHECK_INT(tell.alarm.id, 2);
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
what_was_not_told_is_told_after_a_restart_and_the_opening_before_the_end(void)
{
    struct ledger_tell tell;
    int64_t busy[1] = { 1 };

    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    say(1, 6, WIRE_NOTE, "integrity.ok", "of=5");
    end();
    CHECK_INT(ledger_open(path, LEDGER_WRITE, true, &ledger, error), 0);
    CHECK_INT(ledger_tell_next(ledger, now_ms, busy, 1, &tell), LEDGER_E_NONE);
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), 0);
    CHECK(!tell.closed);
    CHECK_INT(ledger_told(ledger, 1, false, tell.sequence, now_ms + 5000), 0); /* the hook failed */
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), LEDGER_E_NONE);
    CHECK_INT(ledger_tell_due(ledger, now_ms), now_ms + 5000);
    CHECK_INT(ledger_tell_due(ledger, now_ms + 5000), INT64_MAX);
    CHECK_INT(ledger_tell_next(ledger, now_ms + 5000, NULL, 0, &tell), 0);
    CHECK_INT(tell.tries, 1);
    CHECK_INT(ledger_told(ledger, 1, false, tell.sequence, 0), 0);
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), 0);
    CHECK(tell.closed);
    CHECK_INT(ledger_told(ledger, 1, true, tell.sequence, 0), 0);
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), LEDGER_E_NONE);
    CHECK_INT(ledger_tell_due(ledger, now_ms), INT64_MAX);
    end();
}

/* A hook that hangs is no reason to wait with the next try of another. */
static void
what_is_under_way_hides_no_later_try(void)
{
    struct ledger_tell tell;
    int64_t busy[1] = { 2 };

    begin();
    say(1, 5, WIRE_CRIT, "integrity.changed", "path=/a");
    say(1, 6, WIRE_CRIT, "integrity.changed", "path=/b");
    CHECK_INT(ledger_tell_next(ledger, now_ms, NULL, 0, &tell), 0);
    CHECK_INT(ledger_told(ledger, tell.alarm.id, false, tell.sequence, now_ms + 5000), 0);
    CHECK_INT(ledger_tell_next(ledger, now_ms, busy, 1, &tell), LEDGER_E_NONE);
    CHECK_INT(ledger_tell_due(ledger, now_ms), now_ms + 5000);
    end();
}

static void
keep_session(void *to, const struct wire_judge_session *s)
{
    *(struct wire_judge_session *)to = *s;
}

static void
a_judge_is_found_again_with_its_sessions_and_holes(void)
{
    static struct wire_judge judge;
    static struct wire_judge_session back;
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
    s->hole[0] = (struct wire_hole){ .first = 3, .last = 4, .since_ms = 10, .told = true };
    s->hole[1] = (struct wire_hole){ .first = 7, .last = 7, .since_ms = 20 };
    CHECK_INT(ledger_host_save(ledger, &host, &judge, 1000), 0);
    CHECK_INT(ledger_sessions(ledger, "web03", 1, 4, keep_session, &back), 0);
    CHECK_INT(back.number, 17);
    CHECK_STR(back.nonce, "K3QF");
    CHECK_MEM(&back.key, &s->key, sizeof s->key);
    CHECK_INT(back.top, 99);
    CHECK(back.any && back.has_reserve && !back.ended);
    CHECK_INT(back.reserve_last, 103);
    CHECK_INT(back.holes, 2);
    CHECK_INT(back.hole[1].since_ms, 1020);
    CHECK(back.hole[0].told && !back.hole[1].told);
    CHECK_INT(ledger_missing(ledger, "web03", 1), 2);
    s->holes = 0;
    CHECK_INT(ledger_host_save(ledger, &host, &judge, 1000), 0);
    CHECK_INT(ledger_sessions(ledger, "web03", 1, 4, keep_session, &back), 0);
    CHECK_INT(back.holes, 0);
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
    CHECK_RUN(a_ledger_of_the_version_before_is_taken_over_with_its_hosts);
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
    CHECK_RUN(what_was_not_told_is_told_after_a_restart_and_the_opening_before_the_end);
    CHECK_RUN(what_is_under_way_hides_no_later_try);
    CHECK_RUN(a_judge_is_found_again_with_its_sessions_and_holes);
    CHECK_RUN(a_line_that_is_there_already_changes_nothing);
    remove_ledger();
    (void)rmdir(dir);
    return check_result();
}
