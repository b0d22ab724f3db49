#include "support/check.h"
#include "watch/baseline.h"
#include "watch/baseline_format.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOME 2400 /* entries, in a few blocks */

static char dir[64];
static char file[96];
static struct baseline_writer writer;
static struct baseline_iter iter, other;
static uint8_t bytes[1 << 20];
static size_t size;

/* user.a=x and user.b, too long to be kept */
static const uint8_t xattrs[] = "\6user.a\0\1\0x"
                                "\6user.b\1\40\0ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/* The number-th of a family that has everything in it. */
static void
entry(struct baseline_entry *e, unsigned number)
{
    static char path[32];

    memset(e, 0, sizeof(*e));
    e->path = (const uint8_t *)path;
    e->path_len = (uint16_t)snprintf(path, sizeof(path), "/some/name%05u", number * 2);
    e->type = (uint8_t)(number % BASELINE_TYPES);
    e->state = number % 11 == 0 ? BASELINE_UNREAD : number % 13 == 0 ? BASELINE_UNSTABLE : BASELINE_READ;
    e->own = number == 3;
    e->mode = (uint16_t)(number % 5 == 0 ? 04755 : 0644);
    e->uid = number % 3 == 0 ? 4000000000u : 0;
    e->gid = number % 7;
    e->nlink = number % 17 == 0 ? UINT32_MAX : 1;
    e->flags = number % 19 == 0 ? 0x10u : 0;
    e->ino = number % 23 == 0 ? UINT64_MAX - number : 1000 + number;
    e->size = baseline_has_size(e) ? (uint64_t)number * 1234567 : 0;
    e->mtime_ns = number % 29 == 0 ? INT64_MIN + number : (int64_t)number / 4 * 1000000000;
    e->ctime_ns = number % 31 == 0 ? INT64_MAX : number % 2 == 0 ? e->mtime_ns : (int64_t)number * 77777;
    if (baseline_has_digest(e)) {
        memset(e->digest, (int)(number & 0xFF), sizeof(e->digest));
    }
    if (e->type == BASELINE_LINK) {
        e->link = (const uint8_t *)"../target";
        e->link_len = (uint16_t)(number % 10);
    }
    if (number % 37 == 0) {
        e->xattrs = xattrs;
        e->xattrs_len = sizeof(xattrs) - 1;
    }
}

static bool
same(const struct baseline_entry *a, const struct baseline_entry *b)
{
    return a->path_len == b->path_len && memcmp(a->path, b->path, a->path_len) == 0 && a->type == b->type &&
           a->state == b->state && a->own == b->own && a->mode == b->mode && a->uid == b->uid &&
           a->gid == b->gid && a->nlink == b->nlink && a->flags == b->flags && a->ino == b->ino &&
           a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
           memcmp(a->digest, b->digest, sizeof(a->digest)) == 0 && a->link_len == b->link_len &&
           (a->link_len == 0 || memcmp(a->link, b->link, a->link_len) == 0) &&
           a->xattrs_len == b->xattrs_len &&
           (a->xattrs_len == 0 || memcmp(a->xattrs, b->xattrs, a->xattrs_len) == 0);
}

static bool
is_entry(const struct baseline_entry *e, unsigned number)
{
    struct baseline_entry want;

    entry(&want, number);
    return same(e, &want);
}

/* The number of an entry of the family, by its path alone. */
static unsigned
number_of(const struct baseline_entry *e)
{
    char digits[6] = "";

    CHECK_INT(e->path_len, 15);
    memcpy(digits, e->path + 10, 5);
    return (unsigned)strtoul(digits, NULL, 10) / 2;
}

static void
take_file(void)
{
    int fd = open(file, O_RDONLY);
    ssize_t n = read(fd, bytes, sizeof(bytes));

    close(fd);
    size = n > 0 ? (size_t)n : 0;
}

