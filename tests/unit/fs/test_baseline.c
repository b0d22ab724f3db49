#include "support/check.h"
#include "watch/baseline.h"
#include "watch/baseline_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static char file[96];
static struct baseline_writer writer;
static uint8_t bytes[65536];
static size_t size;

static void
entry(struct baseline_entry *e, const char *path, enum baseline_type type)
{
    *e = (struct baseline_entry){ .path = (const uint8_t *)path,
        .path_len = (uint16_t)strlen(path),
        .type = (uint8_t)type,
        .mode = 0640,
        .uid = 1000,
        .gid = 4000000000u,
        .size = 0x123456789AULL,
        .mtime_ns = -5 };
    memset(e->digest, 0xC3, sizeof(e->digest));
    if (type == BASELINE_LINK) {
        e->link = (const uint8_t *)"../target";
        e->link_len = 9;
    }
}

/* A baseline of `count` files, dirs and links in order, into the file and into bytes[]. */
static void
write_some(unsigned count)
{
    uint8_t root[WIRE_HASH_SIZE];
    struct baseline_entry e;
    char path[32];

    CHECK_INT(baseline_write_begin(&writer, dir, 1234567890), 0);
    for (unsigned i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "/some/name%05u", i * 2);
        entry(&e, path, (enum baseline_type)(i % 3));
        e.own = i % 5 == 0;
        CHECK_INT(baseline_write_entry(&writer, &e), 0);
    }
    CHECK_INT(baseline_write_end(&writer, root), 0);
    int fd = open(file, O_RDONLY);
    ssize_t n = read(fd, bytes, sizeof(bytes));
    close(fd);
    size = n > 0 ? (size_t)n : 0;
    CHECK_MEM(root, bytes + size - WIRE_HASH_SIZE, WIRE_HASH_SIZE);
}

static void
put_le(uint8_t *at, uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static void
seal(void)
{
    wire_hash(bytes, size - WIRE_HASH_SIZE, bytes + size - WIRE_HASH_SIZE);
}

static bool
parses(void)
{
    struct baseline b;
    struct baseline_error error = { "" };
    bool good = baseline_parse(&b, bytes, size, &error);

    CHECK(good == (error.text[0] == '\0'));
    return good;
}

static void
what_is_written_is_read_again(void)
{
    struct baseline b;
    struct baseline_error error;
    struct baseline_iter it;
    struct baseline_entry e, want;
    char path[32];

    write_some(100);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    CHECK_INT(b.count, 100);
    CHECK_INT(b.created_s, 1234567890);
    baseline_seek(&it, &b, (const uint8_t *)"/", 1);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(path, sizeof(path), "/some/name%05u", i * 2);
        entry(&want, path, (enum baseline_type)(i % 3));
        CHECK(baseline_next(&it, &e));
        CHECK_INT(e.path_len, want.path_len);
        CHECK_MEM(e.path, path, want.path_len);
        CHECK_INT(e.type, want.type);
        CHECK_INT(e.mode, want.mode);
        CHECK_INT(e.uid, want.uid);
        CHECK_INT(e.gid, want.gid);
        CHECK_INT(e.size, want.size);
        CHECK_INT(e.mtime_ns, want.mtime_ns);
        CHECK_INT(e.own, i % 5 == 0);
        CHECK_INT(e.link_len, want.link_len);
        if (baseline_has_digest(&e)) {
            CHECK_MEM(e.digest, want.digest, WIRE_HASH_SIZE);
        }
    }
    CHECK(!baseline_next(&it, &e));
    baseline_unload(&b);
}

