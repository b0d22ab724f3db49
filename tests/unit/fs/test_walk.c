#include "ground.h"
#include "support/check.h"
#include "watch/fs_look.h"
#include "watch/fs_names.h"
#include "watch/fs_walk.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fs_walk walk;

static void
begin(const char *path)
{
    fs_walk_begin(&walk, (const uint8_t *)path, strlen(path), NULL);
}

/* Walks the tree and checks that all comes once and in order. Returns how many items came. */
static unsigned
walk_all(size_t *longest)
{
    static uint8_t last[BASELINE_PATH_MAX];
    size_t last_len = 0;
    struct fs_item item;
    unsigned n = 0;

    for (; fs_walk_next(&walk, &item); n++) {
        if (n > 0) {
            CHECK(baseline_order(last, last_len, item.path, item.path_len) < 0);
        }
        last_len = item.path_len;
        memcpy(last, item.path, last_len);
        if (longest != NULL && last_len > *longest) {
            *longest = last_len;
        }
    }
    fs_walk_end(&walk);
    return n;
}

static int
open_fds(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

static void
every_item_comes_once_and_in_tree_order(void)
{
    const char *names[] = { "a", "a-b", "a0", "b", "zz", "-", "A" };

    ground_open();
    for (size_t i = 0; i < 7; i++) {
        char inner[16];

        ground_mkdir(names[i]);
        snprintf(inner, sizeof(inner), "%s/x", names[i]);
        ground_write(inner, "");
    }
    begin(ground.tree);
    CHECK_INT(walk_all(NULL), 15);
}

static void
names_of_any_bytes_come_through(void)
{
    struct fs_item item;
    unsigned seen = 0;

    ground_open();
    int dir = open(ground.tree, O_RDONLY | O_DIRECTORY);
    for (int byte = 1; byte < 256; byte++) {
        char name[4] = { 'n', (char)byte, 'n', '\0' };

        if (byte != '/') {
            close(openat(dir, name, O_CREAT | O_WRONLY, 0644));
        }
    }
    close(dir);
    begin(ground.tree);
    for (unsigned n = 0; fs_walk_next(&walk, &item); n++) {
        if (n > 0) {
            uint8_t byte = (uint8_t)(seen + 1 + (seen + 1 >= '/'));

            CHECK_INT(item.path[item.path_len - 2], byte);
            seen++;
        }
    }
    CHECK_INT(seen, 254);
    fs_walk_end(&walk);
}

static void
a_list_that_does_not_fit_comes_in_rounds_complete(void)
{
    ground_open();
    int dir = open(ground.tree, O_RDONLY | O_DIRECTORY);
    for (unsigned i = 0; i < 3000; i++) {
        char name[40];

        snprintf(name, sizeof(name), "%u-file-with-a-name", i * 2654435761u % 100003);
        close(openat(dir, name, O_CREAT | O_WRONLY, 0644));
    }
    close(dir);
    for (size_t size = 2048; size <= 1048576; size *= 4) {
        struct fs_walk small;

        CHECK_INT(fs_walk_map(&small, size), 0);
        struct fs_walk keep = walk;
        walk = small;
        begin(ground.tree);
        CHECK_INT(walk_all(NULL), 3001);
        CHECK_INT(walk.skipped, 0);
        walk = keep;
    }
}

/* Directories in directories, made relative to one another: the path may be longer than any call takes. */
static void
dig(unsigned depth, const char *name)
{
    int dir = open(ground.tree, O_RDONLY | O_DIRECTORY);

    for (unsigned i = 0; i < depth; i++) {
        mkdirat(dir, name, 0755);
        int next = openat(dir, name, O_RDONLY | O_DIRECTORY);
        close(openat(dir, "z", O_CREAT | O_WRONLY, 0644));
        close(dir);
        dir = next;
    }
    close(openat(dir, "bottom", O_CREAT | O_WRONLY, 0644));
    close(dir);
}

static void
a_tree_deeper_than_any_path_is_walked_with_few_descriptors(void)
{
    struct rlimit before, few;
    size_t longest = 0;
    int fds = open_fds();

    ground_open();
    dig(1500, "directory-");
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &few);
    begin(ground.tree);
    CHECK_INT(walk_all(&longest), 1 + 1500 * 2 + 1);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(longest > 16000);
    CHECK_INT(walk.skipped, 0);
    CHECK_INT(open_fds(), fds);
}

