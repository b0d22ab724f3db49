#include "support/check.h"
#include "watch/baseline_format.h"
#include "watch/baseline_text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define KINDS 12

static char dir[64];
static char file[96];
static char line[BASELINE_TEXT_LINE + 1], changed[BASELINE_TEXT_LINE];
static char again[BASELINE_TEXT_LINE];
static struct baseline_text text;
static struct baseline_writer writer;

static const uint8_t xattrs[] = "\2a,\0\1\0=\6user.b\1\40\0ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/* One of each kind, in order. */
static void
entry(struct baseline_entry *e, unsigned kind)
{
    static const struct {
        const char *path;
        enum baseline_type type;
        enum baseline_state state;
    } kinds[KINDS] = {
        { "/", BASELINE_DIR, BASELINE_READ },
        { "/a", BASELINE_DIR, BASELINE_UNREADABLE },
        { "/a/b", BASELINE_REGULAR, BASELINE_READ },
        { "/a/c d\n\t\\#*?[]=,:\x7F\xFF", BASELINE_REGULAR, BASELINE_UNSTABLE },
        { "/b", BASELINE_REGULAR, BASELINE_UNREAD },
        { "/c", BASELINE_LINK, BASELINE_READ },
        { "/d", BASELINE_FIFO, BASELINE_READ },
        { "/e", BASELINE_SOCKET, BASELINE_READ },
        { "/f", BASELINE_CHAR, BASELINE_READ },
        { "/g", BASELINE_BLOCK, BASELINE_READ },
        { "/h", BASELINE_LINK, BASELINE_UNREADABLE },
        { "/i", BASELINE_REGULAR, BASELINE_READ },
    };

    memset(e, 0, sizeof(*e));
    e->path = (const uint8_t *)kinds[kind].path;
    e->path_len = (uint16_t)strlen(kinds[kind].path);
    e->type = (uint8_t)kinds[kind].type;
    e->state = (uint8_t)kinds[kind].state;
    e->own = kind == 2;
    e->mode = kind == 4 ? 07777 : 0644;
    e->uid = kind;
    e->gid = kind == 4 ? UINT32_MAX : 0;
    e->nlink = kind == 4 ? UINT32_MAX : 1;
    e->flags = kind == 2 ? 0x10 : kind == 4 ? UINT32_MAX : 0;
    e->ino = kind == 4 ? UINT64_MAX : kind;
    e->size = baseline_has_size(e) ? (kind == 4 ? UINT64_MAX : (uint64_t)8 << 32 | 1) : 0;
    e->mtime_ns = kind == 4 ? INT64_MIN : kind == 5 ? -1 : 1700000000000000005;
    e->ctime_ns = kind == 4 ? INT64_MAX : kind == 5 ? -1000000000 : 0;
    memset(e->digest, 0xA5, baseline_has_digest(e) ? sizeof(e->digest) : 0);
    e->link = (const uint8_t *)"../a b\xE4=";
    e->link_len = kind == 5 ? 8 : 0;
    e->xattrs = xattrs;
    e->xattrs_len = kind == 2 || kind == 11 ? sizeof(xattrs) - 1 : 0;
}

static bool
takes(const char *what, size_t len)
{
    /* On the heap and of the exact size, so that one byte too far is seen. */
    char *exact = malloc(len > 0 ? len : 1);

    memcpy(exact, what, len);
    bool good = baseline_text_take(&text, exact, len);
    free(exact);
    CHECK(good == (text.expected == NULL));
    return good;
}

