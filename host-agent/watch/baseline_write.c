#include "watch/baseline.h"
#include "watch/baseline_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAP_FIRST 65536

/* ---- bytes ---- */

static uint8_t *
le(uint8_t *to, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        *to++ = (uint8_t)(value >> (8 * i));
    }
    return to;
}

/* The block's room is for a full block and the longest entry behind it. */
static void
put_bytes(struct baseline_writer *w, const void *src, size_t len)
{
    if (len > 0) {
        memcpy(w->bytes + w->used, src, len);
        w->used += len;
    }
}

static void
put_byte(struct baseline_writer *w, unsigned value)
{
    w->bytes[w->used++] = (uint8_t)value;
}

static void
put_varint(struct baseline_writer *w, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        put_byte(w, 0x80 | (unsigned)(value & 0x7F));
    }
    put_byte(w, (unsigned)value);
}

static void
write_out(struct baseline_writer *w, const uint8_t *src, size_t len)
{
    size_t done = 0;

    while (w->error == 0 && done < len) {
        ssize_t n = write(w->fd, src + done, len - done);

        if (n < 0 && errno != EINTR) {
            w->error = -errno;
        } else if (n > 0) {
            done += (size_t)n;
        }
    }
    w->written += len;
}

static void
append(struct baseline_writer *w, struct baseline_heap *heap, const void *src, size_t len)
{
    if (heap->used + len > BASELINE_INDEX_MAX / 2) {
        w->error = -EFBIG;
        return;
    }
    if (heap->room - heap->used < len) {
        size_t room = heap->room == 0 ? HEAP_FIRST : heap->room * 2;
        void *grown = heap->at == NULL
                              ? mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                              : mremap(heap->at, heap->room, room, MREMAP_MAYMOVE);

        if (grown == MAP_FAILED) {
            w->error = -ENOMEM;
            return;
        }
        heap->at = grown;
        heap->room = room;
    }
    memcpy(heap->at + heap->used, src, len);
    heap->used += len;
}

/* ---- entries ---- */

static bool
same_class(const struct baseline_class *k, const struct baseline_entry *e)
{
    return k->type == e->type && k->state == e->state && k->own == e->own && k->mode == e->mode &&
           k->uid == e->uid && k->gid == e->gid && k->nlink == e->nlink && k->flags == e->flags &&
           k->xattrs_len == e->xattrs_len &&
           (k->xattrs_len == 0 || memcmp(k->xattrs, e->xattrs, k->xattrs_len) == 0);
}

static void
put_new_class(struct baseline_writer *w, struct baseline_class *k, const struct baseline_entry *e)
{
    put_byte(w, e->type);
    put_byte(w, e->state | (e->own ? BASELINE_OWN_BIT : 0));
    put_varint(w, e->mode);
    put_varint(w, e->uid);
    put_varint(w, e->gid);
    put_varint(w, e->nlink);
    put_varint(w, e->flags);
    put_varint(w, e->xattrs_len);
    *k = (struct baseline_class){ .xattrs = w->bytes + w->used,
        .xattrs_len = e->xattrs_len,
        .mode = e->mode,
        .uid = e->uid,
        .gid = e->gid,
        .nlink = e->nlink,
        .flags = e->flags,
        .type = e->type,
        .state = e->state,
        .own = e->own };
    put_bytes(w, e->xattrs, e->xattrs_len);
}

static void
put_class(struct baseline_writer *w, const struct baseline_entry *e)
{
    struct baseline_place *p = &w->place;

    for (unsigned i = 0; i < p->classes; i++) {
        if (same_class(&p->class[i], e)) {
            put_byte(w, i + 1);
            return;
        }
    }
    put_byte(w, 0);
    if (p->classes < BASELINE_CLASSES) {
        p->classes++;
    }
    put_new_class(w, &p->class[p->classes - 1], e);
}

/* How the entry's times and inode are told against those of the one before. */
static unsigned
shape_of(const struct baseline_place *p, const struct baseline_entry *e)
{
    int64_t forward = (int64_t)((uint64_t)e->mtime_ns - (uint64_t)p->mtime_ns);
    unsigned shape = BASELINE_MTIME_NS;

    if (forward == 0) {
        shape = BASELINE_MTIME_SAME;
    } else if (forward % 1000000000 == 0) {
        shape = BASELINE_MTIME_SECONDS;
    }
    if (e->ctime_ns == e->mtime_ns) {
        shape |= BASELINE_CTIME_MTIME;
    } else if (e->ctime_ns != p->ctime_ns) {
        shape |= BASELINE_CTIME_NS;
    }
    if (e->ino == p->ino + 1) {
        shape |= BASELINE_INO_NEXT;
    } else if (e->ino != p->ino) {
        shape |= BASELINE_INO_DELTA;
    }
    return shape;
}

static void
put_times(struct baseline_writer *w, const struct baseline_entry *e)
{
    struct baseline_place *p = &w->place;
    uint64_t forward = (uint64_t)e->mtime_ns - (uint64_t)p->mtime_ns;
    unsigned shape = shape_of(p, e);

    put_byte(w, shape);
    if ((shape & BASELINE_MTIME) == BASELINE_MTIME_SECONDS) {
        put_varint(w, baseline_zigzag((uint64_t)((int64_t)forward / 1000000000)));
    } else if ((shape & BASELINE_MTIME) == BASELINE_MTIME_NS) {
        put_varint(w, baseline_zigzag(forward));
    }
    if ((shape & BASELINE_CTIME) == BASELINE_CTIME_NS) {
        put_varint(w, baseline_zigzag((uint64_t)e->ctime_ns - (uint64_t)p->ctime_ns));
    }
    if ((shape & BASELINE_INO) == BASELINE_INO_DELTA) {
        put_varint(w, baseline_zigzag(e->ino - p->ino));
    }
    p->mtime_ns = e->mtime_ns;
    p->ctime_ns = e->ctime_ns;
    p->ino = e->ino;
}

