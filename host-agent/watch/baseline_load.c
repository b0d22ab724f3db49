#include "watch/baseline.h"
#include "watch/baseline_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int
fail(struct baseline_error *error, int code, const char *doing)
{
    snprintf(error->text, sizeof(error->text), "%s: %s", doing, strerror(-code));
    return code;
}

static int
damaged(struct baseline_error *error, uint64_t offset, const char *what)
{
    snprintf(
            error->text, sizeof(error->text), "damaged at offset %llu: %s", (unsigned long long)offset, what);
    return -EBADMSG;
}

/* All of it or nothing. */
static int
read_at(int fd, uint8_t *to, size_t len, uint64_t offset, struct baseline_error *error)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, to + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno != EINTR) {
            return fail(error, -errno, "reading");
        }
        if (n == 0) {
            return damaged(error, offset + done, "the file ends too early");
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

struct baseline_block
baseline_block_at(const struct baseline *b, uint32_t block)
{
    struct fs_bytes c = { .at = b->index + (size_t)block * BASELINE_RECORD, .end = b->index + b->index_len };
    const uint8_t *paths = b->index + (size_t)b->blocks * BASELINE_RECORD;
    struct baseline_block r;

    r.offset = take_le(&c, 8);
    r.length = (uint32_t)take_le(&c, 4);
    r.entries = (uint32_t)take_le(&c, 4);
    uint64_t first_at = take_le(&c, 4);
    r.first_len = (uint16_t)take_le(&c, 2);
    r.flags = (uint16_t)take_le(&c, 2);
    r.digest = take_bytes(&c, WIRE_HASH_SIZE);
    c = (struct fs_bytes){ .at = paths, .end = b->index + b->index_len };
    take_bytes(&c, first_at);
    r.first = take_bytes(&c, r.first_len);
    return r;
}

/* What is wrong with a record that follows `last`, or NULL. */
static const char *
record_fault(const struct baseline_block *r, const struct baseline_block *last)
{
    if (r->offset != last->offset + last->length) {
        return "a block does not follow the one before it";
    }
    if (r->length == 0 || r->length > BASELINE_BLOCK_MAX || r->entries == 0 || r->entries > r->length) {
        return "a block of an impossible size";
    }
    if (r->first == NULL || !baseline_path_valid(r->first, r->first_len) ||
            (last->first != NULL && r->first != last->first + last->first_len)) {
        return "a block's first path is not one";
    }
    if (last->first != NULL && baseline_order(last->first, last->first_len, r->first, r->first_len) >= 0) {
        return "blocks are not in order";
    }
    return NULL;
}

static int
check_index(const struct baseline *b, uint64_t index_at, struct baseline_error *error)
{
    const uint8_t *paths = b->index + (size_t)b->blocks * BASELINE_RECORD, *end = b->index + b->index_len;
    struct baseline_block last = { .offset = BASELINE_HEADER };
    uint64_t entries = 0;

    for (uint32_t i = 0; i < b->blocks; i++) {
        struct baseline_block r = baseline_block_at(b, i);
        const char *what = record_fault(&r, &last);

        if (what == NULL && i == 0 && r.first != paths) {
            what = "the first path is not where paths begin";
        }
        if (what != NULL) {
            return damaged(error, index_at + (uint64_t)i * BASELINE_RECORD, what);
        }
        entries += r.entries;
        last = r;
    }
    if (last.offset + last.length != index_at || entries != b->count ||
            (b->blocks > 0 ? last.first + last.first_len : paths) != end) {
        return damaged(error, index_at, "the index does not fit the entries");
    }
    return 0;
}

static int
check_header(struct baseline *b, const uint8_t *header, struct baseline_error *error)
{
    struct fs_bytes c = { .at = header, .end = header + BASELINE_HEADER };
    const uint8_t *magic = take_bytes(&c, sizeof(BASELINE_MAGIC) - 1);
    uint32_t version = (uint32_t)take_le(&c, 4);

    if (memcmp(magic, BASELINE_MAGIC, sizeof(BASELINE_MAGIC) - 1) != 0) {
        snprintf(error->text, sizeof(error->text),
                "not a baseline, or one of before version %u: `tocsin baseline build --force` makes it anew",
                BASELINE_VERSION);
        return -EBADMSG;
    }
    if (version != BASELINE_VERSION) {
        snprintf(error->text, sizeof(error->text), "version %u at offset 8; this program reads version %u%s",
                version, BASELINE_VERSION,
                version < BASELINE_VERSION ? ": make it anew with `tocsin baseline build --force`" : "");
        return -EBADMSG;
    }
    if (take_le(&c, 4) != 0) {
        return damaged(error, 12, "reserved bytes are not zero");
    }
    b->created_s = take_le(&c, 8);
    memcpy(b->host, take_bytes(&c, BASELINE_HOST), WIRE_HOST_MAX);
    return 0;
}

/* Where the index is, and the root that is claimed. */
static int
check_footer(struct baseline *b, const uint8_t *footer, uint64_t *index_at, struct baseline_error *error)
{
    struct fs_bytes c = { .at = footer, .end = footer + BASELINE_FOOTER };
    uint64_t at = b->size - BASELINE_FOOTER;

    b->count = take_le(&c, 8);
    *index_at = take_le(&c, 8);
    b->blocks = (uint32_t)take_le(&c, 4);
    if (take_le(&c, 4) != 0) {
        return damaged(error, at + 20, "reserved bytes are not zero");
    }
    memcpy(b->root, take_bytes(&c, WIRE_HASH_SIZE), WIRE_HASH_SIZE);
    if (*index_at < BASELINE_HEADER || *index_at > at || at - *index_at > BASELINE_INDEX_MAX ||
            (at - *index_at) / BASELINE_RECORD < b->blocks) {
        return damaged(error, at, "the footer does not fit the file");
    }
    b->index_len = (size_t)(at - *index_at);
    return 0;
}

/* Reads the index into memory of its own and holds it against the root. */
static int
take_index(struct baseline *b, uint8_t *map, uint64_t index_at, const uint8_t *header, const uint8_t *footer,
        struct baseline_error *error)
{
    struct wire_hasher hash;
    uint8_t root[WIRE_HASH_SIZE];
    int code = read_at(b->fd, map, b->index_len, index_at, error);

    if (code < 0) {
        return code;
    }
    wire_hash_init(&hash);
    wire_hash_update(&hash, header, BASELINE_HEADER);
    wire_hash_update(&hash, map, b->index_len);
    wire_hash_update(&hash, footer, BASELINE_FOOTER - WIRE_HASH_SIZE);
    wire_hash_final(&hash, root);
    if (memcmp(root, b->root, sizeof(root)) != 0) {
        return damaged(error, index_at, "the root does not fit header, index and footer");
    }
    b->index = map;
    code = check_index(b, index_at, error);
    if (code == 0 && mprotect(map, b->index_len + 1, PROT_READ) < 0) {
        code = fail(error, -errno, "protecting the index");
    }
    return code;
}

int
baseline_load_fd(struct baseline *b, int fd, struct baseline_error *error)
{
    static uint64_t serial;
    uint8_t header[BASELINE_HEADER] = { 0 }, footer[BASELINE_FOOTER];
    struct baseline fresh = { .fd = fd };
    struct stat st;
    uint64_t index_at;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        snprintf(error->text, sizeof(error->text), "not a baseline: not a regular file");
        return -EBADMSG;
    }
    fresh.dev = st.st_dev;
    fresh.ino = st.st_ino;
    fresh.size = (uint64_t)st.st_size;
    /* What a short file begins with tells more than that it is short. */
    size_t head = fresh.size < sizeof(header) ? (size_t)fresh.size : sizeof(header);
    int code = read_at(fd, header, head, 0, error);
    code = code < 0 ? code : check_header(&fresh, header, error);
    if (code == 0 && fresh.size < BASELINE_HEADER + BASELINE_FOOTER) {
        code = damaged(error, fresh.size, "the file ends too early");
    }
    code = code < 0 ? code : read_at(fd, footer, sizeof(footer), fresh.size - sizeof(footer), error);
    code = code < 0 ? code : check_footer(&fresh, footer, &index_at, error);
    if (code < 0) {
        return code;
    }
    void *map = mmap(NULL, fresh.index_len + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        return fail(error, -errno, "no memory for the index");
    }
    code = take_index(&fresh, map, index_at, header, footer, error);
    if (code < 0) {
        munmap(map, fresh.index_len + 1);
        return code;
    }
    fresh.serial = ++serial;
    *b = fresh;
    return 0;
}

