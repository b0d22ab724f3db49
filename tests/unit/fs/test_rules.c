/* Which rule governs a path, and what is told of a tree under rules of different kinds. */
#include "conf/attrs.h"
#include "ground.h"
#include "support/check.h"
#include "watch/fs_roots.h"
#include "watch/fs_walk.h"
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct fs_roots roots;
static struct fs_rules_cursor cursor;

static void
note(void *to, const char *message)
{
    (void)to;
    printf("%s\n", message);
}

/* The rules of a configuration, whose paths are below the tree. */
static void
configure(const char *rules)
{
    char text[4096] = "Host a\n";
    size_t len = strlen(text);

    for (const char *c = rules; *c != '\0'; c++) {
        if (*c == '@') {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", ground.tree);
        } else {
            text[len++] = *c;
        }
    }
    text[len] = '\0';
    ground.conf.watches = ground.conf.ignores = ground.conf.sets = 0;
    CHECK_INT(conf_parse(&ground.conf, "rules", text, len, note, NULL), 0);
    CHECK(fs_roots_init(&roots, &ground.conf, NULL));
    fs_rules_start(&cursor);
}

static struct fs_match
match(const char *name)
{
    const char *path = ground_path(name);
    struct fs_match found = fs_roots_find(&roots, (const uint8_t *)path, strlen(path));
    struct fs_match next = fs_roots_next(&roots, &cursor, (const uint8_t *)path, strlen(path));

    CHECK(found.rule == next.rule && found.below == next.below);
    CHECK(found.rule == NULL || found.at == next.at);
    return found;
}

/* The set that governs a name: its attributes, or 0 when it is not guarded. */
static uint32_t
governs(const char *name)
{
    struct fs_match m = match(name);

    return m.rule != NULL ? m.rule->attrs : 0;
}

static uint32_t
set(const char *name)
{
    uint32_t attrs = 0;

    CHECK(conf_set_find(&ground.conf, name, strlen(name), &attrs));
    return attrs;
}

static void
the_rule_that_matches_most_of_a_path_governs_it(void)
{
    ground_open();
    configure("Watch @ binaries\nWatch @/log logs\nWatch @/log/app\nIgnore @/log/app/tmp\n"
              "Watch @/log/app/tmp/keep devices\n");
    CHECK_INT(governs(""), set("binaries"));
    CHECK_INT(governs("bin"), set("binaries"));
    CHECK_INT(governs("log"), set("logs"));
    CHECK_INT(governs("logs"), set("binaries"));
    CHECK_INT(governs("log/syslog"), set("logs"));
    CHECK_INT(governs("log/app/x"), set("config"));
    CHECK_INT(governs("log/app/tmp"), 0);
    CHECK_INT(governs("log/app/tmp/x"), 0);
    CHECK_INT(governs("log/app/tmp/keep/x"), set("devices"));
    CHECK(match("log/app/tmp").below);
    CHECK(!match("log/app/tmp/x").below);
}

static void
of_two_that_match_the_same_a_path_beats_a_pattern_and_ignore_beats_watch(void)
{
    ground_open();
    configure("Watch @/* binaries\nWatch @/a* logs\nWatch @/ab devices\nWatch @/both\nIgnore @/both\n"
              "Ignore @/**/*.bak\nWatch @/ab/mine.bak metadata\n");
    CHECK_INT(governs(""), 0);
    CHECK(match("").below);
    CHECK_INT(governs("x"), set("binaries"));
    CHECK_INT(governs("ac"), set("logs"));
    CHECK_INT(governs("ab"), set("devices"));
    CHECK_INT(governs("both"), 0);
    CHECK_INT(governs("ab/c/d.bak"), 0);
    CHECK_INT(governs("ab/mine.bak"), set("metadata"));
}

static void
a_link_is_governed_as_itself_and_its_target_by_the_same_rule_unless_it_has_its_own(void)
{
    ground_open();
    ground_mkdir("real");
    ground_mkdir("own");
    CHECK_INT(symlink("real", ground_path("one")), 0);
    CHECK_INT(symlink("own", ground_path("two")), 0);
    configure("Watch @/one logs\nWatch @/own devices\nWatch @/two logs\nWatch @/one/*.d all\n");
    CHECK_INT(governs("one"), set("logs"));
    CHECK_INT(governs("real/x"), set("logs"));
    CHECK_INT(governs("own/x"), set("devices"));
    CHECK_INT(governs("real/x.d"), set("all"));
}

/* Paths made of few names, so that they meet many rules; a cursor that goes anywhere says what a search does.
 */
