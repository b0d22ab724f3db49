#include "ground.h"
#include "support/check.h"
#include "watch/fs_look.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAYS(name, code, text) CHECK_STR(ground_says(name, code), text)
#define CHANGED FINDING_INTEGRITY_CHANGED
#define ADDED FINDING_INTEGRITY_ADDED
#define GONE FINDING_INTEGRITY_GONE

static void
an_untouched_tree_has_no_findings(void)
{
    ground_open();
    ground_mkdir("dir");
    ground_write("dir/file", "text");
    CHECK_INT(symlink("file", ground_path("dir/link")), 0);
    CHECK_INT(mkfifo(ground_path("fifo"), 0600), 0);
    CHECK(ground_baseline());
    CHECK_INT(ground_check(), 0);
    CHECK_INT(ground_count, 2);
    CHECK_INT(ground_heard[0].op, FINDING_PASS_BEGIN);
    CHECK_INT(ground_heard[1].op, FINDING_PASS_END);
}

static void
content_of_the_same_size_is_told_by_digest_only(void)
{
    ground_open();
    ground_write("file", "abc");
    CHECK(ground_baseline());
    ground_write("file", "abd");
    CHECK_INT(ground_check(), 1);
    const char *said = ground_says("file", CHANGED);
    CHECK_INT(strlen(said), 21);
    CHECK(strncmp(said, "was=CGVV7B now=", 15) == 0); /* BLAKE3("abc") = 6437b3ac... */
    CHECK_INT(ground_about("file")->severity, WIRE_CRIT);
}

static void
a_restored_modification_time_hides_nothing(void)
{
    struct stat st;

    ground_open();
    ground_write("file", "abc");
    CHECK(ground_baseline());
    stat(ground_path("file"), &st);
    ground_write("file", "abd");
    const struct timespec times[2] = { st.st_atim, st.st_mtim };
    CHECK_INT(utimensat(AT_FDCWD, ground_path("file"), times, 0), 0);
    CHECK_INT(ground_check(), 1);
}

static void
a_modification_time_alone_is_no_finding(void)
{
    const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = INT64_MAX / 2 } };

    ground_open();
    ground_write("file", "abc");
    CHECK(ground_baseline());
    CHECK_INT(utimensat(AT_FDCWD, ground_path("file"), times, 0), 0);
    CHECK_INT(ground_check(), 0);
}

static void
each_attribute_is_told_from_what_to_what(void)
{
    ground_open();
    ground_write("mode", "");
    ground_write("size", "123456789012");
    ground_mkdir("dir");
    CHECK_INT(symlink("a b", ground_path("link")), 0);
    ground_write("type", "");
    CHECK(ground_baseline());
    chmod(ground_path("mode"), 04755);
    chmod(ground_path("dir"), 0700);
    truncate(ground_path("size"), 0);
    unlink(ground_path("link"));
    CHECK_INT(symlink("c!", ground_path("link")), 0);
    unlink(ground_path("type"));
    CHECK_INT(symlink("elsewhere", ground_path("type")), 0);
    CHECK_INT(ground_check(), 5);
    SAYS("mode", FINDING_INTEGRITY_SETUID, "mode=0644>4755");
    SAYS("dir", CHANGED, "mode=0755>0700");
    CHECK(strncmp(ground_says("size", CHANGED), "size=12>0 was=", 14) == 0);
    SAYS("link", CHANGED, "link=a%20b>c%21");
    SAYS("type", CHANGED, "type=file>link mode=0644>0777");
}

static void
owner_and_group_are_told(void)
{
    if (geteuid() != 0) {
        printf("skipped: needs root to change an owner\n");
        return;
    }
    ground_open();
    ground_write("file", "");
    CHECK_INT(symlink("x", ground_path("link")), 0);
    CHECK(ground_baseline());
    CHECK_INT(chown(ground_path("file"), 33, 4294967294u), 0);
    CHECK_INT(lchown(ground_path("link"), 0, 34), 0);
    CHECK_INT(ground_check(), 2);
    SAYS("file", CHANGED, "owner=0:0>33:4294967294");
    SAYS("link", CHANGED, "owner=0:0>0:34");
}

