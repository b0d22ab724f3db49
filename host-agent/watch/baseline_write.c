#include "watch/baseline.h"
#include "watch/baseline_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX_FIRST 4096 /* slots */

static void
flush(struct baseline_writer *w)
{
    size_t done = 0;

    while (w->error == 0 && done < w->held) {
        ssize_t n = write(w->fd, w->buffer + done, w->held - done);

        if (n < 0 && errno != EINTR) {
            w->error = -errno;
        } else if (n > 0) {
            done += (size_t)n;
        }
    }
    w->held = 0;
}

static void
put_bytes(struct baseline_writer *w, const void *src, size_t len)
{
    const uint8_t *at = src;

    w->written += len;
    while (len > 0 && w->error == 0) {
        size_t room = sizeof(w->buffer) - w->held;
        size_t part = len < room ? len : room;

        memcpy(w->buffer + w->held, at, part);
        w->held += part;
        at += part;
        len -= part;
        if (w->held == sizeof(w->buffer)) {
            wire_hash_update(&w->hash, w->buffer, w->held);
            flush(w);
        }
    }
}

static void
put_le(struct baseline_writer *w, uint64_t value, unsigned size)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    put_bytes(w, bytes, size);
}

int
baseline_write_begin(struct baseline_writer *w, const char *dir, uint64_t created_s)
{
    w->error = 0;
    w->written = w->count = 0;
    w->index = NULL;
    w->index_room = w->index_count = w->last_len = w->held = 0;
    w->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->dir_fd < 0) {
        return -errno;
    }
    snprintf(w->name, sizeof(w->name), BASELINE_FILE ".%ld.tmp", (long)getpid());
    unlinkat(w->dir_fd, w->name, 0);
    w->fd = openat(w->dir_fd, w->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (w->fd < 0) {
        int code = -errno;

        close(w->dir_fd);
        return code;
    }
    wire_hash_init(&w->hash);
    put_bytes(w, BASELINE_MAGIC, sizeof(BASELINE_MAGIC) - 1);
    put_le(w, BASELINE_VERSION, 4);
    put_le(w, 0, 4);
    put_le(w, created_s, 8);
    return w->error;
}

static void
note_index(struct baseline_writer *w)
{
    if (w->index_count == w->index_room) {
        size_t room = w->index_room == 0 ? INDEX_FIRST : w->index_room * 2;
        void *grown = w->index == NULL ? mmap(NULL, room * 8, PROT_READ | PROT_WRITE,
                                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                       : mremap(w->index, w->index_room * 8, room * 8, MREMAP_MAYMOVE);

        if (grown == MAP_FAILED) {
            w->error = -ENOMEM;
            return;
        }
        w->index = grown;
        w->index_room = room;
    }
    w->index[w->index_count++] = w->written;
}

int
baseline_write_entry(struct baseline_writer *w, const struct baseline_entry *e)
{
    if (w->error == 0 &&
            (baseline_entry_fault(e) != NULL ||
                    (w->count > 0 && baseline_order(w->last, w->last_len, e->path, e->path_len) >= 0))) {
        w->error = -EINVAL;
    }
    if (w->error == 0 && w->count % BASELINE_STRIDE == 0) {
        note_index(w);
    }
    if (w->error != 0) {
        return w->error;
    }
    put_le(w, e->path_len, 2);
    put_le(w, e->link_len, 2);
    put_le(w, e->type, 1);
    put_le(w, e->state | (e->own ? BASELINE_OWN_BIT : 0), 1);
    put_le(w, e->mode, 2);
    put_le(w, e->uid, 4);
    put_le(w, e->gid, 4);
    put_le(w, e->size, 8);
    put_le(w, (uint64_t)e->mtime_ns, 8);
    if (baseline_has_digest(e)) {
        put_bytes(w, e->digest, sizeof(e->digest));
    }
    put_bytes(w, e->path, e->path_len);
    put_bytes(w, e->link, e->link_len);
    memcpy(w->last, e->path, e->path_len);
    w->last_len = e->path_len;
    w->count++;
    return w->error;
}

static void
release(struct baseline_writer *w)
{
    if (w->index != NULL) {
        munmap(w->index, w->index_room * 8);
    }
    close(w->fd);
    close(w->dir_fd);
}

/* After one failed fsync the data may be gone while the next one says success: the first answer is final. */
static void
make_durable(struct baseline_writer *w)
{
    if (w->error == 0 && fsync(w->fd) < 0) {
        w->error = -errno;
    }
    if (w->error == 0 && renameat(w->dir_fd, w->name, w->dir_fd, BASELINE_FILE) < 0) {
        w->error = -errno;
    }
    if (w->error == 0 && fsync(w->dir_fd) < 0) {
        w->error = -errno;
    }
}

int
baseline_write_end(struct baseline_writer *w, uint8_t root[WIRE_HASH_SIZE])
{
    uint64_t entries_end = w->written;

    for (size_t i = 0; i < w->index_count; i++) {
        put_le(w, w->index[i], 8);
    }
    put_le(w, w->count, 8);
    put_le(w, entries_end, 8);
    wire_hash_update(&w->hash, w->buffer, w->held);
    wire_hash_final(&w->hash, root);
    flush(w);
    put_bytes(w, root, WIRE_HASH_SIZE);
    flush(w);
    make_durable(w);
    if (w->error != 0) {
        unlinkat(w->dir_fd, w->name, 0);
    }
    release(w);
    return w->error;
}

void
baseline_write_abort(struct baseline_writer *w)
{
    unlinkat(w->dir_fd, w->name, 0);
    release(w);
}
