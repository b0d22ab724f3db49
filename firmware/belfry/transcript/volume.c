#include "belfry/transcript/volume.h"

#include "belfry/transcript/transcript.h"
#include "belfry/transcript/zseek.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define PACKED_MAX (ZSTD_COMPRESSBOUND(ZSEEK_FRAME))

struct volume_packed {
    struct zseek seek;
    ZSTD_DCtx *context;
    uint32_t frame; /* whose bytes are in `plain`; UINT32_MAX for none */
    uint8_t packed[PACKED_MAX];
    uint8_t plain[ZSEEK_FRAME];
};

static int
open_file(int dir, const char *file, struct stat *st)
{
    int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode)) {
        (void)close(fd);
        return -EBADMSG;
    }
    return fd;
}

static int
read_table(int fd, uint64_t file_size, struct zseek *out)
{
    uint8_t footer[ZSEEK_FOOTER];
    uint8_t *table;
    size_t len;
    int r;

    if (file_size < sizeof footer ||
            pread(fd, footer, sizeof footer, (off_t)(file_size - sizeof footer)) != (ssize_t)sizeof footer) {
        return -EBADMSG;
    }
    len = zseek_table_size(footer);
    if (len == 0 || len > file_size) {
        return -EBADMSG;
    }
    table = malloc(len);
    if (table == NULL) {
        return -ENOMEM;
    }
    r = pread(fd, table, len, (off_t)(file_size - len)) == (ssize_t)len
                ? zseek_parse(table, len, file_size, out)
                : -EBADMSG;
    free(table);
    return r;
}

static int
open_packed(struct volume *v, uint64_t file_size)
{
    int r;

    v->packed = calloc(1, sizeof *v->packed);
    if (v->packed == NULL) {
        return -ENOMEM;
    }
    v->packed->frame = UINT32_MAX;
    v->packed->context = ZSTD_createDCtx();
    r = v->packed->context != NULL ? read_table(v->bytes, file_size, &v->packed->seek) : -ENOMEM;
    if (r == 0) {
        v->size = v->packed->seek.plain[v->packed->seek.frames];
    }
    return r;
}

static int
open_bytes(struct volume *v, int dir, const char *name, const struct part *part, enum part_kind kind)
{
    char file[PART_FILE];
    struct stat st = { .st_size = 0 };

    if (part == NULL) {
        part_head(file, name, PART_RAW);
    } else {
        part_name(file, name, kind, part->base);
    }
    v->bytes = open_file(dir, file, &st);
    if (v->bytes < 0) {
        return v->bytes;
    }
    v->ino = st.st_ino;
    v->size = (uint64_t)st.st_size;
    return kind == PART_ZST ? open_packed(v, (uint64_t)st.st_size) : 0;
}

/* False when a rotation has come between opening the bytes and the index, which would be another file's. */
static bool
is_still_head(const struct volume *v, int dir, const char *name)
{
    char file[PART_FILE];
    struct stat st;

    part_head(file, name, PART_RAW);
    return fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == v->ino;
}

int
volume_open(struct volume *v, int dir, const char *name, const struct part *part)
{
    char file[PART_FILE];
    struct stat st;
    int r;

    *v = (struct volume){ .bytes = -1, .index = -1, .head = part == NULL };
    r = open_bytes(v, dir, name, part, PART_RAW);
    if (r == -ENOENT && part != NULL) {
        r = open_bytes(v, dir, name, part, PART_ZST);
    }
    if (r != 0) {
        volume_close(v);
        return r;
    }
    if (part == NULL) {
        part_head(file, name, PART_INDEX);
    } else {
        part_name(file, name, PART_INDEX, part->base);
        v->base = part->base;
    }
    v->index = open_file(dir, file, &st);
    if (part == NULL && !is_still_head(v, dir, name)) {
        volume_close(v);
        return -ENOENT;
    }
    if (part == NULL) {
        volume_look(v);
    }
    return 0;
}

void
volume_close(struct volume *v)
{
    if (v->bytes >= 0) {
        (void)close(v->bytes);
    }
    if (v->index >= 0) {
        (void)close(v->index);
    }
    if (v->packed != NULL) {
        zseek_free(&v->packed->seek);
        (void)ZSTD_freeDCtx(v->packed->context);
        free(v->packed);
    }
    *v = (struct volume){ .bytes = -1, .index = -1 };
}

static int
load_frame(struct volume *v, uint32_t frame)
{
    struct volume_packed *p = v->packed;
    uint64_t len = p->seek.packed[frame + 1] - p->seek.packed[frame];
    uint64_t want = p->seek.plain[frame + 1] - p->seek.plain[frame];

    p->frame = UINT32_MAX;
    if (len > sizeof p->packed ||
            pread(v->bytes, p->packed, (size_t)len, (off_t)p->seek.packed[frame]) != (ssize_t)len ||
            ZSTD_decompressDCtx(p->context, p->plain, sizeof p->plain, p->packed, (size_t)len) != want) {
        return -EBADMSG;
    }
    p->frame = frame;
    return 0;
}

static ssize_t
read_packed(struct volume *v, uint64_t at, uint8_t *to, size_t size)
{
    struct volume_packed *p = v->packed;
    uint32_t frame = zseek_find(&p->seek, at);
    uint64_t left = p->seek.plain[frame + 1] - at;
    int r = frame == p->frame ? 0 : load_frame(v, frame);

    if (r != 0) {
        return r;
    }
    size = left < size ? (size_t)left : size;
    memcpy(to, p->plain + (at - p->seek.plain[frame]), size);
    return (ssize_t)size;
}