static void
says_added(const char *name, const char *before, const char *after)
{
    char want[120];

    snprintf(want, sizeof(want), "%s owner=%u:%u%s", before, geteuid(), getegid(), after);
    SAYS(name, ADDED, want);
}

static void
added_and_gone_are_told_for_each_path(void)
{
    ground_open();
    ground_mkdir("old");
    ground_write("old/a", "");
    ground_write("old/b", "");
    ground_write("zz", "");
    CHECK(ground_baseline());
    CHECK_INT(rename(ground_path("old"), ground_path("new")), 0);
    unlink(ground_path("zz"));
    CHECK_INT(symlink("/etc/shadow", ground_path("trap")), 0);
    CHECK_INT(ground_check(), 8);
    SAYS("old", GONE, "nothing");
    SAYS("old/a", GONE, "nothing");
    SAYS("old/b", GONE, "nothing");
    SAYS("zz", GONE, "nothing");
    says_added("new", "type=dir mode=0755", "");
    says_added("new/b", "type=file mode=0644", "");
    says_added("trap", "type=link mode=0777", " link=/etc/shadow");
    CHECK_INT(ground_about("new")->severity, WIRE_ERRO);
    CHECK_INT(ground_about("old")->severity, WIRE_CRIT);
}

static void
a_gone_and_restored_file_is_well_again(void)
{
    ground_open();
    ground_write("file", "abc");
    CHECK(ground_baseline());
    unlink(ground_path("file"));
    CHECK_INT(ground_check(), 1);
    ground_write("file", "abc");
    CHECK_INT(ground_check(), 0);
}

static void
one_id_belongs_to_one_path_whatever_happened(void)
{
    uint8_t first[FINDING_ID_SIZE];

    ground_open();
    ground_write("file", "abc");
    CHECK(ground_baseline());
    ground_write("file", "abd");
    CHECK_INT(ground_check(), 1);
    memcpy(first, ground_about("file")->id, sizeof(first));
    unlink(ground_path("file"));
    CHECK_INT(ground_check(), 1);
    CHECK_MEM(first, ground_about("file")->id, sizeof(first));
}

static void
a_name_of_any_bytes_is_told_escaped(void)
{
    char name[300];
    size_t n = 0;

    ground_open();
    CHECK(ground_baseline());
    for (int byte = 1; byte < 256; byte++) {
        if (byte != '/') {
            name[n++] = (char)byte;
        }
        if (n == 127 || byte == 255) {
            name[n] = '\0';
            ground_write(name, "");
            n = 0;
        }
    }
    CHECK_INT(ground_check(), 2);
    for (int i = 0; i < ground_count; i++) {
        CHECK(finding_valid(&ground_heard[i], sizeof(ground_heard[i])));
        for (const char *c = ground_heard[i].text; *c != '\0'; c++) {
            CHECK(*c >= 0x20 && *c <= 0x7E && *c != '!' && *c != '~');
        }
    }
}

static void
a_path_of_four_kilobytes_and_more_is_guarded(void)
{
    char name[201];
    char path[8192] = "";
    size_t len = 0;

    ground_open();
    memset(name, 'x', 200);
    name[200] = '\0';
    int dir = open(ground.tree, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 30; i++) {
        CHECK_INT(mkdirat(dir, name, 0755), 0);
        int next = openat(dir, name, O_RDONLY | O_DIRECTORY);
        close(dir);
        dir = next;
        len += (size_t)snprintf(path + len, sizeof(path) - len, "%s/", name);
    }
    close(openat(dir, "file", O_CREAT | O_WRONLY, 0644));
    CHECK(ground_baseline());
    CHECK_INT(ground_check(), 0);
    CHECK_INT(fchmodat(dir, "file", 0666, 0), 0);
    CHECK_INT(ground_check(), 1);
    snprintf(path + len, sizeof(path) - len, "file");
    SAYS(path, CHANGED, "mode=0644>0666");
    close(dir);
}