static void
a_cursor_says_what_a_search_says(void)
{
    static const char names[] = "abc";
    unsigned seed = 1;

    ground_open();
    configure("Watch @/a\nIgnore @/a/b\nWatch @/**/c/?/a all\nWatch @/[ab]/** logs\nIgnore @/b/*/b\n"
              "Watch @/a/b/c/a/b\nWatch @/*/a/**/b binaries\n");
    for (int round = 0; round < 20000; round++) {
        char path[256] = "";
        unsigned depth = (unsigned)rand_r(&seed) % 60;

        depth = depth > 50 ? depth : depth % 7;
        for (unsigned i = 0; i < depth; i++) {
            size_t len = strlen(path);

            snprintf(path + len, sizeof(path) - len, "%s%c", i > 0 ? "/" : "", names[rand_r(&seed) % 3]);
        }
        (void)match(path);
    }
}

static void
only_what_a_pattern_matches_is_guarded(void)
{
    ground_open();
    ground_mkdir("eve");
    ground_mkdir("eve/.ssh");
    ground_mkdir("eve/other");
    ground_write("eve/.ssh/authorized_keys", "");
    ground_write("eve/other/file", "");
    configure("Watch @/*/.ssh\nIgnore @/**/*.swp\n");
    CHECK(ground_baseline());
    CHECK_INT(ground_check(), 0);
    ground_write("eve/other/file", "changed");
    ground_write("eve/.ssh/x.swp", "");
    ground_write("file", "");
    CHECK_INT(ground_check(), 0);
    ground_mkdir("bob");
    ground_mkdir("bob/.ssh");
    ground_write("eve/.ssh/authorized_keys", "mine");
    CHECK_INT(ground_check(), 2);
    CHECK(ground_about("bob/.ssh") != NULL);
    CHECK(ground_about("eve/.ssh/authorized_keys") != NULL);
}

static void
each_path_is_compared_as_its_rule_says(void)
{
    ground_open();
    ground_mkdir("meta");
    ground_write("meta/file", "abc");
    ground_write("file", "abc");
    configure("Set mine = metadata -mtime -ctime -size\nWatch @\nWatch @/meta mine\n");
    CHECK(ground_baseline());
    ground_write("meta/file", "abd");
    CHECK_INT(ground_check(), 0);
    chmod(ground_path("meta/file"), 0600);
    ground_write("file", "abd");
    CHECK_INT(ground_check(), 2);
    CHECK_STR(ground_says("meta/file", FINDING_INTEGRITY_CHANGED), "mode=0644>0600");
}

static void
a_changed_rule_is_no_changed_file(void)
{
    ground_open();
    ground_write("file", "abc");
    configure("Watch @ metadata\n");
    CHECK(ground_baseline());
    configure("Watch @ binaries\n");
    CHECK_INT(ground_check(), 0);
    configure("Watch @ devices\n");
    CHECK_INT(ground_check(), 0);
    configure("Watch @ all\nIgnore @/file\n");
    CHECK_INT(ground_check(), 0);
}

static void
ignore_told(void *to, enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs)
{
    (void)to;
    (void)verdict;
    (void)was;
    (void)now;
    (void)differs;
}

/* How many bytes a pass over the tree reads to make a baseline. */
static uint64_t
bytes_read(void)
{
    static const struct baseline none = { .count = 0 };
    static struct fs_pass pass;
    static struct fs_walk walk;
    const struct fs_span top = { .path = (const uint8_t *)ground.tree, .len = strlen(ground.tree) };

    CHECK(walk.arena != NULL || fs_walk_map(&walk, FS_WALK_ARENA) == 0);
    pass = (struct fs_pass){
        .base = &none, .roots = &roots, .walk = &walk, .read_all = true, .told = ignore_told
    };
    fs_pass_begin(&pass, &top, 1);
    while (fs_pass_step(&pass) != FS_PASS_OVER) {
    }
    return pass.bytes;
}

static void
a_set_without_content_reads_none(void)
{
    ground_open();
    ground_mkdir("meta");
    ground_write("meta/file", "abc");
    ground_write("file", "abcd");
    configure("Watch @ binaries\nWatch @/meta metadata\n");
    CHECK_INT(bytes_read(), 4);
    configure("Watch @ max=3\n");
    CHECK_INT(bytes_read(), 3);
    configure("Watch @ metadata\n");
    CHECK_INT(bytes_read(), 0);
    CHECK(ground_baseline());
    configure("Watch @\n");
    ground_write("file", "dcba");
    CHECK_INT(ground_check(), 0);
}