static void
an_entry_is_one_line_of_mtree(void)
{
    struct baseline_entry e;

    entry(&e, 2);
    line[baseline_text_put(line, &e)] = '\0';
    CHECK_STR(line, "./a/b type=file mode=0644 uid=2 gid=0 nlink=1 inode=2 size=34359738369 "
                    "time=1700000000.000000005 "
                    "tags=ctime:0.000000000,own,flags:10,"
                    "blake3:a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5,xattr:a\\054:3d,"
                    "xattrsum:user."
                    "b:4142434445464748494a4b4c4d4e4f505152535455565758595a303132333435");
    entry(&e, 5);
    line[baseline_text_put(line, &e)] = '\0';
    CHECK_STR(line, "./c type=link mode=0644 uid=5 gid=0 nlink=1 inode=5 link=../a\\040b\\344\\075 "
                    "time=-1.999999999 tags=ctime:-1.000000000");
    entry(&e, 8);
    line[baseline_text_put(line, &e)] = '\0';
    CHECK_STR(line, "./f type=char mode=0644 uid=8 gid=0 nlink=1 inode=8 device=linux,8,1 "
                    "time=1700000000.000000005 tags=ctime:0.000000000");
    entry(&e, 0);
    baseline_text_put(line, &e);
    CHECK(strncmp(line, ". type=dir ", 11) == 0);
}

static void
what_is_put_is_taken(void)
{
    struct baseline_entry e;

    for (unsigned kind = 0; kind < KINDS; kind++) {
        entry(&e, kind);
        size_t len = baseline_text_put(line, &e);

        CHECK(takes(line, len));
        struct baseline_entry *t = &text.entry;
        CHECK_INT(t->path_len, e.path_len);
        CHECK_MEM(t->path, e.path, e.path_len);
        CHECK(t->type == e.type && t->state == e.state && t->own == e.own && t->mode == e.mode);
        CHECK(t->uid == e.uid && t->gid == e.gid && t->nlink == e.nlink && t->flags == e.flags);
        CHECK(t->ino == e.ino && t->size == e.size && t->mtime_ns == e.mtime_ns && t->ctime_ns == e.ctime_ns);
        CHECK_MEM(t->digest, e.digest, sizeof(e.digest));
        CHECK_INT(t->link_len, e.link_len);
        CHECK_MEM(t->link, e.link, e.link_len);
        CHECK_INT(t->xattrs_len, e.xattrs_len);
        CHECK_MEM(t->xattrs, e.xattrs, e.xattrs_len);
    }
}

static void
the_longest_entry_fits_its_line(void)
{
    static uint8_t path[BASELINE_PATH_MAX], link[BASELINE_LINK_MAX], list[BASELINE_XATTRS_MAX];
    struct baseline_entry e;
    size_t used = 0;

    entry(&e, 4);
    memset(path, 0xFF, sizeof(path));
    memset(link, 0xFF, sizeof(link));
    path[0] = '/';
    for (unsigned i = 1; used + 7 <= sizeof(list); i++) { /* names of three bytes, without a value */
        list[used] = 3;
        list[used + 1] = (uint8_t)(0x80 + i / 4096);
        list[used + 2] = (uint8_t)(0x80 + i / 64 % 64);
        list[used + 3] = (uint8_t)(0x80 + i % 64);
        memset(list + used + 4, 0, 3);
        used += 7;
    }
    e.type = BASELINE_LINK;
    e.size = 0;
    e.path = path;
    e.path_len = sizeof(path);
    e.link = link;
    e.link_len = sizeof(link);
    e.xattrs = list;
    e.xattrs_len = (uint16_t)used;
    CHECK(baseline_entry_fault(&e) == NULL);
    size_t len = baseline_text_put(line, &e);
    CHECK(len < BASELINE_TEXT_LINE);
    CHECK(takes(line, len));
    CHECK_INT(text.entry.xattrs_len, used);
}

/* Whatever is done to a line: it is refused, or it is the one line of another entry. */
static void
a_changed_or_cut_line_is_refused_or_means_what_it_says(void)
{
    static const char instead[] = "\\0/,= 9f.x\n\x80";
    struct baseline_entry e;
    unsigned taken = 0;

    for (unsigned kind = 0; kind < KINDS; kind++) {
        entry(&e, kind);
        size_t len = baseline_text_put(line, &e);

        for (size_t i = 0; i < len * sizeof(instead); i++) {
            memcpy(changed, line, len);
            changed[i / sizeof(instead)] = instead[i % sizeof(instead)];
            if (takes(changed, len)) {
                CHECK_INT(baseline_text_put(again, &text.entry), len);
                CHECK_MEM(again, changed, len);
                taken++;
            }
        }
        for (size_t cut = 0; cut < len; cut++) {
            if (takes(line, cut)) {
                CHECK_INT(baseline_text_put(again, &text.entry), cut);
                CHECK_MEM(again, line, cut);
            } else {
                CHECK(text.column <= cut + 1);
            }
        }
    }
    CHECK(taken > 100);
}