static void
what_would_block_is_never_opened(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    ground_open();
    CHECK_INT(mkfifo(ground_path("fifo"), 0644), 0);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", ground_path("socket"));
    CHECK_INT(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
    if (geteuid() == 0) {
        CHECK_INT(mknod(ground_path("char"), S_IFCHR | 0600, makedev(240, 7)), 0);
        CHECK_INT(mknod(ground_path("block"), S_IFBLK | 0600, makedev(240, 7)), 0);
    }
    alarm(20); /* a hang ends the test */
    CHECK(ground_baseline());
    CHECK_INT(ground_check(), 0);
    alarm(0);
    close(s);
    if (geteuid() == 0) {
        unlink(ground_path("char"));
        CHECK_INT(mknod(ground_path("char"), S_IFCHR | 0600, makedev(1, 1)), 0);
        CHECK_INT(ground_check(), 1);
        SAYS("char", CHANGED, "device=240:7>1:1");
    }
}

/* In a child without rights; its exit status tells. */
static bool
as_nobody(bool (*test)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0)) {
            _exit(2);
        }
        _exit(test() ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
unreadable_is_clean(void)
{
    return ground_baseline() && ground_check() == 0;
}

static bool
unreadable_becomes_readable(void)
{
    bool good = ground_check() == 2;

    good = good && strncmp(ground_says("file", CHANGED), "mode=0000>0644 what=unreadable>read", 35) == 0;
    return good && strcmp(ground_says("dir/inner", ADDED), "") == 0 && ground_about("dir") != NULL;
}

static void
what_cannot_be_read_is_a_state_and_no_finding(void)
{
    if (geteuid() != 0) {
        printf("skipped: needs root to make files that it cannot read itself\n");
        return;
    }
    ground_open();
    ground_write("file", "secret");
    ground_mkdir("dir");
    chmod(ground_path("file"), 0);
    chmod(ground_path("dir"), 0700);
    chmod(ground.state, 0777);
    CHECK(as_nobody(unreadable_is_clean));
    chmod(ground_path("file"), 0644);
    chmod(ground_path("dir"), 0755);
    CHECK(as_nobody(unreadable_becomes_readable));
}

/* The directory itself, and not what is in it. */
static bool
closed_is_told(void)
{
    bool good = ground_check() == -1;

    good = good && strncmp(ground_says("dir", CHANGED), "mode=0755>0700 what=read>unreadable", 35) == 0;
    return good && ground_about("dir/deep") == NULL && ground_about("dir/deep/inner") == NULL &&
           ground_about("dirt") == NULL && ground_about("a") != NULL && ground_about("z") != NULL;
}

static void
what_is_in_a_directory_that_cannot_be_listed_is_not_told_as_gone(void)
{
    if (geteuid() != 0) {
        printf("skipped: needs root to make directories that it cannot list itself\n");
        return;
    }
    ground_open();
    ground_mkdir("dir");
    ground_mkdir("dir/deep");
    ground_write("dir/deep/inner", "");
    ground_write("a", "");
    ground_write("dirt", "");
    ground_write("z", "");
    chmod(ground.state, 0777);
    CHECK(as_nobody(ground_baseline));
    chmod(ground_path("dir"), 0700);
    unlink(ground_path("a"));
    unlink(ground_path("z"));
    CHECK(as_nobody(closed_is_told));
}

static void
a_file_that_changes_while_it_is_read_is_told_as_unstable(void)
{
    static struct fs_look look;
    unsigned steps = 0;

    ground_open();
    ground_write("file", "0");
    CHECK_INT(truncate(ground_path("file"), 1000000), 0);
    int dir = open(ground.tree, O_RDONLY | O_DIRECTORY);
    CHECK(fs_look(&look, dir, "file"));
    for (steps = 1; !fs_look_step(&look); steps++) {
        int fd = open(ground_path("file"), O_WRONLY);
        CHECK_INT(pwrite(fd, &steps, sizeof(steps), 0), sizeof(steps));
        close(fd);
    }
    CHECK_INT(look.now.state, BASELINE_UNSTABLE);
    CHECK(steps > 8 && steps < 100);
    close(dir);
}

/* Touched in a loop while the baseline was made: it is told until it is accepted, however quiet it is now. */
static void
a_file_whose_content_the_baseline_could_not_take_is_told(void)
{
    enum { SIZE = 8 << 20 };
    int open_findings = 0;

    ground_open();
    int fd = open(ground_path("big"), O_RDWR | O_CREAT, 0644);
    CHECK_INT(ftruncate(fd, SIZE), 0);
    for (int i = 0; i < 200 && open_findings == 0; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            for (;;) {
                futimens(fd, NULL);
            }
        }
        CHECK(pid > 1);
        CHECK(ground_baseline());
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        open_findings = ground_check();
    }
    close(fd);
    CHECK_INT(open_findings, 1);
    SAYS("big", CHANGED, "state=unstable");
    CHECK(ground_baseline());
    CHECK_INT(ground_check(), 0);
}