static void
what_is_behind_the_longest_path_is_counted_as_skipped(void)
{
    char name[251];

    ground_open();
    memset(name, 'n', 250);
    name[250] = '\0';
    dig(270, name);
    begin(ground.tree);
    CHECK(walk_all(NULL) > 500);
    CHECK_INT(walk.skipped, 1);
}

static void
a_directory_moved_during_the_walk_ends_nothing(void)
{
    struct fs_item item;
    unsigned n = 0;
    bool last_seen = false;

    ground_open();
    dig(100, "d");
    ground_write("zzz", "");
    begin(ground.tree);
    while (fs_walk_next(&walk, &item)) {
        if (++n == 60) {
            /* The way back up by ".." leads elsewhere now. */
            CHECK_INT(rename(ground_path("d/d/d/d"), ground_path("moved")), 0);
        }
        last_seen = last_seen || strcmp(item.name, "zzz") == 0;
    }
    CHECK(n >= 104);
    CHECK(last_seen);
    fs_walk_end(&walk);
}

/* Opens what may still be opened. */
static void
use_up_descriptors(struct rlimit *before)
{
    struct rlimit few = { .rlim_cur = 128 };

    getrlimit(RLIMIT_NOFILE, before);
    few.rlim_max = before->rlim_max;
    setrlimit(RLIMIT_NOFILE, &few);
    while (dup(1) >= 0) {
    }
}

static void
free_descriptors(const struct rlimit *before, int from)
{
    for (int fd = from; fd < 128; fd++) {
        close(fd);
    }
    setrlimit(RLIMIT_NOFILE, before);
}

static bool
unlisted_is(const char *path)
{
    return walk.unlisted_len == strlen(path) && memcmp(walk.unlisted, path, walk.unlisted_len) == 0;
}

static void
a_directory_that_cannot_be_opened_is_said_to_be_unlisted_with_what_comes_behind_it(void)
{
    static const char *const names[] = { "a", "b", "c" };
    struct fs_item item;
    struct rlimit before;

    ground_open();
    for (size_t i = 0; i < 3; i++) {
        char inner[16];

        ground_mkdir(names[i]);
        snprintf(inner, sizeof(inner), "%s/x", names[i]);
        ground_write(inner, "");
    }
    begin(ground.tree);
    CHECK(fs_walk_next(&walk, &item));
    int from = dup(1);
    use_up_descriptors(&before);
    for (size_t i = 0; i < 3; i++) {
        CHECK(fs_walk_next(&walk, &item));
        CHECK_STR(item.name, names[i]);
        CHECK(!item.unreadable);
        CHECK(i == 0 ? walk.unlisted_len == 0 : unlisted_is(ground_path(names[i - 1])));
    }
    for (int i = 0; i < 2; i++) {
        CHECK(!fs_walk_next(&walk, &item));
        CHECK(unlisted_is(ground_path("c")));
    }
    free_descriptors(&before, from);
    fs_walk_end(&walk);
    begin(ground.tree);
    CHECK_INT(walk_all(NULL), 7);
}

/* What was closed on the way down has names behind those that were given. */
static void
directories_that_cannot_be_opened_again_on_the_way_up_are_unlisted_from_the_outermost(void)
{
    struct fs_item item;
    struct rlimit before;
    unsigned n = 0;

    ground_open();
    dig(FS_WALK_FDS + 10, "d");
    begin(ground.tree);
    do {
        CHECK(fs_walk_next(&walk, &item));
    } while (strcmp(item.name, "bottom") != 0);
    int from = dup(1);
    use_up_descriptors(&before);
    for (; fs_walk_next(&walk, &item); n++) {
        CHECK_INT(walk.unlisted_len, 0);
        (void)dup(1); /* in the place of what was closed */
    }
    CHECK(n > 0 && n < FS_WALK_FDS + 10);
    CHECK(unlisted_is(ground.tree));
    free_descriptors(&before, from);
    fs_walk_end(&walk);
}