static void
an_error_names_the_column_and_what_is_expected(void)
{
    static const struct {
        const char *line;
        size_t column;
        const char *expected;
    } cases[] = {
        { "", 1, "." },
        { "/a type=dir", 1, "." },
        { "./a", 4, " type=" },
        { "./a type=door", 10, "a type" },
        { "./a type=dir mode=1777777", 23, "a smaller number" },
        { "./a type=dir mode=0755 uid=", 28, "a number" },
        { "./a type=dir mode=0755 uid=4294967296", 37, "a smaller number" },
        { "./a\\0", 4, "three octal digits" },
        { "./a\\400b type=dir", 4, "three octal digits" },
        { "./a/../b type=dir mode=0755 uid=0 gid=0 nlink=1 inode=1 time=0.000000000 tags=ctime:0.000000000",
                96, "an entry that is well formed" },
        { "./a type=dir mode=755 uid=0 gid=0 nlink=1 inode=1 time=0.000000000 tags=ctime:0.000000000", 19,
                "the one spelling" },
        { "./a type=dir mode=0755 uid=0 gid=0 nlink=1 inode=1 time=99999999999.000000000 "
          "tags=ctime:0.000000000",
                57, "the one spelling" },
        { "./a\\141 type=dir mode=0755 uid=0 gid=0 nlink=1 inode=1 time=0.000000000 tags=ctime:0.000000000",
                4, "the one spelling" },
        { "./a type=file mode=0755 uid=0 gid=0 nlink=1 inode=1 size=1 time=0.000000000 "
          "tags=ctime:0.000000000",
                99, ",blake3:" },
        { "./a type=dir mode=0755 uid=0 gid=0 nlink=1 inode=1 time=0.000000000 tags=ctime:0.000000000,own,x",
                95, ",xattr:" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK(!takes(cases[i].line, strlen(cases[i].line)));
        CHECK_INT(text.column, cases[i].column);
        CHECK_STR(text.expected == NULL ? "" : text.expected, cases[i].expected);
    }
}

/* ---- whole texts ---- */

static void
write_all(uint8_t root[WIRE_HASH_SIZE])
{
    struct baseline_entry e;

    CHECK_INT(baseline_write_begin(&writer, dir, "my host", 1234567890), 0);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        entry(&e, kind);
        CHECK_INT(baseline_write_entry(&writer, &e), 0);
    }
    CHECK_INT(baseline_write_end(&writer, root), 0);
}

/* The text of what is in the file; returns its length. */
static size_t
export_text(char *out, size_t size)
{
    struct baseline b;
    struct baseline_error error;
    FILE *to = fmemopen(out, size, "w");

    CHECK_INT(baseline_load(&b, file, &error), 0);
    CHECK_INT(baseline_export(&b, to, &error), 0);
    long len = ftell(to);
    fclose(to);
    baseline_unload(&b);
    return (size_t)len;
}

static int
import_text(const char *what, size_t len, uint8_t root[WIRE_HASH_SIZE], struct baseline_error *error)
{
    FILE *from = fmemopen((void *)(uintptr_t)what, len, "r");
    int code = baseline_import(from, dir, root, error);

    fclose(from);
    return code;
}