static void
content_above_the_limit_is_not_read(void)
{
    struct timespec past[2] = { { .tv_sec = 1000000 }, { .tv_nsec = UTIME_OMIT } };
    struct stat st;

    ground_open();
    ground_write("small", "1234");
    ground_write("large", "12345");
    configure("Watch @ max=4\n");
    utimensat(AT_FDCWD, ground_path("large"), past, 0);
    CHECK(ground_baseline());
    ground_write("small", "1235");
    ground_write("large", "54321");
    CHECK_INT(ground_check(), 1);
    CHECK(ground_about("small") != NULL);
    ground_write("large", "123456");
    CHECK_INT(ground_check(), 2);
    CHECK_STR(ground_says("large", FINDING_INTEGRITY_CHANGED), "size=5>6");
    stat(ground_path("large"), &st);
    CHECK_INT(st.st_atim.tv_sec, 1000000);
}

static void
attributes_are_kept_in_the_baseline(void)
{
    ground_open();
    ground_write("file", "abc");
    ground_write("other", "abc");
    if (setxattr(ground_path("file"), "user.a", "1", 1, 0) < 0) {
        printf("skipped: no attributes here\n");
        return;
    }
    configure("Watch @ binaries\n");
    CHECK(ground_baseline());
    CHECK_INT(ground_check(), 0);
    setxattr(ground_path("file"), "user.a", "2", 1, 0);
    CHECK_INT(link(ground_path("other"), ground_path("../link")), 0);
    CHECK_INT(ground_check(), 2);
    CHECK_STR(ground_says("file", FINDING_INTEGRITY_CHANGED), "xattr=user.a:changed");
    CHECK_STR(ground_says("other", FINDING_INTEGRITY_CHANGED), "links=1>2");
}

static void
append(const char *name, const char *text)
{
    FILE *out = fopen(ground_path(name), "a");

    fputs(text, out);
    fclose(out);
}

static void
a_log_may_grow_and_nothing_else(void)
{
    ground_open();
    ground_write("grows", "one\ntwo\n");
    ground_write("shrinks", "one\ntwo\n");
    ground_write("rewritten", "one\ntwo\n");
    ground_write("empty", "");
    configure("Watch @ logs\n");
    CHECK(ground_baseline());
    append("grows", "three\n");
    append("empty", "one\n");
    CHECK_INT(ground_check(), 0);
    CHECK_INT(truncate(ground_path("shrinks"), 4), 0);
    ground_write("rewritten", "one\nTWO\nthree\n");
    CHECK_INT(ground_check(), 2);
    CHECK_STR(ground_says("shrinks", FINDING_INTEGRITY_CHANGED), "size=8>4 log=shrunk");
    CHECK_STR(ground_says("rewritten", FINDING_INTEGRITY_CHANGED), "size=8>14 log=rewritten");
    ground_write("rewritten", "one\ntwo\nthree\n");
    CHECK_INT(ground_check(), 1);
}

/* As logrotate(8) does it, with `create` and with `copytruncate`. */
static void
a_rotated_log_is_no_finding_of_a_check_and_a_lost_one_is(void)
{
    ground_open();
    ground_write("create", "one\ntwo\n");
    ground_write("copytruncate", "one\ntwo\n");
    configure("Watch @ logs\nIgnore @/*.[0-9]\n");
    CHECK(ground_baseline());
    CHECK_INT(rename(ground_path("create"), ground_path("create.1")), 0);
    ground_write("create", "three\n");
    ground_write("copytruncate.1", "one\ntwo\n");
    CHECK_INT(truncate(ground_path("copytruncate"), 0), 0);
    CHECK_INT(ground_check(), 0);
    append("create", "four\n");
    append("copytruncate", "three\n");
    CHECK_INT(ground_check(), 0);
    CHECK(ground_baseline());
    CHECK_INT(unlink(ground_path("create")), 0);
    ground_write("create", "one\n");
    CHECK_INT(truncate(ground_path("copytruncate"), 0), 0);
    CHECK_INT(ground_check(), 2);
    CHECK_STR(ground_says("create", FINDING_INTEGRITY_CHANGED), "size=11>4 log=shrunk");
    CHECK_STR(ground_says("copytruncate", FINDING_INTEGRITY_CHANGED), "size=6>0 log=shrunk");
}

