#include "watch/fs_read.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCKS_CONTEXT "tocsin 2026-11-22 blocks of a large file"
#define DONTCACHE 0x80 /* RWF_DONTCACHE, since Linux 6.14; our headers are older */
#define PAGE 4096u

#define ALWAYS (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* O_NOATIME is for the owner and CAP_FOWNER; ask once, then only for our own files. */
static atomic_bool refuses_noatime;

int
fs_open(int dir_fd, const char *name, int flags, uid_t owner)
{
    if (!atomic_load_explicit(&refuses_noatime, memory_order_relaxed) || owner == geteuid()) {
        int fd = openat(dir_fd, name, flags | ALWAYS | O_NOATIME);

        if (fd >= 0 || errno != EPERM) {
            return fd;
        }
        atomic_store_explicit(&refuses_noatime, true, memory_order_relaxed);
    }
    return openat(dir_fd, name, flags | ALWAYS);
}

int
fs_open_here(int dir_fd, const char *name, int flags)
{
    struct open_how how = { .flags = (uint64_t)(flags | ALWAYS | O_NOATIME), .resolve = RESOLVE_NO_XDEV };

    if (atomic_load_explicit(&refuses_noatime, memory_order_relaxed)) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
}

/* Reading without leaving pages depends on kernel and file system: the last one that refused is not asked
 * again. */
static _Atomic dev_t refuses_dontcache;

static bool
may_dontcache(const struct stat *st)
{
    return atomic_load_explicit(&refuses_dontcache, memory_order_relaxed) != st->st_dev;
}

static bool
is_large(const struct fs_read *r)
{
    return r->size >= FS_READ_BLOCKS_FROM;
}

static void
put_le(struct wire_hasher *hash, uint64_t value)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    wire_hash_update(hash, bytes, sizeof(bytes));
}

static void
begin_hash(const struct fs_read *r, struct wire_hasher *hash)
{
    if (is_large(r)) {
        wire_hash_derive_init(hash, BLOCKS_CONTEXT);
        put_le(hash, r->size);
    } else {
        wire_hash_init(hash);
    }
}

enum fs_read_result
fs_read_open(struct fs_read *r, int dir_fd, const char *name, const struct stat *st)
{
    r->st = *st;
    r->size = (uint64_t)st->st_size;
    r->log = r->begun = false;
    r->at = r->bytes = 0;
    r->fd = fs_open(dir_fd, name, O_RDONLY, st->st_uid);
    if (r->fd < 0) {
        bool moving = errno == ENOENT || errno == ELOOP || errno == ENXIO || errno == ESTALE;

        return moving ? FS_READ_CHANGED : FS_READ_FAILED;
    }
    r->uncached = may_dontcache(st);
    return FS_READ_MORE;
}

void
fs_read_log(struct fs_read *r, uint64_t head)
{
    r->log = true;
    if (head < r->size) {
        r->size = head;
    }
}

void
fs_read_abort(struct fs_read *r)
{
    if (r->fd >= 0) {
        close(r->fd);
        r->fd = -1;
    }
}