static void
every_entry_is_found_and_nothing_else(void)
{
    struct baseline b;
    struct baseline_error error;
    struct baseline_iter it;
    struct baseline_entry e;
    char path[32];

    for (unsigned count = 0; count < 70; count++) {
        write_some(count);
        CHECK(baseline_parse(&b, bytes, size, &error));
        for (unsigned i = 0; i <= 2 * count; i++) {
            size_t len = (size_t)snprintf(path, sizeof(path), "/some/name%05u", i);
            CHECK_INT(baseline_find(&b, (uint8_t *)path, len, &e), i % 2 == 0 && i < 2 * count);
            baseline_seek(&it, &b, (uint8_t *)path, len);
            bool next = baseline_next(&it, &e);
            CHECK_INT(next, i + 1 < 2 * count);
            if (next) {
                CHECK_INT(strtoul((const char *)e.path + 10, NULL, 10) / 2, (i + 1) / 2);
            }
        }
    }
}

static void
no_flipped_bit_is_believed(void)
{
    write_some(20);
    CHECK(parses());
    for (size_t i = 0; i < size * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        CHECK(!parses());
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    CHECK(parses());
}

static void
no_truncated_file_is_believed(void)
{
    struct baseline b;
    struct baseline_error error;

    write_some(20);
    for (size_t whole = size; size > 0;) {
        size--;
        CHECK(!parses());
        CHECK_INT(truncate(file, (off_t)size), 0);
        CHECK_INT(baseline_load(&b, file, &error), -EBADMSG);
        CHECK(size < whole);
    }
}

static void
a_longer_file_is_not_believed(void)
{
    write_some(20);
    size++;
    CHECK(!parses());
}

static void
another_version_is_refused_by_its_number(void)
{
    struct baseline b;
    struct baseline_error error;

    write_some(3);
    put_le(bytes + 8, BASELINE_VERSION + 1, 4);
    seal();
    CHECK(!baseline_parse(&b, bytes, size, &error));
    CHECK_STR(error.text, "version 2 at offset 8; this program reads version 1");
}

static void
a_foreign_file_is_refused_as_such(void)
{
    struct baseline b;
    struct baseline_error error;

    CHECK(!baseline_parse(&b, "hello, this is no baseline but a text of some length", 52, &error));
    CHECK(strncmp(error.text, "not a baseline", 14) == 0);
    CHECK_INT(baseline_load(&b, "/dev/null", &error), -EBADMSG);
    CHECK_INT(baseline_load(&b, "/nonexistent/baseline", &error), -ENOENT);
    CHECK_INT(baseline_load(&b, dir, &error), -EBADMSG);
}

/* Sealed anew after each change, so that the digest cannot be what refuses. */
static void
a_sealed_lie_about_structure_is_refused_with_its_place(void)
{
    struct baseline b;
    struct baseline_error error;
    const struct {
        size_t at;
        uint8_t value;
    } lies[] = {
        { 12, 1 },                    /* reserved */
        { BASELINE_HEADER + 0, 255 }, /* longer path */
        { BASELINE_HEADER + 2, 1 },   /* a file with a link target */
        { BASELINE_HEADER + 4, 7 },   /* type */
        { BASELINE_HEADER + 5, 3 },   /* state */
        { BASELINE_HEADER + 7, 0xFF } /* mode */
    };

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        write_some(40);
        bytes[lies[i].at] = lies[i].value;
        seal();
        error.text[0] = '\0';
        CHECK(!baseline_parse(&b, bytes, size, &error));
        CHECK(strstr(error.text, "offset") != NULL);
    }
    for (size_t i = 0; i < 16; i++) { /* count and end of the entries */
        write_some(40);
        bytes[size - BASELINE_FOOTER + i] ^= 1;
        seal();
        CHECK(!parses());
    }
    for (size_t i = 0; i < 3; i++) { /* each slot of the index */
        write_some(40);
        bytes[size - BASELINE_FOOTER - 8 * (i + 1)] ^= 1;
        seal();
        CHECK(!parses());
    }
}

static void
entries_out_of_order_are_neither_written_nor_read(void)
{
    uint8_t root[WIRE_HASH_SIZE];
    struct baseline_entry e;

    CHECK_INT(baseline_write_begin(&writer, dir, 0), 0);
    entry(&e, "/b", BASELINE_DIR);
    CHECK_INT(baseline_write_entry(&writer, &e), 0);
    CHECK_INT(baseline_write_entry(&writer, &e), -EINVAL);
    CHECK_INT(baseline_write_end(&writer, root), -EINVAL);
    write_some(2);
    /* The two names differ in their last byte only. */
    bytes[BASELINE_HEADER + BASELINE_ENTRY + 32 + 14] = '9';
    seal();
    CHECK(!parses());
}