int
baseline_load(struct baseline *b, const char *path, struct baseline_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);

    if (fd < 0 && errno == ENOENT) {
        snprintf(error->text, sizeof(error->text), "is not there; `tocsin baseline build` makes it");
        return -ENOENT;
    }
    if (fd < 0) {
        return fail(error, -errno, "cannot be opened");
    }
    int code = baseline_load_fd(b, fd, error);
    if (code < 0) {
        close(fd);
    }
    return code;
}

bool
baseline_loaded(const struct baseline *b)
{
    return b->index != NULL;
}

void
baseline_unload(struct baseline *b)
{
    if (baseline_loaded(b)) {
        /* The mapping was made in baseline_load_fd(); the type says const for everyone else. */
        munmap((void *)(uintptr_t)b->index, b->index_len + 1);
        close(b->fd);
    }
    memset(b, 0, sizeof(*b));
}

int
baseline_read_block(const struct baseline *b, uint32_t block, uint8_t *to, struct baseline_error *error)
{
    struct baseline_block r = baseline_block_at(b, block);
    uint8_t digest[WIRE_HASH_SIZE];
    int code = read_at(b->fd, to, r.length, r.offset, error);

    if (code < 0) {
        return code;
    }
    wire_hash(to, r.length, digest);
    if (r.digest == NULL || memcmp(digest, r.digest, sizeof(digest)) != 0) {
        return damaged(error, r.offset, "the block is not what was written");
    }
    return 0;
}

bool
baseline_verify(const struct baseline *b, uint32_t block, struct baseline_error *error)
{
    static uint8_t bytes[BASELINE_BLOCK_MAX];

    return baseline_read_block(b, block, bytes, error) == 0;
}
