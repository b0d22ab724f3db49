/*
 * A mount that never answers: a FUSE file system whose program does not speak. Any look at it blocks until it
 * does.
 */
#include "cmd/cmd.h"
#include "ground.h"
#include "guarding.h"
#include "support/check.h"
#include "watch/fs_remote.h"
#include "watch/fs_roots.h"
#include "watch/fs_walk.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char hung[120];
static int fuse = -1;

static bool
hang(void)
{
    char options[80];
    struct stat st;

    fuse = stat(hung, &st) == 0 ? open("/dev/fuse", O_RDWR | O_CLOEXEC) : -1;
    snprintf(options, sizeof(options), "fd=%d,rootmode=%o,user_id=0,group_id=0", fuse, st.st_mode & S_IFMT);
    return fuse >= 0 && mount("hung", hung, "fuse", 0, options) == 0;
}

/* The program ends: whoever waits gets an error, which is an answer. */
static void
let_go(void)
{
    close(fuse);
    fuse = -1;
}

static int64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
silent(const char *path)
{
    return fs_remote_silent((const uint8_t *)path, strlen(path));
}

static void
begin(void)
{
    ground_open();
    ground_write("file", "a");
    ground_mkdir("net");
    snprintf(hung, sizeof(hung), "%s", ground_path("net"));
    CHECK(ground_baseline());
    CHECK(hang());
}

static void
end(void)
{
    if (fuse >= 0) {
        let_go();
    }
    (void)umount2(hung, MNT_DETACH);
    fs_remote_look();
    ground_close();
}

static void
a_mount_that_does_not_answer_is_found_in_time_and_one_that_does_is_not(void)
{
    char below[160];

    begin();
    int64_t from = now_ms();
    fs_remote_look();
    CHECK(now_ms() - from < 5000);
    CHECK(silent(hung));
    snprintf(below, sizeof(below), "%s/a/b", hung);
    CHECK(silent(below));
    CHECK(!silent(ground.tree) && !silent("/"));
    fs_remote_look(); /* asks nobody twice */
    CHECK(silent(hung));
    CHECK(fs_remote_at(0) != NULL && fs_remote_at(1) == NULL);
    let_go();
    for (int i = 0; i < 50 && silent(hung); i++) {
        fs_remote_look();
    }
    CHECK(!silent(hung));
    end();
}

/* The directory was in the baseline, before something was mounted over it that hangs. */
/* Whoever may mount by FUSE could blind us to all the rest, if many were more than we can tell apart. */
static void
many_mounts_that_hang_hide_nothing_but_themselves(void)
{
    enum { MANY = 3 * FS_REMOTE_THREADS };
    static int fds[MANY];
    char point[MANY][140];
    unsigned silent_ones = 0;

    begin();
    for (int i = 0; i < MANY; i++) {
        snprintf(point[i], sizeof(point[i]), "%s/m%d", ground.tree, i);
        CHECK_INT(mkdir(point[i], 0700), 0);
        snprintf(hung, sizeof(hung), "%s", point[i]);
        if (fuse >= 0) {
            fds[i] = fuse;
        }
        CHECK(hang());
    }
    fs_remote_look();
    while (fs_remote_at(silent_ones) != NULL) {
        silent_ones++;
    }
    CHECK_INT(silent_ones, MANY + 1);
    CHECK(!silent("/") && !silent(ground.tree) && !silent(ground_path("file")));
    CHECK(silent(point[0]) && silent(point[MANY - 1]));
    let_go();
    for (int i = 0; i < MANY; i++) {
        close(fds[i]);
    }
    /* One look is enough for those who answer, more than there are threads. */
    fs_remote_look();
    CHECK(fs_remote_at(0) == NULL);
    for (int i = 0; i < MANY; i++) {
        (void)umount2(point[i], MNT_DETACH);
    }
    (void)umount2(ground_path("net"), MNT_DETACH);
    fs_remote_look();
    ground_close();
}

static void
a_check_passes_by_a_mount_that_hangs_and_tells_the_rest(void)
{
    begin();
    ground_write("file", "b");
    int64_t from = now_ms();
    CHECK_INT(ground_check(), -1); /* it could not look everywhere, and says so */
    CHECK(now_ms() - from < 20000);
    CHECK(ground_about("file") != NULL);
    CHECK(ground_about("net") == NULL);
    end();
}

/* The mounts were asked, the walk is under way, and then one comes that hangs. */
static void
a_walk_passes_by_what_comes_over(const char *name)
{
    static struct fs_walk walk;
    struct fs_item item;
    unsigned items = 1;

    snprintf(hung, sizeof(hung), "%s", ground_path(name));
    if (walk.arena == NULL) {
        CHECK_INT(fs_walk_map(&walk, FS_WALK_ARENA), 0);
    }
    fs_remote_look();
    CHECK(!silent(hung));
    fs_walk_begin(&walk, (const uint8_t *)ground.tree, strlen(ground.tree), NULL);
    CHECK(fs_walk_next(&walk, &item));
    CHECK(hang());
    while (fs_walk_next(&walk, &item)) {
        CHECK_STR(item.name, "z");
        items++;
    }
    CHECK_INT(items, 2);
    CHECK(silent(hung));
    fs_walk_end(&walk);
    end();
}

