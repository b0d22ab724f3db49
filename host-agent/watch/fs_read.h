#ifndef WATCH_FS_READ_H
#define WATCH_FS_READ_H
/*
 * fs_read - the digest of what a regular file holds, read in chunks, without a trace
 *
 * The file is opened once; its state before and after decides whether what was read counts. Access times
 * stay, where we may ask for that, and pages that were not in the page cache before are not in it afterwards.
 * No heap. A read belongs to one thread at a time.
 */
#include "wire/hash.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define FS_READ_CHUNK 65536 /* bytes; 64 to 128 KiB measured fastest, and each thread has one */

/* From this size on the digest is over the blocks that are not all zeros (BASELINE.md): holes cost nothing.
 */
#define FS_READ_BLOCKS_FROM ((uint64_t)1 << 30)
#define FS_READ_BLOCK 65536

enum fs_read_result {
    FS_READ_MORE,
    FS_READ_DONE,
    FS_READ_CHANGED, /* it is not what was looked at, or became another while it was read */
    FS_READ_FAILED
};

struct fs_read {
    int fd;
    bool uncached; /* the kernel keeps the page cache clean by itself */
    bool log;      /* may grow meanwhile */
    bool begun;
    struct stat st; /* what was looked at */
    uint64_t size;  /* how much of it is read */
    uint64_t at;
    uint64_t bytes;                 /* read */
    uint8_t digest[WIRE_HASH_SIZE]; /* when FS_READ_DONE */
};

/* Opens what was looked at as `st`. FS_READ_MORE when there is something to read. */
enum fs_read_result fs_read_open(struct fs_read *r, int dir_fd, const char *name, const struct stat *st);

/* For a log, before its first chunk: not more than its first `head` bytes, and it may grow meanwhile. */
void fs_read_log(struct fs_read *r, uint64_t head);

/*
 * Reads a chunk into `buffer`, of FS_READ_CHUNK bytes. `hash` is this file's alone from the first chunk to
 * the last. The file is closed unless the result is FS_READ_MORE.
 */
enum fs_read_result fs_read_step(struct fs_read *r, struct wire_hasher *hash, uint8_t *buffer);

/* Closes it, if it is open. */
void fs_read_abort(struct fs_read *r);

/* Opens without touching the access time, where that is allowed. -1 with errno. */
int fs_open(int dir_fd, const char *name, int flags, uid_t owner);

/* The same, whosever it is, but no mount: -1 with EXDEV there, with EPERM where only its owner may, with
 * ENOSYS before Linux 5.6. */
int fs_open_here(int dir_fd, const char *name, int flags);

#endif
