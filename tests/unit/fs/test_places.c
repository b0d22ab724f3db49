/* Which paths are looked at when mounts change, from texts made by hand. */
#include "support/check.h"
#include "watch/fs_places.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct conf conf;
static struct fs_roots roots;
static struct fs_places places, before;
static char root[] = "/tmp/tocsin-places-XXXXXX";
static int text = -1;

static void
begin(void)
{
    if (text >= 0) {
        close(text);
    }
    text = memfd_create("mountinfo", MFD_CLOEXEC);
}

static void
line(const char *point, const char *type)
{
    dprintf(text, "36 35 98:0 / %s%s rw,noatime shared:1 - %s /dev/x rw\n", root, point, type);
}

static void
list(void)
{
    fs_places_list(&places, &roots, text);
}

static bool
has(const char *point)
{
    char path[200];
    size_t len = (size_t)snprintf(path, sizeof(path), "%s%s", root, point);

    for (unsigned i = 0; i < places.count; i++) {
        if (places.place[i].len == len && memcmp(fs_places_path(&places, &places.place[i]), path, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool
looked_at(const struct fs_places *p, const char *point)
{
    char path[200];
    size_t len = (size_t)snprintf(path, sizeof(path), "%s%s", root, point);

    for (unsigned i = 0; i < p->count; i++) {
        if (p->place[i].len == len && memcmp(fs_places_path(p, &p->place[i]), path, len) == 0) {
            return p->place[i].look;
        }
    }
    return false;
}

static void
mounts_below_a_root_are_listed_and_servers_are_not(void)
{
    begin();
    line("/a", "ext4");
    line("/b\\040c", "tmpfs");
    line("/nfs", "nfs4");
    line("/fuse", "fuse.sshfs");
    line("/auto", "autofs");
    dprintf(text, "36 35 98:0 / /elsewhere rw - ext4 /dev/x rw\n");
    dprintf(text, "not a line of mountinfo\n");
    list();
    CHECK(has(""));
    CHECK(has("/a"));
    CHECK(has("/b c"));
    CHECK(!has("/nfs"));
    CHECK(!has("/fuse"));
    CHECK(!has("/auto"));
    CHECK(!places.cut);
}

/* The text is read in pieces, and lines do not end where these do. */
static void
no_line_is_lost_between_two_pieces_of_the_text(void)
{
    char point[32];

    for (unsigned shift = 0; shift < 130; shift += 13) {
        begin();
        dprintf(text, "36 35 98:0 / /%0*d rw - ext4 /dev/x rw\n", (int)shift + 1, 0);
        for (int i = 0; i < 300; i++) {
            snprintf(point, sizeof(point), "/mount%d", i);
            line(point, "ext4");
        }
        list();
        for (int i = 0; i < 300; i++) {
            snprintf(point, sizeof(point), "/mount%d", i);
            CHECK(has(point));
        }
        CHECK(!places.cut);
    }
}

static void
a_line_that_is_too_long_is_told_and_hides_no_other(void)
{
    begin();
    line("/first", "ext4");
    dprintf(text, "36 35 98:0 / %s/", root);
    for (int i = 0; i < 5000; i++) {
        dprintf(text, "0123456789");
    }
    dprintf(text, " rw - ext4 /dev/x rw\n");
    line("/last", "ext4");
    list();
    CHECK(has("/first"));
    CHECK(has("/last"));
    CHECK(places.cut);
}

static void
more_than_fit_are_told(void)
{
    char point[32];

    begin();
    for (int i = 0; i < FS_PLACES + 10; i++) {
        snprintf(point, sizeof(point), "/mount%d", i);
        line(point, "ext4");
    }
    list();
    CHECK_INT(places.count, FS_PLACES);
    CHECK(places.cut);
}

static void
what_came_went_or_is_another_is_looked_at(void)
{
    char path[100];

    begin();
    line("/stays", "ext4");
    line("/other", "ext4");
    line("/goes", "ext4");
    snprintf(path, sizeof(path), "%s/stays", root);
    CHECK_INT(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/other", root);
    CHECK_INT(mkdir(path, 0755), 0);
    list();
    before = places;
    /* Made beside it, so that it cannot have the same inode. */
    char made[100];
    snprintf(made, sizeof(made), "%s/made", root);
    CHECK_INT(mkdir(made, 0755), 0);
    CHECK_INT(rmdir(path), 0);
    CHECK_INT(rename(made, path), 0);
    begin();
    line("/stays", "ext4");
    line("/other", "ext4");
    line("/comes", "ext4");
    list();
    fs_places_compare(&places, &before);
    CHECK(!looked_at(&places, ""));
    CHECK(!looked_at(&places, "/stays"));
    CHECK(looked_at(&places, "/other"));
    CHECK(looked_at(&places, "/comes"));
    CHECK(looked_at(&before, "/goes"));
    CHECK(!looked_at(&before, "/stays"));
}

int
main(void)
{
    char command[100];

    if (mkdtemp(root) == NULL) {
        return 1;
    }
    conf_init(&conf, "/tmp/tocsin.conf", root);
    conf.watches = 1;
    snprintf(conf.watch[0].path, sizeof(conf.watch[0].path), "%s", root);
    CHECK(fs_roots_init(&roots, &conf, NULL));
    CHECK_RUN(mounts_below_a_root_are_listed_and_servers_are_not);
    CHECK_RUN(no_line_is_lost_between_two_pieces_of_the_text);
    CHECK_RUN(a_line_that_is_too_long_is_told_and_hides_no_other);
    CHECK_RUN(more_than_fit_are_told);
    CHECK_RUN(what_came_went_or_is_another_is_looked_at);
    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command) != 0 ? 1 : check_result();
}