static void
a_file_that_changes_once_while_it_is_read_is_read_again(void)
{
    static struct fs_look look;
    uint8_t want[WIRE_HASH_SIZE];
    static uint8_t text[1000000];
    bool first = true;

    ground_open();
    ground_write("file", "0");
    CHECK_INT(truncate(ground_path("file"), sizeof(text)), 0);
    int dir = open(ground.tree, O_RDONLY | O_DIRECTORY);
    CHECK(fs_look(&look, dir, "file"));
    for (; !fs_look_step(&look); first = false) {
        if (first) {
            ground_write("new", "new");
            CHECK_INT(truncate(ground_path("new"), sizeof(text)), 0);
            CHECK_INT(rename(ground_path("new"), ground_path("file")), 0);
        }
    }
    text[0] = 'n';
    text[1] = 'e';
    text[2] = 'w';
    wire_hash(text, sizeof(text), want);
    CHECK_INT(look.now.state, BASELINE_READ);
    CHECK_MEM(look.now.digest, want, sizeof(want));
    close(dir);
}

static void
a_file_that_vanishes_or_turns_into_a_link_while_it_is_read_is_no_file(void)
{
    static struct fs_look look;

    ground_open();
    int dir = open(ground.tree, O_RDONLY | O_DIRECTORY);
    ground_write("file", "text");
    CHECK(fs_look(&look, dir, "file"));
    unlink(ground_path("file"));
    while (!fs_look_step(&look)) {
    }
    CHECK(!look.exists);
    ground_write("file", "text");
    CHECK(fs_look(&look, dir, "file"));
    unlink(ground_path("file"));
    CHECK_INT(symlink("/etc/passwd", ground_path("file")), 0);
    while (!fs_look_step(&look)) {
    }
    CHECK(look.exists);
    CHECK_INT(look.now.type, BASELINE_LINK);
    ground_write("pipe", "text");
    CHECK(fs_look(&look, dir, "pipe"));
    unlink(ground_path("pipe"));
    CHECK_INT(mkfifo(ground_path("pipe"), 0644), 0);
    alarm(20);
    while (!fs_look_step(&look)) {
    }
    alarm(0);
    CHECK_INT(look.now.type, BASELINE_FIFO);
    close(dir);
}

static void
a_change_through_one_hard_link_is_told_for_both(void)
{
    ground_open();
    ground_write("a", "abc");
    CHECK_INT(link(ground_path("a"), ground_path("b")), 0);
    CHECK(ground_baseline());
    ground_write("b", "abd");
    CHECK_INT(ground_check(), 2);
}

static void
a_file_renamed_over_another_is_told(void)
{
    ground_open();
    ground_write("file", "abc");
    CHECK(ground_baseline());
    ground_write("other", "xyz");
    CHECK_INT(rename(ground_path("other"), ground_path("file")), 0);
    CHECK_INT(ground_check(), 1);
    CHECK(strncmp(ground_says("file", CHANGED), "was=", 4) == 0);
}

