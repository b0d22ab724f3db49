#ifndef WATCH_BASELINE_H
#define WATCH_BASELINE_H
/*
 * baseline - what the guarded files looked like when they were good (format: BASELINE.md)
 *
 * A file of entries in tree order, in blocks, behind an index with the digest of each block. It stays on
 * disk: what is loaded is the index, which vouches for every block as it is read. Reading never trusts the
 * bytes: every access goes through a cursor with bounds, also after a digest has been verified. No heap.
 * One process at a time writes; any number read.
 */
#include "watch/fs_bytes.h"
#include "wire/hash.h"
#include "wire/line.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BASELINE_FILE "baseline" /* in the state directory */
#define BASELINE_VERSION 3
#define BASELINE_PATH_MAX 65535 /* bytes of a path */
#define BASELINE_LINK_MAX 65535
#define BASELINE_XATTRS_MAX 65535
#define BASELINE_BLOCK_SIZE 8192 /* bytes; a block is longer only when it holds one long entry */
#define BASELINE_BLOCK_MAX (3 * 65535 + 256)
#define BASELINE_CLASSES 255     /* in a block */
#define BASELINE_XATTR_WHOLE 256 /* bytes of an extended attribute that are kept as they are */

enum baseline_type {
    BASELINE_REGULAR,
    BASELINE_DIR,
    BASELINE_LINK,
    BASELINE_FIFO,
    BASELINE_SOCKET,
    BASELINE_CHAR,
    BASELINE_BLOCK,
    BASELINE_TYPES
};

/* What is known of the content of a file, of the names in a directory or of a link's target. */
enum baseline_state {
    BASELINE_READ,       /* it was read (or there is nothing to read) */
    BASELINE_UNREADABLE, /* we were not allowed to, or the disk failed */
    BASELINE_UNSTABLE,   /* it kept changing while it was read */
    BASELINE_UNREAD,     /* its rule does not ask for it */
    BASELINE_STATES
};

struct baseline_entry {
    const uint8_t *path; /* absolute; not NUL-terminated */
    const uint8_t *link; /* a link's target */
    /*
     * Extended attributes in one form: sorted by name as bytes; for each the length of the name (1 byte), the
     * name, a byte that is 0 for the value itself, 1 for its BLAKE3 (of a value longer than
     * BASELINE_XATTR_WHOLE) and 2 for one that could not be read, the length of what follows (2 bytes,
     * little-endian) and that.
     */
    const uint8_t *xattrs;
    uint16_t path_len;
    uint16_t link_len;
    uint16_t xattrs_len;
    uint8_t type;  /* enum baseline_type */
    uint8_t state; /* enum baseline_state */
    bool own;      /* guarded because it belongs to the agent, whatever the configuration says */
    uint16_t mode; /* 07777 */
    uint32_t uid;
    uint32_t gid;
    uint32_t nlink;
    uint32_t flags; /* the low half of statx's attributes, as far as the file system knows them */
    uint64_t ino;
    uint64_t size;    /* of a regular file, in bytes; of a device, major << 32 | minor; else 0 */
    int64_t mtime_ns; /* kept to be shown; a change of it alone is no finding */
    int64_t ctime_ns;
    uint8_t digest[WIRE_HASH_SIZE]; /* BLAKE3 of the content, of a regular file that was read */
};

/* True when the entry stores a digest. */
bool baseline_has_digest(const struct baseline_entry *e);

/* "file", "dir", "link", ... */
const char *baseline_type_name(unsigned type);

/* "read", "unreadable", ... */
const char *baseline_state_name(unsigned state);

/*
 * Tree order: bytes compared as unsigned, with '/' below all others. A directory is followed by all that is
 * in it, and names in a directory are in byte order. Less than, equal to or greater than 0.
 */
