#include "alarm/fold.h"
#include "support/check.h"

#define ITEMS 4000

static struct fold_item item[ITEMS];
static char path[ITEMS][64];
static uint16_t order[ITEMS];
static struct fold_group group[ITEMS];

static unsigned
group_paths(const char *const *from, unsigned count, unsigned room)
{
    for (unsigned i = 0; i < count; i++) {
        item[i] = (struct fold_item){ .path = from[i], .len = (uint16_t)strlen(from[i]) };
    }
    return fold_groups(item, count, room, order, group);
}

static const char *
dir_of(unsigned g)
{
    static char text[64];

    snprintf(text, sizeof(text), "%.*s", group[g].dir_len, item[order[group[g].first]].path);
    return text;
}

static void
paths_of_one_directory_are_one_group_wherever_they_stand(void)
{
    static const char *const paths[] = { "/usr/lib/a", "/etc/x", "/usr/lib/sub/b", "/usr/lib/z", "/etc/y" };

    CHECK_INT(group_paths(paths, 5, 3), 3);
    CHECK_STR(dir_of(0), "/etc");
    CHECK_INT(group[0].count, 2);
    CHECK_STR(dir_of(1), "/usr/lib");
    CHECK_INT(group[1].count, 2);
    CHECK_STR(dir_of(2), "/usr/lib/sub");
    CHECK_INT(group[2].count, 1);
}

static void
the_deepest_common_parents_are_put_together_first(void)
{
    static const char *const paths[] = { "/usr/share/doc/a/f", "/usr/share/doc/b/f", "/usr/bin/x", "/etc/y" };

    CHECK_INT(group_paths(paths, 4, 3), 3);
    CHECK_STR(dir_of(0), "/etc");
    CHECK_STR(dir_of(1), "/usr/bin");
    CHECK_STR(dir_of(2), "/usr/share/doc");
    CHECK_INT(group_paths(paths, 4, 2), 2);
    CHECK_STR(dir_of(0), "/etc");
    CHECK_STR(dir_of(1), "/usr");
    CHECK_INT(group_paths(paths, 4, 1), 1);
    CHECK_STR(dir_of(0), "");
    CHECK_INT(group[0].count, 4);
}

static void
a_name_that_begins_like_a_directory_is_not_in_it(void)
{
    static const char *const paths[] = { "/srv/a/f", "/srv/ab/f", "/srv/a.b/f" };

    CHECK_INT(group_paths(paths, 3, 1), 1);
    CHECK_STR(dir_of(0), "/srv");
}

static void
what_was_left_out_of_a_long_path_is_no_directory(void)
{
    static const char *const paths[] = { "/srv/lo%+40+/x/y", "/srv/lo%+44+/x/z" };

    CHECK_INT(group_paths(paths, 2, 4), 1);
    CHECK_STR(dir_of(0), "/srv");
}

static void
each_path_is_in_one_group_and_under_its_directory(void)
{
    for (unsigned room = 1; room <= 64; room *= 2) {
        unsigned sum = 0;

        for (unsigned i = 0; i < ITEMS; i++) {
            snprintf(path[i], sizeof(path[i]), "/d%u/e%u/f%u/n%u", i % 3, i * 7 % 11, i * 13 % 17, i);
            item[i] = (struct fold_item){ .path = path[i], .len = (uint16_t)strlen(path[i]) };
        }
        unsigned groups = fold_groups(item, ITEMS, room, order, group);
        CHECK(groups <= room);
        for (unsigned g = 0; g < groups; g++) {
            const char *dir = item[order[group[g].first]].path;

            CHECK_INT(group[g].first, sum);
            sum += group[g].count;
            for (unsigned i = group[g].first; i < sum; i++) {
                const char *member = item[order[i]].path;
                CHECK(strncmp(member, dir, group[g].dir_len) == 0 && member[group[g].dir_len] == '/');
            }
        }
        CHECK_INT(sum, ITEMS);
    }
}

int
main(void)
{
    CHECK_RUN(paths_of_one_directory_are_one_group_wherever_they_stand);
    CHECK_RUN(the_deepest_common_parents_are_put_together_first);
    CHECK_RUN(a_name_that_begins_like_a_directory_is_not_in_it);
    CHECK_RUN(what_was_left_out_of_a_long_path_is_no_directory);
    CHECK_RUN(each_path_is_in_one_group_and_under_its_directory);
    return check_result();
}
