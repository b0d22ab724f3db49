#include "support/check.h"
#include "watch/packages_index.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUM_A "cc3493ecd2d09837ffdcc3e25fdfff18"
#define SUM_B "11a06baf8245fd8d690b99024d228c1f"
#define SUM_C "d41d8cd98f00b204e9800998ecf8427e"

static char root[64];
static struct packages_index ix;

static void
put(const char *path, const char *text)
{
    char full[256];

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
begin(void)
{
    snprintf(root, sizeof(root), "/tmp/test_packages.XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    put("/usr/bin/.x", "");
    put("/var/lib/dpkg/info/.x", "");
}

static void
end(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", root);
    CHECK_INT(system(command), 0); // NOLINT(bugprone-command-processor,cert-env33-c)
}

static const struct packages_slot *
find(const char *path)
{
    char full[256];
    int n = snprintf(full, sizeof(full), "%s%s", root, path);

    return packages_index_find(&ix, full, (size_t)n);
}

static unsigned
first_byte(const char *path)
{
    const struct packages_slot *s = find(path);

    return s != NULL && s->summed ? s->md5[0] : 0;
}

#define STANZA(name, more) \
    "Package: " name "\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2-3\n" more "\n"

static void
what_a_package_lists_is_known_with_its_sums_and_its_owner(void)
{
    begin();
    put("/var/lib/dpkg/status",
            STANZA("foo", "Conffiles:\n /etc/foo.conf " SUM_B "\n /etc/with blank " SUM_B " obsolete\n"));
    put("/var/lib/dpkg/info/foo.list", "/.\n/usr\n/usr/bin/foo\n/usr/bin/link\n/etc/foo.conf\n");
    put("/var/lib/dpkg/info/foo.md5sums", SUM_A "  usr/bin/foo\n" SUM_A "  usr/bin/unlisted\n");
    CHECK_INT(packages_index_build(&ix, root), 0);
    CHECK_INT(first_byte("/usr/bin/foo"), 0xcc);
    CHECK(find("/usr/bin/link") != NULL && !find("/usr/bin/link")->summed);
    CHECK(find("/etc/foo.conf") != NULL && find("/etc/foo.conf")->conffile);
    CHECK_INT(first_byte("/etc/foo.conf"), 0x11);
    CHECK_INT(first_byte("/etc/with blank"), 0x11);
    CHECK(find("/usr/bin/unlisted") == NULL || !find("/usr/bin/unlisted")->summed);
    CHECK(find("/usr/bin/other") == NULL);
    CHECK_STR(packages_index_owner(&ix, find("/usr/bin/foo"))->name, "foo");
    CHECK_STR(packages_index_owner(&ix, find("/usr/bin/foo"))->version, "1.2-3");
    end();
}

static void
a_merged_bin_is_known_by_where_it_is(void)
{
    char link_path[128];

    begin();
    snprintf(link_path, sizeof(link_path), "%s/bin", root);
    CHECK_INT(symlink("usr/bin", link_path), 0);
    put("/var/lib/dpkg/status", STANZA("foo", ""));
    put("/var/lib/dpkg/info/foo.list", "/bin\n/bin/ls\n/binary/x\n");
    put("/var/lib/dpkg/info/foo.md5sums", SUM_A "  bin/ls\n");
    CHECK_INT(packages_index_build(&ix, root), 0);
    CHECK_INT(first_byte("/usr/bin/ls"), 0xcc);
    CHECK(find("/bin/ls") == NULL);
    CHECK(find("/bin") != NULL);
    CHECK(find("/binary/x") != NULL);
    end();
}

static void
a_diversion_moves_the_files_of_all_but_who_made_it(void)
{
    char link_path[128];

    begin();
    snprintf(link_path, sizeof(link_path), "%s/bin", root);
    CHECK_INT(symlink("usr/bin", link_path), 0);
    put("/var/lib/dpkg/status", STANZA("foo", "") STANZA("wrapper", ""));
    put("/var/lib/dpkg/diversions", "/bin/x\n/bin/x.real\nwrapper\n");
    put("/var/lib/dpkg/info/foo.list", "/usr/bin/x\n");
    put("/var/lib/dpkg/info/foo.md5sums", SUM_A "  usr/bin/x\n");
    put("/var/lib/dpkg/info/wrapper.list", "/usr/bin/x\n");
    put("/var/lib/dpkg/info/wrapper.md5sums", SUM_B "  usr/bin/x\n");
    CHECK_INT(packages_index_build(&ix, root), 0);
    CHECK_INT(first_byte("/usr/bin/x"), 0x11);
    CHECK_INT(first_byte("/usr/bin/x.real"), 0xcc);
    end();
}

static void
an_old_sum_of_a_file_that_another_package_has_taken_over_does_not_count(void)
{
    begin();
    put("/var/lib/dpkg/status", STANZA("new", "") STANZA("old", ""));
    put("/var/lib/dpkg/info/new.list", "/usr/bin/x\n");
    put("/var/lib/dpkg/info/new.md5sums", SUM_A "  usr/bin/x\n");
    put("/var/lib/dpkg/info/old.list", "/usr\n");
    put("/var/lib/dpkg/info/old.md5sums", SUM_B "  usr/bin/x\n");
    CHECK_INT(packages_index_build(&ix, root), 0);
    CHECK_INT(first_byte("/usr/bin/x"), 0xcc);
    end();
}

static void
what_is_not_wholly_installed_explains_nothing(void)
{
    begin();
    put("/var/lib/dpkg/status",
            "Package: half\nStatus: install ok half-configured\nArchitecture: all\nVersion: 1\n\n"
            "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n"
            "Conffiles:\n /etc/gone " SUM_A "\n\n");
    put("/var/lib/dpkg/info/half.list", "/usr/bin/half\n");
    put("/var/lib/dpkg/info/half.md5sums", SUM_A "  usr/bin/half\n");
    CHECK_INT(packages_index_build(&ix, root), 0);
    CHECK(find("/usr/bin/half") == NULL);
    CHECK(find("/etc/gone") == NULL);
    end();
}

static void
files_of_a_multi_arch_package_are_under_its_architecture(void)
{
    begin();
    put("/var/lib/dpkg/status", STANZA("lib", "Multi-Arch: same\n") STANZA("tool", "Multi-Arch: foreign\n"));
    put("/var/lib/dpkg/info/lib:amd64.list", "/usr/lib/x\n");
    put("/var/lib/dpkg/info/lib:amd64.md5sums", SUM_C "  usr/lib/x\n");
    put("/var/lib/dpkg/info/tool.list", "/usr/bin/tool\n");
    CHECK_INT(packages_index_build(&ix, root), 0);
    CHECK_INT(first_byte("/usr/lib/x"), 0xd4);
    CHECK(find("/usr/bin/tool") != NULL);
    end();
}

static void
what_dpkg_would_not_have_written_is_refused(void)
{
    static const char *const status[] = { "no field\n\n", "Package: ../../etc\n\n", "Package: a b\n\n",
        "Package: a\nPackage: b\n\n", "Package: a\nVersion: 1 2\n\n", "Package: a\nArchitecture: /x\n\n" };

    begin();
    CHECK_INT(packages_index_build(&ix, root), -ENOENT);
    for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
        put("/var/lib/dpkg/status", status[i]);
        CHECK_INT(packages_index_build(&ix, root), -EBADMSG);
    }
    put("/var/lib/dpkg/status", STANZA("foo", ""));
    put("/var/lib/dpkg/info/foo.list", "/usr/../etc/shadow\n//x\nrelative\n/./x\n/ok\n");
    put("/var/lib/dpkg/info/foo.md5sums", SUM_A " usr/bin/x\nxyz\n" SUM_A "  ../x\n");
    CHECK_INT(packages_index_build(&ix, root), 0);
    CHECK_INT(ix.used, 1);
    put("/var/lib/dpkg/diversions", "/a\n/b/../c\npkg\n");
    CHECK_INT(packages_index_build(&ix, root), -EBADMSG);
    end();
}

static void
more_paths_than_the_table_begins_with_are_all_found(void)
{
    enum { PATHS = 100000 };
    char path[256];
    unsigned missing = 0;

    begin();
    put("/var/lib/dpkg/status", STANZA("big", ""));
    snprintf(path, sizeof(path), "%s/var/lib/dpkg/info/big.list", root);
    FILE *f = fopen(path, "w");
    CHECK(f != NULL);
    for (unsigned i = 0; i < PATHS && f != NULL; i++) {
        fprintf(f, "/usr/share/big/%u\n", i);
    }
    if (f != NULL) {
        fclose(f);
    }
    CHECK_INT(packages_index_build(&ix, root), 0);
    for (unsigned i = 0; i < PATHS; i++) {
        snprintf(path, sizeof(path), "/usr/share/big/%u", i);
        missing += find(path) == NULL ? 1 : 0;
    }
    CHECK_INT(missing, 0);
    CHECK_INT(ix.used, PATHS);
    end();
}

int
main(void)
{
    CHECK_RUN(what_a_package_lists_is_known_with_its_sums_and_its_owner);
    CHECK_RUN(a_merged_bin_is_known_by_where_it_is);
    CHECK_RUN(a_diversion_moves_the_files_of_all_but_who_made_it);
    CHECK_RUN(an_old_sum_of_a_file_that_another_package_has_taken_over_does_not_count);
    CHECK_RUN(what_is_not_wholly_installed_explains_nothing);
    CHECK_RUN(files_of_a_multi_arch_package_are_under_its_architecture);
    CHECK_RUN(what_dpkg_would_not_have_written_is_refused);
    CHECK_RUN(more_paths_than_the_table_begins_with_are_all_found);
    return check_result();
}
