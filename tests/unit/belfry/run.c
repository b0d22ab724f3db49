#include "receiver.h"

#include "belfry/ctl/server.h"

#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* How many notices the hook was told, once it is behind with none. */
#define ALL_TOLD "SELECT notices FROM notifiers WHERE name = 'hook' AND NOT EXISTS (SELECT 1 FROM behind)"

/* One number from the ledger, read by a connection of its own. */
static int64_t
ask(const struct receiver *r, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int64_t n = -1;

    if (sqlite3_open_v2(receiver_path(r, "state/ledger.db"), &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
            sqlite3_busy_timeout(db, 2000) == SQLITE_OK &&
            sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
        n = sqlite3_column_int64(st, 0);
    }
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(db);
    return n;
}

static bool
comes_true(const struct receiver *r, const char *sql, int64_t want, int ms)
{
    int64_t until = test_ms() + ms;

    while (ask(r, sql) != want) {
        if (test_ms() > until) {
            printf("%s: %lld, not %lld\n", sql, (long long)ask(r, sql), (long long)want);
            return false;
        }
        test_sleep(20);
    }
    return true;
}

static size_t
slurp(const char *path, char *to, size_t size)
{
    int fd = open(path, O_RDONLY);
    size_t len = 0;
    ssize_t n;

    while (fd >= 0 && len < size && (n = read(fd, to + len, size - len)) > 0) {
        len += (size_t)n;
    }
    (void)close(fd);
    return len;
}

/* Is the process whose number stands in this file still running? One that nobody has reaped is not. */
static bool
lives(const struct receiver *r, const char *name)
{
    char pid[20] = "";
    char path[64];
    char stat[200] = "";

    (void)slurp(receiver_path(r, name), pid, sizeof pid - 1);
    CHECK(strtol(pid, NULL, 10) > 1);
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", strtol(pid, NULL, 10));
    (void)slurp(path, stat, sizeof stat - 1);
    return stat[0] != '\0' && strstr(stat, ") Z") == NULL;
}

/* ---- the plain way */

static void
a_line_is_proved_told_and_on_record_in_milliseconds(void)
{
    struct receiver r;
    struct speaker s;
    int64_t worst = 0;
    char text[4000];
    int fd;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    for (int i = 0; i < 50; i++) {
        char want[80];
        int64_t begun = test_ms();

        (void)snprintf(want, sizeof want, "\tweb03\tOK\tINFO\tagent.beat\t1-K3QF.%d\tnext=10\n", i);
        receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=10");
        CHECK(receiver_hears(&r, want, 2000));
        worst = test_ms() - begun > worst ? test_ms() - begun : worst;
        test_sleep(2);
    }
    printf("     worst of 50: %lld ms\n", (long long)worst);
    CHECK_INT(receiver_command(&r, text, sizeof text, "status", NULL), 0);
    CHECK(strstr(text, "web03") != NULL && strstr(text, "alive") != NULL);
    CHECK_INT(receiver_command(&r, text, sizeof text, "status", "--json", NULL), 0);
    CHECK(strstr(text, "\"proved\":50") != NULL);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK_INT(ask(&r, "SELECT count(*) FROM lines"), 50);
    CHECK(access(receiver_path(&r, "tty"), F_OK) != 0);
    CHECK(access(receiver_path(&r, "state/ctl"), F_OK) != 0);
    CHECK_INT(receiver_command(&r, text, sizeof text, "status", NULL), 1);
    CHECK(strstr(text, "NOT RUNNING") != NULL);
    (void)close(fd);
    receiver_remove(&r);
}

static void
a_host_that_is_paired_while_it_runs_is_known_at_once(void)
{
    struct receiver r;
    struct speaker s;
    int fd;

    receiver_make(&r, NULL);
    receiver_start(&r);
    fd = receiver_tty(&r);
    receiver_pair(&r, "db1", &s);
    receiver_say(fd, &s, WIRE_INFO, "agent.start", "beat=10");
    CHECK(receiver_hears(&r, "\tdb1\tOK\tINFO\tagent.start\t", 3000));
    CHECK_INT(receiver_command(&r, NULL, 0, "pair", "db1", NULL), 2);
    CHECK_INT(receiver_command(
                      &r, NULL, 0, "pair", "db1", "--again", "--file", receiver_path(&r, "other"), NULL),
            0);
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=10");
    CHECK(receiver_hears(&r, "\tdb1\tFORGED\tCRIT\tbelfry.forged\t", 3000));
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
a_line_of_an_unpaired_host_is_told_and_no_alarm(void)
{
    struct receiver r;
    struct receiver elsewhere;
    struct speaker s;
    int fd;

    receiver_make(&r, NULL);
    receiver_make(&elsewhere, NULL);
    receiver_pair(&elsewhere, "mail", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    for (int i = 0; i < 20; i++) {
        receiver_say(fd, &s, WIRE_CRIT, "daemon.down", "name=sshd");
    }
    CHECK(receiver_hears(&r, "\tmail\tUNKNOWN\t-\t-\t1-K3QF.0\t", 3000));
    test_sleep(100);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK_INT(ask(&r, "SELECT count(*) FROM events"), 1);
    CHECK_INT(ask(&r, "SELECT count(*) FROM alarms"), 0);
    (void)close(fd);
    receiver_remove(&r);
    receiver_remove(&elsewhere);
}

/* ---- hostile input */

static void
console_noise_is_logged_byte_for_byte_and_is_never_an_alarm(void)
{
    enum { NOISE = 1 << 20 };
    static char noise[NOISE + 4096];
    static char logged[NOISE + 8192];
    struct receiver r;
    struct speaker s;
    size_t len = 0;
    unsigned seed = 1;
    int fd;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    for (int i = 0; i < 256; i++) {
        noise[len++] = (char)i;
    }
    while (len < NOISE / 2) {
        noise[len++] = (char)(rand_r(&seed) >> 8);
    }
    while (len < NOISE) {
        len += (size_t)snprintf(noise + len, 200,
                "[%5d.%06d] \033[31m!1 CRIT web03 daemon.down name=sshd ~\r\nlogin: ", (int)len,
                rand_r(&seed) % 1000000);
    }
    receiver_send(fd, noise, len);
    len += (size_t)snprintf(noise + len, 3, "\r\n");
    receiver_send(fd, "\r\n", 2);
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=10");
    CHECK(receiver_hears(&r, "\tweb03\tOK\tINFO\tagent.beat\t1-K3QF.0\t", 20000));
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK(slurp(receiver_path(&r, "state/lines/tty.raw"), logged, sizeof logged) > len);
    CHECK_MEM(logged, noise, len);
    CHECK_INT(ask(&r, "SELECT count(*) FROM alarms WHERE code NOT IN ('belfry.torn')"), 0);
    CHECK_INT(ask(&r, "SELECT count(*) FROM lines"), 1);
    (void)close(fd);
    receiver_remove(&r);
}

static void
no_byte_of_a_name_reaches_a_terminal_or_a_hook_unescaped(void)
{
    struct receiver r;
    struct speaker s;
    static char text[200000];
    size_t len;
    int fd;

    receiver_make(&r, "env > $D/told.$BELFRY_ID.$BELFRY_STATE");
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    for (int i = 1; i < 256; i++) {
        char detail[40];

        (void)snprintf(detail, sizeof detail, "path=/tmp/%%%02X%%1B%%5B2J", i);
        receiver_say(fd, &s, WIRE_CRIT, "integrity.added", detail);
        receiver_send(fd, (char[]){ (char)i, '\n' }, 2);
    }
    receiver_send(fd, "\033]0;owned\007\033[2J\n", 15);
    CHECK(comes_true(&r, ALL_TOLD, 255, 60000));
    len = (size_t)receiver_command(&r, text, sizeof text, "alarms", NULL);
    CHECK_INT(len, 1);
    for (const char *c = text; *c != '\0'; c++) {
        CHECK((*c >= 0x20 && *c <= 0x7E) || *c == '\n');
    }
    CHECK_INT(receiver_command(&r, text, sizeof text, "tail", "tty", NULL), 0);
    CHECK(strstr(text, "%1B]0;owned%07%1B[2J") != NULL);
    for (const char *c = text; *c != '\0'; c++) {
        CHECK((*c >= 0x20 && *c <= 0x7E) || *c == '\n');
    }
    receiver_listen(&r);
    for (size_t i = 0; i < r.len; i++) {
        CHECK((r.text[i] >= 0x20 && r.text[i] <= 0x7E) || r.text[i] == '\n' || r.text[i] == '\t');
    }
    len = slurp(receiver_path(&r, "told.27.open"), text, sizeof text - 1);
    text[len] = '\0';
    CHECK(strstr(text, "BELFRY_DETAIL=path=/tmp/%1B%1B%5B2J\n") != NULL);
    CHECK(strstr(text, "BELFRY_HOST=web03\n") != NULL && strstr(text, "BELFRY_SEVERITY=CRIT\n") != NULL);
    CHECK(strstr(text, "BELFRY_CODE=integrity.added\n") != NULL && strstr(text, "BELFRY_ID=27\n") != NULL);
    CHECK(strstr(text, "BELFRY_STATE=open\n") != NULL && strstr(text, "BELFRY_VERDICT=OK\n") != NULL);
    CHECK(strstr(text, "BELFRY_LINE=tty\n") != NULL && strstr(text, "BELFRY_NUMBER=1-K3QF.26\n") != NULL);
    CHECK(strstr(text, "BELFRY_TIME=20") != NULL);
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

/* Each with another bit of it flipped, between lines that are sound in all but the key. */
static void
say_false(int fd, struct speaker *thief, const char *truth, unsigned from, unsigned to)
{
    size_t len = strlen(truth) - 2; /* without its end */
    char line[SPEAKER_LINE];

    for (unsigned i = from; i < to; i++) {
        receiver_say(fd, thief, WIRE_CRIT, "daemon.down", "name=sshd");
        memcpy(line, truth, len + 3);
        line[i / 8 % len] ^= (char)(1U << i % 8);
        receiver_send(fd, line, len + 2);
    }
}

static void
an_alarm_in_a_flood_of_forged_and_damaged_lines_is_proved_and_they_are_one_of_each_kind(void)
{
    char truth[SPEAKER_LINE];
    struct receiver r;
    struct speaker s;
    struct speaker thief;
    int fd;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    thief = s;
    memset(&thief.root0, 1, sizeof thief.root0);
    speaker_session(&thief, 1, "K3QF");
    receiver_start(&r);
    fd = receiver_tty(&r);
    receiver_send(fd, truth, speaker_say(&s, WIRE_INFO, "agent.start", "beat=10", truth));
    say_false(fd, &thief, truth, 0, 2500);
    receiver_say(fd, &s, WIRE_CRIT, "mount.rw", "path=/usr");
    int64_t said_ms = test_ms();
    say_false(fd, &thief, truth, 2500, 5000);
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=10");
    CHECK(receiver_hears(&r, "\tCRIT\tmount.rw\t1-K3QF.1\t", 10000));
    printf("     %d ms later the alarm was heard of\n", (int)(test_ms() - said_ms));
    CHECK(receiver_hears(&r, "\tagent.beat\t1-K3QF.2\t", 10000));
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK_INT(ask(&r, "SELECT count(*) FROM alarms WHERE code = 'belfry.forged'"), 1);
    CHECK_INT(ask(&r, "SELECT count(*) FROM alarms WHERE code = 'mount.rw'"), 1);
    CHECK_INT(ask(&r, "SELECT count(*) FROM alarms WHERE code = 'belfry.torn'"), 1);
    CHECK_INT(ask(&r, "SELECT count(*) FROM alarms"), 3);
    CHECK_INT(ask(&r, "SELECT count(*) FROM events WHERE verdict = 'FORGED'"), 10);
    CHECK_INT(ask(&r, "SELECT count(*) FROM events WHERE verdict = 'TORN'"), 1);
    CHECK_INT(ask(&r, "SELECT forged FROM hosts"), 5000);
    CHECK_INT(ask(&r, "SELECT count(*) FROM lines"), 3);
    (void)close(fd);
    receiver_remove(&r);
}

/* ---- kill -9 */

/* Every line that was told with "EVENT ... OK" is on record. How many there were. */
static unsigned
check_told(struct receiver *r, struct ledger *l)
{
    unsigned count = 0;

    for (char *line = r->text; (line = strstr(line, "\tagent.run\t1-K3QF.")) != NULL; line++) {
        char tag[WIRE_TAG_CHARS];
        uint32_t number = (uint32_t)strtoul(line + 18, NULL, 10);

        if (strchr(line, '\n') == NULL) {
            break;
        }
        CHECK(ledger_tag_of(l, "web03", 1, 1, "K3QF", number, tag));
        count++;
    }
    return count;
}

static void
kill_9_at_any_moment_loses_nothing_that_was_told(void)
{
    struct receiver r;
    struct speaker s;
    unsigned seed = 7;
    unsigned told = 0;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    for (int round = 0; round < 30; round++) {
        struct ledger *l;
        int64_t until;
        int fd;

        receiver_start(&r);
        fd = receiver_tty(&r);
        until = test_ms() + rand_r(&seed) % 60;
        do {
            char detail[40];

            (void)snprintf(detail, sizeof detail, "n=%u", speaker_next(&s));
            receiver_say(fd, &s, speaker_next(&s) % 8 == 0 ? WIRE_CRIT : WIRE_INFO, "agent.run", detail);
        } while (test_ms() < until);
        CHECK_INT(receiver_end(&r, SIGKILL), -SIGKILL);
        (void)close(fd);
        l = receiver_ledger(&r);
        told += check_told(&r, l);
        ledger_close(l);
    }
    printf("     %u lines said, %u told before the kills\n", speaker_next(&s), told);
    CHECK(told > 100);
    CHECK_INT(ask(&r, "SELECT count(*) - count(DISTINCT number) FROM lines"), 0);
    CHECK_INT(ask(&r, "SELECT count(*) - (SELECT count(*) FROM lines WHERE severity = 2) FROM alarms"), 0);
    receiver_remove(&r);
}

static void
kill_9_leaves_a_followed_file_complete_and_nothing_doubled(void)
{
    static char log[1 << 20];
    static char raw[1 << 20];
    struct receiver r;
    struct speaker s;
    unsigned seed = 11;
    uint32_t alarms = 0;
    size_t len;
    int fd;

    receiver_make(&r, "echo $BELFRY_ID $BELFRY_STATE >> $D/told");
    receiver_pair(&r, "web03", &s);
    fd = open(receiver_path(&r, "log"), O_WRONLY | O_APPEND);
    receiver_say(fd, &s, WIRE_INFO, "agent.start", "beat=60");
    for (int round = 0; round < 30; round++) {
        int64_t until = test_ms() + rand_r(&seed) % 50;

        receiver_start(&r);
        do {
            char line[SPEAKER_LINE];
            char detail[40];
            bool bad = rand_r(&seed) % 16 == 0;
            size_t n;

            (void)snprintf(detail, sizeof detail, "path=/f%u", speaker_next(&s));
            n = speaker_say(&s, bad ? WIRE_CRIT : WIRE_INFO, "integrity.added", detail, line);
            alarms += bad;
            /* In two pieces, so that a kill can come with half a line read. */
            receiver_send(fd, line, n / 2);
            if (rand_r(&seed) % 4 == 0) {
                test_sleep(1);
            }
            receiver_send(fd, line + n / 2, n - n / 2);
            receiver_send(fd, "noise between\n", 14);
        } while (test_ms() < until);
        CHECK_INT(receiver_end(&r, SIGKILL), -SIGKILL);
    }
    (void)close(fd);
    receiver_start(&r);
    CHECK(comes_true(&r, "SELECT count(*) FROM lines", speaker_next(&s), 10000));
    CHECK(comes_true(&r, ALL_TOLD, alarms, 60000));
    test_sleep(300);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    printf("     %u lines, %u alarms, 30 kills\n", speaker_next(&s), alarms);
    CHECK_INT(ask(&r, "SELECT count(*) FROM alarms"), alarms);
    CHECK_INT(ask(&r, "SELECT count(*) FROM events"), 0); /* no gap, nothing torn */
    CHECK_INT(ask(&r, "SELECT copies FROM hosts"), 0);
    len = slurp(receiver_path(&r, "log"), log, sizeof log);
    CHECK_INT(slurp(receiver_path(&r, "state/lines/log.raw"), raw, sizeof raw), len);
    CHECK_MEM(raw, log, len);
    /* At least once each. */
    len = slurp(receiver_path(&r, "told"), log, sizeof log - 1);
    log[len] = '\0';
    for (uint32_t id = 1; id <= alarms; id++) {
        char want[40];

        (void)snprintf(want, sizeof want, "%u open\n", id);
        CHECK(strstr(log, want) != NULL);
    }
    receiver_remove(&r);
}

/* ---- a full disk */

static void
with_a_full_disk_lines_wait_somebody_is_told_and_nothing_is_lost(void)
{
    struct receiver r;
    struct speaker s;
    struct rlimit full = { .rlim_cur = 400000, .rlim_max = RLIM_INFINITY };
    struct rlimit free_again = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
    char line[SPEAKER_LINE];
    char text[100];
    const char *at = line;
    size_t left = 0;
    int64_t until;
    int fd;

    receiver_make(&r, "echo $BELFRY_CODE $BELFRY_STATE >> $D/told");
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    CHECK_INT(prlimit(r.pid, RLIMIT_FSIZE, &full, NULL), 0);
    fd = receiver_tty(&r);
    /* Nothing is read while the ledger refuses: at last the terminal is full, as a serial line's buffer would
     * be. */
    while (left == 0 && speaker_next(&s) < 5000) {
        left = speaker_say(&s, WIRE_INFO, "agent.run", "text=0123456789012345678901234567890123456789", line);
        at = line;
        until = test_ms() + 300;
        while (left > 0 && test_ms() < until) {
            ssize_t n = write(fd, at, left);

            at += n > 0 ? n : 0;
            left -= n > 0 ? (size_t)n : 0;
            test_sleep(n > 0 ? 0 : 1);
        }
    }
    CHECK(left > 0);
    CHECK(receiver_hears(&r, "\topen\t-\tCRIT\tbelfry.ledger\t", 10000));
    CHECK_INT(prlimit(r.pid, RLIMIT_FSIZE, &free_again, NULL), 0);
    receiver_send(fd, at, left);
    CHECK(receiver_hears(&r, "\tclosed\t-\tCRIT\tbelfry.ledger\t", 5000));
    CHECK(comes_true(&r, "SELECT count(*) FROM lines", speaker_next(&s), 5000));
    until = test_ms() + 20000;
    while (slurp(receiver_path(&r, "told"), text, sizeof text) < 40 && test_ms() < until) {
        test_sleep(20);
    }
    CHECK_INT(slurp(receiver_path(&r, "told"), text, sizeof text), 40);
    CHECK_MEM(text, "belfry.ledger open\nbelfry.ledger closed\n", 40);
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

/* Until the transcript has `want` bytes. */
static bool
transcript_has(const struct receiver *r, size_t want)
{
    struct stat st;

    for (int tries = 0; tries < 60000; tries++) {
        if (stat(receiver_path(r, "state/lines/tty.raw"), &st) == 0 && (size_t)st.st_size >= want) {
            return true;
        }
        test_sleep(1);
    }
    return false;
}

/* With a wait of two seconds for each try, these turns would take minutes. */
static void
a_ledger_that_another_process_locks_holds_no_line_and_its_alarms_are_told_after_it(void)
{
    struct receiver r;
    struct speaker s;
    sqlite3 *db = NULL;
    char line[SPEAKER_LINE];
    size_t said = 0;
    int64_t until;
    int fd;

    receiver_make(&r, "echo $BELFRY_CODE $BELFRY_STATE >> $D/told");
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    CHECK_INT(sqlite3_open(receiver_path(&r, "state/ledger.db"), &db), SQLITE_OK);
    CHECK_INT(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    until = test_ms() + 50000;
    for (int turn = 0; turn < 40 && test_ms() < until; turn++) {
        for (int i = 0; i < 25; i++) {
            size_t n = speaker_say(&s, WIRE_INFO, "agent.run", "text=0123456789", line);

            receiver_send(fd, line, n);
            said += n;
        }
        CHECK(transcript_has(&r, said));
    }
    CHECK(test_ms() < until);
    receiver_say(fd, &s, WIRE_CRIT, "daemon.down", "name=sshd");
    CHECK(receiver_hears(&r, "\topen\t-\tCRIT\tbelfry.ledger\t", 30000));
    CHECK(comes_true(&r, "SELECT count(*) FROM lines", 0, 1000));
    CHECK_INT(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    CHECK(receiver_hears(&r, "\tclosed\t-\tCRIT\tbelfry.ledger\t", 30000));
    CHECK(receiver_hears(&r, "\topen\tweb03\tCRIT\tdaemon.down\t", 30000));
    CHECK(comes_true(&r, "SELECT count(*) FROM lines", speaker_next(&s), 30000));
    CHECK_INT(ask(&r, "SELECT count(*) FROM events WHERE verdict = 'GAP'"), 0);
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

/* As by sqlite3(1) with an open cursor, or an export into a pipe that nobody reads. */
static void
who_reads_the_ledger_keeps_nobody_from_writing_it(void)
{
    struct receiver r;
    struct speaker s;
    sqlite3 *db = NULL;
    int fd;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    CHECK_INT(sqlite3_open(receiver_path(&r, "state/ledger.db"), &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM lines", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 100; i++) {
        receiver_say(fd, &s, WIRE_INFO, "agent.run", "text=x");
    }
    CHECK(comes_true(&r, "SELECT count(*) FROM lines", speaker_next(&s), 30000));
    CHECK(!receiver_hears(&r, "belfry.ledger", 0));
    (void)sqlite3_close(db);
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
a_transcript_that_cannot_be_written_is_an_alarm_and_stops_no_proof(void)
{
    struct receiver r;
    struct speaker s;
    struct rlimit full = { .rlim_cur = 2000000, .rlim_max = RLIM_INFINITY };
    struct rlimit free_again = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
    int fd;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    CHECK_INT(mkdir(receiver_path(&r, "state/lines"), 0700), 0);
    receiver_write(receiver_path(&r, "state/lines/tty.raw"), "", 0600);
    CHECK_INT(truncate(receiver_path(&r, "state/lines/tty.raw"), 3000000), 0);
    receiver_start(&r);
    CHECK_INT(prlimit(r.pid, RLIMIT_FSIZE, &full, NULL), 0);
    fd = receiver_tty(&r);
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=60");
    CHECK(receiver_hears(&r, "\topen\t-\tERRO\tline.log\t-\tline=tty error=EFBIG\n", 2000));
    CHECK(receiver_hears(&r, "\tagent.beat\t1-K3QF.0\t", 2000));
    CHECK_INT(prlimit(r.pid, RLIMIT_FSIZE, &free_again, NULL), 0);
    test_sleep(600);
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=60");
    CHECK(receiver_hears(&r, "\tclosed\t-\tERRO\tline.log\t", 2000));
    CHECK(receiver_hears(&r, "\tagent.beat\t1-K3QF.1\t", 2000));
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

/* ---- who does not answer */

static void
an_output_that_nobody_reads_stops_no_proof(void)
{
    struct receiver r;
    struct speaker s;
    int fd;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    for (int i = 0; i < 15000; i++) {
        receiver_say(fd, &s, WIRE_INFO, "agent.run", "text=0123456789012345678901234567890123456789");
    }
    CHECK(comes_true(&r, "SELECT count(*) FROM lines", 15000, 20000));
    receiver_listen(&r); /* now somebody reads */
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=10");
    CHECK(receiver_hears(&r, "DROPPED\t", 5000));
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=10");
    CHECK(receiver_hears(&r, "\tagent.beat\t1-K3QF.15001\t", 5000));
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
clients_that_never_read_or_speak_stop_no_proof_and_are_dropped(void)
{
    struct receiver r;
    struct speaker s;
    struct conf conf;
    int clients[CTL_CLIENTS + 1];
    int fd;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    conf_defaults(&conf);
    (void)snprintf(conf.state_dir, sizeof conf.state_dir, "%s", receiver_path(&r, "state"));
    for (int i = 0; i < CTL_CLIENTS + 1; i++) {
        clients[i] = ctl_connect(&conf, 20000);
        if (i == 3) {
            CHECK_INT(send(clients[i], "stat", 4, MSG_NOSIGNAL), 4);
        }
        if (i == 4) {
            char long_text[300];

            memset(long_text, 'x', sizeof long_text);
            (void)send(clients[i], long_text, sizeof long_text, MSG_NOSIGNAL);
        }
        test_sleep(5);
    }
    fd = receiver_tty(&r);
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=60");
    CHECK(receiver_hears(&r, "\tagent.beat\t1-K3QF.0\t", 2000));
    CHECK_INT(receiver_command(&r, NULL, 0, "status", NULL), 0); /* waits its turn */
    for (int i = 0; i < CTL_CLIENTS + 1; i++) {
        (void)close(clients[i]);
    }
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
a_hook_that_hangs_is_killed_and_delays_nobody_and_silence_is_an_alarm_until_life_returns(void)
{
    struct receiver r;
    struct speaker s;
    size_t from;
    int64_t begun;
    int fd;

    receiver_make(&r, "echo $BELFRY_CODE $BELFRY_STATE $BELFRY_DETAIL >> $D/told\n"
                      "case $BELFRY_DETAIL in name=slow*) sleep 1000 & echo $! > $D/sleeper; wait;; esac");
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    begun = test_ms();
    receiver_say(fd, &s, WIRE_INFO, "agent.start", "beat=1");
    receiver_say(fd, &s, WIRE_CRIT, "daemon.down", "name=slow");
    for (int i = 0; i < 20; i++) {
        char detail[20];

        (void)snprintf(detail, sizeof detail, "name=d%d", i);
        receiver_say(fd, &s, WIRE_CRIT, "daemon.down", detail);
    }
    CHECK(comes_true(&r, "SELECT told FROM notifiers WHERE name = 'hook'", 20, 8000));
    CHECK(test_ms() - begun < 8000);
    /* Three beats of a second and five seconds. */
    CHECK(receiver_hears(&r, "\tweb03\tSILENT\tCRIT\tbelfry.silent\t", 12000));
    CHECK(test_ms() - begun > 7500 && test_ms() - begun < 12000);
    from = r.len;
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=60");
    CHECK(receiver_hears_from(&r, from, "\tclosed\tweb03\tCRIT\tbelfry.silent\t", 2000));
    /* The slow one is killed after ten seconds, with all it started. */
    CHECK(comes_true(&r, "SELECT count(*) FROM again WHERE tries > 0", 1, 8000));
    test_sleep(50);
    CHECK(!lives(&r, "sleeper"));
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

/* ---- alarms, by the commands */

static void
an_alarm_is_acknowledged_with_and_without_a_running_belfry(void)
{
    struct receiver r;
    struct speaker s;
    char text[8000];
    int fd;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    receiver_say(fd, &s, WIRE_CRIT, "daemon.down", "name=sshd");
    receiver_say(fd, &s, WIRE_WARN, "port.unexpected", "port=tcp/4444");
    receiver_say(fd, &s, WIRE_WARN, "test.alarm", "id=1");
    CHECK(receiver_hears(&r, "ALARM", 2000));
    CHECK(comes_true(&r, "SELECT count(*) FROM alarms", 3, 2000));
    CHECK_INT(receiver_command(&r, text, sizeof text, "alarms", "--severity", "CRIT", NULL), 1);
    CHECK(strstr(text, "daemon.down") != NULL && strstr(text, "port.unexpected") == NULL);
    CHECK_INT(receiver_command(&r, text, sizeof text, "alarms", "--host", "other", NULL), 0);
    CHECK_INT(receiver_command(&r, text, sizeof text, "alarms", "--since", "0s", NULL), 0);
    CHECK_INT(receiver_command(&r, NULL, 0, "ack", "1", "--by", "\033[2Jme", NULL), 0);
    CHECK_INT(receiver_command(&r, NULL, 0, "ack", "3", NULL), 0);
    CHECK(receiver_hears(&r, "\t3\tclosed\tweb03\tWARN\ttest.alarm\t", 2000));
    CHECK_INT(receiver_command(&r, NULL, 0, "ack", "77", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "ack", "x", NULL), 2);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK_INT(receiver_command(&r, NULL, 0, "ack", "2", "--by", "you", NULL), 0);
    CHECK_INT(receiver_command(&r, NULL, 0, "ack", "77", NULL), 2);
    CHECK_INT(receiver_command(&r, text, sizeof text, "alarms", "--open", "--json", NULL), 0);
    CHECK(strstr(text, "\"acked_by\":\"%1B[2Jme\"") != NULL && strstr(text, "\"acked_by\":\"you\"") != NULL);
    CHECK(strstr(text, "test.alarm") == NULL);
    (void)close(fd);
    receiver_remove(&r);
}

static void
another_program_is_an_alarm_until_a_person_accepts_it(void)
{
    struct receiver r;
    struct speaker s;
    char text[2000];
    int fd;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    receiver_say(fd, &s, WIRE_INFO, "agent.run", "bin=0123456789ABCDEFGHJK");
    receiver_say(fd, &s, WIRE_INFO, "agent.run", "base=none");
    receiver_say(fd, &s, WIRE_INFO, "agent.run", "bin=AAAAAAAAAAAAAAAAAAAA");
    CHECK(receiver_hears(&r,
            "\t1\topen\tweb03\tCRIT\tbelfry.pin\t-\twhat=bin pinned=0123456789ABCDEFGHJK "
            "now=AAAAAAAAAAAAAAAAAAAA",
            2000));
    CHECK_INT(receiver_command(&r, NULL, 0, "accept", "web03", "kernel", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "accept", "web03", "bin", "conf", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "accept", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "accept", "web99", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "accept", "web03", "base", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "accept", "web03", "bin=0123456789ABCDEFGHJK", NULL), 2);
    CHECK_INT(receiver_command(&r, text, sizeof text, "accept", "web03", "bin=AAAAAAAAAAAAAAAAAAAA", "--by",
                      "k\"m", "--json", NULL),
            0);
    CHECK_STR(text, "[{\"host\":\"web03\",\"what\":\"bin\",\"was\":\"0123456789ABCDEFGHJK\","
                    "\"digest\":\"AAAAAAAAAAAAAAAAAAAA\",\"by\":\"k\\\"m\"}]\n");
    CHECK(comes_true(&r, "SELECT count(*) FROM notices WHERE closed = 1", 1, 5000));
    CHECK_INT(receiver_command(&r, NULL, 0, "accept", "web03", NULL), 2); /* nothing waits any more */
    receiver_say(fd, &s, WIRE_INFO, "agent.run", "bin=BBBBBBBBBBBBBBBBBBBB");
    CHECK(receiver_hears(&r, "\t2\topen\tweb03\tCRIT\tbelfry.pin\t", 2000));
    CHECK_INT(receiver_command(&r, text, sizeof text, "accept", "web03", NULL), 0);
    CHECK_STR(text, "bin of web03 is BBBBBBBBBBBBBBBBBBBB from now on (was AAAAAAAAAAAAAAAAAAAA)\n");
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    (void)close(fd);
    receiver_remove(&r);
}

/* A beat on the pty, and on the file when that is open as well. */
static void
beat_on(int tty, int log, struct speaker *s)
{
    char line[SPEAKER_LINE];
    size_t n = speaker_say(s, WIRE_INFO, "agent.beat", "next=1", line);

    receiver_send(tty, line, n);
    if (log >= 0) {
        receiver_send(log, line, n);
    }
}

static void
a_path_that_ends_while_another_lives_is_told_and_its_end_survives_a_kill(void)
{
    struct receiver r;
    struct speaker s;
    char text[4000];
    bool told = false;
    int tty;
    int log;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    tty = receiver_tty(&r);
    log = open(receiver_path(&r, "log"), O_WRONLY | O_APPEND);
    beat_on(tty, log, &s);
    CHECK(comes_true(&r, "SELECT count(*) FROM paths WHERE number = 0", 2, 3000));
    for (int i = 0; i < 60 && !told; i++) {
        beat_on(tty, -1, &s);
        told = receiver_hears(&r, "\topen\tweb03\tWARN\tbelfry.path\t-\tpath=log why=quiet seconds=", 500);
    }
    CHECK(told);
    CHECK_INT(receiver_command(&r, text, sizeof text, "status", NULL), 1);
    CHECK(strstr(text, "log(QUIET)") != NULL);
    CHECK_INT(receiver_command(&r, text, sizeof text, "show", "web03", "--json", NULL), 1);
    CHECK(strstr(text, "{\"path\":\"log\"") != NULL && strstr(text, "\"quiet\":true") != NULL);
    CHECK_INT(receiver_end(&r, SIGKILL), -SIGKILL);
    CHECK_INT(receiver_command(&r, text, sizeof text, "show", "web03", NULL), 1);
    CHECK(strstr(text, "is NOT RUNNING") != NULL && strstr(text, "log: QUIET") != NULL);
    receiver_start(&r);
    (void)close(tty);
    tty = receiver_tty(&r);
    beat_on(tty, log, &s);
    CHECK(receiver_hears(&r, "\tclosed\tweb03\tWARN\tbelfry.path\t", 3000));
    CHECK(strstr(r.text, "\topen\t") == NULL);
    CHECK_INT(receiver_command(&r, text, sizeof text, "show", "web03", NULL), 0);
    CHECK(strstr(text, "path       log: last proof ") != NULL && strstr(text, "QUIET") == NULL);
    CHECK_INT(receiver_command(&r, NULL, 0, "show", "web99", NULL), 2);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    (void)close(tty);
    (void)close(log);
    receiver_remove(&r);
}

static void
who_did_what_is_listed_and_a_name_that_is_no_line_leads_to_those_that_are(void)
{
    struct receiver r;
    struct speaker s;
    char text[4000];

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    r.hears_errors = true;
    CHECK_INT(receiver_command(&r, text, sizeof text, "acts", "--host", "nobody", NULL), 0);
    CHECK_STR(text, "nobody did anything\n");
    CHECK_INT(receiver_command(&r, NULL, 0, "expect", "web03", "20m", "--by", "ann\033[2J", NULL), 0);
    CHECK_INT(receiver_command(&r, text, sizeof text, "acts", NULL), 0);
    CHECK(strstr(text, "WHEN ") == text && strstr(text, " pair ") != NULL);
    CHECK(strstr(text, " ann%1B[2J ") != NULL && strstr(text, " expect  web03 ") != NULL &&
            strchr(text, 27) == NULL);
    CHECK_INT(receiver_command(&r, text, sizeof text, "acts", "--until", "1d", NULL), 0);
    CHECK_STR(text, "nobody did anything\n");
    CHECK_INT(receiver_command(&r, text, sizeof text, "log", "tyt", NULL), 2);
    CHECK(strstr(text, "; did you mean tty?") != NULL);
    CHECK_INT(receiver_command(&r, text, sizeof text, "log", "nosuch", NULL), 2);
    CHECK(strstr(text, "; `belfry status` lists the lines") != NULL);
    receiver_remove(&r);
}

static void
a_wrong_command_line_or_state_is_an_error_and_touches_nothing(void)
{
    struct receiver r;
    char text[200];

    receiver_make(&r, NULL);
    CHECK_INT(receiver_command(&r, NULL, 0, "run", "--frobnicate", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "run", "--json", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "dance", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "pair", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "pair", "WEB_03", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "alarms", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "verify", "--host", "a", "/dev/null", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "status", NULL), 2);
    CHECK(access(receiver_path(&r, "state"), F_OK) != 0);
    CHECK_INT(receiver_command(&r, text, sizeof text, "--check-config", NULL), 0);
    CHECK_INT(receiver_command(&r, NULL, 0, "--config", "/nonexistent", "--check-config", NULL), 2);
    CHECK_INT(mkdir(receiver_path(&r, "state"), 0700), 0);
    receiver_write(receiver_path(&r, "state/ledger.db"), "something else that is here already", 0600);
    CHECK_INT(receiver_command(&r, NULL, 0, "run", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "pair", "web03", NULL), 2);
    CHECK_INT(slurp(receiver_path(&r, "state/ledger.db"), text, sizeof text), 35);
    CHECK(access(receiver_path(&r, "tty"), F_OK) != 0);
    receiver_remove(&r);
}

static void
a_second_belfry_on_the_same_state_is_refused(void)
{
    struct receiver r;

    receiver_make(&r, NULL);
    receiver_start(&r);
    CHECK_INT(receiver_command(&r, NULL, 0, "run", NULL), 2);
    CHECK(access(receiver_path(&r, "tty"), F_OK) == 0);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

/* ---- verify */

static void
verify_proves_a_transcript_with_noise_tears_and_a_forged_line(void)
{
    struct receiver r;
    struct speaker s;
    struct speaker thief;
    char line[SPEAKER_LINE];
    char text[4000];
    size_t n;
    int fd;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    fd = open(receiver_path(&r, "clean"), O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 100; i++) {
        receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=10");
    }
    (void)close(fd);
    CHECK_INT(receiver_command(
                      &r, text, sizeof text, "verify", "--host", "web03", receiver_path(&r, "clean"), NULL),
            0);
    CHECK(strstr(text, "OK       100\n") != NULL);

    fd = open(receiver_path(&r, "dirty"), O_WRONLY | O_CREAT, 0600);
    thief = s;
    memset(&thief.key, 1, sizeof thief.key);
    wire_tree_init(&thief.tree, &thief.key, WIRE_TREE_DEPTH);
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=10");      /* 100 */
    n = speaker_say(&s, WIRE_INFO, "agent.beat", "next=10", line); /* 101, torn by the kernel, and mended */
    receiver_send(fd, line, 40);
    receiver_send(fd, "[   12.345678] usb 1-1: new device\r\n", 36);
    receiver_send(fd, line + 40, n - 40);
    receiver_send(fd, "login: \377\000\033[2J\r\n", 15);
    (void)speaker_say(&s, WIRE_INFO, "agent.beat", "next=10", line); /* 102, lost */
    n = speaker_say(&s, WIRE_INFO, "agent.beat", "next=10", line);   /* 103, with a copy */
    receiver_send(fd, line, n);
    receiver_send(fd, line, n);
    n = speaker_say(&thief, WIRE_CRIT, "daemon.down", "name=sshd", line);
    receiver_send(fd, line, n);
    speaker_session(&s, 3, "ABCD"); /* a later session, its key not seen by anybody yet */
    receiver_say(fd, &s, WIRE_INFO, "agent.start", "beat=10");
    (void)close(fd);
    CHECK_INT(receiver_command(
                      &r, text, sizeof text, "verify", "--host", "web03", receiver_path(&r, "dirty"), NULL),
            1);
    CHECK(strstr(text, "OK       3\n") != NULL && strstr(text, "REPAIRED 1\n") != NULL);
    CHECK(strstr(text, "DUP      1\n") != NULL && strstr(text, "FORGED   1\n") != NULL);
    CHECK(strstr(text, "session 1-K3QF: lines 100 to 103, 3 proved, 1 missing: 102\n") != NULL);
    CHECK(strstr(text, "session 3-ABCD: lines 0 to 0, 1 proved\n") != NULL);
    CHECK(strstr(text, "FORGED !1 CRIT web03 ") != NULL);
    CHECK_INT(receiver_command(&r, text, sizeof text, "verify", "--host", "web03", "--json",
                      receiver_path(&r, "dirty"), NULL),
            1);
    CHECK(strstr(text, "\"holes\":\"102\"") != NULL && strstr(text, "\"forged\":1,") != NULL);
    CHECK_INT(receiver_command(&r, NULL, 0, "verify", "--host", "web03", r.dir, NULL), 2);
    CHECK_INT(
            receiver_command(&r, NULL, 0, "verify", "--host", "web04", receiver_path(&r, "clean"), NULL), 2);
    CHECK_INT(ask(&r, "SELECT count(*) FROM lines"), 0);
    receiver_remove(&r);
}

int
main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    CHECK_RUN(a_line_is_proved_told_and_on_record_in_milliseconds);
    CHECK_RUN(a_host_that_is_paired_while_it_runs_is_known_at_once);
    CHECK_RUN(a_line_of_an_unpaired_host_is_told_and_no_alarm);
    CHECK_RUN(console_noise_is_logged_byte_for_byte_and_is_never_an_alarm);
    CHECK_RUN(no_byte_of_a_name_reaches_a_terminal_or_a_hook_unescaped);
    CHECK_RUN(an_alarm_in_a_flood_of_forged_and_damaged_lines_is_proved_and_they_are_one_of_each_kind);
    CHECK_RUN(kill_9_at_any_moment_loses_nothing_that_was_told);
    CHECK_RUN(kill_9_leaves_a_followed_file_complete_and_nothing_doubled);
    CHECK_RUN(with_a_full_disk_lines_wait_somebody_is_told_and_nothing_is_lost);
    CHECK_RUN(a_ledger_that_another_process_locks_holds_no_line_and_its_alarms_are_told_after_it);
    CHECK_RUN(who_reads_the_ledger_keeps_nobody_from_writing_it);
    CHECK_RUN(a_transcript_that_cannot_be_written_is_an_alarm_and_stops_no_proof);
    CHECK_RUN(an_output_that_nobody_reads_stops_no_proof);
    CHECK_RUN(clients_that_never_read_or_speak_stop_no_proof_and_are_dropped);
    CHECK_RUN(a_hook_that_hangs_is_killed_and_delays_nobody_and_silence_is_an_alarm_until_life_returns);
    CHECK_RUN(an_alarm_is_acknowledged_with_and_without_a_running_belfry);
    CHECK_RUN(another_program_is_an_alarm_until_a_person_accepts_it);
    CHECK_RUN(a_path_that_ends_while_another_lives_is_told_and_its_end_survives_a_kill);
    CHECK_RUN(who_did_what_is_listed_and_a_name_that_is_no_line_leads_to_those_that_are);
    CHECK_RUN(a_wrong_command_line_or_state_is_an_error_and_touches_nothing);
    CHECK_RUN(a_second_belfry_on_the_same_state_is_refused);
    CHECK_RUN(verify_proves_a_transcript_with_noise_tears_and_a_forged_line);
    return check_result();
}