static void
an_ignored_path_and_what_is_below_is_not_looked_at(void)
{
    ground_open();
    ground_mkdir("cache");
    ground_write("cache/old", "");
    ground_write("cache-not", "");
    CHECK(ground_baseline());
    ground.conf.ignores = 1;
    snprintf(ground.conf.ignore[0], sizeof(ground.conf.ignore[0]), "%s", ground_path("cache"));
    unlink(ground_path("cache/old"));
    ground_write("cache/new", "");
    chmod(ground_path("cache"), 0700);
    CHECK_INT(ground_check(), 0);
    chmod(ground_path("cache-not"), 0600);
    CHECK_INT(ground_check(), 1);
}

static void
an_ignored_path_may_be_written_through_a_link(void)
{
    ground_open();
    ground_mkdir("cache");
    CHECK_INT(symlink("cache", ground_path("link")), 0);
    CHECK(ground_baseline());
    ground.conf.ignores = 1;
    snprintf(ground.conf.ignore[0], sizeof(ground.conf.ignore[0]), "%s", ground_path("link/deep"));
    ground_mkdir("cache/deep");
    CHECK_INT(ground_check(), 0);
}

static void
a_watch_that_is_a_link_guards_the_link_and_its_target(void)
{
    char link[120], begins[128];

    ground_open();
    snprintf(link, sizeof(link), "%s/bin", ground.dir);
    CHECK_INT(symlink("tree", link), 0);
    ground_write("tool", "abc");
    ground_watch(0, link);
    CHECK(ground_baseline());
    CHECK_INT(ground_check(), 0);
    ground_write("tool", "abd");
    CHECK_INT(ground_check(), 1);
    CHECK(ground_says("tool", CHANGED)[0] == 'w');
    ground_write("tool", "abc");
    unlink(link);
    CHECK_INT(symlink("state", link), 0);
    CHECK(ground_check() >= 1);
    snprintf(begins, sizeof(begins), "path=%s", link);
    CHECK(ground_begins(begins) != NULL);
}

static void
overlapping_watches_tell_each_path_once(void)
{
    ground_open();
    ground_mkdir("in");
    ground_write("in/file", "");
    ground_watch(1, ground_path("in"));
    ground_watch(2, ground_path("in/file"));
    ground_watch(3, ground_path("in/"));
    CHECK(ground_baseline());
    chmod(ground_path("in/file"), 0600);
    CHECK_INT(ground_check(), 1);
}

static void
the_agents_own_files_are_guarded_and_its_state_is_not(void)
{
    FILE *out;

    ground_open();
    ground_watch(1, ground.state);
    out = fopen(ground.conf.config_path, "w");
    fputs("host lab\n", out);
    fclose(out);
    CHECK(ground_baseline());
    CHECK_INT(ground_check(), 0);
    out = fopen(ground.conf.config_path, "w");
    fputs("host lax\n", out);
    fclose(out);
    char session[120];
    snprintf(session, sizeof(session), "%s/session.0", ground.state);
    out = fopen(session, "w");
    fclose(out);
    CHECK_INT(ground_check(), 1);
    char begins[CONF_PATH + 8];
    snprintf(begins, sizeof(begins), "path=%s", ground.conf.config_path);
    CHECK(ground_begins(begins) != NULL);
}

static void
without_a_whole_baseline_a_check_fails(void)
{
    ground_open();
    CHECK_INT(ground_check(), -1);
    ground_write("../state/baseline", "not one");
    CHECK_INT(ground_check(), -1);
}

/* Overwrites a byte in the middle of the baseline; what is lost by that is in *gap. */
static void
damage_a_block(struct baseline *b, struct baseline_gap *gap)
{
    static struct baseline_iter it;
    struct baseline_error error;
    struct baseline_entry e;
    enum baseline_step step;
    char path[sizeof(ground.state) + 16];

    snprintf(path, sizeof(path), "%s/baseline", ground.state);
    CHECK_INT(baseline_load(b, path, &error), 0);
    CHECK(b->blocks >= 3);
    int fd = open(path, O_WRONLY);
    CHECK_INT(pwrite(fd, "x", 1, (off_t)b->size / 2), 1);
    close(fd);
    baseline_seek(&it, b, (const uint8_t *)"/", 1);
    while ((step = baseline_next(&it, &e)) == BASELINE_ENTRY) {
    }
    CHECK_INT(step, BASELINE_GAP);
    *gap = it.gap;
}

