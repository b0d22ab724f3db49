#include "alarm/clock.h"
#include "support/check.h"
#include "watch/fs_explain.h"
#include "watch/md5.h"
#include "wire/hash.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Files below a root of its own, dpkg's records there, and a process in dpkg's place that holds its lock. */
#define PATH_SIZE 256
#define TOLD_MAX 64

static char root[64];
static struct finding told[TOLD_MAX];
static unsigned tolds;
static unsigned looks;
static unsigned passed_by; /* looks after which a finding of the file's own would follow */
static pid_t dpkg;

static void
put(const char *path, const char *text)
{
    char full[PATH_SIZE];

    snprintf(full, sizeof(full), "%s%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(full, 0755);
        *slash = '/';
    }
    FILE *f = fopen(full, "w");
    CHECK(f != NULL);
    if (f != NULL) {
        fputs(text, f);
        fclose(f);
    }
}

static void
keep_told(void *to, const struct finding *f)
{
    (void)to;
    if (f->op != FINDING_PASS_BEGIN && f->op != FINDING_PASS_END && tolds < TOLD_MAX) {
        told[tolds++] = *f;
    }
}

static void
keep_alive(void *to)
{
    (void)to;
}

static const struct detector_env env = { .report = keep_told, .alive = keep_alive };

/* ---- entries ---- */

struct file {
    char path[PATH_SIZE];
    struct baseline_entry was;
    struct baseline_entry now;
    unsigned differs;
    enum fs_verdict verdict;
};

static struct file *on_disk; /* what a look finds */

/* A file with this content, which was another before. */
static void
changed(struct file *f, const char *path, const char *content)
{
    memset(f, 0, sizeof(*f));
    put(path, content);
    snprintf(f->path, sizeof(f->path), "%s%s", root, path);
    f->now = (struct baseline_entry){ .path = (const uint8_t *)f->path,
        .path_len = (uint16_t)strlen(f->path),
        .type = BASELINE_REGULAR,
        .state = BASELINE_READ,
        .mode = 0644,
        .size = strlen(content) };
    wire_hash(content, strlen(content), f->now.digest);
    f->was = f->now;
    memset(f->was.digest, 7, sizeof(f->was.digest));
    f->verdict = FS_CHANGED;
    f->differs = FS_DATA;
}

static bool
takes(const struct file *f)
{
    return fs_explain_takes(f->verdict, f->verdict == FS_ADDED ? NULL : &f->was,
            f->verdict == FS_GONE ? NULL : &f->now, f->differs);
}

static void
look(const uint8_t *path, size_t len)
{
    looks++;
    if (on_disk != NULL && strlen(on_disk->path) == len && memcmp(on_disk->path, path, len) == 0) {
        passed_by += takes(on_disk) ? 0 : 1;
    }
}

/* ---- dpkg ---- */

static void
sum_of(const char *content, char out[2 * MD5_SIZE + 1])
{
    uint8_t digest[MD5_SIZE];
    struct md5 m;

    md5_init(&m);
    md5_update(&m, content, strlen(content));
    md5_final(&m, digest);
    for (unsigned i = 0; i < MD5_SIZE; i++) {
        snprintf(out + (size_t)2 * i, 3, "%02x", digest[i]);
    }
}

/* dpkg's records of a package that brings this file. */
static void
record(const char *path, const char *content)
{
    char sum[2 * MD5_SIZE + 1];
    char text[2 * PATH_SIZE];

    sum_of(content, sum);
    put("/var/lib/dpkg/status",
            "Package: foo\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2-3\n\n");
    snprintf(text, sizeof(text), "%s\n", path);
    put("/var/lib/dpkg/info/foo.list", text);
    snprintf(text, sizeof(text), "%s  %s\n", sum, path + 1);
    put("/var/lib/dpkg/info/foo.md5sums", text);
}

static void
hold_lock(void)
{
    char path[PATH_SIZE];
    int ready[2];
    char byte;

    CHECK_INT(pipe(ready), 0);
    snprintf(path, sizeof(path), "%s/var/lib/dpkg/lock", root);
    dpkg = fork();
    if (dpkg == 0) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int fd = open(path, O_RDWR);

        if (fcntl(fd, F_SETLK, &lock) == 0 && write(ready[1], "", 1) == 1) {
            pause();
        }
        _exit(1);
    }
    close(ready[1]);
    CHECK_INT(read(ready[0], &byte, 1), 1);
    close(ready[0]);
}

static void
let_go(void)
{
    if (dpkg > 1) {
        kill(dpkg, SIGKILL);
        waitpid(dpkg, NULL, 0);
        dpkg = 0;
    }
}

/* ---- */