static void
an_exported_baseline_is_imported_to_the_same_root(void)
{
    static char out[65536];
    uint8_t root[WIRE_HASH_SIZE], imported[WIRE_HASH_SIZE];
    struct baseline_error error;

    write_all(root);
    size_t len = export_text(out, sizeof(out));
    CHECK(strncmp(out,
                  "#mtree\n# tocsin baseline\n# host my\\040host\n# created 1234567890\n# entries 12\n. ",
                  78) == 0);
    CHECK_INT(unlink(file), 0);
    CHECK_INT(import_text(out, len, imported, &error), 0);
    CHECK_MEM(imported, root, sizeof(root));
}

static void
a_text_that_is_not_whole_leaves_the_baseline_as_it_is(void)
{
    static char out[65536];
    uint8_t root[WIRE_HASH_SIZE], other[WIRE_HASH_SIZE];
    struct baseline_error error;

    write_all(root);
    size_t len = export_text(out, sizeof(out));
    for (size_t cut = 1; cut < len; cut++) {
        CHECK_INT(import_text(out, cut, other, &error), -EBADMSG);
        CHECK(strncmp(error.text, "line ", 5) == 0);
    }
    struct baseline b;
    CHECK_INT(baseline_load(&b, file, &error), 0);
    CHECK_MEM(b.root, root, sizeof(root));
    baseline_unload(&b);
}

static void
an_import_error_names_the_line(void)
{
    static const char head[] = "#mtree\n# tocsin baseline\n# host h\n# created 1\n# entries 2\n";
    static const char rest[] = " type=dir mode=0755 uid=0 gid=0 nlink=1 inode=1 time=0.000000000 "
                               "tags=ctime:0.000000000\n";
    static const struct {
        const char *first;
        const char *second;
        const char *third;
        const char *error;
    } cases[] = {
        { "./b", "./a", NULL, "line 7, column 1: a path that comes behind the one before is expected" },
        { "./b", "./b", NULL, "line 7, column 1: a path that comes behind the one before is expected" },
        { "./a", NULL, NULL, "line 7: 2 entries are expected, not 1" },
        { "./a", "./b", "./c", "line 9: 2 entries are expected, not 3" },
        { "./a", "./b ", NULL, "line 7, column 4: type= is expected" },
        { "./a", "\n", NULL, "line 7, column 1: . is expected" },
    };
    char what[1024];
    uint8_t root[WIRE_HASH_SIZE];
    struct baseline_error error;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const names[] = { cases[i].first, cases[i].second, cases[i].third };
        size_t len = (size_t)snprintf(what, sizeof(what), "%s", head);

        for (size_t k = 0; k < 3 && names[k] != NULL; k++) {
            len += (size_t)snprintf(what + len, sizeof(what) - len, "%s%s", names[k], rest);
        }
        CHECK_INT(import_text(what, len, root, &error), -EBADMSG);
        CHECK_STR(error.text, cases[i].error);
    }
    CHECK_INT(import_text("#mtree\n# tocsin baseline\n# host h x\n", 37, root, &error), -EBADMSG);
    CHECK_STR(error.text, "line 3, column 9: the end of the line is expected");
    CHECK_INT(import_text("#mtree\n./a type=file\n", 21, root, &error), -EBADMSG);
    CHECK_STR(error.text, "line 2, column 1: # tocsin baseline is expected");
}

int
main(void)
{
    char command[128];

    snprintf(dir, sizeof(dir), "/tmp/tocsin-text-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    snprintf(file, sizeof(file), "%s/" BASELINE_FILE, dir);
    CHECK_RUN(an_entry_is_one_line_of_mtree);
    CHECK_RUN(what_is_put_is_taken);
    CHECK_RUN(the_longest_entry_fits_its_line);
    CHECK_RUN(a_changed_or_cut_line_is_refused_or_means_what_it_says);
    CHECK_RUN(an_error_names_the_column_and_what_is_expected);
    CHECK_RUN(an_exported_baseline_is_imported_to_the_same_root);
    CHECK_RUN(a_text_that_is_not_whole_leaves_the_baseline_as_it_is);
    CHECK_RUN(an_import_error_names_the_line);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    if (system(command) != 0) {
        return 1;
    }
    return check_result();
}