ssize_t
volume_read(struct volume *v, uint64_t at, uint8_t *to, size_t size)
{
    ssize_t n;

    if (v->packed != NULL) {
        return at < v->size ? read_packed(v, at, to, size) : 0;
    }
    n = at <= INT64_MAX ? pread(v->bytes, to, size, (off_t)at) : 0;
    return n < 0 ? -errno : n;
}

bool
volume_mark(const struct volume *v, uint64_t at, struct transcript_mark *out)
{
    uint8_t record[TRANSCRIPT_RECORD];

    if (v->index < 0 || at > INT64_MAX / TRANSCRIPT_RECORD ||
            pread(v->index, record, sizeof record, (off_t)(at * TRANSCRIPT_RECORD)) !=
                    (ssize_t)sizeof record) {
        return false;
    }
    transcript_mark_read(record, out);
    return true;
}

uint64_t
volume_marks_read(
        const struct volume *v, uint64_t from, struct transcript_mark *out, unsigned most, unsigned *count)
{
    uint8_t records[128 * TRANSCRIPT_RECORD];
    size_t size = TRANSCRIPT_RECORD * (size_t)(most < 128 ? most : 128);
    ssize_t n = v->index >= 0 && from <= INT64_MAX / TRANSCRIPT_RECORD - 128
                        ? pread(v->index, records, size, (off_t)(from * TRANSCRIPT_RECORD))
                        : 0;

    *count = n > 0 ? (unsigned)n / TRANSCRIPT_RECORD : 0;
    for (unsigned i = 0; i < *count; i++) {
        transcript_mark_read(records + (size_t)i * TRANSCRIPT_RECORD, &out[i]);
    }
    return from + *count;
}

uint64_t
volume_marks(const struct volume *v)
{
    struct stat st;

    return v->index >= 0 && fstat(v->index, &st) == 0 ? (uint64_t)st.st_size / TRANSCRIPT_RECORD : 0;
}

uint64_t
volume_mark_behind(const struct volume *v, uint64_t offset)
{
    uint64_t low = 0;
    uint64_t high = volume_marks(v);
    struct transcript_mark m;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (volume_mark(v, middle, &m) && m.offset <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint64_t
volume_time_at(const struct volume *v, uint64_t at, struct transcript_mark *out)
{
    for (unsigned back = 0; back < 64; back++, at--) {
        if (volume_mark(v, at, out) && transcript_mark_is_time(out)) {
            return out->value;
        }
        if (at == 0) {
            break;
        }
    }
    return 0;
}

/*
 * How long after the time `m` bytes may have come that are before record `next`: as long as a time is good
 * for; before the next one of what is being written, which may be late, as long as something was written.
 */
static uint64_t
reach_ns(const struct volume *v, const struct transcript_mark *m, uint64_t next)
{
    uint64_t reach = UINT64_C(1000000) * TRANSCRIPT_INDEX_MS;
    uint64_t most = reach + UINT64_C(1000000) * TRANSCRIPT_TIMES_MS;
    uint64_t written = v->written_ns > m->value ? v->written_ns - m->value : 0;

    if (!v->head || next < volume_marks(v) || written < reach) {
        return reach;
    }
    return written < most ? written : most;
}

uint64_t
volume_find_time(struct volume *v, uint64_t utc_ns)
{
    uint64_t low = 0;
    uint64_t high = volume_marks(v);
    struct transcript_mark m = { .offset = 0 };

    if (high == 0) {
        return 0;
    }
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (volume_time_at(v, middle, &m) < utc_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    volume_look(v);
    if (low > 0 && volume_time_at(v, low - 1, &m) + reach_ns(v, &m, low) >= utc_ns) {
        return m.offset;
    }
    return volume_mark(v, low, &m) && m.offset < v->size ? m.offset : v->size;
}

uint64_t
volume_begun_ns(int dir, const char *name, const struct part *part)
{
    struct volume only = { .bytes = -1, .index = -1 };
    char file[PART_FILE];
    uint64_t begun = 0;
    struct stat st;
    struct transcript_mark m;

    if (part != NULL) {
        part_name(file, name, PART_INDEX, part->base);
    } else {
        part_head(file, name, PART_INDEX);
    }
    only.index = open_file(dir, file, &st);

    for (uint64_t i = 0; i < 64 && begun == 0 && volume_mark(&only, i, &m); i++) {
        begun = transcript_mark_is_time(&m) ? m.value : 0;
    }
    volume_close(&only);
    return begun;
}

void
volume_look(struct volume *v)
{
    struct transcript_mark m;
    struct stat st;

    if (v->packed == NULL && fstat(v->bytes, &st) == 0) {
        v->size = (uint64_t)st.st_size;
        v->written_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
    }
    if (v->base == 0 && volume_mark(v, 0, &m) && m.event == TRANSCRIPT_BASE) {
        v->base = m.value;
    }
}

uint64_t
volume_size_of(int dir, const char *name, const struct part *part)
{
    struct volume v;
    uint64_t size;

    if (volume_open(&v, dir, name, part) != 0) {
        return 0;
    }
    size = v.size;
    volume_close(&v);
    return size;
}