static void
begin(void)
{
    snprintf(root, sizeof(root), "/tmp/test_explain.XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    put("/var/lib/dpkg/info/.x", "");
    put("/var/lib/dpkg/lock", "");
    put("/var/lib/dpkg/lock-frontend", "");
    put("/var/lib/dpkg/status", "");
    on_disk = NULL;
    tolds = looks = passed_by = 0;
    fs_explain_open(&env, root, look);
    tolds = 0;
}

static void
end(void)
{
    char command[128];

    let_go();
    snprintf(command, sizeof(command), "rm -rf %s", root);
    CHECK_INT(system(command), 0); // NOLINT(bugprone-command-processor,cert-env33-c)
}

/* Works on a clock that is so far ahead until nothing waits, or turns are over. */
static void
work(int64_t ahead_ms, unsigned turns)
{
    for (unsigned i = 0; i < turns && fs_explain_waits(); i++) {
        fs_explain_work(clock_boot_ms() + ahead_ms);
    }
}

static unsigned
count(enum finding_code code, enum finding_op op)
{
    unsigned n = 0;

    for (unsigned i = 0; i < tolds; i++) {
        n += told[i].code == code && told[i].op == op ? 1 : 0;
    }
    return n;
}

static void
nothing_waits_while_the_lock_is_free(void)
{
    struct file f;

    begin();
    record("/usr/bin/foo", "new");
    fs_explain_open(&env, root, look);
    changed(&f, "/usr/bin/foo", "new");
    CHECK(!takes(&f));
    CHECK(!fs_explain_waits());
    CHECK_INT(tolds, 0);
    end();
}

static void
what_dpkg_did_before_the_first_look_is_explained_too(void)
{
    struct file f;

    begin();
    usleep(20000); /* before Linux 6.13 two steps within a tick of the clock have one time */
    changed(&f, "/usr/bin/foo", "new");
    record("/usr/bin/foo", "new");
    on_disk = &f;
    CHECK(takes(&f));
    work(FS_EXPLAIN_QUIET_MS + 1000, 1000);
    CHECK(!fs_explain_waits());
    CHECK_INT(passed_by, 0);
    CHECK_INT(count(FINDING_PACKAGE_CHANGED, FINDING_OPEN), 1);
    end();
}

static void
a_step_that_dpkg_took_long_ago_makes_nothing_wait(void)
{
    static const char *const steps[] = { "status", "info" };
    const struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
    char path[PATH_SIZE];
    struct file f;

    begin();
    changed(&f, "/usr/bin/foo", "new");
    record("/usr/bin/foo", "new");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        snprintf(path, sizeof(path), "%s/var/lib/dpkg/%s", root, steps[i]);
        CHECK_INT(utimensat(AT_FDCWD, path, old, 0), 0);
    }
    CHECK(!takes(&f));
    CHECK(!fs_explain_waits());
    end();
}

static void
what_the_records_explain_is_one_line_a_package(void)
{
    struct file f;

    begin();
    hold_lock();
    changed(&f, "/usr/bin/foo", "new");
    on_disk = &f;
    CHECK(takes(&f));
    CHECK_INT(count(FINDING_PACKAGE_RUNNING, FINDING_OPEN), 1);
    record("/usr/bin/foo", "new");
    work(1000, 3);
    CHECK(fs_explain_waits());
    let_go();
    work(3000, 1000);
    CHECK(!fs_explain_waits());
    CHECK_INT(passed_by, 0);
    CHECK_INT(count(FINDING_PACKAGE_CHANGED, FINDING_OPEN), 1);
    CHECK_INT(count(FINDING_PACKAGE_RUNNING, FINDING_CLOSE), 1);
    CHECK(takes(&f)); /* the next sweep keeps quiet about it */
    CHECK(!fs_explain_waits());
    end();
}

static void
what_the_records_do_not_explain_is_told_as_it_is(void)
{
    struct file f;

    begin();
    hold_lock();
    changed(&f, "/usr/bin/foo", "a trojan");
    on_disk = &f;
    CHECK(takes(&f));
    record("/usr/bin/foo", "new");
    let_go();
    work(3000, 1000);
    CHECK_INT(passed_by, 1);
    CHECK_INT(count(FINDING_PACKAGE_CHANGED, FINDING_OPEN), 0);
    end();
}

static void
a_record_that_is_older_than_the_change_explains_nothing(void)
{
    struct file f;
    char list[PATH_SIZE];
    const struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

    begin();
    hold_lock();
    changed(&f, "/usr/bin/foo", "new");
    on_disk = &f;
    CHECK(takes(&f));
    record("/usr/bin/foo", "new");
    snprintf(list, sizeof(list), "%s/var/lib/dpkg/info/foo.list", root);
    CHECK_INT(utimensat(AT_FDCWD, list, old, 0), 0);
    let_go();
    work(3000, 1000);
    CHECK_INT(passed_by, 1);
    end();
}

static void
an_explained_file_that_changes_once_more_is_told(void)
{
    struct file f;

    begin();
    hold_lock();
    changed(&f, "/usr/bin/foo", "new");
    on_disk = &f;
    CHECK(takes(&f));
    record("/usr/bin/foo", "new");
    let_go();
    work(3000, 1000);
    CHECK(takes(&f));
    changed(&f, "/usr/bin/foo", "newer");
    CHECK(!takes(&f));
    changed(&f, "/usr/bin/foo", "new");
    f.now.mode = 0755;
    CHECK(!takes(&f));
    end();
}

