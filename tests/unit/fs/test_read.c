#include "ground.h"
#include "support/check.h"
#include "watch/fs_read.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static uint8_t buffer[FS_READ_CHUNK];
static struct wire_hasher hash;

/* Reads a file of the tree; `uncached` false is how a kernel without RWF_DONTCACHE does it. */
static enum fs_read_result
read_file(const char *name, bool uncached, struct fs_read *r)
{
    struct stat st;
    int dir = open(ground.tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum fs_read_result result = FS_READ_FAILED;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        result = fs_read_open(r, dir, name, &st);
        r->uncached = r->uncached && uncached;
        while (result == FS_READ_MORE) {
            result = fs_read_step(r, &hash, buffer);
        }
    }
    close(dir);
    return result;
}

static void
grow(const char *name, off_t size)
{
    int fd = open(ground_path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    CHECK(fd >= 0);
    CHECK_INT(ftruncate(fd, size), 0);
    close(fd);
}

static void
put(const char *name, off_t at, const void *bytes, size_t len)
{
    int fd = open(ground_path(name), O_WRONLY | O_CLOEXEC);

    CHECK_INT(pwrite(fd, bytes, len, at), (ssize_t)len);
    close(fd);
}

static unsigned
pages_cached(const char *name, size_t size)
{
    static uint8_t there[4096];
    unsigned count = 0;
    int fd = open(ground_path(name), O_RDONLY | O_CLOEXEC);
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

    CHECK(map != MAP_FAILED && size / 4096 <= sizeof(there) && mincore(map, size, there) == 0);
    for (size_t i = 0; i < size / 4096; i++) {
        count += there[i] & 1;
    }
    munmap(map, size);
    close(fd);
    return count;
}

static void
no_page_stays_in_the_cache_that_was_not_in_it(void)
{
    static uint8_t text[4 * MIB];
    struct fs_read r;
    uint8_t want[WIRE_HASH_SIZE];

    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (uint8_t)(i * 2654435761u >> 24);
    }
    wire_hash(text, sizeof(text), want);
    ground_open();
    grow("file", 0);
    put("file", 0, text, sizeof(text));
    for (int uncached = 0; uncached < 2; uncached++) {
        int fd = open(ground_path("file"), O_RDONLY | O_CLOEXEC);
        CHECK_INT(fsync(fd), 0);
        CHECK_INT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
        CHECK_INT(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
        CHECK_INT(pread(fd, text, 10000, MIB), 10000);
        close(fd);
        unsigned before = pages_cached("file", sizeof(text));
        CHECK_INT(read_file("file", uncached != 0, &r), FS_READ_DONE);
        CHECK_MEM(r.digest, want, sizeof(want));
        CHECK_INT(r.bytes, sizeof(text));
        CHECK_INT(pages_cached("file", sizeof(text)), before);
    }
}

static void
holes_of_a_huge_file_are_not_read(void)
{
    struct fs_read r = { .fd = -1 };

    ground_open();
    grow("lastlog", (off_t)1200 << 30);
    put("lastlog", (off_t)292 * 1000, "root", 4);
    put("lastlog", (off_t)1100 << 30, "someone", 7);
    alarm(60);
    CHECK_INT(read_file("lastlog", true, &r), FS_READ_DONE);
    alarm(0);
    CHECK(r.bytes < 4 * MIB);
}

static void
zeros_that_are_stored_and_holes_give_one_digest(void)
{
    static const uint8_t zeros[2 * FS_READ_BLOCK];
    struct fs_read with, without;
    off_t size = (off_t)FS_READ_BLOCKS_FROM + 12345;

    ground_open();
    grow("holes", size);
    grow("stored", size);
    put("holes", 500 * MIB, "x", 1);
    put("stored", 500 * MIB, "x", 1);
    put("stored", 3000, zeros, sizeof(zeros));
    put("stored", size - 100, zeros, 100);
    CHECK_INT(read_file("holes", true, &without), FS_READ_DONE);
    CHECK_INT(read_file("stored", true, &with), FS_READ_DONE);
    CHECK(with.bytes > without.bytes);
    CHECK_MEM(with.digest, without.digest, WIRE_HASH_SIZE);
}

static void
a_byte_elsewhere_or_another_length_is_another_digest(void)
{
    static const off_t at[] = { 0, FS_READ_BLOCK - 1, FS_READ_BLOCK, 700 * MIB, FS_READ_BLOCKS_FROM - 1 };
    struct fs_read r[sizeof(at) / sizeof(at[0]) + 1];
    size_t count = sizeof(at) / sizeof(at[0]);

    ground_open();
    for (size_t i = 0; i < count; i++) {
        unlink(ground_path("file"));
        grow("file", (off_t)FS_READ_BLOCKS_FROM);
        put("file", at[i], "x", 1);
        CHECK_INT(read_file("file", true, &r[i]), FS_READ_DONE);
    }
    grow("file", (off_t)FS_READ_BLOCKS_FROM + 1);
    CHECK_INT(read_file("file", true, &r[count]), FS_READ_DONE);
    for (size_t i = 0; i <= count; i++) {
        for (size_t k = 0; k < i; k++) {
            CHECK(memcmp(r[i].digest, r[k].digest, WIRE_HASH_SIZE) != 0);
        }
    }
}

static void
a_file_that_shrinks_while_it_is_read_has_changed(void)
{
    struct fs_read r;
    struct stat st;
    enum fs_read_result result = FS_READ_MORE;

    ground_open();
    for (int large = 0; large < 2; large++) {
        grow("file", large ? (off_t)FS_READ_BLOCKS_FROM : (off_t)(2 * MIB));
        put("file", 0, "x", 1);
        put("file", MIB, "x", 1);
        CHECK_INT(stat(ground_path("file"), &st), 0);
        CHECK_INT(fs_read_open(&r, AT_FDCWD, ground_path("file"), &st), FS_READ_MORE);
        CHECK_INT(fs_read_step(&r, &hash, buffer), FS_READ_MORE);
        grow("file", 1000);
        alarm(20);
        while ((result = fs_read_step(&r, &hash, buffer)) == FS_READ_MORE) {
        }
        alarm(0);
        CHECK_INT(result, FS_READ_CHANGED);
    }
}

int
main(void)
{
    CHECK_RUN(no_page_stays_in_the_cache_that_was_not_in_it);
    CHECK_RUN(holes_of_a_huge_file_are_not_read);
    CHECK_RUN(zeros_that_are_stored_and_holes_give_one_digest);
    CHECK_RUN(a_byte_elsewhere_or_another_length_is_another_digest);
    CHECK_RUN(a_file_that_shrinks_while_it_is_read_has_changed);
    ground_close();
    return check_result();
}
