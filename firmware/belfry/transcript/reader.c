#include "belfry/transcript/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TRIES 5 /* parts may be rotated, compressed and dropped while we look */

/* ---- places */

static void
load_marks(struct reader *r)
{
    r->marks = 0;
    r->mark_at = 0;
    r->next = volume_marks_read(&r->volume, r->next, r->mark, READER_MARKS, &r->marks);
}

static void
go_to(struct reader *r, uint64_t at)
{
    struct transcript_mark m;

    r->at = at;
    r->have = 0;
    r->next = at > 0 ? volume_mark_behind(&r->volume, at) : 0;
    r->time_ns = r->next > 0 ? volume_time_at(&r->volume, r->next - 1, &m) : 0;
    load_marks(r);
}

static void
replace(struct reader *r, const struct volume *v)
{
    volume_close(&r->volume);
    r->volume = *v;
    go_to(r, 0);
}

/* The first part behind `base`, or with `any` the first of all; without one what is being written. */
static int
open_behind(struct reader *r, uint64_t base, bool any, struct volume *out)
{
    struct part_list parts;
    unsigned i = 0;
    int error = part_list(r->dir, r->name, &parts);

    if (error != 0) {
        return error;
    }
    while (i < parts.count && !any && parts.part[i].base <= base) {
        i++;
    }
    error = volume_open(out, r->dir, r->name, i < parts.count ? &parts.part[i] : NULL);
    if (error == -EBADMSG && i < parts.count) {
        *out = (struct volume){ .bytes = -1, .index = -1, .base = parts.part[i].base };
        error = 0; /* told where it would be read */
    }
    part_list_free(&parts);
    return error;
}

/*
 * What follows the volume that is open. What is being written may have been rotated away since the parts were
 * listed: then bytes seem to be missing, and the list is read again.
 */
static int
open_next(struct reader *r, bool any)
{
    uint64_t want = r->volume.base + r->volume.size;
    struct volume v;
    int error = 0;

    for (int i = 0; i < TRIES; i++) {
        error = open_behind(r, r->volume.base, any, &v);
        if (error == 0 && (any || !v.head || v.base <= want || i == TRIES - 1)) {
            r->dropped = !any && v.base > want ? v.base - want : 0;
            replace(r, &v);
            return 0;
        }
        if (error == 0) {
            volume_close(&v);
        } else if (error != -ENOENT) {
            break;
        }
    }
    return error;
}

int
reader_open(struct reader *r, int dir, const char *name)
{
    memset(r, 0, sizeof *r);
    r->dir = dir;
    r->until_ns = UINT64_MAX;
    r->volume = (struct volume){ .bytes = -1, .index = -1 };
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    return open_next(r, true);
}

void
reader_close(struct reader *r)
{
    volume_close(&r->volume);
}

void
reader_until(struct reader *r, uint64_t utc_ns)
{
    r->until_ns = utc_ns;
}