static void
a_list_that_breaks_off_is_said_to_be_unlisted_and_one_of_a_directory_that_went_is_not(void)
{
    struct fs_item item;
    struct fs_walk keep = walk;

    ground_open();
    ground_mkdir("a");
    CHECK_INT(fs_walk_map(&walk, 32), 0); /* too small for a name */
    begin(ground.tree);
    CHECK(fs_walk_next(&walk, &item));
    CHECK(!fs_walk_next(&walk, &item));
    CHECK(unlisted_is(ground.tree));
    fs_walk_end(&walk);
    walk = keep;
    begin(ground.tree);
    CHECK(fs_walk_next(&walk, &item) && fs_walk_next(&walk, &item));
    CHECK_INT(rmdir(ground_path("a")), 0);
    CHECK(!fs_walk_next(&walk, &item));
    CHECK_INT(walk.unlisted_len, 0);
    fs_walk_end(&walk);
}

static void
the_kernels_own_file_systems_are_not_entered(void)
{
    struct fs_item item;

    begin("/proc");
    CHECK(fs_walk_next(&walk, &item));
    CHECK(!fs_walk_next(&walk, &item));
    begin("/sys");
    CHECK(fs_walk_next(&walk, &item));
    CHECK(!fs_walk_next(&walk, &item));
    fs_walk_end(&walk);
}

static void
a_top_that_is_not_there_is_an_empty_walk(void)
{
    struct fs_item item;

    begin("/nonexistent/top");
    CHECK(!fs_walk_next(&walk, &item));
    begin("/nonexistent");
    CHECK(!fs_walk_next(&walk, &item));
    fs_walk_end(&walk);
}

static void
a_link_on_the_way_to_a_top_is_not_followed(void)
{
    struct fs_item item;

    ground_open();
    ground_mkdir("real");
    ground_write("real/file", "");
    CHECK_INT(symlink("real", ground_path("link")), 0);
    begin(ground_path("link/file"));
    CHECK(!fs_walk_next(&walk, &item));
    begin(ground_path("link"));
    CHECK(fs_walk_next(&walk, &item));
    CHECK(S_ISLNK(item.st.st_mode));
    CHECK(!fs_walk_next(&walk, &item));
    fs_walk_end(&walk);
}

static void
reading_does_not_change_the_access_time(void)
{
    static struct fs_look look;
    struct stat before, after;
    const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };

    ground_open();
    ground_write("file", "text");
    CHECK_INT(utimensat(AT_FDCWD, ground_path("file"), old, 0), 0);
    stat(ground_path("file"), &before);
    int dir = open(ground.tree, O_RDONLY | O_DIRECTORY);
    CHECK(fs_look(&look, dir, "file"));
    while (!fs_look_step(&look)) {
    }
    CHECK_INT(look.now.state, BASELINE_READ);
    close(dir);
    stat(ground_path("file"), &after);
    CHECK_INT(after.st_atim.tv_sec, before.st_atim.tv_sec);
}

int
main(void)
{
    if (fs_walk_map(&walk, FS_WALK_ARENA) < 0) {
        return 1;
    }
    CHECK_RUN(every_item_comes_once_and_in_tree_order);
    CHECK_RUN(names_of_any_bytes_come_through);
    CHECK_RUN(a_list_that_does_not_fit_comes_in_rounds_complete);
    CHECK_RUN(a_tree_deeper_than_any_path_is_walked_with_few_descriptors);
    CHECK_RUN(what_is_behind_the_longest_path_is_counted_as_skipped);
    CHECK_RUN(a_directory_moved_during_the_walk_ends_nothing);
    CHECK_RUN(a_directory_that_cannot_be_opened_is_said_to_be_unlisted_with_what_comes_behind_it);
    CHECK_RUN(directories_that_cannot_be_opened_again_on_the_way_up_are_unlisted_from_the_outermost);
    CHECK_RUN(a_list_that_breaks_off_is_said_to_be_unlisted_and_one_of_a_directory_that_went_is_not);
    CHECK_RUN(the_kernels_own_file_systems_are_not_entered);
    CHECK_RUN(a_top_that_is_not_there_is_an_empty_walk);
    CHECK_RUN(a_link_on_the_way_to_a_top_is_not_followed);
    CHECK_RUN(reading_does_not_change_the_access_time);
    ground_close();
    return check_result();
}