static void
put_file(void)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK_INT(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

/* A baseline of `count` of the family, into the file and into bytes[]. */
static void
write_some(unsigned count)
{
    uint8_t root[WIRE_HASH_SIZE];
    struct baseline_entry e;

    CHECK_INT(baseline_write_begin(&writer, dir, "lab", 1234567890), 0);
    for (unsigned i = 0; i < count; i++) {
        entry(&e, i);
        CHECK_INT(baseline_write_entry(&writer, &e), 0);
    }
    CHECK_INT(baseline_write_end(&writer, root), 0);
    take_file();
    CHECK_MEM(root, bytes + size - WIRE_HASH_SIZE, WIRE_HASH_SIZE);
}

static uint64_t
get_le(const uint8_t *at, unsigned n)
{
    struct fs_bytes c = { .at = at, .end = at + n };

    return take_le(&c, n);
}

static size_t
index_at(void)
{
    return (size_t)get_le(bytes + size - BASELINE_FOOTER + 8, 8);
}

static uint32_t
blocks(void)
{
    return (uint32_t)get_le(bytes + size - BASELINE_FOOTER + 16, 4);
}

static uint8_t *
record(uint32_t block)
{
    return bytes + index_at() + (size_t)block * BASELINE_RECORD;
}

/* Makes the digests fit again what was changed, as someone would who may write the file. */
static void
seal(void)
{
    struct wire_hasher hash;

    for (uint32_t i = 0; i < blocks(); i++) {
        wire_hash(bytes + get_le(record(i), 8), get_le(record(i) + 8, 4), record(i) + 24);
    }
    wire_hash_init(&hash);
    wire_hash_update(&hash, bytes, BASELINE_HEADER);
    wire_hash_update(&hash, bytes + index_at(), size - WIRE_HASH_SIZE - index_at());
    wire_hash_final(&hash, bytes + size - WIRE_HASH_SIZE);
}

static void
reseal_root(void)
{
    struct wire_hasher hash;

    wire_hash_init(&hash);
    wire_hash_update(&hash, bytes, BASELINE_HEADER);
    wire_hash_update(&hash, bytes + index_at(), size - WIRE_HASH_SIZE - index_at());
    wire_hash_final(&hash, bytes + size - WIRE_HASH_SIZE);
}

static bool
loads(void)
{
    struct baseline b;
    struct baseline_error error = { "" };

    put_file();
    bool good = baseline_load(&b, file, &error) == 0;
    CHECK(good == (error.text[0] == '\0'));
    if (good) {
        baseline_unload(&b);
    }
    return good;
}

/*
 * Goes through all of a loaded baseline of `count` of the family: everything that is given is right, and what
 * is not given is in a gap. Returns how many gaps.
 */
static unsigned
gaps_in(const struct baseline *b, unsigned count)
{
    struct baseline_entry e;
    enum baseline_step step;
    unsigned next = 0, gaps = 0;

    baseline_seek(&iter, b, (const uint8_t *)"/", 1);
    while ((step = baseline_next(&iter, &e)) != BASELINE_END) {
        if (step == BASELINE_GAP) {
            gaps++;
            CHECK(strstr(iter.gap.error.text, "offset") != NULL);
            if (iter.gap.until == NULL) {
                next = count;
                continue;
            }
            entry(&e, 0);
            e.path = iter.gap.until;
            next = number_of(&e);
            continue;
        }
        CHECK_INT(number_of(&e), next);
        CHECK(is_entry(&e, next));
        next++;
    }
    CHECK_INT(next, count);
    return gaps;
}

static void
what_is_written_is_read_again(void)
{
    struct baseline b;
    struct baseline_error error;

    write_some(SOME);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    CHECK_INT(b.count, SOME);
    CHECK_INT(b.created_s, 1234567890);
    CHECK_STR(b.host, "lab");
    CHECK(b.blocks > 1);
    CHECK_INT(b.size, size);
    CHECK_INT(gaps_in(&b, SOME), 0);
    for (uint32_t i = 0; i < b.blocks; i++) {
        CHECK(baseline_verify(&b, i, &error));
    }
    baseline_unload(&b);
    CHECK(!baseline_loaded(&b));
}

static void
the_same_entries_have_the_same_root(void)
{
    uint8_t before[WIRE_HASH_SIZE];

    write_some(SOME);
    memcpy(before, bytes + size - WIRE_HASH_SIZE, sizeof(before));
    write_some(SOME);
    CHECK_MEM(before, bytes + size - WIRE_HASH_SIZE, sizeof(before));
    write_some(SOME - 1);
    CHECK(memcmp(before, bytes + size - WIRE_HASH_SIZE, sizeof(before)) != 0);
}

/* Another root here is another format: it needs another version. */
static void
the_bytes_of_a_version_stay_as_they_are(void)
{
    char root[2 * WIRE_HASH_SIZE + 1];

    write_some(SOME);
    for (unsigned i = 0; i < WIRE_HASH_SIZE; i++) {
        snprintf(root + (size_t)i * 2, 3, "%02x", bytes[size - WIRE_HASH_SIZE + i]);
    }
    CHECK_INT(BASELINE_VERSION, 3);
    CHECK_STR(root, "df82b7eccb41e8f68b35e26d7b9bead0b66897d193d979b1d0a34900a9fb7e4f");
}

static void
entries_as_long_as_they_can_be_are_kept(void)
{
    static uint8_t path[BASELINE_PATH_MAX], link[BASELINE_LINK_MAX], list[BASELINE_XATTRS_MAX];
    struct baseline_entry e, want = { .type = BASELINE_LINK, .mode = 07777 };
    struct baseline b;
    struct baseline_error error;
    uint8_t root[WIRE_HASH_SIZE];
    size_t used = 0;

    memset(link, 'l', sizeof(link));
    memset(path, 'p', sizeof(path));
    for (unsigned i = 0; used + 4 + 2 + BASELINE_XATTR_WHOLE <= sizeof(list); i++) {
        list[used++] = 2;
        list[used++] = (uint8_t)(i / 250 + 1);
        list[used++] = (uint8_t)(i % 250 + 1);
        list[used++] = 0;
        list[used++] = 0;
        list[used++] = 1; /* 256 */
        memset(list + used, 0xFF, BASELINE_XATTR_WHOLE);
        used += BASELINE_XATTR_WHOLE;
    }
    want.path = path;
    want.path_len = sizeof(path);
    want.link = link;
    want.link_len = sizeof(link);
    want.xattrs = list;
    want.xattrs_len = (uint16_t)used;
    want.uid = want.gid = want.nlink = want.flags = UINT32_MAX;
    want.ino = UINT64_MAX;
    want.mtime_ns = INT64_MIN;
    want.ctime_ns = INT64_MAX;
    CHECK_INT(baseline_write_begin(&writer, dir, "", 0), 0);
    for (unsigned i = 0; i < 3; i++) {
        path[0] = '/';
        path[1] = (uint8_t)('a' + i);
        CHECK_INT(baseline_write_entry(&writer, &want), 0);
    }
    CHECK_INT(baseline_write_end(&writer, root), 0);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    CHECK_INT(b.blocks, 3);
    baseline_seek(&iter, &b, (const uint8_t *)"/", 1);
    for (unsigned i = 0; i < 3; i++) {
        path[1] = (uint8_t)('a' + i);
        CHECK_INT(baseline_next(&iter, &e), BASELINE_ENTRY);
        CHECK(same(&e, &want));
        CHECK_INT(baseline_find(&other, &b, path, sizeof(path), &e), BASELINE_ENTRY);
        CHECK(same(&e, &want));
    }
    CHECK_INT(baseline_next(&iter, &e), BASELINE_END);
    baseline_unload(&b);
}

static void
more_classes_than_a_block_names_are_kept(void)
{
    struct baseline b;
    struct baseline_error error;
    struct baseline_entry e;
    uint8_t root[WIRE_HASH_SIZE];
    char path[16];

    CHECK_INT(baseline_write_begin(&writer, dir, "", 0), 0);
    for (unsigned i = 0; i < 600; i++) {
        snprintf(path, sizeof(path), "/%03u", i);
        e = (struct baseline_entry){
            .path = (const uint8_t *)path, .path_len = 4, .type = BASELINE_FIFO, .uid = i / 2
        };
        CHECK_INT(baseline_write_entry(&writer, &e), 0);
    }
    CHECK_INT(baseline_write_end(&writer, root), 0);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    CHECK_INT(b.blocks, 1);
    baseline_seek(&iter, &b, (const uint8_t *)"/", 1);
    for (unsigned i = 0; i < 600; i++) {
        CHECK_INT(baseline_next(&iter, &e), BASELINE_ENTRY);
        CHECK_INT(e.uid, i / 2);
    }
    baseline_unload(&b);
}

static void
every_entry_is_found_and_nothing_else(void)
{
    struct baseline b;
    struct baseline_error error;
    struct baseline_entry e;
    char path[32];

    for (unsigned count = 0; count < SOME; count += count < 4 ? 1 : 232) {
        write_some(count);
        CHECK_INT(baseline_load(&b, file, &error), 0);
        for (unsigned i = 0; i <= 2 * count; i++) {
            size_t len = (size_t)snprintf(path, sizeof(path), "/some/name%05u", i);
            bool there = i % 2 == 0 && i < 2 * count;

            CHECK_INT(baseline_find(&other, &b, (uint8_t *)path, len, &e),
                    there ? BASELINE_ENTRY : BASELINE_END);
            CHECK(!there || is_entry(&e, i / 2));
            baseline_seek(&iter, &b, (uint8_t *)path, len);
            enum baseline_step next = baseline_next(&iter, &e);
            CHECK_INT(next, i + 1 < 2 * count ? BASELINE_ENTRY : BASELINE_END);
            if (next == BASELINE_ENTRY) {
                CHECK_INT(number_of(&e), (i + 1) / 2);
            }
        }
        baseline_unload(&b);
    }
}

static void
a_look_ahead_does_not_go_on(void)
{
    struct baseline b;
    struct baseline_error error;
    struct baseline_entry e;

    write_some(SOME);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    baseline_seek(&iter, &b, (const uint8_t *)"/", 1);
    for (unsigned i = 0; i < SOME; i++) {
        CHECK_INT(baseline_peek(&iter, &e), BASELINE_ENTRY);
        CHECK(is_entry(&e, i));
        CHECK_INT(baseline_peek(&iter, &e), BASELINE_ENTRY);
        CHECK(is_entry(&e, i));
        CHECK_INT(baseline_next(&iter, &e), BASELINE_ENTRY);
        CHECK(is_entry(&e, i));
    }
    CHECK_INT(baseline_peek(&iter, &e), BASELINE_END);
    CHECK_INT(baseline_next(&iter, &e), BASELINE_END);
    baseline_unload(&b);
}

static void
an_iterator_serves_one_baseline_after_the_other(void)
{
    struct baseline b;
    struct baseline_error error;
    struct baseline_entry e;
    uint8_t root[WIRE_HASH_SIZE];

    write_some(1);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    CHECK_INT(baseline_find(&iter, &b, (const uint8_t *)"/some/name00000", 15, &e), BASELINE_ENTRY);
    baseline_unload(&b);
    CHECK_INT(baseline_find(&iter, &b, (const uint8_t *)"/some/name00000", 15, &e), BASELINE_END);
    CHECK_INT(baseline_write_begin(&writer, dir, "lab", 0), 0);
    entry(&e, 0);
    e.mode = 01111;
    CHECK_INT(baseline_write_entry(&writer, &e), 0);
    CHECK_INT(baseline_write_end(&writer, root), 0);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    CHECK_INT(baseline_find(&iter, &b, (const uint8_t *)"/some/name00000", 15, &e), BASELINE_ENTRY);
    CHECK_INT(e.mode, 01111);
    baseline_unload(&b);
}

static void
own_entries_are_found_without_reading_the_others(void)
{
    struct baseline b;
    struct baseline_error error;
    struct baseline_entry e;

    write_some(SOME);
    bytes[get_le(record(blocks() - 1), 8)] ^= 1; /* a block that has none and cannot be read */
    put_file();
    CHECK_INT(baseline_load(&b, file, &error), 0);
    baseline_seek(&iter, &b, (const uint8_t *)"/", 1);
    CHECK_INT(baseline_next_own(&iter, &e), BASELINE_ENTRY);
    CHECK_INT(number_of(&e), 3);
    CHECK_INT(baseline_next_own(&iter, &e), BASELINE_END);
    /* What was passed over is not mistaken for what was read. */
    CHECK_INT(baseline_find(&iter, &b, (const uint8_t *)"/some/name04798", 15, &e), BASELINE_GAP);
    CHECK_INT(baseline_find(&iter, &b, (const uint8_t *)"/some/name00000", 15, &e), BASELINE_ENTRY);
    CHECK(is_entry(&e, 0));
    baseline_unload(&b);
    write_some(SOME);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    baseline_seek(&iter, &b, (const uint8_t *)"/", 1);
    while (baseline_next_own(&iter, &e) == BASELINE_ENTRY) {
    }
    CHECK_INT(baseline_find(&iter, &b, (const uint8_t *)"/some/name04798", 15, &e), BASELINE_ENTRY);
    CHECK(is_entry(&e, SOME - 1));
    baseline_unload(&b);
}

/* ---- what is not believed ---- */

/* One bit of a byte is another; returns whether the file is refused. If not, a single gap may be all. */
static bool
flipped_is_refused(size_t at, unsigned bit, unsigned count)
{
    struct baseline b;
    struct baseline_error error;

    uint8_t flipped = bytes[at] ^ (uint8_t)(1u << bit);
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    CHECK_INT(pwrite(fd, &flipped, 1, (off_t)at), 1);
    bool refused = baseline_load(&b, file, &error) < 0;
    if (!refused) {
        CHECK_INT(gaps_in(&b, count), 1);
        baseline_unload(&b);
    }
    CHECK_INT(pwrite(fd, &bytes[at], 1, (off_t)at), 1);
    close(fd);
    return refused;
}

static void
a_flipped_bit_is_refused_or_told_and_never_a_wrong_entry(void)
{
    write_some(12);
    for (size_t i = 0; i < 8 * size; i++) {
        bool in_block = i / 8 >= BASELINE_HEADER && i / 8 < index_at();

        CHECK_INT(flipped_is_refused(i / 8, i % 8, 12), !in_block);
    }
    write_some(SOME); /* of many blocks, a byte here and there */
    for (size_t i = 0; i < size; i += 61) {
        bool in_block = i >= BASELINE_HEADER && i < index_at();

        CHECK_INT(flipped_is_refused(i, i % 8, SOME), !in_block);
    }
}

static void
no_truncated_file_is_believed(void)
{
    write_some(20);
    for (; size > 0;) {
        size--;
        CHECK(!loads());
    }
}

static void
a_file_that_is_cut_while_it_is_used_gives_nothing_wrong(void)
{
    struct baseline b;
    struct baseline_error error;

    write_some(SOME);
    for (size_t len = 0; len < size; len += len % 97 + 1) {
        put_file();
        CHECK_INT(baseline_load(&b, file, &error), 0);
        CHECK_INT(truncate(file, (off_t)len), 0);
        unsigned gaps = gaps_in(&b, SOME);
        CHECK(gaps <= b.blocks);
        CHECK(len >= index_at() || gaps > 0);
        baseline_unload(&b);
    }
}

static void
a_longer_file_is_not_believed(void)
{
    write_some(20);
    bytes[size++] = 0;
    CHECK(!loads());
}

static void
another_version_is_refused_by_its_number(void)
{
    struct baseline b;
    struct baseline_error error;

    write_some(3);
    bytes[8] = 1;
    put_file();
    CHECK_INT(baseline_load(&b, file, &error), -EBADMSG);
    CHECK_STR(error.text, "version 1 at offset 8; this program reads version 3: make it anew with `tocsin "
                          "baseline build --force`");
    bytes[8] = 4;
    put_file();
    CHECK_INT(baseline_load(&b, file, &error), -EBADMSG);
    CHECK_STR(error.text, "version 4 at offset 8; this program reads version 3");
}

static void
a_foreign_file_is_refused_as_such(void)
{
    struct baseline b;
    struct baseline_error error;

    size = (size_t)snprintf((char *)bytes, sizeof(bytes), "hello, this is no baseline");
    put_file();
    CHECK_INT(baseline_load(&b, file, &error), -EBADMSG);
    CHECK(strncmp(error.text, "not a baseline", 14) == 0);
    write_some(3);
    memcpy(bytes, "TOCSINBL\2", 9);
    put_file();
    CHECK_INT(baseline_load(&b, file, &error), -EBADMSG);
    CHECK_STR(error.text, "not a baseline, or one of before version 3: `tocsin baseline build --force` makes "
                          "it anew");
    CHECK_INT(baseline_load(&b, "/dev/null", &error), -EBADMSG);
    CHECK_INT(baseline_load(&b, "/nonexistent/baseline", &error), -ENOENT);
    CHECK_INT(baseline_load(&b, dir, &error), -EBADMSG);
}

/* With a root that fits, so that it cannot be what refuses. */
static void
a_sealed_lie_in_the_index_is_refused_with_its_place(void)
{
    struct baseline b;
    struct baseline_error error;
    const size_t footer[] = { 0, 8, 16, 20 }; /* entries, index, blocks, zero */

    for (size_t i = 0; i < 24 + 2; i++) { /* each byte of a record but its flags and digest */
        write_some(SOME);
        if (i < 22) {
            record(1)[i] ^= 1;
        } else {
            bytes[size - BASELINE_FOOTER + footer[i - 22]] ^= 1;
        }
        if (index_at() < size) {
            reseal_root();
        }
        put_file();
        error.text[0] = '\0';
        CHECK_INT(baseline_load(&b, file, &error), -EBADMSG);
        CHECK(strstr(error.text, "offset") != NULL);
    }
    write_some(SOME);
    bytes[12] = 1;
    seal();
    CHECK(!loads());
}

/* The blocks' digests fit as well: what refuses is the entry itself. */
static void
a_sealed_lie_in_an_entry_is_a_gap_with_its_place(void)
{
    struct baseline b;
    struct baseline_error error;
    struct baseline_entry e;
    const struct {
        size_t at; /* behind the path of the first entry */
        uint8_t value;
    } lies[] = {
        { 0, 9 },    /* a class that is not defined */
        { 1, 7 },    /* type */
        { 2, 4 },    /* state */
        { 4, 0x7F }, /* mode */
    };

    write_some(2);
    CHECK_INT(bytes[BASELINE_HEADER], 0);
    CHECK_INT(bytes[BASELINE_HEADER + 1], 15);
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        write_some(2);
        bytes[BASELINE_HEADER + 2 + 15 + lies[i].at] = lies[i].value;
        seal();
        put_file();
        CHECK_INT(baseline_load(&b, file, &error), 0);
        CHECK_INT(baseline_find(&iter, &b, (const uint8_t *)"/some/name00000", 15, &e), BASELINE_GAP);
        CHECK(strncmp(iter.gap.error.text, "damaged at offset ", 18) == 0);
        baseline_unload(&b);
    }
    for (size_t i = BASELINE_HEADER; i < index_at(); i++) { /* whatever is in them, nothing is out of order */
        struct baseline_entry last = { .path_len = 0 };
        static uint8_t path[BASELINE_PATH_MAX];

        write_some(20);
        bytes[i] ^= 1;
        seal();
        put_file();
        CHECK_INT(baseline_load(&b, file, &error), 0);
        baseline_seek(&iter, &b, (const uint8_t *)"/", 1);
        while (baseline_next(&iter, &e) == BASELINE_ENTRY) {
            CHECK(last.path_len == 0 || baseline_order(path, last.path_len, e.path, e.path_len) < 0);
            CHECK(baseline_entry_fault(&e) == NULL);
            last = e;
            memcpy(path, e.path, e.path_len);
        }
        baseline_unload(&b);
    }
}

