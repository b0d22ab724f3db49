/*
 * A baseline as someone would forge it who may write the file: all digests fit. The input is the blocks, or
 * the index as well. What can be read is in order, well formed and found by its path; all else is refused or
 * a gap.
 */
#include "watch/baseline.h"
#include "watch/baseline_format.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCKS 3
#define HEAD (2 + BLOCKS) /* number of blocks, of changes, entries of each block */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct baseline_iter all, one;
static uint8_t file[65536];

static void
check_found(const struct baseline *b, const struct baseline_entry *e)
{
    struct baseline_entry found;
    enum baseline_step step = baseline_find(&one, b, e->path, e->path_len, &found);

    if (step == BASELINE_END || (step == BASELINE_ENTRY && found.mode != e->mode)) {
        abort();
    }
}

/* What an entry points to is in the block that was verified, not in what was read before. */
static bool
in_block(const struct baseline_iter *it, const uint8_t *at, size_t len)
{
    return len == 0 || (at >= it->bytes && len <= (size_t)(it->in.end - at));
}

static unsigned
sum_of(const uint8_t *at, size_t len)
{
    unsigned sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum += at[i];
    }
    return sum;
}

static void
check_all(const struct baseline *b)
{
    static uint8_t last[BASELINE_PATH_MAX];
    struct baseline_entry e;
    enum baseline_step step;
    uint64_t n = 0, missing = 0;
    size_t last_len = 0;
    unsigned sum = 0;

    baseline_seek(&all, b, (const uint8_t *)"/", 1);
    while ((step = baseline_next(&all, &e)) != BASELINE_END) {
        if (step == BASELINE_GAP) {
            missing += all.gap.entries;
            sum += sum_of(all.gap.from, all.gap.from_len) + sum_of(all.gap.until, all.gap.until_len);
            continue;
        }
        if ((n++ > 0 && baseline_order(last, last_len, e.path, e.path_len) >= 0) ||
                baseline_entry_fault(&e) != NULL || !in_block(&all, e.link, e.link_len) ||
                !in_block(&all, e.xattrs, e.xattrs_len)) {
            abort();
        }
        sum += sum_of(e.link, e.link_len) + sum_of(e.xattrs, e.xattrs_len);
        memcpy(last, e.path, e.path_len);
        last_len = e.path_len;
        if (n % 8 == 1) {
            check_found(b, &e);
        }
    }
    if (n + missing < b->count || sum == 0xFFFFFFFFu) {
        abort();
    }
    baseline_next_own(&all, &e);
}

static uint8_t *
le(uint8_t *to, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        *to++ = (uint8_t)(value >> (8 * i));
    }
    return to;
}

/* The first path of a block, as its bytes have it when they are well formed. */
static size_t
first_of(const uint8_t *at, size_t len, const uint8_t **first)
{
    *first = at + 2;
    return len > 2 && at[0] == 0 && at[1] < 128 && at[1] <= len - 2 ? at[1] : 0;
}

/* Header, blocks of the input, and an index that fits them. Returns the length. */
static size_t
put_file(const uint8_t *data, size_t size, const uint8_t *counts, unsigned blocks)
{
    static const uint8_t head[BASELINE_HEADER] = BASELINE_MAGIC "\3";
    size_t part = size / blocks, path_at = 0;
    uint8_t *record = file + sizeof(head) + part * blocks;
    uint8_t *paths = record + blocks * BASELINE_RECORD;
    uint64_t entries = 0;

    memcpy(file, head, sizeof(head));
    memcpy(file + sizeof(head), data, part * blocks);
    for (unsigned i = 0; i < blocks; i++) {
        const uint8_t *first;
        size_t len = first_of(data + i * part, part, &first);

        record = le(record, BASELINE_HEADER + i * part, 8);
        record = le(record, part, 4);
        record = le(record, counts[i] % 16 + 1u, 4);
        record = le(record, path_at, 4);
        record = le(record, len, 2);
        record = le(record, i % 2, 2);
        record += WIRE_HASH_SIZE;
        memcpy(paths + path_at, first, len);
        path_at += len;
        entries += counts[i] % 16 + 1u;
    }
    uint8_t *at = le(paths + path_at, entries, 8);
    at = le(at, BASELINE_HEADER + part * blocks, 8);
    at = le(at, blocks, 8);
    return (size_t)(at - file) + WIRE_HASH_SIZE;
}

/* Makes the digests fit, as far as the index is one. */
static void
seal(size_t len)
{
    struct fs_bytes c = { .at = file + len - BASELINE_FOOTER + 8, .end = file + len };
    uint64_t index = take_le(&c, 8), blocks = take_le(&c, 4);
    struct wire_hasher hash;

    if (index > len - BASELINE_FOOTER) {
        return;
    }
    for (uint64_t i = 0; i < blocks && index + (i + 1) * BASELINE_RECORD <= len - BASELINE_FOOTER; i++) {
        uint8_t *record = file + index + i * BASELINE_RECORD;

        c = (struct fs_bytes){ .at = record, .end = record + 12 };
        uint64_t offset = take_le(&c, 8), length = take_le(&c, 4);
        if (offset <= len && length <= len - offset) {
            wire_hash(file + offset, length, record + 24);
        }
    }
    wire_hash_init(&hash);
    wire_hash_update(&hash, file, BASELINE_HEADER);
    wire_hash_update(&hash, file + index, len - WIRE_HASH_SIZE - index);
    wire_hash_final(&hash, file + len - WIRE_HASH_SIZE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct baseline b;
    struct baseline_error error = { "" };
    unsigned blocks = size > 0 ? data[0] % BLOCKS + 1u : 1, changes = size > 1 ? data[1] % 4 : 0;

    if (size < HEAD + BLOCKS + 3 * changes || size > 4096) {
        return 0;
    }
    size_t len = put_file(data + HEAD, size - HEAD - 3 * changes, data + 2, blocks);
    for (const uint8_t *at = data + size - 3 * changes; at < data + size; at += 3) {
        file[(at[0] | (size_t)at[1] << 8) % len] = at[2];
    }
    seal(len);
    int fd = memfd_create("baseline", MFD_CLOEXEC);
    if (fd < 0 || write(fd, file, len) != (ssize_t)len) {
        abort();
    }
    if (baseline_load_fd(&b, fd, &error) == 0) {
        check_all(&b);
        baseline_unload(&b);
    } else {
        close(fd);
        if (error.text[0] == '\0') {
            abort();
        }
    }
    return 0;
}
