#ifndef TESTS_UNIT_SPOOL_DISK_H
#define TESTS_UNIT_SPOOL_DISK_H
/*
 * disk - a file system in memory that can be cut off at any byte, and whose syncs can fail
 *
 * Keeps apart what was written and what is durable. A failed sync loses what it should have kept for ever:
 * the next one says that all is well, as Linux does.
 */
#include "courier/spool_disk.h"
#include "wire/seal.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DISK_FILES 64
#define DISK_BYTES 32768
#define DISK_NAMES 64
#define DISK_NAME 32
#define DISK_LOG 64
#define DISK_PIECE 64

struct disk_file {
    size_t len;         /* written */
    size_t durable_len; /* on the disk */
    uint8_t now[DISK_BYTES];
    uint8_t durable[DISK_BYTES];
    uint8_t state[DISK_BYTES]; /* of each byte written: 0 durable, 1 not yet, 2 never */
};

struct disk_names {
    unsigned count;
    struct {
        char name[DISK_NAME];
        int file;
    } entry[DISK_NAMES];
};

struct disk {
    unsigned files;
    struct disk_file file[DISK_FILES];
    struct disk_names now;
    struct disk_names log[DISK_LOG]; /* log[0] is durable; after each change of names since, how it was */
    unsigned logged;
    long left;           /* steps until the power goes: one a call, one a byte; -1: never */
    bool off;            /* it is gone: nothing works, nothing changes */
    unsigned syncs;      /* so far */
    unsigned fail_sync;  /* this one fails, counted from 1; 0: none */
    unsigned fail_syncs; /* and so many from it on */
    size_t room;         /* bytes that files may have in all */
    size_t write_most;   /* bytes that one write takes, at most */
    bool read_fails;
    unsigned open_handles;
    unsigned renames;
};

static inline void
disk_reset(struct disk *d)
{
    for (unsigned i = 0; i < d->files; i++) {
        d->file[i].len = d->file[i].durable_len = 0;
    }
    d->files = 0;
    d->now.count = d->log[0].count = 0;
    d->logged = 1;
    d->left = -1;
    d->off = d->read_fails = false;
    d->syncs = d->fail_sync = d->fail_syncs = 0;
    d->room = d->write_most = SIZE_MAX;
    d->open_handles = d->renames = 0;
}

static inline long
disk_spend(struct disk *d, long steps)
{
    if (d->off) {
        return 0;
    }
    if (d->left < 0) {
        return steps;
    }
    if (d->left < steps) {
        steps = d->left;
        d->off = true;
    }
    d->left -= steps;
    return steps;
}