static void
a_log_that_is_written_to_while_it_is_read_is_stable(void)
{
    static struct fs_look look;

    ground_open();
    ground_write("log", "0");
    CHECK_INT(truncate(ground_path("log"), 1000000), 0);
    int dir = open(ground.tree, O_RDONLY | O_DIRECTORY);
    CHECK(fs_look(&look, dir, "log"));
    fs_look_log(&look, 500000);
    while (!fs_look_step(&look)) {
        append("log", "more\n");
    }
    CHECK_INT(look.now.state, BASELINE_READ);
    CHECK_INT(look.read.at, 500000);
    CHECK(fs_look(&look, dir, "log"));
    fs_look_log(&look, 500000);
    CHECK(!fs_look_step(&look));
    CHECK_INT(truncate(ground_path("log"), 400000), 0);
    while (!fs_look_step(&look)) {
    }
    CHECK_INT(look.now.size, 400000);
    close(dir);
}

/* In a child with mounts of its own. */
static int
within_one_file_system(void)
{
    check_failures = 0;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", ground_path("mnt"), "tmpfs", 0, NULL) < 0) {
        return CHECK_SKIPPED;
    }
    ground_mkdir("mnt/keep");
    ground_write("mnt/file", "");
    ground_write("mnt/keep/file", "");
    configure("Watch @ onefs\nWatch @/mnt/keep\n");
    CHECK(ground_baseline());
    CHECK_INT(ground_check(), 0);
    ground_write("mnt/file", "changed");
    CHECK_INT(ground_check(), 0);
    ground_write("mnt/keep/file", "changed");
    CHECK_INT(ground_check(), 1);
    CHECK(ground_about("mnt/keep/file") != NULL);

    configure("Watch @ fs=tmpfs,xfs\n");
    const char *path = ground_path("mnt/keep");
    struct fs_match m = match("mnt/keep/file");
    int fd = open(path, O_PATH);
    CHECK(fs_roots_reach(&m, fd, (const uint8_t *)path, strlen(path)));
    close(fd);
    fd = open("/proc", O_PATH);
    CHECK(!fs_roots_reach(&m, fd, (const uint8_t *)path, strlen(path)));
    close(fd);
    return check_failures > 0;
}

static void
a_rule_for_one_file_system_ends_at_a_mount_where_no_other_begins(void)
{
    int status = -1;

    ground_open();
    ground_mkdir("mnt");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int code = within_one_file_system();

        fflush(stdout);
        _exit(code);
    }
    CHECK_INT(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_SKIPPED) {
        printf("skipped: needs the right to mount\n");
        return;
    }
    CHECK_INT(status, 0);
}

static void
what_the_agent_writes_while_it_runs_is_not_guarded_and_its_keys_place_is(void)
{
    static const char *const own[] = { "baseline", "session", "session.new", "ctl", "courier/spool.00000001",
        "courier/spool.new", "courier/address", "courier/address.new" };
    static const char *const others[] = { "courier", "courier/psk", "courier/x", "spool", "" };
    char state[sizeof(ground.conf.state_dir)];
    char name[64];

    memcpy(state, ground.conf.state_dir, sizeof(state));
    snprintf(ground.conf.state_dir, sizeof(ground.conf.state_dir), "%s", ground_path("state"));
    configure("Watch @\n");
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        snprintf(name, sizeof(name), "state/%s", own[i]);
        CHECK(match(name).rule == NULL);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        snprintf(name, sizeof(name), others[i][0] != '\0' ? "state/%s" : "state", others[i]);
        CHECK(match(name).rule != NULL);
    }
    memcpy(ground.conf.state_dir, state, sizeof(state));
}

int
main(void)
{
    CHECK_RUN(the_rule_that_matches_most_of_a_path_governs_it);
    CHECK_RUN(of_two_that_match_the_same_a_path_beats_a_pattern_and_ignore_beats_watch);
    CHECK_RUN(a_link_is_governed_as_itself_and_its_target_by_the_same_rule_unless_it_has_its_own);
    CHECK_RUN(a_cursor_says_what_a_search_says);
    CHECK_RUN(only_what_a_pattern_matches_is_guarded);
    CHECK_RUN(each_path_is_compared_as_its_rule_says);
    CHECK_RUN(a_changed_rule_is_no_changed_file);
    CHECK_RUN(a_set_without_content_reads_none);
    CHECK_RUN(content_above_the_limit_is_not_read);
    CHECK_RUN(attributes_are_kept_in_the_baseline);
    CHECK_RUN(a_log_may_grow_and_nothing_else);
    CHECK_RUN(a_rotated_log_is_no_finding_of_a_check_and_a_lost_one_is);
    CHECK_RUN(a_log_that_is_written_to_while_it_is_read_is_stable);
    CHECK_RUN(what_the_agent_writes_while_it_runs_is_not_guarded_and_its_keys_place_is);
    CHECK_RUN(a_rule_for_one_file_system_ends_at_a_mount_where_no_other_begins);
    ground_close();
    return check_result();
}