static void
what_is_not_well_formed_is_not_written(void)
{
    uint8_t root[WIRE_HASH_SIZE];
    struct baseline_entry e;

    for (unsigned i = 0; i < 7; i++) {
        CHECK_INT(baseline_write_begin(&writer, dir, "", 0), 0);
        entry(&e, 1);
        CHECK_INT(baseline_write_entry(&writer, &e), 0);
        entry(&e, i == 0 ? 1 : 2); /* twice the same; the second of them is a link */
        e.type = i == 1 ? BASELINE_TYPES : i == 2 ? BASELINE_DIR : e.type;
        e.state = i == 3 ? BASELINE_STATES : e.state;
        e.mode = i == 4 ? 010000 : e.mode;
        e.size = i == 5 ? 1 : e.size;
        e.xattrs = xattrs;
        e.xattrs_len = i == 6 ? 5 : 0;
        CHECK_INT(baseline_write_entry(&writer, &e), -EINVAL);
        CHECK_INT(baseline_write_end(&writer, root), -EINVAL);
    }
}

static void
extended_attributes_have_one_form(void)
{
    const struct {
        const char *list;
        size_t len;
        bool valid;
    } cases[] = {
        { "", 0, true },
        { "\1a\0\0\0", 5, true },
        { "\1a\0\0\0\1b\0\0\0", 10, true },
        { "\1a\0\0\0\2aa\0\0\0", 11, true },
        { "\1b\0\0\0\1a\0\0\0", 10, false }, /* order */
        { "\1a\0\0\0\1a\0\0\0", 10, false }, /* twice */
        { "\2aa\0\0\0\1a\0\0\0", 11, false },
        { "\0\0\0\0", 4, false },   /* no name */
        { "\1\0\0\0\0", 5, false }, /* NUL */
        { "\1a\2\0\0", 5, true },   /* unreadable */
        { "\1a\2\1\0x", 6, false },
        { "\1a\3\0\0", 5, false },  /* kind */
        { "\1a\1\1\0x", 6, false }, /* no digest */
        { "\1a\0\2\0x", 6, false }, /* too short */
        { "\1a\0\1\1", 5, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_INT(baseline_xattrs_valid((const uint8_t *)cases[i].list, cases[i].len), cases[i].valid);
    }
    CHECK(baseline_xattrs_valid(xattrs, sizeof(xattrs) - 1));
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
    /* What is known to be well formed may end in the middle of a component. */
    for (size_t from = 0; from <= 5; from++) {
        CHECK(!baseline_path_valid_from((const uint8_t *)"/a/../b", 7, from));
        CHECK(baseline_path_valid_from((const uint8_t *)"/a/..b/c", 8, from));
    }
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

/* Whether the writer's temporary file is still there. */
static bool
is_left(void)
{
    char path[400];

    snprintf(path, sizeof(path), "%s/%s", dir, writer.name);
    return access(path, F_OK) == 0;
}

static void
a_failed_write_leaves_the_old_baseline(void)
{
    uint8_t root[WIRE_HASH_SIZE];
    struct baseline b;
    struct baseline_error error;
    struct baseline_entry e;

    write_some(7);
    CHECK_INT(baseline_write_begin(&writer, dir, "", 0), 0);
    entry(&e, 0);
    baseline_write_entry(&writer, &e);
    close(writer.fd); /* as if the disk failed */
    writer.fd = open("/dev/full", O_WRONLY);
    CHECK_INT(baseline_write_end(&writer, root), -ENOSPC);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    CHECK_INT(b.count, 7);
    baseline_unload(&b);
    CHECK(!is_left());
}

static void
a_baseline_that_cannot_be_begun_leaves_no_file(void)
{
    struct rlimit was, none;

    (void)signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &was), 0);
    none = was;
    none.rlim_cur = 0;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &none), 0);
    CHECK_INT(baseline_write_begin(&writer, dir, "", 0), -EFBIG);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &was), 0);
    CHECK(!is_left());
}