static inline int
disk_find(const struct disk_names *n, const char *name)
{
    for (unsigned i = 0; i < n->count; i++) {
        if (strcmp(n->entry[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static inline void
disk_log_names(struct disk *d)
{
    if (d->logged < DISK_LOG) {
        d->logged++;
    }
    d->log[d->logged - 1] = d->now;
}

static inline void
disk_put_name(struct disk_names *n, const char *name, int file)
{
    int i = disk_find(n, name);

    if (i < 0 && n->count < DISK_NAMES) {
        i = (int)n->count++;
    }
    strncpy(n->entry[i].name, name, DISK_NAME - 1);
    n->entry[i].name[DISK_NAME - 1] = '\0';
    n->entry[i].file = file;
}

static inline int
disk_list(void *to_disk, spool_disk_name_fn *name, void *to)
{
    struct disk *d = to_disk;

    for (unsigned i = d->now.count; i > 0; i--) {
        name(to, d->now.entry[i - 1].name);
    }
    return 0;
}

static inline int
disk_create(void *to_disk, const char *name)
{
    struct disk *d = to_disk;

    if (disk_spend(d, 1) == 0) {
        return -EIO;
    }
    if (disk_find(&d->now, name) >= 0) {
        return -EEXIST;
    }
    if (d->files == DISK_FILES || d->now.count == DISK_NAMES) {
        return -ENOSPC;
    }
    disk_put_name(&d->now, name, (int)d->files);
    disk_log_names(d);
    d->open_handles++;
    return (int)d->files++;
}

static inline int
disk_open(void *to_disk, const char *name, uint64_t *size)
{
    struct disk *d = to_disk;
    int i = disk_find(&d->now, name);

    if (i < 0) {
        return -ENOENT;
    }
    *size = d->file[d->now.entry[i].file].len;
    d->open_handles++;
    return d->now.entry[i].file;
}

static inline ssize_t
disk_read(void *to_disk, int handle, void *out, size_t size, uint64_t offset)
{
    struct disk *d = to_disk;
    const struct disk_file *f = &d->file[handle];

    if (d->read_fails) {
        return -EIO;
    }
    size_t n = offset < f->len ? f->len - (size_t)offset : 0;
    n = n < size ? n : size;
    memcpy(out, f->now + offset, n);
    return (ssize_t)n;
}

static inline size_t
disk_used(const struct disk *d)
{
    size_t used = 0;

    for (unsigned i = 0; i < d->now.count; i++) {
        used += d->file[d->now.entry[i].file].len;
    }
    return used;
}

static inline ssize_t
disk_write(void *to_disk, int handle, const void *src, size_t len, uint64_t offset)
{
    struct disk *d = to_disk;
    struct disk_file *f = &d->file[handle];
    size_t used = disk_used(d);
    size_t room = d->room > used ? d->room - used : 0;

    if (room == 0 || offset + len > DISK_BYTES) {
        return -ENOSPC;
    }
    len = len < room ? len : room;
    len = len < d->write_most ? len : d->write_most;
    len = (size_t)disk_spend(d, (long)len);
    if (len == 0) {
        return -EIO;
    }
    memcpy(f->now + offset, src, len);
    memset(f->state + offset, 1, len);
    f->len = offset + len > f->len ? (size_t)offset + len : f->len;
    return (ssize_t)len;
}

static inline int
disk_sync(void *to_disk, int handle)
{
    struct disk *d = to_disk;
    struct disk_file *f = &d->file[handle];

    if (disk_spend(d, 1) == 0) {
        return -EIO;
    }
    d->syncs++;
    bool fails = d->fail_sync != 0 && d->syncs >= d->fail_sync && d->syncs < d->fail_sync + d->fail_syncs;
    for (size_t i = 0; i < f->len; i++) {
        if (f->state[i] == 1 && fails) {
            f->state[i] = 2;
        } else if (f->state[i] == 1) {
            f->durable[i] = f->now[i];
            f->state[i] = 0;
            f->durable_len = i + 1 > f->durable_len ? i + 1 : f->durable_len;
        } else if (f->state[i] == 2) {
            f->durable[i] = 0;
        }
    }
    return fails ? -EIO : 0;
}

static inline int
disk_sync_names(void *to_disk)
{
    struct disk *d = to_disk;

    if (disk_spend(d, 1) == 0) {
        return -EIO;
    }
    d->log[0] = d->now;
    d->logged = 1;
    return 0;
}

static inline int
disk_remove(void *to_disk, const char *name)
{
    struct disk *d = to_disk;
    int i = disk_find(&d->now, name);

    if (i < 0) {
        return -ENOENT;
    }
    if (disk_spend(d, 1) == 0) {
        return -EIO;
    }
    d->now.entry[i] = d->now.entry[--d->now.count];
    disk_log_names(d);
    return 0;
}

static inline int
disk_rename(void *to_disk, const char *from, const char *to)
{
    struct disk *d = to_disk;
    int i = disk_find(&d->now, from);

    if (i < 0 || disk_spend(d, 1) == 0) {
        return i < 0 ? -ENOENT : -EIO;
    }
    int file = d->now.entry[i].file;
    d->now.entry[i] = d->now.entry[--d->now.count];
    disk_put_name(&d->now, to, file);
    disk_log_names(d);
    d->renames++;
    return 0;
}

static inline void
disk_close(void *to_disk, int handle)
{
    struct disk *d = to_disk;

    (void)handle;
    d->open_handles--;
}

static const struct spool_disk_ops disk_ops = {
    .list = disk_list,
    .create = disk_create,
    .open = disk_open,
    .read = disk_read,
    .write = disk_write,
    .sync = disk_sync,
    .sync_names = disk_sync_names,
    .rename = disk_rename,
    .remove = disk_remove,
    .close = disk_close,
};

enum disk_after { DISK_NOTHING_MORE, DISK_ALL_OF_IT, DISK_SOME_OF_IT };

/* What is there of one file when the power is back. Some of it is its beginning, or pieces anywhere. */
static inline void
disk_settle_file(struct disk_file *f, enum disk_after after, unsigned *seed)
{
    bool pieces = (rand_r(seed) & 64) != 0;
    size_t keep = (size_t)rand_r(seed) % (f->len + 1);
    bool survives = after == DISK_ALL_OF_IT;

    for (size_t i = 0; i < f->len; i++) {
        if (after == DISK_SOME_OF_IT && (!pieces || i % DISK_PIECE == 0)) {
            survives = pieces ? (rand_r(seed) & 64) != 0 : i < keep;
        }
        if (f->state[i] == 1 && survives) {
            f->durable[i] = f->now[i];
            f->durable_len = i + 1 > f->durable_len ? i + 1 : f->durable_len;
        } else if (f->state[i] != 0) {
            f->durable[i] = 0;
        }
    }
    f->len = f->durable_len;
    memcpy(f->now, f->durable, f->len);
    memset(f->state, 0, f->len);
}

/* The power goes and comes back: what was not synced survives not at all, whole, or in part. */
static inline void
disk_cut(struct disk *d, enum disk_after after, unsigned seed)
{
    unsigned names = after == DISK_NOTHING_MORE ? 0
                     : after == DISK_ALL_OF_IT  ? d->logged - 1
                                                : (unsigned)rand_r(&seed) % d->logged;

    for (unsigned i = 0; i < d->files; i++) {
        disk_settle_file(&d->file[i], after, &seed);
    }
    d->now = d->log[names];
    d->log[0] = d->now;
    d->logged = 1;
    d->left = -1;
    d->off = false;
    d->fail_sync = 0;
    d->open_handles = 0;
}

/* A sealed line, under no key that counts. Returns its length. */
static inline size_t
disk_line(uint32_t session, uint32_t number, enum wire_severity severity, char out[WIRE_LINE_MAX])
{
    struct wire_head head = { .severity = severity,
        .host = "web03",
        .nonce = "K3QF",
        .session = session,
        .number = number,
        .utc_s = 1763751245,
        .code = "agent.beat" };
    struct wire_key key = { { 7 } };
    int body = wire_line_compose(&head, "next=10", 7, out, WIRE_LINE_MAX);

    return (size_t)wire_seal(&key, out, (size_t)body, WIRE_LINE_MAX);
}

#endif
