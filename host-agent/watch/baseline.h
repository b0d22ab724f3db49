#ifndef WATCH_BASELINE_H
#define WATCH_BASELINE_H
/*
 * baseline - what the guarded files looked like when they were good (format: BASELINE.md)
 *
 * A file of entries in tree order with a BLAKE3 digest over all of it, its root. Reading never trusts the
 * bytes: every access goes through a cursor with bounds, also after the digest has been verified. No heap.
 * One process at a time writes; any number read.
 */
#include "wire/hash.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BASELINE_FILE "baseline" /* in the state directory */
#define BASELINE_VERSION 1
#define BASELINE_PATH_MAX 65535 /* bytes of a path */
#define BASELINE_LINK_MAX 65535
#define BASELINE_XATTRS_MAX 65535
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
     * name, a byte that is 0 for the value itself and 1 for its BLAKE3 (of a value longer than
     * BASELINE_XATTR_WHOLE), the length of what follows (2 bytes, little-endian) and that.
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

struct baseline {
    const uint8_t *bytes;
    size_t len;
    uint64_t count;
    uint64_t entries_end; /* offset; entries begin behind the header */
    uint64_t created_s;   /* since 1970 */
    uint8_t root[WIRE_HASH_SIZE];
};

/* Why bytes are no baseline: "damaged at offset 123: ...", printable. */
struct baseline_error {
    char text[160];
};

/* Verifies all of `src`, which must stay while `b` is used. False with `error` set; `b` is then untouched. */
bool baseline_parse(struct baseline *b, const void *src, size_t len, struct baseline_error *error);

/*
 * Copies the file at `path` into sealed memory, maps that and parses it: what is done to the file later, in
 * place or by truncation, does not reach the copy. 0, or -errno with `error` set; -EBADMSG: it was read and
 * is no (whole) baseline of this version.
 */
int baseline_load(struct baseline *b, const char *path, struct baseline_error *error);

/* Unmaps what baseline_load() mapped. */
void baseline_unload(struct baseline *b);

/* True when one is loaded: `b` was zeroed, loaded or unloaded before. */
bool baseline_loaded(const struct baseline *b);

/* Gives the mapping's pages back; they come back by themselves when they are read. */
void baseline_rest(const struct baseline *b);

struct baseline_iter {
    const struct baseline *b;
    size_t at;
};

/* Places the iterator at the first entry that is not before `path` in tree order. */
void baseline_seek(struct baseline_iter *it, const struct baseline *b, const uint8_t *path, size_t len);

/* The next entry; false at the end. Pointers in it are into the baseline. */
bool baseline_next(struct baseline_iter *it, struct baseline_entry *e);

/* The entry of exactly this path. */
bool baseline_find(const struct baseline *b, const uint8_t *path, size_t len, struct baseline_entry *e);

/* ---- writing ---- */

#define BASELINE_WRITE_BUFFER 65536

struct baseline_writer {
    int dir_fd;
    int fd;
    int error; /* the first -errno; sticks */
    char name[64];
    struct wire_hasher hash;
    uint64_t written; /* bytes, with those in the buffer */
    uint64_t count;
    uint64_t *index; /* mapped, grows */
    size_t index_room;
    size_t index_count;
    uint8_t last[BASELINE_PATH_MAX];
    size_t last_len;
    size_t held;
    uint8_t buffer[BASELINE_WRITE_BUFFER];
};

/* Creates a temporary file in the directory. 0 or -errno. Big: keep it static. */
int baseline_write_begin(struct baseline_writer *w, const char *dir, uint64_t created_s);

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