/* The last file that began at `utc_ns` or before: a part, or `count` for what is being written. */
static unsigned
part_at(const struct reader *r, const struct part_list *parts, uint64_t utc_ns)
{
    uint64_t head_ns = volume_begun_ns(r->dir, r->name, NULL);
    unsigned low = 0;
    unsigned high = parts->count;

    if (parts->count == 0 || (head_ns != 0 && head_ns <= utc_ns)) {
        return parts->count;
    }
    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (volume_begun_ns(r->dir, r->name, &parts->part[middle]) <= utc_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? low - 1 : 0;
}

int
reader_since(struct reader *r, uint64_t utc_ns)
{
    struct part_list parts;
    struct volume v;
    int error = 0;

    for (int i = 0; i < TRIES; i++) {
        unsigned n;

        error = part_list(r->dir, r->name, &parts);
        if (error != 0) {
            return error;
        }
        n = part_at(r, &parts, utc_ns);
        error = volume_open(&v, r->dir, r->name, n < parts.count ? &parts.part[n] : NULL);
        part_list_free(&parts);
        if (error == 0) {
            replace(r, &v);
            go_to(r, volume_find_time(&r->volume, utc_ns));
            return 0;
        }
        if (error != -ENOENT) {
            break;
        }
    }
    return error;
}

int
reader_back(struct reader *r, uint64_t count)
{
    struct part_list parts;
    struct volume v;
    int error = part_list(r->dir, r->name, &parts);

    if (error != 0) {
        return error;
    }
    error = volume_open(&v, r->dir, r->name, NULL);
    for (unsigned i = parts.count; i > 0 && (error == -ENOENT || (error == 0 && v.size < count)); i--) {
        if (error == 0) {
            count -= v.size;
            volume_close(&v);
        }
        error = volume_open(&v, r->dir, r->name, &parts.part[i - 1]);
    }
    part_list_free(&parts);
    if (error != 0) {
        return error;
    }
    replace(r, &v);
    go_to(r, v.size > count ? v.size - count : 0);
    return 0;
}

/* ---- pieces */

/* Records up to where we are. True when one of them is to be told. */
static bool
pass_marks(struct reader *r, struct reader_piece *out)
{
    for (;;) {
        const struct transcript_mark *m = &r->mark[r->mark_at];

        if (r->mark_at == r->marks) {
            load_marks(r);
            if (r->marks == 0) {
                return false;
            }
            continue;
        }
        if (m->offset > r->at) {
            return false;
        }
        if (transcript_mark_is_time(m) && m->value > r->until_ns) {
            out->what = READER_OVER;
            return true;
        }
        r->mark_at++;
        if (transcript_mark_is_time(m)) {
            r->time_ns = m->value;
            r->follows = r->follows && m->offset < r->at;
        } else if (m->event != TRANSCRIPT_BASE) {
            out->what = READER_MARK;
            out->mark = *m;
            return true;
        }
    }
}

/* What is read as soon as it is written may not have its time in the index yet. */
static void
see_time(struct reader *r)
{
    if (r->follows && r->volume.head) {
        volume_look(&r->volume);
        r->time_ns = r->time_ns > r->volume.written_ns ? r->time_ns : r->volume.written_ns;
    }
    r->follows = false;
}

static ssize_t
fill(struct reader *r)
{
    ssize_t n = r->volume.bytes >= 0 ? volume_read(&r->volume, r->at, r->buffer, sizeof r->buffer) : -EBADMSG;

    r->from = 0;
    r->have = n > 0 ? (size_t)n : 0;
    return n;
}

/* Bytes up to the next record. */
static void
take_bytes(struct reader *r, struct reader_piece *out)
{
    size_t len = r->have;

#ifdef PLANT_TRANSCRIPT_READER
    if (r->mark_at < r->marks) {
#else
    if (r->mark_at < r->marks && r->mark[r->mark_at].offset - r->at < len) {
#endif
        len = (size_t)(r->mark[r->mark_at].offset - r->at);
    }
    if (r->time_ns > r->until_ns) {
        out->what = READER_OVER;
        return;
    }
    *out = (struct reader_piece){
        .what = READER_BYTES_CAME,
        .bytes = r->buffer + r->from,
        .len = len,
        .time_ns = r->time_ns,
    };
    r->from += len;
    r->have -= len;
    r->at += len;
}

static bool
was_rotated(const struct reader *r)
{
    char file[PART_FILE];
    struct stat st;

    part_head(file, r->name, PART_RAW);
    return fstatat(r->dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino != r->volume.ino;
}

/* At the end of a file. True when there is another one to read. */
static bool
move_on(struct reader *r)
{
    if (r->volume.head) {
        if (!was_rotated(r)) {
            return false;
        }
        r->volume.head = false; /* and what was written to it before that is read first */
        return true;
    }
    volume_look(&r->volume);
    return open_next(r, false) == 0;
}

void
reader_next(struct reader *r, struct reader_piece *out)
{
    *out = (struct reader_piece){ .what = READER_END };
    for (;;) {
        ssize_t n;

        if (r->dropped > 0) {
            *out = (struct reader_piece){ .what = READER_DROPPED, .count = r->dropped };
            r->dropped = 0;
            return;
        }
        n = r->have > 0 ? (ssize_t)r->have : fill(r);
        if (pass_marks(r, out)) {
            return;
        }
        if (n > 0) {
            see_time(r);
            take_bytes(r, out);
            return;
        }
        if (n < 0) {
            *out = (struct reader_piece){ .what = READER_DAMAGED,
                .count = r->volume.size > r->at ? r->volume.size - r->at : 0 };
            r->volume.head = false;
            if (open_next(r, false) != 0) {
                out->what = READER_OVER;
            }
            return;
        }
        if (!move_on(r)) {
            r->follows = true;
            return;
        }
    }
}