static void
rights_and_setuid_files_never_wait(void)
{
    struct file f;

    begin();
    hold_lock();
    changed(&f, "/usr/bin/foo", "new");
    f.now.mode = 0666;
    f.differs |= FS_MODE;
    CHECK(!takes(&f));
    changed(&f, "/usr/bin/new", "new");
    f.verdict = FS_ADDED;
    f.now.mode = 04755;
    CHECK(!takes(&f));
    f.now.mode = 0755;
    CHECK(takes(&f));
    end();
}

static void
a_lock_that_is_only_held_wins_a_minute(void)
{
    struct file f, other;

    begin();
    hold_lock();
    changed(&f, "/usr/bin/foo", "a trojan");
    on_disk = &f;
    CHECK(takes(&f));
    work(FS_EXPLAIN_STILL_MS - 5000, 3);
    CHECK(fs_explain_waits());
    work(FS_EXPLAIN_STILL_MS + 1000, 1000);
    CHECK(!fs_explain_waits());
    CHECK_INT(passed_by, 1);
    changed(&other, "/usr/bin/bar", "another");
    CHECK(!takes(&other)); /* the minute is spent, and the lock was not free since */
    end();
}

static void
who_keeps_dpkgs_records_moving_wins_ten_minutes(void)
{
    struct file f;

    begin();
    hold_lock();
    changed(&f, "/usr/bin/foo", "a trojan");
    on_disk = &f;
    CHECK(takes(&f));
    for (int64_t ahead = 30000; ahead < FS_EXPLAIN_LONGEST_MS; ahead += 30000) {
        char status[PATH_SIZE];
        const struct timespec at[2] = { { .tv_sec = ahead }, { .tv_sec = ahead } };

        snprintf(status, sizeof(status), "%s/var/lib/dpkg/status", root);
        CHECK_INT(utimensat(AT_FDCWD, status, at, 0), 0);
        work(ahead, 1);
        CHECK(fs_explain_waits());
    }
    work(FS_EXPLAIN_LONGEST_MS + 1000, 1000);
    CHECK(!fs_explain_waits());
    CHECK_INT(passed_by, 1);
    end();
}

static void
what_finds_no_room_is_told_at_once(void)
{
    struct file f;
    unsigned waits = 0;

    begin();
    hold_lock();
    changed(&f, "/usr/bin/foo", "new");
    for (unsigned i = 0; i < FS_EXPLAIN_HELD + 10; i++) {
        int n = snprintf(f.path, sizeof(f.path), "%s/usr/%u", root, i);

        f.now.path_len = f.was.path_len = (uint16_t)n;
        waits += takes(&f) ? 1 : 0;
    }
    CHECK_INT(waits, FS_EXPLAIN_HELD);
    end();
}

static void
what_came_and_went_is_told_but_for_dpkgs_own_steps(void)
{
    struct file f;

    begin();
    hold_lock();
    changed(&f, "/usr/bin/backdoor", "x");
    f.verdict = FS_ADDED;
    CHECK(takes(&f));
    snprintf(f.path, sizeof(f.path), "%s/usr/bin/foo.dpkg-new", root);
    f.now.path_len = (uint16_t)strlen(f.path);
    CHECK(takes(&f));
    let_go();
    work(3000, 1000); /* a look finds neither */
    CHECK_INT(looks, 2);
    CHECK_INT(count(FINDING_INTEGRITY_ADDED, FINDING_BRIEF), 1);
    end();
}

static void
a_new_baseline_forgets_what_was_explained(void)
{
    struct file f;

    begin();
    hold_lock();
    changed(&f, "/usr/bin/foo", "new");
    on_disk = &f;
    CHECK(takes(&f));
    record("/usr/bin/foo", "new");
    let_go();
    work(3000, 1000);
    CHECK(takes(&f));
    fs_explain_forget();
    CHECK(!takes(&f));
    end();
}

int
main(void)
{
    CHECK_RUN(nothing_waits_while_the_lock_is_free);
    CHECK_RUN(what_dpkg_did_before_the_first_look_is_explained_too);
    CHECK_RUN(a_step_that_dpkg_took_long_ago_makes_nothing_wait);
    CHECK_RUN(what_the_records_explain_is_one_line_a_package);
    CHECK_RUN(what_the_records_do_not_explain_is_told_as_it_is);
    CHECK_RUN(a_record_that_is_older_than_the_change_explains_nothing);
    CHECK_RUN(an_explained_file_that_changes_once_more_is_told);
    CHECK_RUN(rights_and_setuid_files_never_wait);
    CHECK_RUN(a_lock_that_is_only_held_wins_a_minute);
    CHECK_RUN(who_keeps_dpkgs_records_moving_wins_ten_minutes);
    CHECK_RUN(what_finds_no_room_is_told_at_once);
    CHECK_RUN(what_came_and_went_is_told_but_for_dpkgs_own_steps);
    CHECK_RUN(a_new_baseline_forgets_what_was_explained);
    return check_result();
}