static void
a_mount_that_comes_during_a_walk_and_hangs_is_passed_by(void)
{
    ground_open();
    ground_mkdir("net");
    ground_write("z", "a");
    a_walk_passes_by_what_comes_over("net");
    ground_open();
    ground_write("file", "a");
    ground_write("z", "a");
    a_walk_passes_by_what_comes_over("file");
}

/* Another watch, and what is above it. */
static void
watch_another(void)
{
    ground_open();
    ground_write("file", "a");
    snprintf(hung, sizeof(hung), "%s/above", ground.dir);
    CHECK_INT(mkdir(hung, 0755), 0);
    snprintf(hung, sizeof(hung), "%s/above/other", ground.dir);
    CHECK_INT(mkdir(hung, 0755), 0);
    ground_watch(1, hung);
    snprintf(hung, sizeof(hung), "%s/above/single", ground.dir);
    close(open(hung, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    ground_watch(2, hung);
    CHECK(ground_baseline());
}

/* Told as silent, by the sweep that the mount brings about. */
static bool
is_told(void)
{
    char text[200];
    int64_t until = now_ms() + 20000;

    snprintf(text, sizeof(text), "mount=%s", hung);
    while (ground_begins(text) == NULL && now_ms() < until) {
        turn(5);
    }
    return ground_begins(text) != NULL;
}

/* By an event, or by the sweep that a new mount brings about, when that saw it first. */
static bool
change_is_told(void)
{
    int64_t until = now_ms() + 5000;

    while (ground_about("file") == NULL && now_ms() < until) {
        turn(5);
    }
    return strncmp(ground_says("file", FINDING_INTEGRITY_CHANGED), "was=", 4) == 0;
}

#define DEEP 20 /* folders, one below the other, of names that are together longer than a path can be */

static const char *
deep_name(void)
{
    static char name[251];

    memset(name, 'd', sizeof(name) - 1);
    return name;
}

/* The lowest of them, all in `top`. */
static int
open_deep(const char *top)
{
    int at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (int i = 0; i < DEEP; i++) {
        CHECK_INT(mkdirat(at, deep_name(), 0700), 0);
        int below = openat(at, deep_name(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        close(at);
        at = below;
    }
    return at;
}

static void
remove_deep(const char *top)
{
    int at[DEEP];

    at[0] = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 1; i < DEEP; i++) {
        at[i] = openat(at[i - 1], deep_name(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    for (int i = DEEP; i-- > 0;) {
        CHECK_INT(unlinkat(at[i], deep_name(), AT_REMOVEDIR), 0);
        close(at[i]);
    }
    CHECK_INT(rmdir(top), 0);
}

/* A mount moves with the folders above it, to where no path leads. */
static void
a_mount_that_hangs_where_no_path_leads_is_told_as_one_of_others(void)
{
    char top[120], moved[120];

    ground_open();
    ground_write("file", "a");
    CHECK(ground_baseline());
    snprintf(top, sizeof(top), "%s/deep", ground.dir);
    snprintf(moved, sizeof(moved), "%s/moved", ground.dir);
    snprintf(hung, sizeof(hung), "%s/moved/net", ground.dir);
    CHECK(mkdir(top, 0700) == 0 && mkdir(moved, 0700) == 0 && mkdir(hung, 0700) == 0);
    int deep = open_deep(top);
    CHECK(hang());
    CHECK_INT(renameat(AT_FDCWD, moved, deep, "moved"), 0);
    CHECK_INT(detector_files_ops.open(&ground.env), 0);
    CHECK(sweep_ends());
    CHECK(ground_begins("mount=others state=silent") != NULL);
    AFTER("echo -n b > file");
    CHECK(change_is_told());
    let_go();
    CHECK_INT(renameat(deep, "moved", AT_FDCWD, moved), 0);
    close(deep);
    CHECK_INT(umount2(hung, MNT_DETACH), 0);
    fs_remote_look();
    remove_deep(top);
    ground_close();
}

static void
a_mount_that_hangs_over_a_watch_or_above_one_holds_up_no_other(void)
{
    static const char *const over[] = { "above/other", "above/single", "above" };

    for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
        watch_another();
        CHECK(guarding_starts());
        snprintf(hung, sizeof(hung), "%s/%s", ground.dir, over[i]);
        CHECK(hang());
        AFTER("echo -n b > file");
        CHECK(change_is_told());
        CHECK(is_told());
        for (int n = 0; n < ground_count; n++) {
            CHECK(ground_heard[n].code != FINDING_INTEGRITY_GONE);
        }
        end();
    }
}

/* As a command is, in a process of its own. Its exit status. */
static int
accept_all(void)
{
    const char *const words[] = { "accept", "/" };
    struct cmd cmd = { .config_path = ground.conf.config_path,
        .state_dir = ground.state,
        .argc = 2,
        .argv = (char **)(uintptr_t)words };
    int status = -1;

    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        _exit(cmd_baseline(&cmd));
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Below what is watched, or watched itself. */
static void
what_a_mount_that_hangs_hides_stays_in_the_baseline_that_is_accepted(void)
{
    for (int watched = 0; watched < 2; watched++) {
        ground_open();
        ground_write("file", "a");
        ground_mkdir("net");
        ground_write("net/inner", "a");
        snprintf(hung, sizeof(hung), "%s", ground_path("net"));
        FILE *out = fopen(ground.conf.config_path, "w");
        fprintf(out, "Host lab\nWatch %s\n", watched ? hung : ground.tree);
        fclose(out);
        ground_watch(0, watched ? hung : ground.tree);
        CHECK(ground_baseline());
        out = fopen(ground.conf.config_path, "a"); /* something to accept: it is watched, too */
        fprintf(out, "Beat 7\n");
        fclose(out);
        CHECK(hang());
        CHECK_INT(accept_all(), CMD_CLEAN);
        let_go();
        CHECK_INT(umount2(hung, MNT_DETACH), 0);
        fs_remote_look();
        CHECK_INT(ground_check(), 0);
        end();
    }
}

/* As the warden would have it, beside the mount that is still there. */
static void
who_starts_anew_below_a_mount_that_hangs_tells_the_rest(void)
{
    watch_another();
    snprintf(hung, sizeof(hung), "%s/above", ground.dir);
    CHECK(hang());
    CHECK_INT(detector_files_ops.open(&ground.env), 0);
    CHECK(is_told());
    AFTER("echo -n b > file");
    CHECK(change_is_told());
    end();
}

static void
a_mount_that_hangs_over_the_baseline_is_told_and_the_baseline_in_force_stays(void)
{
    char text[200];

    watch_another();
    CHECK(guarding_starts());
    snprintf(hung, sizeof(hung), "%s", ground.state);
    CHECK(hang());
    AFTER("echo -n b > file; sleep 1.2");
    CHECK(change_is_told());
    snprintf(text, sizeof(text), "baseline=%s/baseline state=unreadable", ground.state);
    CHECK(ground_begins(text) != NULL);
    end();
}

static void
a_watch_that_lies_on_a_mount_that_hangs_holds_up_no_other(void)
{
    static struct fs_roots roots;

    begin();
    snprintf(ground.conf.watch[1].path, sizeof(ground.conf.watch[1].path), "%s/data", hung);
    snprintf(ground.conf.watch[2].path, sizeof(ground.conf.watch[2].path), "%s/*/x", hung);
    ground.conf.watch[1].attrs = ground.conf.watch[2].attrs = ground.conf.watch[0].attrs;
    ground.conf.watches = 3;
    int64_t from = now_ms();
    fs_remote_look();
    CHECK(fs_roots_init(&roots, &ground.conf, NULL));
    CHECK_INT(ground_check(), -1);
    CHECK_INT(ground_count > 0 ? ground_heard[ground_count - 1].op : -1, FINDING_PASS_END);
    CHECK(now_ms() - from < 20000);
    end();
}

/* It is asked at the start, and again and again. */
static void
a_mount_that_hangs_over_the_package_database_holds_up_nobody(void)
{
    watch_another();
    snprintf(hung, sizeof(hung), "/var/lib/dpkg");
    if (!hang()) {
        printf("no %s\n", hung);
        end();
        return;
    }
    CHECK(guarding_starts());
    AFTER("sleep 2.1; echo -n b > file");
    CHECK(change_is_told());
    end();
}

int
main(void)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || access("/dev/fuse", R_OK | W_OK) != 0) {
        printf("skip: needs root, a mount namespace of its own and /dev/fuse\n");
        return 77;
    }
    alarm(100);
    doer_start();
    CHECK_RUN(a_mount_that_does_not_answer_is_found_in_time_and_one_that_does_is_not);
    CHECK_RUN(many_mounts_that_hang_hide_nothing_but_themselves);
    CHECK_RUN(a_check_passes_by_a_mount_that_hangs_and_tells_the_rest);
    CHECK_RUN(a_mount_that_comes_during_a_walk_and_hangs_is_passed_by);
    CHECK_RUN(a_watch_that_lies_on_a_mount_that_hangs_holds_up_no_other);
    CHECK_RUN(a_mount_that_hangs_over_a_watch_or_above_one_holds_up_no_other);
    CHECK_RUN(a_mount_that_hangs_where_no_path_leads_is_told_as_one_of_others);
    CHECK_RUN(what_a_mount_that_hangs_hides_stays_in_the_baseline_that_is_accepted);
    CHECK_RUN(who_starts_anew_below_a_mount_that_hangs_tells_the_rest);
    CHECK_RUN(a_mount_that_hangs_over_the_baseline_is_told_and_the_baseline_in_force_stays);
    CHECK_RUN(a_mount_that_hangs_over_the_package_database_holds_up_nobody);
    doer_stop();
    return check_result();
}