static void
where_the_baseline_is_damaged_nothing_is_told_and_all_else_is(void)
{
    struct baseline b;
    struct baseline_gap gap;
    char name[32];
    unsigned unknown = 0;

    ground_open();
    for (unsigned i = 0; i < 900; i++) {
        snprintf(name, sizeof(name), "file-%03u", i);
        ground_write(name, "abc");
    }
    CHECK(ground_baseline());
    damage_a_block(&b, &gap);
    for (unsigned i = 0; i < 900; i++) { /* changed, gone, and added behind it */
        snprintf(name, sizeof(name), "file-%03u", i);
        if (i % 2 == 0) {
            unlink(ground_path(name));
        } else {
            ground_write(name, "abd");
        }
        snprintf(name, sizeof(name), "file-%03u-new", i);
        ground_write(name, "");
    }
    CHECK_INT(ground_check(), -1);
    for (unsigned i = 0; i < 900; i++) {
        const char *path = (snprintf(name, sizeof(name), "file-%03u", i), ground_path(name));
        bool lost = baseline_order((const uint8_t *)path, strlen(path), gap.from, gap.from_len) >= 0 &&
                    baseline_order((const uint8_t *)path, strlen(path), gap.until, gap.until_len) < 0;

        unknown += lost;
        CHECK_INT(ground_about(name) == NULL, lost);
        snprintf(name, sizeof(name), "file-%03u-new", i);
        CHECK_INT(ground_about(name) == NULL, lost);
    }
    CHECK_INT(unknown, gap.entries);
    CHECK(unknown > 50 && unknown < 500);
    baseline_unload(&b);
}

int
main(void)
{
    CHECK_RUN(an_untouched_tree_has_no_findings);
    CHECK_RUN(content_of_the_same_size_is_told_by_digest_only);
    CHECK_RUN(a_restored_modification_time_hides_nothing);
    CHECK_RUN(a_modification_time_alone_is_no_finding);
    CHECK_RUN(each_attribute_is_told_from_what_to_what);
    CHECK_RUN(owner_and_group_are_told);
    CHECK_RUN(added_and_gone_are_told_for_each_path);
    CHECK_RUN(a_gone_and_restored_file_is_well_again);
    CHECK_RUN(one_id_belongs_to_one_path_whatever_happened);
    CHECK_RUN(a_name_of_any_bytes_is_told_escaped);
    CHECK_RUN(a_path_of_four_kilobytes_and_more_is_guarded);
    CHECK_RUN(what_would_block_is_never_opened);
    CHECK_RUN(what_cannot_be_read_is_a_state_and_no_finding);
    CHECK_RUN(what_is_in_a_directory_that_cannot_be_listed_is_not_told_as_gone);
    CHECK_RUN(a_file_that_changes_while_it_is_read_is_told_as_unstable);
    CHECK_RUN(a_file_whose_content_the_baseline_could_not_take_is_told);
    CHECK_RUN(a_file_that_changes_once_while_it_is_read_is_read_again);
    CHECK_RUN(a_file_that_vanishes_or_turns_into_a_link_while_it_is_read_is_no_file);
    CHECK_RUN(a_change_through_one_hard_link_is_told_for_both);
    CHECK_RUN(a_file_renamed_over_another_is_told);
    CHECK_RUN(an_ignored_path_and_what_is_below_is_not_looked_at);
    CHECK_RUN(an_ignored_path_may_be_written_through_a_link);
    CHECK_RUN(a_watch_that_is_a_link_guards_the_link_and_its_target);
    CHECK_RUN(overlapping_watches_tell_each_path_once);
    CHECK_RUN(the_agents_own_files_are_guarded_and_its_state_is_not);
    CHECK_RUN(without_a_whole_baseline_a_check_fails);
    CHECK_RUN(where_the_baseline_is_damaged_nothing_is_told_and_all_else_is);
    ground_close();
    return check_result();
}