static void
a_file_that_was_unlinked_stays_in_use(void)
{
    struct baseline b;
    struct baseline_error error;

    write_some(SOME);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    CHECK_INT(unlink(file), 0);
    CHECK_INT(gaps_in(&b, SOME), 0);
    baseline_unload(&b);
}

static void
a_block_that_was_overwritten_is_a_gap_and_the_others_serve(void)
{
    struct baseline b;
    struct baseline_error error;
    struct baseline_entry e;
    char path[32];

    write_some(SOME);
    CHECK(blocks() >= 3);
    CHECK_INT(baseline_load(&b, file, &error), 0);
    size_t at = (size_t)get_le(record(1), 8);
    bytes[at + 100] ^= 1;
    put_file();
    CHECK_INT(gaps_in(&b, SOME), 1);
    CHECK(!baseline_verify(&b, 1, &error));
    CHECK(baseline_verify(&b, 2, &error));
    baseline_seek(&iter, &b, (const uint8_t *)"/some", 5);
    unsigned number = 0;
    while (baseline_next(&iter, &e) == BASELINE_ENTRY) {
        number++;
    }
    snprintf(path, sizeof(path), "damaged at offset %zu", at);
    CHECK(strncmp(iter.gap.error.text, path, strlen(path)) == 0);
    unsigned until = number + iter.gap.entries;
    for (unsigned i = 0; i < SOME; i++) {
        size_t len = (size_t)snprintf(path, sizeof(path), "/some/name%05u", 2 * i);

        CHECK_INT(baseline_find(&other, &b, (uint8_t *)path, len, &e),
                i >= number && i < until ? BASELINE_GAP : BASELINE_ENTRY);
    }
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
    CHECK_RUN(the_same_entries_have_the_same_root);
    CHECK_RUN(the_bytes_of_a_version_stay_as_they_are);
    CHECK_RUN(entries_as_long_as_they_can_be_are_kept);
    CHECK_RUN(more_classes_than_a_block_names_are_kept);
    CHECK_RUN(every_entry_is_found_and_nothing_else);
    CHECK_RUN(a_look_ahead_does_not_go_on);
    CHECK_RUN(an_iterator_serves_one_baseline_after_the_other);
    CHECK_RUN(own_entries_are_found_without_reading_the_others);
    CHECK_RUN(a_flipped_bit_is_refused_or_told_and_never_a_wrong_entry);
    CHECK_RUN(no_truncated_file_is_believed);
    CHECK_RUN(a_file_that_is_cut_while_it_is_used_gives_nothing_wrong);
    CHECK_RUN(a_longer_file_is_not_believed);
    CHECK_RUN(another_version_is_refused_by_its_number);
    CHECK_RUN(a_foreign_file_is_refused_as_such);
    CHECK_RUN(a_sealed_lie_in_the_index_is_refused_with_its_place);
    CHECK_RUN(a_sealed_lie_in_an_entry_is_a_gap_with_its_place);
    CHECK_RUN(what_is_not_well_formed_is_not_written);
    CHECK_RUN(extended_attributes_have_one_form);
    CHECK_RUN(only_plain_absolute_paths_are_taken);
    CHECK_RUN(a_directory_is_followed_by_what_is_in_it);
    CHECK_RUN(a_failed_write_leaves_the_old_baseline);
    CHECK_RUN(a_baseline_that_cannot_be_begun_leaves_no_file);
    CHECK_RUN(a_file_that_was_unlinked_stays_in_use);
    CHECK_RUN(a_block_that_was_overwritten_is_a_gap_and_the_others_serve);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    if (system(command) != 0) {
        return 1;
    }
    return check_result();
}
