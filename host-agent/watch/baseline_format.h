#ifndef WATCH_BASELINE_FORMAT_H
#define WATCH_BASELINE_FORMAT_H
/*
 * baseline_format - numbers and rules that reading and writing a baseline share (BASELINE.md)
 *
 * Private to baseline*.c and their tests.
 */
#include "watch/baseline.h"

/* No text: strings(1) of the file shall not tell whose it is. */
#define BASELINE_MAGIC "\xB7\x1D\xE9\x03\x8C\xF2\x5A\xC6"
#define BASELINE_HOST 16
#define BASELINE_HEADER (24 + BASELINE_HOST) /* magic, version, zero, time of creation, host */
#define BASELINE_FOOTER 56                   /* entries, offset of the index, blocks, zero, root */
#define BASELINE_RECORD 56                   /* of the index: one block, without its first path */
#define BASELINE_INDEX_MAX ((uint64_t)64 << 20)
#define BASELINE_OWN_BIT 0x80u

/* A record's flags. */
#define BASELINE_HAS_OWN 0x01u

/* How an entry tells its times and its inode. */
#define BASELINE_MTIME 0x03u
#define BASELINE_MTIME_SAME 0x00u    /* as the entry before */
#define BASELINE_MTIME_SECONDS 0x01u /* so many seconds from it */
#define BASELINE_MTIME_NS 0x02u      /* so many nanoseconds from it */
#define BASELINE_CTIME 0x0Cu
#define BASELINE_CTIME_SAME 0x00u
#define BASELINE_CTIME_NS 0x04u
#define BASELINE_CTIME_MTIME 0x08u /* as its own mtime */
#define BASELINE_INO 0x30u
#define BASELINE_INO_SAME 0x00u
#define BASELINE_INO_NEXT 0x10u  /* one more than the entry before */
#define BASELINE_INO_DELTA 0x20u /* so many from it */
#define BASELINE_SHAPE (BASELINE_MTIME | BASELINE_CTIME | BASELINE_INO)

struct baseline_block {
    uint64_t offset;
    uint32_t length;
    uint32_t entries;
    const uint8_t *first; /* path */
    uint16_t first_len;
    uint16_t flags;
    const uint8_t *digest;
};

/* Like baseline_load(); the descriptor is the baseline's when it succeeds. */
int baseline_load_fd(struct baseline *b, int fd, struct baseline_error *error);

/* Reads a block, which takes at most BASELINE_BLOCK_MAX bytes, and verifies it. 0 or -errno with `error` set.
 */
int baseline_read_block(const struct baseline *b, uint32_t block, uint8_t *to, struct baseline_error *error);

/* What the index says of a block. */
struct baseline_block baseline_block_at(const struct baseline *b, uint32_t block);

/* Whether a path whose bytes before `from` are known to be well formed is so as a whole. */
bool baseline_path_valid_from(const uint8_t *path, size_t len, size_t from);

bool baseline_path_valid(const uint8_t *path, size_t len);

bool baseline_xattrs_valid(const uint8_t *xattrs, size_t len);

/* True when the entry stores a size. */
bool baseline_has_size(const struct baseline_entry *e);

/* What is wrong with an entry apart from its path and extended attributes, or NULL. */
const char *baseline_plain_fault(const struct baseline_entry *e);

/* What is wrong with an entry, or NULL. */
const char *baseline_entry_fault(const struct baseline_entry *e);

/* Differences wrap: any two numbers have one. */
static inline uint64_t
baseline_zigzag(uint64_t difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}

static inline uint64_t
baseline_unzigzag(uint64_t coded)
{
    return coded >> 1 ^ (0 - (coded & 1));
}

#endif