static void
only_plain_absolute_paths_are_taken(void)
{
    const char *bad[] = { "", "a", "//", "/a/", "/a//b", "/.", "/..", "/a/./b", "/a/../b", "/a/.." };
    const char *good[] = { "/", "/a", "/.a", "/..a", "/a/...", "/a/b." };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!baseline_path_valid((const uint8_t *)bad[i], strlen(bad[i])));
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK(baseline_path_valid((const uint8_t *)good[i], strlen(good[i])));
    }
    CHECK(!baseline_path_valid((const uint8_t *)"/a\0b", 4));
}

static void
a_directory_is_followed_by_what_is_in_it(void)
{
    const char *sorted[] = { "/", "/a", "/a/b", "/a/b/c", "/a/b\x01", "/a\x01", "/a!", "/a-b", "/a-b/c",
        "/a0", "/a\xFF", "/b" };

    for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
        for (size_t k = 0; k < sizeof(sorted) / sizeof(sorted[0]); k++) {
            int order = baseline_order((const uint8_t *)sorted[i], strlen(sorted[i]),
                    (const uint8_t *)sorted[k], strlen(sorted[k]));

            CHECK_INT((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
}

static void
a_failed_write_leaves_the_old_baseline(void)
{
    uint8_t root[WIRE_HASH_SIZE];
    struct baseline b;
    struct baseline_error error;
    struct baseline_entry e;

    write_some(7);
    CHECK_INT(baseline_write_begin(&writer, dir, 0), 0);
    entry(&e, "/x", BASELINE_DIR);
    baseline_write_entry(&writer, &e);
    close(writer.fd); /* as if the disk failed */
    writer.fd = open("/dev/full", O_WRONLY);
    CHECK_INT(baseline_write_end(&writer, root), -ENOSPC);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    CHECK_INT(b.count, 7);
    baseline_unload(&b);
    CHECK_INT(access(writer.name, F_OK), -1);
}

static void
a_change_of_the_file_does_not_reach_the_loaded_copy(void)
{
    struct baseline b;
    struct baseline_error error;
    struct baseline_entry e;

    write_some(50);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    CHECK_INT(truncate(file, 0), 0);
    CHECK(baseline_find(&b, (const uint8_t *)"/some/name00098", 15, &e));
    baseline_rest(&b);
    CHECK(baseline_find(&b, (const uint8_t *)"/some/name00098", 15, &e));
    baseline_unload(&b);
}

int
main(void)
{
    char command[128];

    snprintf(dir, sizeof(dir), "/tmp/tocsin-baseline-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    snprintf(file, sizeof(file), "%s/" BASELINE_FILE, dir);
    CHECK_RUN(what_is_written_is_read_again);
    CHECK_RUN(every_entry_is_found_and_nothing_else);
    CHECK_RUN(no_flipped_bit_is_believed);
    CHECK_RUN(no_truncated_file_is_believed);
    CHECK_RUN(a_longer_file_is_not_believed);
    CHECK_RUN(another_version_is_refused_by_its_number);
    CHECK_RUN(a_foreign_file_is_refused_as_such);
    CHECK_RUN(a_sealed_lie_about_structure_is_refused_with_its_place);
    CHECK_RUN(entries_out_of_order_are_neither_written_nor_read);
    CHECK_RUN(only_plain_absolute_paths_are_taken);
    CHECK_RUN(a_directory_is_followed_by_what_is_in_it);
    CHECK_RUN(a_failed_write_leaves_the_old_baseline);
    CHECK_RUN(a_change_of_the_file_does_not_reach_the_loaded_copy);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    if (system(command) != 0) {
        return 1;
    }
    return check_result();
}