static enum fs_read_result
finish(struct fs_read *r, enum fs_read_result result)
{
    fs_read_abort(r);
    return result;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* True when the open file is the one that was looked at, and as it was then. */
static bool
is_same(const struct fs_read *r)
{
    struct stat st;

    if (fstat(r->fd, &st) < 0 || st.st_ino != r->st.st_ino || st.st_dev != r->st.st_dev ||
            st.st_mode != r->st.st_mode) {
        return false;
    }
    if (r->log) {
        return st.st_size >= r->st.st_size;
    }
    /* One that is replaced within a tick of the clock is known by its links alone, before Linux 6.13. */
    return st.st_size == r->st.st_size && st.st_nlink == r->st.st_nlink &&
           same_time(&st.st_mtim, &r->st.st_mtim) && same_time(&st.st_ctim, &r->st.st_ctim);
}

static enum fs_read_result
conclude(struct fs_read *r, const struct wire_hasher *hash)
{
    if (!is_same(r)) {
        return finish(r, FS_READ_CHANGED);
    }
    wire_hash_final(hash, r->digest);
    return finish(r, FS_READ_DONE);
}

/* Which pages of the next chunk are in the page cache; all of them when that cannot be told. */
static void
note_cached(const struct fs_read *r, uint8_t cached[FS_READ_CHUNK / PAGE])
{
    size_t len = FS_READ_CHUNK;

    memset(cached, 1, FS_READ_CHUNK / PAGE);
    if ((uint64_t)r->st.st_size - r->at < len) {
        len = (size_t)((uint64_t)r->st.st_size - r->at);
    }
    void *map = len > 0 ? mmap(NULL, len, PROT_READ, MAP_SHARED, r->fd, (off_t)r->at) : MAP_FAILED;
    if (map != MAP_FAILED) {
        if (mincore(map, len, cached) < 0) {
            memset(cached, 1, FS_READ_CHUNK / PAGE);
        }
        munmap(map, len);
    }
}

static void
drop_uncached(const struct fs_read *r, const uint8_t cached[FS_READ_CHUNK / PAGE], size_t len)
{
    size_t pages = (len + PAGE - 1) / PAGE;

    for (size_t from = 0, to; from < pages; from = to + 1) {
        for (to = from; to < pages && (cached[to] & 1) == 0; to++) {
        }
        if (to > from) {
            posix_fadvise(
                    r->fd, (off_t)(r->at + from * PAGE), (off_t)((to - from) * PAGE), POSIX_FADV_DONTNEED);
        }
    }
}

/* For kernels and file systems that do not do it by themselves. */
static ssize_t
read_and_drop(const struct fs_read *r, uint8_t *buffer)
{
    uint8_t cached[FS_READ_CHUNK / PAGE];

    if (r->at == 0 && r->st.st_size > FS_READ_CHUNK) {
        posix_fadvise(r->fd, 0, 0, POSIX_FADV_RANDOM); /* what is read ahead would not be dropped */
    }
    note_cached(r, cached);
    ssize_t n = pread(r->fd, buffer, FS_READ_CHUNK, (off_t)r->at);
    if (n > 0) {
        drop_uncached(r, cached, (size_t)n);
    }
    return n;
}

static ssize_t
read_chunk(struct fs_read *r, uint8_t *buffer)
{
    struct iovec to = { .iov_base = buffer, .iov_len = FS_READ_CHUNK };

    if (r->uncached) {
        ssize_t n = syscall(SYS_preadv2, r->fd, &to, 1, (unsigned long)r->at,
                (unsigned long)(r->at >> 16 >> 16), DONTCACHE);

        if (n >= 0 || (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)) {
            return n;
        }
        r->uncached = false;
        atomic_store_explicit(&refuses_dontcache, r->st.st_dev, memory_order_relaxed);
    }
    return read_and_drop(r, buffer);
}

/* Goes on to the next block that may hold something. False when there is none. */
static bool
skip_hole(struct fs_read *r)
{
    off_t data = lseek(r->fd, (off_t)r->at, SEEK_DATA);

    if (data < 0) {
        return errno != ENXIO;
    }
    r->at = (uint64_t)data / FS_READ_BLOCK * FS_READ_BLOCK;
    return true;
}

static void
hash_blocks(const struct fs_read *r, struct wire_hasher *hash, const uint8_t *buffer, size_t len)
{
    static uint8_t zeros[FS_READ_BLOCK]; /* not const: 64 KiB of zeros would stand in the program's file */

    for (size_t from = 0; from < len; from += FS_READ_BLOCK) {
        size_t part = len - from < FS_READ_BLOCK ? len - from : FS_READ_BLOCK;

        if (memcmp(buffer + from, zeros, part) != 0) {
            put_le(hash, (r->at + from) / FS_READ_BLOCK);
            wire_hash_update(hash, buffer + from, part);
        }
    }
}

enum fs_read_result
fs_read_step(struct fs_read *r, struct wire_hasher *hash, uint8_t *buffer)
{
    uint64_t size = r->size;

    if (!r->begun) {
        begin_hash(r, hash);
        r->begun = true;
    }
    if (is_large(r) && !skip_hole(r)) {
        return conclude(r, hash);
    }
    ssize_t n = read_chunk(r, buffer);
    if (n < 0) {
        if (errno == EINTR) {
            return FS_READ_MORE;
        }
        return finish(r, is_same(r) ? FS_READ_FAILED : FS_READ_CHANGED);
    }
    r->bytes += (uint64_t)n;
    if (r->log && (uint64_t)n > size - r->at) {
        n = (ssize_t)(size - r->at);
    }
    if (!is_large(r)) {
        wire_hash_update(hash, buffer, (size_t)n);
        r->at += (uint64_t)n;
    } else {
        /* A block that came in part is read again from its beginning, unless the file ends in it. */
        if (r->at + (uint64_t)n < size && n >= FS_READ_BLOCK) {
            n -= n % FS_READ_BLOCK;
        } else if (r->at + (uint64_t)n < size && n > 0) {
            return finish(r, FS_READ_CHANGED);
        }
        hash_blocks(r, hash, buffer, (size_t)n);
        r->at += (uint64_t)n;
    }
    return n > 0 && r->at < size ? FS_READ_MORE : conclude(r, hash);
}