static void
put_path(struct baseline_writer *w, const struct baseline_entry *e)
{
    struct baseline_place *p = &w->place;
    size_t shared = 0;

    while (w->entries > 0 && shared < p->path_len && shared < e->path_len &&
            p->path[shared] == e->path[shared]) {
        shared++;
    }
    put_varint(w, shared);
    put_varint(w, e->path_len - shared);
    put_bytes(w, e->path + shared, e->path_len - shared);
}

/* Into the block at hand, whether it fits or not. */
static void
put_entry(struct baseline_writer *w, const struct baseline_entry *e)
{
    put_path(w, e);
    put_class(w, e);
    put_times(w, e);
    if (baseline_has_size(e)) {
        put_varint(w, e->size);
    }
    if (baseline_has_digest(e)) {
        put_bytes(w, e->digest, sizeof(e->digest));
    }
    if (e->type == BASELINE_LINK) {
        put_varint(w, e->link_len);
        put_bytes(w, e->link, e->link_len);
    }
}

/* ---- blocks ---- */

/* What a block's first entry is told against. The path stays: entries must be in order across blocks. */
static void
begin_block(struct baseline_writer *w)
{
    w->used = 0;
    w->entries = 0;
    w->own = false;
    w->place.ino = 0;
    w->place.mtime_ns = w->place.ctime_ns = 0;
    w->place.classes = 0;
}

/* Writes the block and notes it in the index. */
static void
end_block(struct baseline_writer *w)
{
    uint8_t record[BASELINE_RECORD], *at = record;

    if (w->entries == 0) {
        return;
    }
    at = le(at, w->written, 8);
    at = le(at, w->used, 4);
    at = le(at, w->entries, 4);
    at = le(at, w->first.used - w->first_len, 4);
    at = le(at, w->first_len, 2);
    at = le(at, w->own ? BASELINE_HAS_OWN : 0, 2);
    wire_hash(w->bytes, w->used, at);
    append(w, &w->record, record, sizeof(record));
    write_out(w, w->bytes, w->used);
    w->blocks++;
    begin_block(w);
}

int
baseline_write_begin(struct baseline_writer *w, const char *dir, const char *host, uint64_t created_s)
{
    uint8_t header[BASELINE_HEADER] = { 0 }, *at = header;

    w->error = 0;
    w->written = w->count = 0;
    w->blocks = 0;
    w->record = w->first = (struct baseline_heap){ .at = NULL };
    w->place.path_len = 0;
    begin_block(w);
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
    memcpy(at, BASELINE_MAGIC, sizeof(BASELINE_MAGIC) - 1);
    at = le(at + sizeof(BASELINE_MAGIC) - 1, BASELINE_VERSION, 8);
    at = le(at, created_s, 8);
    memcpy(at, host, strnlen(host, WIRE_HOST_MAX));
    wire_hash_init(&w->hash);
    wire_hash_update(&w->hash, header, sizeof(header));
    write_out(w, header, sizeof(header));
    if (w->error != 0) {
        baseline_write_abort(w);
    }
    return w->error;
}

int
baseline_write_entry(struct baseline_writer *w, const struct baseline_entry *e)
{
    struct baseline_place *p = &w->place;
    size_t before = w->used;

    if (w->error == 0 &&
            (baseline_entry_fault(e) != NULL ||
                    (w->count > 0 && baseline_order(p->path, p->path_len, e->path, e->path_len) >= 0))) {
        w->error = -EINVAL;
    }
    if (w->error != 0) {
        return w->error;
    }
    put_entry(w, e);
    if (w->used > BASELINE_BLOCK_SIZE && w->entries > 0) {
        w->used = before;
        end_block(w);
        put_entry(w, e);
    }
    if (w->entries++ == 0) {
        append(w, &w->first, e->path, e->path_len);
        w->first_len = e->path_len;
    }
    w->own = w->own || e->own;
    memcpy(p->path, e->path, e->path_len);
    p->path_len = e->path_len;
    w->count++;
    if (w->used >= BASELINE_BLOCK_SIZE) {
        end_block(w);
    }
    return w->error;
}

static void
release(struct baseline_writer *w)
{
    struct baseline_heap *const heaps[] = { &w->record, &w->first };

    for (size_t i = 0; i < sizeof(heaps) / sizeof(heaps[0]); i++) {
        if (heaps[i]->at != NULL) {
            munmap(heaps[i]->at, heaps[i]->room);
        }
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
    uint8_t footer[BASELINE_FOOTER], *at = footer;

    end_block(w);
    at = le(at, w->count, 8);
    at = le(at, w->written, 8);
    at = le(at, w->blocks, 8);
    wire_hash_update(&w->hash, w->record.at, w->record.used);
    wire_hash_update(&w->hash, w->first.at, w->first.used);
    wire_hash_update(&w->hash, footer, sizeof(footer) - WIRE_HASH_SIZE);
    wire_hash_final(&w->hash, root);
    memcpy(at, root, WIRE_HASH_SIZE);
    write_out(w, w->record.at, w->record.used);
    write_out(w, w->first.at, w->first.used);
    write_out(w, footer, sizeof(footer));
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