int baseline_order(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

/* True when `path` is `top` or is below it. */
bool baseline_under(const uint8_t *path, size_t path_len, const uint8_t *top, size_t top_len);

/* ---- reading ---- */

/* Zeroed: none is loaded. May be copied; the copies share one descriptor and one index. */
struct baseline {
    const uint8_t *index; /* mapped, read-only */
    size_t index_len;
    int fd;
    uint32_t blocks;
    uint64_t serial; /* which loaded baseline this is */
    uint64_t dev;    /* where the file is */
    uint64_t ino;
    uint64_t size; /* of the file, in bytes */
    uint64_t count;
    uint64_t created_s; /* since 1970 */
    char host[WIRE_HOST_MAX + 1];
    uint8_t root[WIRE_HASH_SIZE];
};

/* Why a file is no baseline: "damaged at offset 123: ...", printable. */
struct baseline_error {
    char text[160];
};

/*
 * Opens the file at `path` and verifies its frame and index. 0, or -errno with `error` set and `b` untouched;
 * -EBADMSG: it is no (whole) baseline of this version. The blocks are verified as they are read.
 */
int baseline_load(struct baseline *b, const char *path, struct baseline_error *error);

void baseline_unload(struct baseline *b);

/* True when one is loaded. */
bool baseline_loaded(const struct baseline *b);

/* Verifies a block; false with `error` set. */
bool baseline_verify(const struct baseline *b, uint32_t block, struct baseline_error *error);

/* A block that could not be read as it was written: nothing is known of the paths from..until. */
struct baseline_gap {
    const uint8_t *from;
    const uint8_t *until; /* the first path that is known again; NULL: none */
    uint16_t from_len;
    uint16_t until_len;
    uint32_t entries;
    struct baseline_error error;
};

enum baseline_step {
    BASELINE_END,
    BASELINE_ENTRY,
    BASELINE_GAP /* what follows is in the iterator's gap */
};

/* What entries of a block have in common; a block defines each once. */
struct baseline_class {
    const uint8_t *xattrs;
    uint16_t xattrs_len;
    uint16_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t nlink;
    uint32_t flags;
    uint8_t type;
    uint8_t state;
    bool own;
};

/* Where a block's next entry begins, and what it is told against. */
struct baseline_place {
    uint64_t ino;
    int64_t mtime_ns;
    int64_t ctime_ns;
    size_t path_len;
    unsigned classes;
    struct baseline_class class[BASELINE_CLASSES];
    uint8_t path[BASELINE_PATH_MAX];
};

/*
 * A place in a baseline and the block it is in. Big, most of it never touched: keep it static, and zeroed
 * before its first use. One thread each. All that an entry of it points to is good until the iterator's next
 * call.
 */
struct baseline_iter {
    const struct baseline *b;
    uint64_t serial; /* of the baseline that `bytes` is from */
    uint32_t block;
    uint32_t left; /* entries of the block that are still to come */
    bool held;     /* `entry` and `step` are what comes next */
    enum baseline_step step;
    struct baseline_entry entry;
    struct baseline_gap gap; /* what is lost if the block is; lost when the step says so */
    struct fs_bytes in;
    struct baseline_place place;
    uint8_t bytes[BASELINE_BLOCK_MAX];
};

/* Places the iterator at the first entry that is not before `path` in tree order, or at a gap before it. */
void baseline_seek(struct baseline_iter *it, const struct baseline *b, const uint8_t *path, size_t len);

/* Forgets where it is and gives its pages back. */
void baseline_iter_rest(struct baseline_iter *it);

/* The next entry, or gap. */
enum baseline_step baseline_next(struct baseline_iter *it, struct baseline_entry *e);

/* The same without going on. */
enum baseline_step baseline_peek(struct baseline_iter *it, struct baseline_entry *e);

/* The next entry that is the agent's own. Only blocks that have one are read. */
enum baseline_step baseline_next_own(struct baseline_iter *it, struct baseline_entry *e);

/* The entry of exactly this path; BASELINE_END when there is none. */
enum baseline_step baseline_find(struct baseline_iter *it, const struct baseline *b, const uint8_t *path,
        size_t len, struct baseline_entry *e);

/* ---- writing ---- */

/* Bytes that are appended to; mapped. */
struct baseline_heap {
    uint8_t *at;
    size_t used;
    size_t room;
};

struct baseline_writer {
    int dir_fd;
    int fd;
    int error; /* the first -errno; sticks */
    char name[64];
    uint64_t written;
    uint64_t count;
    uint32_t blocks;
    struct wire_hasher hash;     /* over the header and the index */
    struct baseline_heap record; /* of the index */
    struct baseline_heap first;  /* paths */
    /* the block at hand */
    uint32_t entries;
    uint16_t first_len;
    bool own; /* one of them is */
    size_t used;
    struct baseline_place place;
    uint8_t bytes[BASELINE_BLOCK_SIZE + BASELINE_BLOCK_MAX];
};

/*
 * Creates a temporary file in the directory; `host` is cut when it is too long. 0, or -errno and no file is
 * left. Big: keep it static.
 */
int baseline_write_begin(struct baseline_writer *w, const char *dir, const char *host, uint64_t created_s);

/* Appends an entry; -EINVAL when it does not come behind the last in tree order or is not well formed. */
int baseline_write_entry(struct baseline_writer *w, const struct baseline_entry *e);

/*
 * Makes the file whole and durable and only then gives it its name. `root` gets its digest. 0 or -errno, and
 * then what had the name before still has it.
 */
int baseline_write_end(struct baseline_writer *w, uint8_t root[WIRE_HASH_SIZE]);

/* Throws the temporary file away. */
void baseline_write_abort(struct baseline_writer *w);

#endif
